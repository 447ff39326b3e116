"""Header fields of a mail as bytes: folded (RFC 5322 2.2.3), the rest as encoded words (RFC 2047)."""

from __future__ import annotations

import base64
import re

from analytics.errors import TemplateError
from analytics.templates.compose import one_line

_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+")
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")
_LINE = 76
_WORD_BYTES = 42  # of text in one encoded word: "=?utf-8?B?" + 56 + "?=" stays below 75 (RFC 2047 2)


def text_header(name: str, value: str) -> bytes:
    """Return an unstructured field (Subject, ...) with its CRLF; line ends in the value become spaces."""
    return f"{name}: {unstructured(value, len(name) + 2)}\r\n".encode()


def unstructured(value: str, column: int) -> str:
    """Return the body of an unstructured field that begins at `column`, in ASCII, folded below 77 characters."""
    text = one_line(value)
    if not text:
        return ""
    plain = _PLAIN_TEXT.fullmatch(text) is not None and "=?" not in text
    if plain and column + len(text) <= _LINE:
        return text
    words = text.split(" ")
    if plain and max(map(len, words)) <= _LINE - 1:
        return _folded(words, column)
    return _encoded_words(text)


def address_header(name: str, display: str, address: str) -> bytes:
    """Return an address field (From, To, Reply-To) with its CRLF. Raises TemplateError for an unusable address."""
    mailbox = mailbox_of(address)
    shown = one_line(display)
    if not shown:
        return f"{name}: {mailbox}\r\n".encode()
    if _ATOMS.fullmatch(shown) and "=?" not in shown:
        phrase = shown
    elif shown.isascii() and len(shown) <= 60:
        escaped = re.sub(r'(["\\])', r"\\\1", shown)
        phrase = f'"{escaped}"'
    else:
        phrase = _encoded_words(shown)
    line = f"{name}: {phrase} <{mailbox}>"
    if len(line.rsplit("\r\n", 1)[-1]) > _LINE:
        line = f"{name}: {phrase}\r\n <{mailbox}>"
    return f"{line}\r\n".encode()


def mailbox_of(address: str) -> str:
    """Return an address as headers carry it: an international domain in its IDNA form (RFC 5890).

    A local part beyond ASCII stays as it is (RFC 6532) and needs a server with SMTPUTF8. Raises TemplateError when the
    address holds white space, line ends or brackets, or has no two sides.
    """
    text = address.strip()
    if _PLAIN_ADDRESS.fullmatch(text):
        return text
    local, at, domain = text.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    is_written = not any(ch.isspace() or not ch.isprintable() or ch in '<>(),;:\\"[]@' for ch in local + domain)
    if not (at and local and domain and is_written):
        raise TemplateError(f"{address!r} is no address a mail can be sent to; expected one such as ada@example.com.")
    return f"{local}@{domain}"


def custom_header(name: str, value: str) -> bytes:
    """Return a field of any name with its CRLF. Raises TemplateError for a name that is none or a value with a line
    break: a person wrote it for all recipients, so it is refused rather than mended."""
    if not _FIELD_NAME.fullmatch(name):
        raise TemplateError(f"Header name {name!r} cannot be used; expected letters, digits and - such as X-Shop.")
    if not value.isprintable():
        raise TemplateError(f"Header {name} is {value!r}: it holds a line break or control character; write one line.")
    return text_header(name, value)


def _folded(words: list[str], column: int) -> str:
    lines, line = [], ""
    for n, word in enumerate(words):
        if n and column + len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line, column = word, 1
        else:
            line = f"{line} {word}" if n else word
    return "\r\n ".join([*lines, line])


def _encoded_words(text: str) -> str:
    chunks, chunk = [], b""
    for character in text:
        data = character.encode("utf-8", "replace")
        if len(chunk) + len(data) > _WORD_BYTES:
            chunks.append(chunk)
            chunk = b""
        chunk += data
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(c).decode()}?=" for c in [*chunks, chunk])
