"""The rarer forms of tracking requests, brought into the one form the SQL takes apart: an encoded query.

Matomo's tracking API takes parameters in the query, in a form-encoded body, or many requests in a JSON body
(`{"requests": ["?a=b", {"a": "b"}]}`); what a body is, is told by its first character, for clients send JSON under
either content type. Of a parameter sent twice the last counts, and a body's counts before the query's, as in PHP.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_to_bytes

KNOWN = (
    "idsite", "url", "urlref", "action_name", "_id", "uid", "_uid", "_rcn", "_rck", "cdt", "e_c", "e_a", "e_n", "e_v",
    "idgoal", "ec_id", "revenue", "ec_items", "currency", "search", "search_cat", "search_count", "link", "download",
    "c_n", "c_i", "ping",
)  # fmt: skip
"""Parameters that have a column of their own."""

_OF_PAGE_VIEWS = frozenset({"idsite", "url", "urlref", "action_name", "_id", "uid", "_uid", "_rcn", "_rck"})

ALSO_READ = ("ca",)
"""Parameters that are read and kept among the others too."""

DROPPED = frozenset({"rec", "r", "rand", "send_image", "queuedtracking", "token_auth"})
"""Parameters that say nothing about what happened: constants, cache breakers, wishes for the answer, a secret."""


@dataclass(frozen=True)
class Problem:
    """Why a line, or one request inside it, is no event."""

    line: int
    reason: str


@dataclass(frozen=True)
class Query:
    """One request: `line` counts the lines of a chunk, `part` the requests of a bulk."""

    line: int
    part: int
    text: str


def expand(line: int, query: str | None, body: str | None, body64: str | None) -> Iterator[Query | Problem]:
    """Yield the requests a line with a body holds, and what is wrong with those that are none."""
    text = _body_text(body, body64)
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        document = _json(text.lstrip("\ufeff"))
        if document is not None:
            yield from _bulk(line, document)
            return
    yield Query(line, 0, "&".join(part for part in (query, text.strip()) if part))


def normal(query: str) -> str:
    """Return a query anew: every name once with one "=", all of it percent-encoded UTF-8 without null characters."""
    values: dict[str, str] = {}
    for part in query.lstrip("?").split("&"):
        name, _, value = part.partition("=")
        if name:
            values.pop(_plain(name), None)
            values[_plain(name)] = _plain(value)
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in values.items() if name)


def clean(text: str) -> str:
    """Return text without null characters and with half surrogate pairs replaced."""
    return text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended(line: str) -> str | None:
    """Return a spool line as clean JSON, or None when it is no JSON object at all."""
    document = _json(line)
    if document is None:
        return None
    return json.dumps({clean(k): clean(v) if isinstance(v, str) else v for k, v in document.items()})


@dataclass(frozen=True)
class Layout:
    """Where the parameters of a query shape stand (counted from 1). `plain`: can be taken apart as it is;
    `is_rich`: has parameters a page view has not."""

    shape: str
    plain: bool
    places: dict[str, int]
    others: list[int]
    has_lang: bool
    is_rich: bool


def layout(shape: str) -> Layout:
    """Return the layout of a shape, as `a=&b=&c=`; one with `==` before it is that of a query put in order."""
    in_order = shape.startswith("==")  # which no shape of a query as sent begins with
    parts = shape.removeprefix("==").split("&")
    names = [part.removesuffix("=") for part in parts]
    plain = in_order or (len(set(names)) == len(names) and all(map(_is_plain, parts)))
    places = {name: n for n, name in enumerate(names, 1)}
    others = [n for name, n in places.items() if name not in _WITH_COLUMN and name not in DROPPED]
    read = {name: places[name] for name in (*KNOWN, *ALSO_READ) if name in places}
    return Layout(shape, plain, read, sorted(others), "lang" in places, not _OF_PAGE_VIEWS.issuperset(read))


_WITH_COLUMN = frozenset(KNOWN)
_PLAIN_PART = re.compile(r"[A-Za-z0-9_-]+=")


def _is_plain(part: str) -> bool:
    return _PLAIN_PART.fullmatch(part) is not None


def _body_text(body: str | None, body64: str | None) -> str:
    if body is not None:
        return body
    try:
        return _decoded(base64.b64decode(body64 or "", validate=True))
    except (binascii.Error, ValueError):
        return ""


def _bulk(line: int, document: dict[str, Any]) -> Iterator[Query | Problem]:
    requests = document.get("requests")
    if not isinstance(requests, list):
        yield Problem(line, 'its body is JSON without a list "requests"')
        return
    if not requests:
        yield Problem(line, 'its list "requests" is empty')
    for part, request in enumerate(requests):
        if isinstance(request, str):
            yield Query(line, part, request.lstrip("?"))
        elif isinstance(request, dict):
            yield Query(
                line, part, "&".join(_pair(name, value) for name, value in request.items() if value is not None)
            )
        else:
            yield Problem(line, f"request {part + 1} of its bulk is neither text nor an object")


def _pair(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = int(value)
    elif isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return f"{quote(clean(name), safe='')}={quote(clean(str(value)), safe='')}"


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _plain(encoded: str) -> str:
    return clean(_decoded(unquote_to_bytes(clean(encoded).replace("+", " "))))


def _decoded(raw: bytes) -> str:
    """Return bytes as text: UTF-8, or else windows-1252, which old pages and form posts send."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
