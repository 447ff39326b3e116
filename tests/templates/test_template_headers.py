"""Header fields come back from a parser as they went in, in short ASCII lines."""

from __future__ import annotations

import email
import email.policy
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.errors import TemplateError
from analytics.templates.compose import one_line
from analytics.templates.headers import address_header, mailbox_of, text_header

ANY = st.text(st.characters(codec="utf-8"), max_size=300)


def read(header: bytes, name: str):
    for line in header.rstrip(b"\r\n").split(b"\r\n"):
        assert len(line) <= 78 and line.isascii()
    return email.message_from_bytes(header + b"\r\n", policy=email.policy.default)[name]


@given(ANY)
@example("x" * 300)
@example("a  b   c " * 20)
@example("=?utf-8?B?QQ==?= and more")
@example("Grüße an alle " * 10)
@example("line\r\nBcc: x@example.com")
def test_a_subject_is_read_back_as_one_line(text: str) -> None:
    assert read(text_header("Subject", text), "Subject") == one_line(text)


@given(st.text(st.characters(codec="utf-8"), max_size=100))
@example('Ada "the first" Lovelace, Countess')
@example("Bäckerei (Süd) <x@example.com>")
@example("\\")
def test_a_name_is_read_back_and_never_becomes_an_address(name: str) -> None:
    found = read(address_header("From", name, "shop@example.com"), "From")
    assert [a.addr_spec for a in found.addresses] == ["shop@example.com"]
    # Not `display_name`: Python 3.11 shows a space between two encoded words of a name (RFC 2047 6.2 says none).
    words = address_header("From", name, "shop@example.com").decode()[len("From: ") :].rpartition("<")[0].strip()
    if words.startswith('"'):
        words = found.addresses[0].display_name
    assert str(make_header(decode_header(words))) == one_line(name)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada@example.com", "ada@example.com"),
        (" ada+x@example.com ", "ada+x@example.com"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("jürgen@example.com", "jürgen@example.com"),
    ],
)
def test_addresses_are_written_as_servers_take_them(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


@pytest.mark.parametrize(
    "address", ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b@c.example", "<a@b.example>"]
)
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(TemplateError, match="is no address a mail can be sent to"):
        mailbox_of(address)
