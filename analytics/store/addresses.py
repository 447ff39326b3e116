"""Where the processes of a workspace listen on this machine.

Links in mails of a local sink carry the collector's address, so a workspace has one from the first time it is needed,
be it by a sending or by the collector, and keeps it from start to start.
"""

from __future__ import annotations

import socket
from typing import Literal
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from analytics.store.meta import get_meta, set_meta
from analytics.store.store import Store

Part = Literal["dashboard", "collector"]
_LOOPBACK = "127.0.0.1"
_KEPT = "addresses"


def address_of(store: Store, part: Part) -> str:
    """Return the kept address ("http://127.0.0.1:8080") of a part; the first time a free port is chosen and kept."""
    known = get_meta(store.state, _KEPT, {})
    if part not in known:
        known = {**known, part: _address(store, part, free_port(_host(store, part), None))}
        set_meta(store.state, _KEPT, known)
    return str(known[part])


def take_addresses(store: Store) -> dict[Part, str]:
    """Return where dashboard and collector are to listen now: where they did, or elsewhere if that is taken.

    Another address is kept in place of the former one unless a collector answers there: then a second one is being
    started, and mails go on leading to the first.
    """
    former = get_meta(store.state, _KEPT, {})
    chosen: dict[Part, str] = {}
    for part in ("collector", "dashboard"):
        last = urlsplit(former[part]).port if part in former else None
        chosen[part] = _address(store, part, free_port(_host(store, part), last))
    kept = dict(chosen)
    if "collector" in former and former["collector"] != chosen["collector"] and _answers(former["collector"]):
        kept["collector"] = former["collector"]
    set_meta(store.state, _KEPT, kept)
    return chosen


def port_of(address: str) -> int:
    """Return the port of an address as the functions here return them."""
    port = urlsplit(address).port
    assert port is not None, f"{address} has no port"
    return port


def free_port(host: str, preferred: int | None) -> int:
    """Return `preferred` if nobody listens on it at `host`, else a free port."""
    for candidate in (preferred, 0):
        if candidate is None:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"No free port on {host}.")


def _host(store: Store, part: Part) -> str:
    return store.settings.collector_host if part == "collector" else _LOOPBACK


def _address(store: Store, part: Part, port: int) -> str:
    settings = store.settings
    host = _host(store, part)
    wanted = settings.collector_port if part == "collector" else settings.dashboard_port
    return f"http://{f'[{host}]' if ':' in host else host}:{wanted or port}"


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz", timeout=2) as answer:  # noqa: S310  # our own http address
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False
