"""HTTP/1.1 for the collector: httptools parses, asyncio moves the bytes, and nothing stands between.

An answer waits for the disk, not for the connection: requests of one connection may be many (pipelining, RFC 9112
9.3.2), their answers leave in order. Everything a client can make large or slow has a limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol, cast

import httptools
import structlog

from analytics.collector import answers
from analytics.collector.answers import Answer
from analytics.collector.request import (
    KEPT_HEADERS,
    MAX_BODY,
    MAX_HEADER_LINES,
    MAX_HEADERS,
    MAX_URL,
    Request,
    keep_header,
)

_MAX_PIPELINED = 64  # requests of one connection waiting for the disk before we stop reading it
_NEVER = 1 << 60
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH")}
_log = structlog.get_logger("collector")


@dataclass(frozen=True)
class Limits:
    """What a client may take: connections, bytes and whole seconds. Each request has further limits in `request`."""

    connections: int = 4096
    held: int = 48 * 1024 * 1024  # bytes of unfinished requests, all connections together
    head_seconds: int = 10  # from the first byte of a request, or the connection, to the end of its headers
    body_seconds: int = 30  # from there to the end of the body; also for a client that does not read its answer
    idle_seconds: int = 75  # between requests
    linger_seconds: int = 2  # after a refusal, for the client to read it


class Handler(Protocol):
    """What answers requests."""

    def handle(self, request: Request) -> None: ...


class _HttpRequest(Request):
    __slots__ = ("close", "connection", "response", "says_connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.method = ""
        self.path = self.query = self.body = b""
        self.headers = {}
        self.peer = connection.peer
        self.response: Answer | None = None
        self.close = False
        self.says_connection = False

    def answer(self, answer: Answer) -> None:
        if self.response is None:
            self.response = answer
            self.connection.flush()


class _Refused(Exception):
    """Stops the parser; the connection knows why."""


class Connections:
    """What all connections of a server share: the handler, the clock for deadlines and the Date header."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        """Take the handler and the limits."""
        self.handle = handler.handle
        self.limits = limits
        self.open: set[Connection] = set()
        self.held = 0  # bytes of unfinished requests
        self.now = 0  # whole seconds since the start; deadlines need no more
        self.is_stopping = False
        self.tail = b""
        self.ready: dict[Answer, bytes] = {}  # answers as they go out this second
        self.all_closed = asyncio.Event()
        self.all_closed.set()
        self._tick_handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to tick once a second, in the running loop."""
        self._tick_handle = asyncio.get_running_loop().call_later(1.0, self.start)
        self.now += 1
        # The Date of RFC 9110 6.6.1, the same for all answers of a second.
        self.tail = b"date: " + formatdate(usegmt=True).encode() + b"\r\n\r\n"
        self.ready.clear()
        for connection in [one for one in self.open if one.deadline <= self.now or one.stuck_until <= self.now]:
            connection.time_out()

    def stop(self) -> None:
        """Answer what is under way, then close; idle connections close at once."""
        self.is_stopping = True
        for connection in list(self.open):
            connection.finish()

    def abort(self) -> None:
        """Close everything as it is, and tick no more."""
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        for connection in list(self.open):
            connection.abort()

    def wire(self, request: _HttpRequest, answer: Answer) -> bytes:
        """Return an answer as it goes out to this request."""
        if not request.close and not request.says_connection and request.method != "HEAD":
            known = self.ready.get(answer)
            if known is None:
                known = answer.head + self.tail + answer.body
                # A redirect is each time another, and large answers are rare.
                if 0 < len(answer.body) < 4096 and len(self.ready) < 1024:
                    self.ready[answer] = known
            return known
        connection = b"connection: close\r\n" if request.close else b"connection: keep-alive\r\n"
        return b"".join((answer.head, connection, self.tail, b"" if request.method == "HEAD" else answer.body))


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_body",
        "_body_size",
        "_fed",
        "_header_lines",
        "_header_size",
        "_is_closing",
        "_is_in_head",
        "_is_paused",
        "_parser",
        "_queue",
        "_refusal",
        "_request",
        "_shared",
        "_size",
        "_transport",
        "_url",
        "_wants_continue",
        "deadline",
        "peer",
        "stuck_until",
    )

    def __init__(self, shared: Connections) -> None:
        """Take what all connections share."""
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[_HttpRequest] = deque()  # parsed, not yet answered
        self._request: _HttpRequest | None = None  # being parsed
        self._url = b""
        self._body: list[bytes] = []
        self._body_size = self._header_size = self._header_lines = 0
        self._fed = 0  # bytes since this request began
        self._size = 0  # what this connection has a share of in `held`
        self._wants_continue = self._is_closing = self._is_paused = self._is_in_head = False
        self._refusal: Answer | None = None
        self.peer: str | None = None
        self.deadline = _NEVER  # until then the client has to do its part
        self.stuck_until = _NEVER  # until then it has to read its answers

    # --- the transport calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection, or turn it away when there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        shared = self._shared
        shared.open.add(self)
        shared.all_closed.clear()
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else None
        self.deadline = shared.now + shared.limits.head_seconds
        if len(shared.open) > shared.limits.connections or shared.is_stopping:
            self._refuse(answers.BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it sent is kept all the same."""
        shared = self._shared
        shared.open.discard(self)
        if not shared.open:
            shared.all_closed.set()
        self._transport = None
        self._release()
        self._request, self._body = None, []
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_closing:
            return  # after a refusal: read and drop, so that the client gets to read the answer
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: RFC 9110 7.8 lets us answer, but what follows is not HTTP.
            self._is_closing = True
            self.finish()
        except httptools.HttpParserError:
            if not self._is_closing:  # bytes behind a request that closes the connection are nobody's
                self._refuse(self._refusal or answers.BAD_REQUEST)
            return
        if self._request is not None:
            self._bound(len(data))
        if len(self._queue) > _MAX_PIPELINED:
            self._pause()

    def _bound(self, size: int) -> None:
        """Bound what unfinished requests keep in memory, one by one and all together.

        The parser reports a header at its end only, so here bytes count. Those that came with the beginning of the
        request are not told from the requests before it and pass; one read brings at most 256 KiB.
        """
        self._fed += 1 if self._fed == 0 else size
        self._size += size
        self._shared.held += size
        if self._is_in_head and self._fed > MAX_HEADERS + MAX_URL:
            self._refuse(answers.HEADERS_TOO_LARGE)
        elif self._fed > MAX_HEADERS + MAX_URL + MAX_BODY:
            self._refuse(answers.BODY_TOO_LARGE)
        elif self._shared.held > self._shared.limits.held:
            self._refuse(answers.BUSY)

    def _release(self) -> None:
        """Give back what an unfinished request held."""
        self._shared.held -= self._size
        self._size = 0

    def eof_received(self) -> bool:
        """The client has said all it will: answer what it asked, then close."""
        if not self._queue:
            return False
        self._queue[-1].close = True
        self._is_closing = True
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests, and give it a while."""
        self.stuck_until = self._after(self._shared.limits.body_seconds)
        self._pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self.stuck_until = _NEVER
        self._resume()

    # --- the parser calls ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request line begins."""
        self._request = _HttpRequest(self)
        self._url = b""
        self._body_size = self._header_size = self._header_lines = self._fed = 0
        self._is_in_head = True
        self.deadline = self._after(self._shared.limits.head_seconds)

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._url = self._url + url if self._url else url
        if len(self._url) > MAX_URL:
            self._stop_parsing(answers.URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line; trailers of a chunked body come here too."""
        self._header_lines += 1
        self._header_size += len(name) + len(value)
        if self._header_lines > MAX_HEADER_LINES or self._header_size > MAX_HEADERS:
            self._stop_parsing(answers.HEADERS_TOO_LARGE)
        if not self._is_in_head:
            return  # a trailer: whoever checked the headers before us has not checked these
        name = name.lower()
        request = self._request
        assert request is not None
        if name in KEPT_HEADERS:
            keep_header(request.headers, name, value)
        elif name == b"connection":
            request.says_connection = True
        elif name == b"content-length" and int(value) > MAX_BODY:
            self._stop_parsing(answers.BODY_TOO_LARGE)
        elif name == b"expect" and value.lower() == b"100-continue":
            self._wants_continue = True

    def on_headers_complete(self) -> None:
        """The head is complete; a body may follow."""
        self._is_in_head = False
        self.deadline = self._after(self._shared.limits.body_seconds)
        if self._wants_continue:
            self._wants_continue = False
            if not self._queue and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_size += len(body)
        if self._body_size > MAX_BODY:
            self._stop_parsing(answers.BODY_TOO_LARGE)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is complete: have it answered."""
        request, parser = self._request, self._parser
        assert request is not None
        self._request = None
        if self._size:
            self._release()
        method = parser.get_method()
        request.method = _METHODS.get(method) or method.decode("latin-1")
        url = self._url
        if url[:1] != b"/":
            url = _origin_form(url)
        request.path, _, query = url.partition(b"?")
        request.query = query.partition(b"#")[0] if b"#" in query else query
        if self._body:
            request.body = b"".join(self._body)
            self._body = []
        if not parser.should_keep_alive() or self._shared.is_stopping:
            request.close = self._is_closing = True
        elif request.says_connection:  # "keep-alive" from HTTP/1.0 wants to be confirmed, from 1.1 need not
            request.says_connection = parser.get_http_version() == "1.0"
        self.deadline = _NEVER  # it is our turn
        self._queue.append(request)
        self._shared.handle(request)

    # --- answers ---------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send the answers that are ready, in the order of their requests."""
        queue, transport = self._queue, self._transport
        if transport is None or not queue or queue[0].response is None:
            return
        wire = self._shared.wire
        request = queue.popleft()
        assert request.response is not None
        data = wire(request, request.response)
        while queue and not request.close and (answer := queue[0].response) is not None:
            request = queue.popleft()
            data += wire(request, answer)
        transport.write(data)
        if request.close:
            self._close_after_answer()
        elif not queue:
            if self._request is None:
                self.deadline = self._after(self._shared.limits.idle_seconds)
            if self._is_paused:
                self._resume()

    def finish(self) -> None:
        """Close as soon as what is under way is answered."""
        if self._queue:
            self._queue[-1].close = True
        elif self._request is None and self._transport is not None:
            self._transport.close()

    def time_out(self) -> None:
        """Close a connection that has run out of time, saying so where a request was begun."""
        is_stuck = self.stuck_until <= self._shared.now
        if self._request is not None and not self._is_closing and not is_stuck:
            self._refuse(answers.TOO_SLOW)
        elif self._transport is not None:
            self._transport.abort()

    def abort(self) -> None:
        """Close as it is."""
        if self._transport is not None:
            self._transport.abort()

    def _after(self, seconds: int) -> int:
        return self._shared.now + seconds

    def _stop_parsing(self, refusal: Answer) -> None:
        self._refusal = refusal
        raise _Refused

    def _refuse(self, refusal: Answer) -> None:
        """Answer what could not be taken, after the answers before it, and read no more requests."""
        self._refusal = refusal
        request = self._request or _HttpRequest(self)
        self._request = None
        self._release()
        self._body = []
        request.close = self._is_closing = True
        self._queue.append(request)
        request.answer(refusal)

    def _close_after_answer(self) -> None:
        """End our side; whoever is still sending gets a moment to notice, else a reset would eat the answer."""
        self._queue.clear()
        self._is_closing = True
        transport = self._transport
        if transport is None:
            return
        if self._refusal is None or not transport.can_write_eof():
            self.deadline = self._after(self._shared.limits.body_seconds)  # a slow reader may take that long
            transport.close()
            return
        self.deadline = self._after(self._shared.limits.linger_seconds)
        transport.write_eof()
        self._resume()

    def _pause(self) -> None:
        if not self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        is_stuck = self.stuck_until != _NEVER
        if self._is_paused and not is_stuck and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()


def _origin_form(target: bytes) -> bytes:
    """Return path and query of a target in absolute form (RFC 9112 3.2.2); others lead to nothing that exists."""
    try:
        parts = httptools.parse_url(target)
    except httptools.HttpParserError:
        return b""
    path = parts.path or b"/"
    return path if parts.query is None else path + b"?" + parts.query
