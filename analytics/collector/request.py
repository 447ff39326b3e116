"""One request as the routes see it, whatever server it came through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from analytics.collector.answers import Answer

MAX_URL: Final = 16 * 1024
MAX_HEADERS: Final = 32 * 1024
MAX_HEADER_LINES: Final = 100
MAX_BODY: Final = 1024 * 1024

KEPT_HEADERS: Final = frozenset(
    {
        b"user-agent",
        b"referer",
        b"accept-language",
        b"x-forwarded-for",
        b"origin",
        b"if-none-match",
        b"access-control-request-headers",
    }
)
"""Headers anything here looks at; the rest is dropped where it arrives. Cookies are never kept."""


class Request:
    """Method, path, raw query, the kept headers, body and the peer's address; `answer` sends the response, once."""

    __slots__ = ("body", "headers", "method", "path", "peer", "query")

    def __init__(self) -> None:
        self.method = ""
        self.path = b""
        self.query = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.peer: str | None = None

    def answer(self, answer: Answer) -> None:
        """Send the response."""
        raise NotImplementedError

    def text(self, header: bytes) -> str | None:
        """Return a header as text: UTF-8 where it is that, else Latin-1 (RFC 9110 5.5); None when absent or empty."""
        value = self.headers.get(header)
        return as_text(value) if value else None


def keep_header(headers: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Note a header if it is one anything looks at; repeated ones are joined by commas (RFC 9110 5.3)."""
    if name in KEPT_HEADERS:
        known = headers.get(name)
        headers[name] = value if known is None else known + b", " + value


def kept_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the kept ones of (name, value) pairs."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        keep_header(headers, name.lower(), value)
    return headers


def as_text(value: bytes) -> str:
    """Return bytes as text, as UTF-8 or else, losing nothing, as Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def plain_path(path: bytes) -> bytes:
    """Return a path with its percent escapes undone, as mail programs sometimes write them where none are needed."""
    return unquote_to_bytes(path) if b"%" in path else path
