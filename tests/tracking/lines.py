"""Spool lines as the collector writes them, for the tests of tracking."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analytics.engine import Engine
from analytics.store import Store

NOW = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"
)
FILE = "20261123-0710-300-host-1-0000.hits.jsonl"

_NAMES = uuid.UUID("5d3c9f0a-0000-4000-8000-000000000000")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def hit(number: int, endpoint: str, query: str = "", *, after: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return line `number`, received `after` seconds past NOW; a field given as None is left out."""
    line = {
        "id": uuid.uuid5(_NAMES, str(number)).hex,
        "at": microseconds(NOW + timedelta(seconds=after)),
        "e": endpoint,
        "m": "GET",
        "p": f"/{endpoint}",
        "q": query,
        "ip": f"10.0.{number // 250 % 250}.{number % 250}",
        "ua": CHROME,
        "al": "en-US,en;q=0.9",
        **fields,
    }
    return {name: value for name, value in line.items() if value is not None}


def spool(store: Store, lines: Iterable[dict[str, Any] | bytes], name: str = FILE) -> Path:
    """Append lines (as JSON, or raw bytes as they are) to a spool file and return its path."""
    store.spool.folder.mkdir(exist_ok=True)
    path = store.spool.folder / name
    with path.open("ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
    return path


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query on the newest snapshot."""
    with Engine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
        return engine.arrow(sql).to_pylist()


def events(store: Store) -> list[dict[str, Any]]:
    """Return every event without its empty columns, parameters read, in the order received."""
    found = rows(store, "select * from events order by received_at, event_id")
    for row in found:
        if row["parameters"] is not None:
            row["parameters"] = json.loads(row["parameters"])
    return [{name: value for name, value in row.items() if value is not None} for row in found]
