"""The addresses of a workspace's processes: chosen once, kept, and given up only when they are lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from analytics.store import Store
from analytics.store.addresses import address_of, free_port, port_of, take_addresses


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(port: int) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", port), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", port))
        silent.listen()
        yield


def test_an_address_that_was_given_out_is_the_one_that_is_listened_on(store: Store) -> None:
    promised = address_of(store, "collector")
    assert address_of(store, "collector") == promised
    assert take_addresses(store)["collector"] == promised


def test_a_lost_port_is_replaced_for_mails_too(store: Store) -> None:
    promised = address_of(store, "collector")
    with taken(port_of(promised)):
        chosen = take_addresses(store)["collector"]
    assert chosen != promised
    assert address_of(store, "collector") == chosen


def test_mails_lead_to_the_first_of_two_collectors(store: Store) -> None:
    promised = address_of(store, "collector")
    with answering(port_of(promised)):
        assert take_addresses(store)["collector"] != promised
    assert address_of(store, "collector") == promised


def test_a_preferred_port_is_taken_only_if_it_is_free() -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        assert free_port("127.0.0.1", port) != port
    assert free_port("127.0.0.1", port) == port
