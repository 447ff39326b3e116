"""Writing many rows of the state through the database's own driver, some thousand in a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

_CHUNK = 20_000  # rows a write takes, some 50 ms; others wait meanwhile
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def many(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Run a statement with `?` for each value once a row; returns how many rows it changed.

    The driver takes a fifth of the time SQLAlchemy needs for a row.
    """
    if not rows:
        return 0
    text = sql if connection.dialect.name == "sqlite" else sql.replace("?", "%s")
    return max(0, int(connection.exec_driver_sql(text, list(rows)).rowcount))


def in_chunks(values: pa.ChunkedArray | pa.Array, size: int = _CHUNK) -> Iterator[tuple[int, list[Any]]]:
    """Yield (where it begins, some values) until all are given."""
    for start in range(0, len(values), size):
        yield start, values.slice(start, size).to_pylist()


def micros(at: datetime) -> int:
    """Return a time as the state keeps it: microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)
