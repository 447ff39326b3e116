"""The collector behind any ASGI 3 server; `http.py` is the faster way in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from analytics.collector import answers
from analytics.collector.answers import Answer
from analytics.collector.request import MAX_BODY, MAX_HEADER_LINES, MAX_HEADERS, MAX_URL, Request, kept_headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Handler(Protocol):
    """What answers requests and has a beginning and an end."""

    def start(self) -> None: ...

    def handle(self, request: Request) -> None: ...

    async def close(self) -> None: ...


class _AsgiRequest(Request):
    __slots__ = ("answered",)

    def __init__(self, answered: asyncio.Future[Answer]) -> None:
        super().__init__()
        self.answered = answered

    def answer(self, answer: Answer) -> None:
        if not self.answered.done():  # the client may have gone, which cancels the future
            self.answered.set_result(answer)


async def serve_request(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Read one HTTP request, have it answered, send the answer."""
    request = _AsgiRequest(asyncio.get_running_loop().create_future())
    request.method = scope["method"]
    request.path = scope.get("raw_path") or scope["path"].encode()
    request.query = scope["query_string"]
    request.headers = kept_headers(scope["headers"])
    request.peer = scope["client"][0] if scope.get("client") else None
    refusal = _too_large(request, scope["headers"])
    if refusal is None:
        body = await _body(receive)
        if body is None:
            refusal = answers.BODY_TOO_LARGE
        else:
            request.body = body
            handler.handle(request)
    answer = refusal or await request.answered
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    content = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": content})


def _too_large(request: Request, headers: list[tuple[bytes, bytes]]) -> Answer | None:
    if len(request.path) + len(request.query) >= MAX_URL:
        return answers.URL_TOO_LONG
    if len(headers) > MAX_HEADER_LINES or sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
        return answers.HEADERS_TOO_LARGE
    return None


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None when it is larger than one may be."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


async def lifespan(handler: Handler, receive: Receive, send: Send) -> None:
    """Start and end with the server (ASGI lifespan protocol)."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            handler.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await handler.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
