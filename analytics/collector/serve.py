"""The collector as a server: one process, one event loop, one address."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from analytics.collector.app import Collector
from analytics.collector.http import Connection, Connections, Limits
from analytics.errors import SettingsError
from analytics.settings import Settings
from analytics.store import Store

STOP_SECONDS = 10.0  # requests under way get so long to be answered
_BACKLOG = 2048
_OTHER_FILES = 128  # descriptors kept for the spool, the state and the log
_log = structlog.get_logger("collector")


def run(store: Store, host: str, port: int, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way, put it on disk and return.

    `port` 0 takes a free one; `ready` is called with the base address ("http://127.0.0.1:8080") once it listens.
    Raises SettingsError for a host other than this machine's own unless the workspace has a `public_url`, and when
    the address cannot be listened on.
    """
    check_host(store.settings, host)
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        runner.run(_serve(store, host, port, ready, None, _limits()))


@contextmanager
def background(store: Store, host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None) -> Iterator[str]:
    """Serve in a thread of this process while the context lasts; yields the base address."""
    limits = limits or Limits()
    check_host(store.settings, host)
    began, addresses, failures, stop = threading.Event(), [], [], threading.Event()

    def listening(address: str) -> None:
        addresses.append(address)
        began.set()

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=_new_loop()) as runner:
                runner.run(_serve(store, host, port, listening, stop, limits))
        except Exception as error:  # raised again in the thread that asked for the collector
            failures.append(error)
        finally:
            began.set()

    thread = threading.Thread(target=work, name="collector", daemon=True)
    thread.start()
    began.wait()
    try:
        if failures:
            raise failures[0]
        yield addresses[0]
    finally:
        stop.set()
        thread.join()


def check_host(settings: Settings, host: str) -> None:
    """Raise SettingsError when `host` is open to other machines while nobody has said under which address."""
    if settings.public_url is None and not _is_loopback(host):
        raise SettingsError(
            "collector_host",
            host,
            "127.0.0.1 as long as public_url is not set; set public_url to the https address that leads here first",
        )


async def _serve(
    store: Store,
    host: str,
    port: int,
    ready: Callable[[str], None] | None,
    stop: threading.Event | None,
    limits: Limits,
) -> None:
    loop = asyncio.get_running_loop()
    collector = Collector(store)
    collector.start()
    shared = Connections(collector, limits)
    shared.start()
    try:
        server = await loop.create_server(lambda: Connection(shared), host, port, backlog=_BACKLOG)
    except OSError as error:
        shared.abort()
        await collector.close()
        raise SettingsError("collector_port", f"{host}:{port}", f"an address nobody listens on ({error})") from None
    address = _address(server.sockets[0])
    _log.info("The collector listens.", address=address)
    if ready is not None:
        ready(address)
    try:
        await _stopped(stop)
    finally:
        server.close()
        shared.stop()
        try:
            await asyncio.wait_for(shared.all_closed.wait(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("Some connections did not end in time.", connections=len(shared.open))
        shared.abort()
        await collector.close()
    _log.info("The collector has stopped.")


async def _stopped(stop: threading.Event | None) -> None:
    """Return when the process is told to stop, or the event of a background server is set."""
    if stop is not None:
        while not stop.is_set():
            await asyncio.sleep(0.02)
        return
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def _limits() -> Limits:
    """Return the limits of a process of its own: as many connections as files allow, after asking for more of them."""
    limits = Limits()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return limits
    return replace(limits, connections=max(16, min(limits.connections, soft - _OTHER_FILES)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
