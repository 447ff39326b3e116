"""Quoted-printable (RFC 2045 6.7) in pieces: what is constant is encoded once, what varies is spliced in.

A value stands on lines of its own: a soft line break before it and one after it, so nothing around it moves whatever
its length. Tokens have one length and stay within their line. No line is longer than 76 characters, none begins with a
dot or "From ", none ends in white space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE = 76
_SOFT = b"=\r\n"
_TABLE = [bytes([n]) if n in (9, 32) or (33 <= n <= 126 and n != 61) else b"=%02X" % n for n in range(256)]
# One line that is its own encoding: printable, short, no "=", not ending in a space, no dot or "From " in front.
_PLAIN = re.compile(r"(?!\.|From )(?:[ -<>-~]{0,71}[!-<>-~])?")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def encoded_value(text: str) -> bytes:
    """Return a value in quoted-printable for the beginning of a line; line ends become CRLF."""
    if _PLAIN.fullmatch(text):
        return text.encode()
    lines = Lines()
    lines.text(text)
    return lines.close()


@dataclass
class Lines:
    """Quoted-printable text in the making: bytes so far and the column they end at."""

    done: list[bytes] = field(default_factory=list)
    column: int = 0

    def text(self, text: str) -> None:
        """Append text."""
        first, *others = _LINE_ENDS.split(text)
        self._line(first, ends=bool(others))
        for n, line in enumerate(others, 1):
            self.done.append(b"\r\n")
            self.column = 0
            self._line(line, ends=n < len(others))

    def fixed(self, width: int) -> None:
        """Make room for `width` characters of A-Z a-z 0-9 - _ that are put after what is there."""
        if self.column + width >= _LINE:
            self.done.append(_SOFT)
            self.column = 0
        self.column += width

    def own_line(self) -> None:
        """Go to the beginning of a line for a value."""
        if self.column:
            self.done.append(_SOFT)
            self.column = 0

    def close(self) -> bytes:
        """Return everything as the end of a part: white space at the very end is encoded too."""
        joined = b"".join(self.done)
        if joined[-1:] not in (b" ", b"\t"):
            return joined
        return joined[:-1] + (_SOFT if self.column + 2 > _LINE else b"") + _hex(joined[-1])

    def _line(self, text: str, *, ends: bool) -> None:
        """Append text without line ends; `ends` says that one follows."""
        data = text.encode("utf-8", "replace")
        tokens = b"".join([_TABLE[byte] for byte in data])
        if ends and tokens[-1:] in (b" ", b"\t"):
            tokens = tokens[:-1] + _hex(tokens[-1])
        at, size = 0, len(tokens)
        while at < size:
            if self.column == 0 and (tokens.startswith(b".", at) or tokens.startswith(b"From ", at)):
                self.done.append(_hex(tokens[at]))
                self.column = 3
                at += 1
                continue
            room = _LINE - self.column
            if size - at < room or (size - at == room and ends):
                self.done.append(tokens[at:])
                self.column += size - at
                return
            stop = at + room - 1
            if tokens[stop - 1 : stop] == b"=":
                stop -= 1
            elif tokens[stop - 2 : stop - 1] == b"=":
                stop -= 2
            if stop > at:
                self.done.append(tokens[at:stop])
                at = stop
            self.done.append(_SOFT)
            self.column = 0


def _hex(byte: int) -> bytes:
    return b"=%02X" % byte
