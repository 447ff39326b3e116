"""What the collector answers: whole responses, built once."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from http import HTTPStatus

Headers = tuple[tuple[bytes, bytes], ...]

_NO_STORE: Headers = ((b"cache-control", b"no-store, no-cache, must-revalidate, private"),)
_TEXT: Headers = ((b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"))
_NO_LENGTH = frozenset({204, 304})  # RFC 9110 8.6: these carry no Content-Length

# 42 bytes, one transparent pixel (GIF89a).
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class Answer:
    """One HTTP response. Immutable by convention; constants are shared by all requests."""

    __slots__ = ("_keep", "body", "headers", "status")

    def __init__(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        """Take the status code, headers with lower-case names (no Content-Length, no Date) and the body."""
        self.status, self.body = status, body
        self.headers = headers if status in _NO_LENGTH else (*headers, (b"content-length", b"%d" % len(body)))
        self._keep: bytes | None = None

    @property
    def head(self) -> bytes:
        """Status line and headers as HTTP/1.1 sends them, up to where a Date header and the empty line follow."""
        if self._keep is None:
            phrase = HTTPStatus(self.status).phrase.encode()
            lines = [b"HTTP/1.1 %d %s" % (self.status, phrase), *(b"%s: %s" % pair for pair in self.headers)]
            self._keep = b"\r\n".join(lines) + b"\r\n"
        return self._keep

    def with_headers(self, *more: tuple[bytes, bytes]) -> Answer:
        """Return this answer with further headers."""
        own = tuple(pair for pair in self.headers if pair[0] != b"content-length")
        return Answer(self.status, (*own, *more), self.body)


def sentence(status: int, text: str, *more: tuple[bytes, bytes]) -> Answer:
    """Return a plain answer of one sentence."""
    return Answer(status, (*_TEXT, *_NO_STORE, *more), text.encode() + b"\n")


def refused_method(allowed: str) -> Answer:
    """Return 405 naming what is allowed (RFC 9110 15.5.6)."""
    return sentence(405, f"This address takes {allowed}.", (b"allow", allowed.encode()))


def redirect(location: bytes) -> Answer:
    """Return 302 to an absolute address of printable ASCII."""
    return Answer(302, (*_NO_STORE, (b"location", location)))


def bulk(count: int, invalid: Sequence[int]) -> Answer:
    """Return what Matomo answers to a bulk request of `count` hits: how many were taken, which were none.

    The first thousand of the latter are named.
    """
    document = {
        "status": "success",
        "tracked": count - len(invalid),
        "invalid": len(invalid),
        "invalid_indices": list(invalid[:1000]),
    }
    return Answer(200, (*_NO_STORE, (b"content-type", b"application/json")), json.dumps(document).encode())


GIF = Answer(200, (*_NO_STORE, (b"content-type", b"image/gif"), (b"x-content-type-options", b"nosniff")), PIXEL)
NO_CONTENT = Answer(204, _NO_STORE)
HEALTHY = Answer(200, (*_NO_STORE, (b"content-type", b"application/json")), b'{"status":"ok"}\n')
SICK = Answer(503, (*_NO_STORE, (b"content-type", b"application/json")), b'{"status":"cannot write"}\n')
EMPTY_BULK = bulk(0, ())
ROBOTS = Answer(200, _TEXT, b"User-agent: *\nDisallow: /\n")
NOT_FOUND = sentence(404, "There is nothing at this address.")
NO_PARAMETERS = sentence(400, "A hit needs parameters: in the query, as a form body, or as JSON with its requests.")
BAD_BULK = sentence(400, 'A JSON body is {"requests": [...]} with query strings or objects; this one is not.')
BAD_REQUEST = sentence(400, "This is not HTTP/1.1 as RFC 9112 writes it.")
BODY_TOO_LARGE = sentence(413, "A body may have 1 MiB; send the hits in smaller requests.")
URL_TOO_LONG = sentence(414, "An address may have 16 KiB; send long parameters as a form body.")
HEADERS_TOO_LARGE = sentence(431, "The headers may have 32 KiB in 100 lines.")
TOO_SLOW = sentence(408, "The request did not arrive in time.")
CANNOT_WRITE = sentence(503, "The hit could not be kept; please send it again later.", (b"retry-after", b"30"))
BUSY = sentence(503, "Too many requests at once; please try again.", (b"retry-after", b"5"))
FAILED = sentence(500, "This request could not be answered.")
