"""The server itself, over raw sockets: order, limits, and clients that mean no good."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from analytics.collector import background
from analytics.collector.http import Limits
from tests.collector.conftest import Shop, until

QUICK = Limits(connections=20, head_seconds=1, body_seconds=1, idle_seconds=1, linger_seconds=1)


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """Everything the server says until it closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def talk(url: str, *pieces: bytes) -> bytes:
    """Send the pieces one by one, then return everything the server says."""
    with connected(url) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return all_of(connection)


def statuses(text: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", text)]


@pytest.fixture
def quick(shop: Shop) -> Iterator[str]:
    with background(shop.store, limits=QUICK) as address:
        yield address


LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_answers_leave_in_the_order_of_the_requests(shop: Shop, url: str) -> None:
    """Some wait for the disk, some for the state, some for nothing."""
    paths = [
        "/matomo.php?a=1",
        "/nothing",
        f"/c/{shop.token('c', 101, 1)}",
        "/robots.txt",
        "/matomo.php?b=2&send_image=0",
    ]
    requests = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    for pieces in ((requests + LAST,), tuple(bytes([byte]) for byte in requests + LAST)):
        text = talk(url, *pieces)
        assert statuses(text) == [200, 404, 302, 200, 204, 200]
        assert text.count(b"connection: close") == 1
    kept = [(hit["e"], hit["q"]) for hit in shop.hits()]
    assert sorted(kept) == sorted([
        ("matomo", "a=1"), ("c", ""), ("matomo", "b=2&send_image=0"),
    ] * 2)  # fmt: skip


def test_a_thousand_requests_in_one_write_are_all_kept(shop: Shop, url: str) -> None:
    requests = b"".join(b"GET /matomo.php?n=%d&send_image=0 HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(1000))
    assert statuses(talk(url, requests + LAST)) == [204] * 1000 + [200]
    assert [hit["q"] for hit in shop.hits()] == [f"n={n}&send_image=0" for n in range(1000)]
    assert len({hit["id"] for hit in shop.hits()}) == 1000


def test_http_1_0_clients_are_answered_and_kept_if_they_ask(shop: Shop, url: str) -> None:
    assert statuses(talk(url, b"GET /matomo.php?a=1 HTTP/1.0\r\n\r\n")) == [200]
    text = talk(url, b"GET /matomo.php?a=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", LAST)
    assert statuses(text) == [200, 200] and b"connection: keep-alive" in text


def test_a_client_that_ends_its_side_first_is_still_answered(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /matomo.php?a=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert statuses(all_of(connection)) == [200]


def test_a_chunked_body_is_read(shop: Shop, url: str) -> None:
    head = b"POST /matomo.php HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert statuses(talk(url, head, b"4\r\na=1&\r\n", b"3\r\nb=2\r\n0\r\n\r\n", LAST)) == [200, 200]
    assert shop.hits()[0]["b"] == "a=1&b=2"


def test_trailers_are_not_taken_for_headers(shop: Shop, url: str) -> None:
    head = b"POST /matomo.php?a=1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    trailers = b"1\r\na\r\n0\r\nX-Forwarded-For: 198.51.100.1\r\nUser-Agent: me\r\n\r\n"
    assert statuses(talk(url, head + trailers + LAST)) == [200, 200]
    assert shop.hits()[0]["ip"] == "203.0.113.9" and "ua" not in shop.hits()[0]


def test_a_client_that_asks_first_is_told_to_go_on(shop: Shop, url: str) -> None:
    head = b"POST /matomo.php HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with connected(url) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"a=1" + LAST)
        assert statuses(all_of(connection)) == [200, 200]


def test_a_target_in_absolute_form_is_read(shop: Shop, url: str) -> None:
    assert statuses(talk(url, b"GET http://x/matomo.php?a=1 HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)) == [200, 200]
    assert (shop.hits()[0]["p"], shop.hits()[0]["q"]) == ("/matomo.php", "a=1")


def test_a_wish_for_another_protocol_is_answered_in_this_one(shop: Shop, url: str) -> None:
    head = b"GET /matomo.php?a=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert statuses(talk(url, head + b"\x81\x05hello")) == [200]
    assert statuses(talk(url, head.replace(b"/matomo.php?a=1", b"/healthz") + b"PRI *")) == [200]
    assert statuses(talk(url, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [400]
    assert statuses(talk(url, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n")) == [404]


@pytest.mark.parametrize(
    ("request_bytes", "status", "words"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400, b"HTTP/1.1"),  # TLS spoken to a plain port
        (b"\x00" * 100, 400, b"HTTP/1.1"),
        (b"GET /matomo.php?a=\x01 HTTP/1.1\r\n\r\n", 400, b"HTTP/1.1"),
        (b"GET /matomo.php?a=1 HTTP/1.1\r\nHost x\r\n\r\n", 400, b"HTTP/1.1"),
        (b"GET /matomo.php?a=1 HTTP/1.1\r\nA: \x00\r\n\r\n", 400, b"HTTP/1.1"),
        (b"POST /matomo.php HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, b"HTTP/1.1"),
        (b"POST /matomo.php HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, b"HTTP/1.1"),
        (b"POST /matomo.php HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, b"HTTP/1.1"),
        (b"POST /matomo.php HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, b"HTTP/1.1"),
        (b"GET /matomo.php?" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, b"16 KiB"),
        (b"GET /matomo.php?a=1 HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431, b"100 lines"),
        (b"GET /matomo.php?a=1 HTTP/1.1\r\nA: " + b"b" * 33_000 + b"\r\n\r\n", 431, b"32 KiB"),
        (b"GET /matomo.php?a=1 HTTP/1.1\r\nA: " + b"b" * 900_000, 431, b"32 KiB"),
        (b"POST /matomo.php HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413, b"1 MiB"),
        (b"POST /matomo.php HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400, b"HTTP/1.1"),
        (
            b"POST /matomo.php HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"40000\r\n" + b"a" * 0x40000 + b"\r\n") * 5,
            413,
            b"1 MiB",
        ),
        (b"POST /matomo.php HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 250_000, 413, b"1 MiB"),
    ],
)  # fmt: skip
def test_what_is_malformed_or_too_large_is_refused_with_a_sentence(
    request_bytes: bytes, status: int, words: bytes, shop: Shop, url: str
) -> None:
    text = talk(url, request_bytes)
    assert statuses(text) == [status]
    assert words in text and text.endswith(b".\n") and b"connection: close" in text
    assert statuses(talk(url, LAST)) == [200]
    assert shop.hits() == []


def test_a_body_of_a_whole_mebibyte_is_taken(shop: Shop, client: httpx.Client) -> None:
    assert client.post("/matomo.php", content=b"a=" + b"x" * (1024 * 1024 - 2)).status_code == 200
    assert len(shop.hits()[0]["b"]) == 1024 * 1024
    address = f"/matomo.php?{'a' * (16 * 1024 - 12)}"
    assert client.get(address).status_code == 200


def test_the_answers_before_a_malformed_request_are_sent(shop: Shop, url: str) -> None:
    good = b"GET /matomo.php?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(talk(url, good + good + b"nonsense\r\n\r\n")) == [200, 200, 400]
    assert len(shop.hits()) == 2


def test_a_request_that_never_ends_is_cut_off(shop: Shop, quick: str) -> None:
    """Slow-loris: a header now and then, a body that does not come, a connection that says nothing."""
    assert statuses(talk(quick, b"GET /matomo.php?a=1 HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n")) == [408]
    assert statuses(talk(quick, b"POST /matomo.php HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", b"a")) == [408]
    assert talk(quick) == b""
    assert talk(quick, b"\r\n" * 50) == b""
    assert statuses(talk(quick, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")) == [200]  # then idle
    assert shop.hits() == []


def test_trickled_bytes_do_not_buy_time(quick: str) -> None:
    with connected(quick) as connection:
        stop = threading.Event()

        def trickle() -> None:
            try:
                connection.sendall(b"GET /matomo.php?a=1 HTTP/1.1\r\n")
                while not stop.wait(0.05):
                    connection.sendall(b"A: b\r\n")
            except OSError:
                pass

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert statuses(all_of(connection)) == [408]
        finally:
            stop.set()
            thread.join()


def test_more_connections_than_there_may_be_are_told_to_come_back(shop: Shop) -> None:
    limits = Limits(connections=5, linger_seconds=1)
    with background(shop.store, limits=limits) as url:
        parts = urlsplit(url)
        held = []
        for _ in range(5):
            held.append(socket.create_connection((parts.hostname, parts.port), timeout=20))
            held[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert statuses(held[-1].recv(1000)) == [200]
        text = talk(url, LAST)
        assert statuses(text) == [503] and b"retry-after: 5" in text
        for connection in held:
            connection.close()
        until(lambda: statuses(talk(url, LAST)) == [200])


def test_unfinished_requests_together_take_bounded_memory(shop: Shop) -> None:
    with background(shop.store, limits=Limits(held=3_000_000, linger_seconds=1)) as url:
        head = b"POST /matomo.php HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"
        parts = urlsplit(url)
        held, refused = [], 0
        for _ in range(8):
            connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
            held.append(connection)
            connection.sendall(head)
            for _ in range(10):
                connection.sendall(b"a" * 100_000)
        for connection in held:
            connection.settimeout(0.5)
            with suppress(TimeoutError):
                refused += statuses(connection.recv(1000)) == [503]
        for connection in held:
            connection.close()
        assert refused >= 4
        until(lambda: statuses(talk(url, LAST)) == [200])
        assert httpx.post(f"{url}/matomo.php", content=b"a" * 1_000_000, trust_env=False).status_code == 200


def test_a_client_that_reads_nothing_is_let_go(shop: Shop, quick: str) -> None:
    with connected(quick) as connection:
        connection.settimeout(20)
        asks = b"GET /matomo.js HTTP/1.1\r\nHost: x\r\n\r\n" * 200
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100_000):
                connection.sendall(asks)
    assert statuses(talk(quick, LAST)) == [200]


def test_a_client_that_leaves_before_its_answer_is_kept_all_the_same(shop: Shop, url: str) -> None:
    for n in range(50):
        with connected(url) as connection:
            connection.sendall(b"GET /matomo.php?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % n)
    until(lambda: len(shop.hits()) == 50)
