"""DuckDB over a snapshot: one typed view per table of the lake."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from analytics.engine.addresses import make_address_key
from analytics.engine.scratch import limit
from analytics.engine.sql import quote
from analytics.model.streams import shown_columns
from analytics.model.table import ColumnType, TableSchema
from analytics.settings import Settings
from analytics.store.snapshot import PinnedTable, Snapshot, SnapshotGone

if TYPE_CHECKING:
    import pandas as pd

    from analytics.engine.locked import LockedEngine

Params = Sequence[Any] | Mapping[str, Any]
Given = Mapping[str, pa.Table] | None

DUCKDB_TYPES: Mapping[ColumnType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "money": "DECIMAL(19,4)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP WITH TIME ZONE",
    "text_list": "VARCHAR[]",
    "json": "VARCHAR",
}
_DELETED = "_deleted_at"


class Engine:
    """One in-memory DuckDB over one snapshot. May be used from several threads: every call has a cursor of its own."""

    def __init__(
        self,
        snapshot: Snapshot,
        settings: Settings,
        *,
        as_of: datetime | None = None,
        now: datetime | None = None,
    ) -> None:
        """Make the views. With `as_of` (aware) rows that came later are hidden and `now` is that moment.

        Queries may call `address_key(address)`. Entity views hide rows whose `_deleted_at` is set. `now` is the clock's
        time the caller read, by default the moment the snapshot was taken.
        """
        self.snapshot, self.settings, self.as_of = snapshot, settings, as_of
        self.now = as_of or now or snapshot.taken_at
        self.zone = settings.timezone
        self._connection = duckdb.connect(":memory:")
        self._closing = threading.Lock()
        self._locked = _Locked()  # shared with the engines `at` makes
        try:
            limit(self._connection, settings)
            make_address_key(self._connection)
            with reading():
                make_views(self._connection, snapshot, as_of=as_of)
        except BaseException:
            self._connection.close()
            raise

    def at(self, now: datetime) -> Engine:
        """Return this engine with another `now`; both share the database, which the original one closes."""
        other = copy.copy(self)
        if self.as_of is None:
            other.now = now
        return other

    def locked(self) -> LockedEngine:
        """Return the engine of people's SQL over the same snapshot, as of the same time; it is closed with this one."""
        from analytics.engine.locked import LockedEngine  # it needs this module

        with self._locked.guard:
            if self._locked.engine is None:
                self._locked.engine = LockedEngine(self.snapshot, self.settings, as_of=self.as_of, now=self.now)
            return self._locked.engine

    def rows(self, sql: str, params: Params = (), given: Given = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query. `params`: a list for $1, $2, ... or a mapping for $name.

        `given`: Arrow tables this one query knows by name, seen by nobody else.
        """
        with self._cursor(given) as cursor:
            return cursor.execute(sql, _bound(params)).fetchall()

    def value(self, sql: str, params: Params = (), given: Given = None) -> Any:
        """Return the first value of the first row, or None without rows."""
        with self._cursor(given) as cursor:
            row = cursor.execute(sql, _bound(params)).fetchone()
            return None if row is None else row[0]

    def df(self, sql: str, params: Params = (), given: Given = None) -> pd.DataFrame:
        """Return the result as a pandas frame; money stays exact, as Decimal objects."""
        # Through Arrow: DuckDB's own df() makes floats of decimals and trips a deprecation of pandas 3.
        return self.arrow(sql, params, given).to_pandas()

    def arrow(self, sql: str, params: Params = (), given: Given = None) -> pa.Table:
        """Return the result as an Arrow table."""
        with self._cursor(given) as cursor:
            return _result(cursor, sql, params).to_arrow_table()

    def batches(
        self, sql: str, params: Params = (), size: int = 100_000, given: Given = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the result in Arrow batches of at most `size` rows, computed as they are taken."""
        with self._cursor(given) as cursor:
            yield from _result(cursor, sql, params).to_arrow_reader(size)

    def finishes(self, sql: str, params: Params = (), given: Given = None, *, within: float) -> bool:
        """Run a query and return whether it was done in `within` seconds; it is stopped then."""
        with self._cursor(given) as cursor, interrupted_after(cursor, within):
            try:
                cursor.execute(sql, _bound(params)).fetchall()
            except duckdb.InterruptException:
                return False
        return True

    def register(self, name: str, data: pa.Table) -> None:
        """Make an Arrow table known to queries as `name`, in place of a former one of that name."""
        with self._cursor() as cursor:
            # A copy: registered Arrow objects are views of one cursor, a table is seen by all of them.
            cursor.register("_given", data)
            cursor.execute(f"create or replace table {quote(name)} as select * from _given")  # noqa: S608  # quoted
            cursor.unregister("_given")

    def close(self) -> None:
        """Free the database; a second call does nothing."""
        with self._closing:
            self._connection.close()
        with self._locked.guard:
            if self._locked.engine is not None:
                self._locked.engine.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _cursor(self, given: Given = None) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            for name, data in (given or {}).items():
                cursor.register(name, data)  # a temporary view of this cursor alone
            with reading():
                yield cursor
        finally:
            cursor.close()


class _Locked:
    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.engine: LockedEngine | None = None


def make_views(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    *,
    as_of: datetime | None = None,
    with_hidden_columns: bool = True,
) -> None:
    """Create one view per table of the snapshot, its columns and types those of the declared schema."""
    for name, table in snapshot.tables.items():
        select = view_sql(connection, table, as_of=as_of, with_hidden_columns=with_hidden_columns)
        connection.execute(f"create view {quote(name)} as {select}")


def view_sql(
    connection: duckdb.DuckDBPyConnection,
    table: PinnedTable,
    *,
    as_of: datetime | None = None,
    with_hidden_columns: bool = True,
) -> str:
    """Return the query behind a table's view.

    A column is cast only where the files' type differs from the declared one: a needless cast would keep filters out
    of the Parquet reader.
    """
    schema = table.schema
    columns = schema.columns if with_hidden_columns else shown_columns(schema)
    if not table.files:
        nulls = ", ".join(f"cast(null as {DUCKDB_TYPES[c.type]}) as {quote(c.name)}" for c in columns)
        return f"select {nulls} where false"  # names and types are declared ones
    present = _file_types(connection, table.files)
    terms = []
    for column in columns:
        wanted, name = DUCKDB_TYPES[column.type], quote(column.name)
        if present.get(column.name) == wanted:
            terms.append(name)
        elif column.name in present:
            terms.append(f"cast({name} as {wanted}) as {name}")
        else:
            terms.append(f"cast(null as {wanted}) as {name}")
    source = f"read_parquet({_list(table.files)}, union_by_name=true)"
    hidden = _conditions(schema, present, as_of)
    where = f" where {' and '.join(hidden)}" if hidden else ""
    return f"select {', '.join(terms)} from {source}{where}"  # noqa: S608  # names are declared ones


def _conditions(schema: TableSchema, present: Mapping[str, str], as_of: datetime | None) -> list[str]:
    conditions = []
    if schema.kind == "entity" and _DELETED in present:
        conditions.append(f"{quote(_DELETED)} is null")
    if as_of is not None and schema.as_of is not None and schema.as_of in present:
        # A view takes no parameters; the literal is made from a datetime, never from text.
        moment = f"TIMESTAMPTZ '{as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        name = quote(schema.as_of)
        conditions.append(f"({name} <= {moment} or {name} is null)")
    return conditions


def _file_types(connection: duckdb.DuckDBPyConnection, files: tuple[str, ...]) -> Mapping[str, str]:
    """Return {column: DuckDB type} of the union of some files; files never change, so the answer is kept."""
    known = _kept_types(files)
    if not known:
        source = f"read_parquet({_list(files)}, union_by_name=true)"
        found = connection.execute(f"describe select * from {source}").fetchall()  # noqa: S608  # quoted paths
        known.update({row[0]: row[1] for row in found})
    return known


@lru_cache(maxsize=256)
def _kept_types(files: tuple[str, ...]) -> dict[str, str]:
    return {}


def _list(files: Sequence[str]) -> str:
    """Return an SQL list of paths; a lake is never in a folder with characters DuckDB takes for a pattern."""
    return "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"


def _result(cursor: duckdb.DuckDBPyConnection, sql: str, params: Params) -> Any:
    """Return what Arrow data is taken from without a copy of the rows between.

    DuckDB 1 copies them for a relation with parameters (a fifth of the time of 400,000 rows), DuckDB 2 for a statement.
    """
    if duckdb.__version__.startswith("1."):
        return cursor.execute(sql, _bound(params))
    return cursor.sql(sql, params=_bound(params))


def _bound(params: Params) -> Any:
    return dict(params) if isinstance(params, Mapping) else list(params)


@contextmanager
def interrupted_after(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what a cursor does once `seconds` are over."""
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@contextmanager
def reading() -> Iterator[None]:
    """Turn the error of a file that was vacuumed meanwhile into SnapshotGone."""
    try:
        yield
    except duckdb.Error as error:
        if is_missing_file(error):
            raise SnapshotGone(f"A file of the snapshot is gone: {error}") from error
        raise


def is_missing_file(error: duckdb.Error) -> bool:
    """Return whether a DuckDB error says that a file of the snapshot does not exist any more."""
    reason = str(error)
    return "No files found that match" in reason or ("Cannot open file" in reason and "No such file" in reason)
