"""SQL of definitions: checked against the tables there are, and asked on the snapshot its engine reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa

from analytics.engine import Checked, Engine, Grammar
from analytics.errors import QueryError, QueryTimeout, SegmentError
from analytics.model.entity import EntityModel
from analytics.model.streams import STREAMS
from analytics.segments.catalogue import Given


class SqlError(SegmentError):
    """SQL of a definition that is refused or fails; line and column count from 1, None without a place."""

    def __init__(self, error: QueryError) -> None:
        self.message, self.line, self.column = error.message, error.line, error.column
        self.took_too_long = isinstance(error, QueryTimeout)
        super().__init__(f"sql: {error}")


class Queries(Protocol):
    """Checks the SQL of definitions, and gives the keys it finds; each method raises SqlError."""

    def check(self, sql: str) -> Checked:
        """Return what is known of a query that may run."""
        ...

    def keys(self, sql: str) -> pa.Table:
        """Return its keys, each once, in its order: columns `entity_key` and `position` (from 0)."""
        ...


class AskedQueries:
    """Queries on the snapshot and at the moment of an engine."""

    def __init__(self, engine: Engine, seconds: float | None = None) -> None:
        """Take the engine, and how many seconds a query may take; by default as the settings say."""
        self._engine, self._seconds = engine, seconds or engine.settings.sql_seconds

    def check(self, sql: str) -> Checked:
        """Return what is known of a query that may run."""
        with explained():
            return self._engine.locked().check_steady(sql)

    def keys(self, sql: str) -> pa.Table:
        """Return its keys, each once, in its order."""
        with explained():
            found = self._engine.locked().keys(sql, self._seconds, self._engine.now).table
        return found.append_column("position", pa.array(range(found.num_rows), pa.int64()))

    def row(self, sql: str, key: str) -> Mapping[str, Any] | None:
        """Return the row the query gives for a key, by column name, or None."""
        with explained():
            return self._engine.locked().row(sql, key, self._seconds, self._engine.now)

    def raw(self, sql: str, rows: int) -> pa.Table:
        """Return its first `rows` keys as they come, nulls and doubles too: column `entity_key`."""
        with explained():
            return self._engine.locked().raw_keys(sql, rows, self._seconds, self._engine.now).table

    def planned_rows(self, sql: str) -> int:
        """Return how many rows DuckDB expects it to read and make on the way."""
        with explained():
            return self._engine.locked().planned_rows(sql, self._engine.now)


class UnaskedQueries:
    """Queries that are checked against the declared tables and never run: no snapshot is read."""

    def __init__(self, model: EntityModel) -> None:
        self._tables = [*model.entities, *(stream.name for stream in STREAMS)]

    def check(self, sql: str) -> Checked:
        """Return what is known of a query that may run."""
        with explained(), Grammar(self._tables) as grammar:
            return grammar.check_steady(sql)

    def keys(self, sql: str) -> pa.Table:
        """Raise SegmentError: there is nothing to ask."""
        raise SegmentError("The SQL of a segment is asked on a snapshot; none is read here.")


def query_given(queries: Queries, sql: str) -> Given:
    """Return the table of a query's keys; equal SQL is one table."""
    name = f"_query_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    return Given(name, "query", sql=sql, source=lambda: queries.keys(sql))


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the engine says of a query into the error of a definition."""
    try:
        yield
    except QueryError as error:
        raise SqlError(error) from error
