"""Quoted-printable in pieces: decodes to what went in, whatever meets whatever, within the limits on a line."""

from __future__ import annotations

import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st

from analytics.templates.quoted import Lines, encoded_value

PIECE = st.sampled_from(["a", "b", " ", "\t", ".", "=", "é", "\n", "\r\n", "\r", "😀", "From ", "x" * 30])
TEXT = st.lists(PIECE | st.characters(codec="utf-8")).map("".join)


def assert_proper(encoded: bytes) -> None:
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert line.isascii() and b"\n" not in line and b"\r" not in line


def canonical(text: str) -> str:
    return re.sub("\r\n|\r|\n", "\r\n", text)


@given(TEXT)
@example("From " + "x" * 67 + "b. From ")
@example("x" * 75 + " ")
@example("x" * 73 + "é")
def test_a_value_decodes_to_itself(text: str) -> None:
    encoded = encoded_value(text)
    assert_proper(encoded)
    assert quopri.decodestring(encoded).decode() == canonical(text)


@given(st.lists(st.tuples(st.sampled_from(["text", "token", "value"]), TEXT)))
def test_pieces_decode_to_their_sum(pieces) -> None:
    lines, out, expected, after_value = Lines(), [], "", False
    for kind, text in pieces:
        text = text.replace("\r", "")  # a CR that ends one piece and an LF that begins the next are two line ends here
        if kind == "value":
            if after_value:
                lines.done.append(b"=\r\n")
            lines.own_line()
            out += lines.done
            lines.done = []
            out.append(encoded_value(text))
            expected += text
            after_value = True
            continue
        if kind == "text" and not text:
            continue
        if after_value and not (kind == "text" and text.startswith(("\n", "\r"))):
            lines.done.append(b"=\r\n")
        after_value = False
        if kind == "token":
            lines.fixed(40)
            out += [*lines.done, b"t" * 40]
            lines.done = []
            expected += "t" * 40
        else:
            text = text.rstrip() + "."  # a text's last space is encoded where the text ends
            lines.text(text)
            expected += text
    out.append(lines.close())
    encoded = b"".join(out)
    assert quopri.decodestring(encoded).decode() == canonical(expected)
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
