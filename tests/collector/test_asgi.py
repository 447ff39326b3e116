"""The collector as an ASGI application, and whatever a fuzzer thinks of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.collector import Collector
from analytics.collector.request import as_text
from analytics.store import Store
from tests.collector.conftest import Shop

TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", min_size=38, max_size=42)
PATHS = st.one_of(
    st.sampled_from([b"/matomo.php", b"/piwik.php", b"/tracking.php", b"/healthz", b"/robots.txt", b"/"]),
    st.binary(max_size=60).map(lambda rest: b"/" + rest),
    st.builds(lambda kind, token, tail: f"/{kind}/{token}{tail}".encode(), st.sampled_from("couplvx"), TOKENS,
              st.sampled_from(["", ".gif", "/", "%00", "?"])),
)  # fmt: skip
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"user-agent", b"referer", b"accept-language", b"x-forwarded-for", b"origin", b"cookie",
                         b"access-control-request-headers", b"if-none-match", b"content-type"]),
        st.binary(max_size=80),
    ),
    max_size=6,
)  # fmt: skip
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=200),
    st.text(max_size=80).map(str.encode),
    st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda part: st.lists(part, max_size=4))
    .map(lambda value: json.dumps({"requests": value}).encode()),
)  # fmt: skip
REQUESTS = st.tuples(
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "BREW"]), PATHS, st.binary(max_size=120), HEADERS, BODIES
)


async def ask(
    app: Collector, method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Send one request the way an ASGI server does."""
    scope = {
        "type": "http", "method": method, "path": as_text(path), "raw_path": path, "query_string": query,
        "headers": headers, "client": ("127.0.0.1", 1234),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"], sent[1]["body"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "workspace"


def test_nothing_sent_makes_it_fail_or_breaks_a_line(workspace: Path) -> None:
    with Store.create(workspace) as store, asyncio.Runner() as runner:
        shop = Shop(store)
        app = Collector(store)
        before = 0

        @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(REQUESTS)
        def one(request: tuple[str, bytes, bytes, list[tuple[bytes, bytes]], bytes]) -> None:
            nonlocal before
            status, headers, _ = runner.run(ask(app, *request))
            assert status in (200, 204, 304, 400, 404, 405)
            assert not any(b"\r" in value or b"\n" in value for _, value in headers)
            assert not any(name == b"location" for name, _ in headers)  # no token of ours was among them
            hits = shop.hits()  # every line parses
            assert len(hits) - before in (0, 1)
            if len(hits) > before:
                assert hits[-1]["e"] in ("matomo", "oro") and status in (200, 204)
                assert hits[-1].get("ip", "").strip() == hits[-1].get("ip", "")
            before = len(hits)

        one()
        runner.run(app.close())
        assert shop.suppressed() == {} and shop.hits("control") == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_token_is_refused(keyed: tuple[Shop, Callable[..., Any]], data: st.DataObject) -> None:
    shop, asked = keyed
    token = data.draw(st.sampled_from([shop.token("c", 101, 1), shop.token("u"), shop.token("o")]))
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \x00é"))
    forged = token[:place] + letter + token[place + 1 :]
    if forged == token:
        return
    for path, method in ((f"/c/{forged}", "GET"), (f"/u/{forged}", "POST"), (f"/o/{forged}.gif", "GET")):
        status, headers, body = asked(method, path.encode(), b"", [], b"")
        assert status == 404 and b"leads nowhere" in body
        assert not any(name == b"location" for name, _ in headers)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with Store.create(tmp_path_factory.mktemp("keyed")) as store, asyncio.Runner() as runner:
        shop, app = Shop(store), Collector(store)
        app._keys.may_be_new = lambda text: False  # type: ignore[method-assign]  # else it waits to ask the state again
        yield shop, lambda *request: runner.run(ask(app, *request))
        runner.run(app.close())


def test_any_asgi_server_can_run_it(shop: Shop) -> None:
    async def story() -> None:
        app = Collector(shop.store)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
            assert (await client.get("/matomo.php?a=1")).status_code == 200
            assert (await client.get(f"/c/{shop.token('c', 101, 1)}")).status_code == 302
            assert (await client.post(f"/u/{shop.token('u')}")).status_code == 200
            assert (await client.post("/matomo.php", content=b"a" * 1_100_000)).status_code == 413
            assert (await client.get(f"/matomo.php?{'a' * 20_000}")).status_code == 414
            assert (await client.get("/matomo.php?a", headers={"x": "y" * 40_000})).status_code == 431
        await app.close()

    asyncio.run(story())
    assert [hit["e"] for hit in shop.hits()] == ["matomo", "c", "u"]


def test_the_lifespan_starts_and_ends_it_and_a_websocket_is_refused(shop: Shop) -> None:
    async def story() -> list[str]:
        app, sent = Collector(shop.store), []
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        await app({"type": "websocket"}, receive, send)
        return sent

    assert asyncio.run(story()) == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
