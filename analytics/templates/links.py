"""Finding the links of a part's source, as positions: the same link has the same number in every mail of a sending."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from analytics.templates.marks import MARKS, OPAQUE, OPEN, PREFERENCES_MARK, UNSUBSCRIBE_MARK

# Ordinary comments, style sheets and scripts hold no links; Outlook's conditional comments do, for its readers.
_SKIPPED = re.compile(r"<!--(?!\s*\[if\b|-?>)|<(?P<name>style|script|title|textarea)(?=[\s/>])", re.I)
_TAG = re.compile(r"<(?:a|area|v:[a-z]+)(?=[\s/])(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.I)
_HREF = re.compile(r"""href\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))""", re.I)
_ATTRIBUTE = re.compile(r"""[^\s"'>/=\uFDD0-\uFDEF]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?""")
_ANY_TAG = re.compile(r"<[a-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.I)
_BARE = re.compile(r"""\s[^\s"'>/=]+\s*=\s*(?:"[^"]*"|'[^']*'|(?P<bare>[^\s"'>]+))""")
_VALUE_MARK = re.compile(f"{OPEN}[EUR]")
_WEB = re.compile(r"https?://", re.I)
_TEXT_ADDRESS = re.compile(r"https?://[^\s<>\"'`]+", re.I)
_PARTS_OF_WEB = ("http://", "https://")


@dataclass(frozen=True)
class Address:
    """A link's address in a source: `start` to `end` of the text searched; `is_fixed` when it holds no variable."""

    start: int
    end: int
    text: str
    is_fixed: bool


def html_addresses(source: str) -> Iterator[Address]:
    """Yield the addresses of links in HTML that lead, or may turn out to lead, to http or https.

    `href` of a, area and Outlook's v: buttons; mailto:, tel:, anchors, merge tags and our own pages are left.
    """
    skipped = _skipped(source)
    for tag in _TAG.finditer(source):
        place = bisect_right(skipped, (tag.start(), len(source)))
        if place and tag.start() < skipped[place - 1][1]:
            continue
        for attribute in _ATTRIBUTE.finditer(source, tag.start() + 2, tag.end()):
            href = _HREF.fullmatch(attribute[0]) if attribute[0][:4].lower() == "href" else None
            if href is None:
                continue
            kind = href.lastgroup or "bare"
            value = href[kind]
            begun = attribute.start() + href.start(kind)
            if may_be_web(value):
                yield Address(begun, begun + len(value), unescape(value), not MARKS.search(value))
            break


def unquoted_values(source: str) -> Iterator[str]:
    """Yield attributes whose value is a variable without quotes around it, as written (marks in place of variables).

    A value with a space in it would begin another attribute there, escaped or not.
    """
    skipped = _skipped(source)
    for tag in _ANY_TAG.finditer(source):
        place = bisect_right(skipped, (tag.start(), len(source)))
        if place and tag.start() < skipped[place - 1][1]:
            continue
        for attribute in _BARE.finditer(tag[0]):
            if attribute["bare"] and _VALUE_MARK.search(attribute["bare"]):
                yield attribute[0]


def _skipped(source: str) -> list[tuple[int, int]]:
    """Return the spans of comments, style sheets and the like; one that never ends reaches to the end."""
    spans: list[tuple[int, int]] = []
    lower = source.lower()  # as long as the source, but for a few letters nobody writes tags with
    at = 0
    while found := _SKIPPED.search(source, at):
        end = f"</{found['name'].lower()}" if found["name"] else "-->"
        stop = lower.find(end, found.end())
        at = stop + len(end) if stop >= 0 else len(source)
        spans.append((found.start(), at))
    return spans


def text_addresses(source: str) -> Iterator[Address]:
    """Yield the http(s) addresses in plain text; punctuation that ends a sentence is no part of one."""
    for found in _TEXT_ADDRESS.finditer(source):
        value = found[0].split(OPAQUE)[0]
        while value and (value[-1] in ".,;:!?'*_" or (value[-1] in ")]}" and not _is_closed(value))):
            value = value[:-1]
        if len(value) > len("https://"):
            yield Address(found.start(), found.start() + len(value), value, not MARKS.search(value))


def may_be_web(value: str) -> bool:
    """Return whether an address with marks in it is, or may turn out to be, one of http or https."""
    text = unescape(value).strip()
    first = MARKS.search(text)
    literal = (text[: first.start()] if first else text).lower()
    if literal.startswith(_PARTS_OF_WEB):
        return True
    if first is None or (not literal and text.startswith((UNSUBSCRIBE_MARK, PREFERENCES_MARK))):
        return False
    return any(start.startswith(literal) for start in _PARTS_OF_WEB)


def is_web(address: str) -> bool:
    """Return whether a finished address leads to http or https."""
    return _WEB.match(address) is not None


def cleaned(address: str) -> str:
    """Return an address as browsers read it: trimmed, without tabs and line ends (WHATWG URL 4.4)."""
    return re.sub(r"[\t\r\n]", "", address.strip())


def _is_closed(value: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{"}[value[-1]]
    return value.count(opening) >= value.count(value[-1])
