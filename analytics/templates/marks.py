"""Marks that stand for what differs between mails while a part is put together.

They are made of noncharacters (U+FDD0 to U+FDEF, kept by Unicode for use inside a program), which no text holds:
sources with them are refused, values lose them.

    U+FDD0 E 3 U+FDD1          the value of expression 3          U+FDD0 U U+FDD1   the unsubscribe address
    U+FDD0 L 2 U+FDD1          tracked link 2                     U+FDD0 T 7 U+FDD1  piece 7 of the source
    U+FDD0 O U+FDD1            the address of the open pixel      U+FDD0 R U+FDD1   the preferences address
    U+FDD2 4 U+FDD3 ... U+FDD4 an address that is personal link 4 if it turns out to be http(s)
    U+FDD5                     something only rendering can tell (while a source is searched for links)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

OPEN, CLOSE, BEGIN, BEGUN, END, OPAQUE, BETWEEN = map(chr, range(0xFDD0, 0xFDD7))
MARKS = re.compile(f"[{chr(0xFDD0)}-{chr(0xFDEF)}]")
UNSUBSCRIBE_MARK, PREFERENCES_MARK, PIXEL_MARK = f"{OPEN}U{CLOSE}", f"{OPEN}R{CLOSE}", f"{OPEN}O{CLOSE}"
UNNUMBERED = f"{BEGIN}0{BEGUN}"
"""Begins a personal link inside a loop; it is numbered when the loop has run."""

_PIECE = re.compile(
    f"{OPEN}(?P<kind>[ELURO])(?P<number>[0-9]*){CLOSE}"
    f"|{BEGIN}(?P<link>[0-9]+){BEGUN}(?P<address>[^{BEGIN}{END}]*){END}"
    f"|{MARKS.pattern}"
)


def mark(kind: str, number: int) -> str:
    """Return the mark of this kind and number."""
    return f"{OPEN}{kind}{number}{CLOSE}"


@dataclass(frozen=True)
class Piece:
    """One piece of a part: literal text, an expression, a tracked link, the unsubscribe or preferences address, the
    pixel's, or an address that may be a personal link, itself in pieces."""

    kind: Literal["text", "E", "L", "U", "R", "O", "P"]
    text: str = ""
    number: int = 0
    inside: tuple[Piece, ...] = ()


def pieces(marked: str) -> tuple[Piece, ...]:
    """Take a marked text apart; marks that make no sense are dropped."""
    found: list[Piece] = []
    at = 0
    for match in _PIECE.finditer(marked):
        _add_text(found, marked[at : match.start()])
        at = match.end()
        if match["kind"]:
            found.append(Piece(match["kind"], number=int(match["number"] or 0)))  # type: ignore[arg-type]
        elif match["link"]:
            found.append(Piece("P", number=int(match["link"]), inside=pieces(match["address"])))
        elif match[0] == BEGIN:  # a link that begins in one branch and ends in another stays as it is
            begun = marked.find(BEGUN, at)
            at = begun + 1 if begun >= 0 else at
    _add_text(found, marked[at:])
    return tuple(found)


def _add_text(found: list[Piece], text: str) -> None:
    """Append literal text, to the text before it if there is one: its last space may be the last of a line."""
    if found and found[-1].kind == "text":
        text = found.pop().text + text
    if text:
        found.append(Piece("text", text))


def without_marks(text: str) -> str:
    """Return a value's text as it may be put between marks."""
    return text if text.isascii() else MARKS.sub("", text)
