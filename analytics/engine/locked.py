"""A DuckDB for SQL that a person types: it can read the snapshot's views and nothing else.

Four walls: the parsed tree may name only views and functions of a list (locked_grammar.py); the database may open only
the snapshot's files; its configuration cannot be changed any more; and it is a process of its own without an
environment, whose memory the system bounds and whose life ends with the query's time (locked_child.py).
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine.duck import reading, view_sql
from analytics.engine.locked_grammar import Checked, Grammar
from analytics.engine.locked_process import AskFailed, Process, Processes, Room
from analytics.engine.plans import planned_rows
from analytics.engine.sql import quote
from analytics.errors import QueryError, QueryTimeout
from analytics.settings import Settings
from analytics.store.snapshot import Snapshot, SnapshotGone

T = TypeVar("T")

DEFAULT_MEMORY = "1GB"
SPILL = "2GB"
MOST_KEYS = 10_000_000
_KEPT = 4  # answers to questions for keys that an engine remembers
_MOST_KEPT = 2_000_000  # rows of one that is remembered
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_HEADROOM = 1 << 30  # bytes a process needs beside DuckDB's own memory: threads, Arrow, the answer


@dataclass(frozen=True)
class Answer:
    """Rows of a query; `is_cut` says that there were more than asked for."""

    table: pa.Table
    is_cut: bool


@dataclass(frozen=True)
class Keys:
    """The first column of a query: `table` has each key once, as text, in column `entity_key`.

    `is_ordered`: the query ends with ORDER BY, so the keys stand in its order.
    """

    table: pa.Table
    is_ordered: bool


class LockedEngine:
    """User SQL over one snapshot. Hidden columns and those of the system are not in its views. Thread-safe.

    Times are shown and cut in the workspace's zone. With `as_of` (aware) rows that came later are hidden; `now` is what
    now() and today() mean, by default that moment or the one the snapshot was taken.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        settings: Settings,
        *,
        as_of: datetime | None = None,
        now: datetime | None = None,
    ) -> None:
        self._now = as_of or now or snapshot.taken_at
        self._grammar = Grammar(snapshot.tables)
        self._processes = Processes(_room(snapshot, settings, as_of))
        self._kept: OrderedDict[tuple[str, str | None], Keys] = OrderedDict()
        self._guard = threading.Lock()

    def query(self, sql: str, seconds: float = 30.0, rows: int = 10_000) -> Answer:
        """Return up to `rows` rows of one SELECT, computed in at most `seconds`.

        Raises QueryError when the query names something it may not, is wrong, or takes too long or too much.
        """
        self.check(sql)
        table, is_cut = self._run(
            sql, seconds, lambda p: p.ask("all", sql, self._moment(None), seconds=seconds, rows=rows)
        )
        return Answer(table, is_cut)

    def keys(self, sql: str, seconds: float = 60.0, now: datetime | None = None) -> Keys:
        """Return the keys a SELECT gives in its first column, without nulls and doubles, as of `now`.

        Raises QueryError as `query` does, for a first column that is no key, and for a query whose answer changes from
        one time to the next (random, a sample).
        """
        checked = self.check_steady(sql)
        moment = self._moment(now)
        name = (sql, moment if checked.asks_moment else None)
        with self._guard:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        want = "keys" if checked.is_ordered else "distinct keys"
        found, is_cut = self._run(sql, seconds, lambda p: p.ask(want, sql, moment, seconds=seconds, rows=MOST_KEYS))
        if is_cut:
            raise QueryError(f"The query gives more than {MOST_KEYS:,} keys; narrow it.", sql)
        unique = pc.unique(found.column("entity_key").drop_null())
        keys = Keys(pa.table({"entity_key": pa.chunked_array([unique])}), checked.is_ordered)
        if len(unique) <= _MOST_KEPT:
            with self._guard:
                self._kept[name] = keys
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return keys

    def raw_keys(self, sql: str, rows: int, seconds: float = 60.0, now: datetime | None = None) -> Answer:
        """Return the first `rows` keys as they come, nulls and doubles too: column `entity_key`."""
        self.check_steady(sql)
        moment = self._moment(now)
        table, is_cut = self._run(sql, seconds, lambda p: p.ask("keys", sql, moment, seconds=seconds, rows=rows))
        return Answer(table, is_cut)

    def row(self, sql: str, key: str, seconds: float = 60.0, now: datetime | None = None) -> Mapping[str, Any] | None:
        """Return the first row whose first column is `key`, by column name, or None when the query gives none."""
        self.check_steady(sql)
        moment = self._moment(now)
        table, _ = self._run(sql, seconds, lambda p: p.ask("row", sql, moment, seconds=seconds, rows=1, key=key))
        rows = table.drop_columns(["_key"]).to_pylist()
        return rows[0] if rows else None

    def planned_rows(self, sql: str, now: datetime | None = None, seconds: float = 10.0) -> int:
        """Return how many rows DuckDB expects the query to read and make on the way, good to an order of magnitude."""
        self.check(sql)
        return planned_rows(self._run(sql, seconds, lambda p: p.plan(sql, self._moment(now), seconds=seconds)))

    def check(self, sql: str) -> Checked:
        """Return what is known of a query; raise QueryError unless it is one SELECT over the views."""
        return self._grammar.check(sql)

    def check_steady(self, sql: str) -> Checked:
        """Return what is known of a query; raise QueryError also when it answers otherwise each time."""
        return self._grammar.check_steady(sql)

    def close(self) -> None:
        """Give back the processes; a second call does nothing."""
        self._processes.close()
        self._grammar.close()

    def __enter__(self) -> LockedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _moment(self, now: datetime | None) -> str:
        return (now or self._now).isoformat()

    def _run(self, sql: str, seconds: float, work: Callable[[Process], T]) -> T:
        try:
            return self._processes.run(work)
        except AskFailed as failed:
            if failed.kind == "time":
                raise QueryTimeout(
                    f"The query took longer than {seconds:g} seconds and was stopped; narrow it."
                ) from None
            if failed.kind == "memory":
                raise QueryError("The query needs more memory than it may have; narrow it.") from None
            if failed.kind == "gone":
                raise SnapshotGone(f"A file of the snapshot is gone: {failed.message}") from None
            raise QueryError(f"The query cannot be run: {failed.message}", sql, failed.position) from None


def _room(snapshot: Snapshot, settings: Settings, as_of: datetime | None) -> Room:
    """Return what queries over a snapshot find."""
    memory = settings.memory_limit or DEFAULT_MEMORY
    variables: dict[str, Any] = {
        "memory_limit": memory,
        "max_temp_directory_size": SPILL,
        "TimeZone": settings.timezone,
        "errors_as_json": True,
    }
    if settings.threads is not None:
        variables["threads"] = settings.threads
    connection = duckdb.connect(":memory:")
    try:
        with reading():
            views = [
                f"create view {quote(name)} as {view_sql(connection, table, as_of=as_of, with_hidden_columns=False)}"
                for name, table in snapshot.tables.items()
            ]
        threads = int(connection.execute("select current_setting('threads')").fetchall()[0][0])
    finally:
        connection.close()
    files = tuple(file for table in snapshot.tables.values() for file in table.files)
    return Room(
        views=(*_MOMENT_MACROS, *views),
        files=files,
        settings=variables,
        threads=settings.threads or threads,
        bytes=_bytes(memory) + _HEADROOM,
    )


# They take the place of DuckDB's own functions of these names: a query sees the moment it is asked for, and no other.
_MOMENT_MACROS = tuple(
    f"create macro {quote(name)}() as {value}"
    for name, value in {
        "now": "getvariable('_moment')",
        "get_current_timestamp": "getvariable('_moment')",
        "current_timestamp": "getvariable('_moment')",
        "today": "cast(getvariable('_moment') as date)",
        "current_date": "cast(getvariable('_moment') as date)",
    }.items()
)


def _bytes(size: str) -> int:
    match = re.fullmatch(r"([0-9.]+) ?([A-Za-z]+)", size)
    assert match is not None, size  # the settings checked it
    return int(float(match[1]) * _UNITS[match[2]])
