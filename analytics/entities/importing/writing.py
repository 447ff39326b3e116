"""Writes the rows of an import into the lake: only what differs, and every step can be repeated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from analytics.engine.duck import view_sql
from analytics.engine.sql import quote
from analytics.entities.importing import history, parsing
from analytics.entities.importing.shaping import Rows
from analytics.model.entity import Entity, Field
from analytics.model.progress import Progress
from analytics.store import Store

_ROWS = 150_000  # of one merge: fewer commits cost less, more rows need more memory


@dataclass
class Written:
    """What was done to one entity by one node."""

    read: int = 0
    added: int = 0
    changed: int = 0
    older: int = 0
    deleted: int = 0


class Writer:
    """Merges rows under the lease of the import."""

    def __init__(
        self,
        store: Store,
        connection: duckdb.DuckDBPyConnection,
        *,
        now: datetime,
        currency: str,
        complete: bool,
        progress: Progress,
    ) -> None:
        self._store, self._connection, self._now = store, connection, now
        self._currency, self._complete, self._progress = currency, complete, progress

    def write(self, rows: Rows, root: Rows) -> Written:
        """Write the rows of one node; `root` are the rows of the imported entity, for what belongs to them."""
        entity = rows.node.entity
        run = self._connection.execute
        pinned = history.pin_whole(self._store, entity.name)
        run(f"create or replace temp view known as {view_sql(self._connection, pinned)}")
        run(f"create or replace temp table outcome as {self._outcome(rows, entity)}", {"now": self._now})  # declared
        counts = run(
            "select count(*), count(*) filter (_what = 'added'), count(*) filter (_what = 'changed'), "
            "count(*) filter (_what = 'older') from outcome"
        ).fetchall()[0]
        run("delete from outcome where _what not in ('added', 'changed', 'seen')")
        written = Written(*(int(n) for n in counts))
        deleted = self._gone(rows, root, entity)
        if deleted is not None:
            columns = [c.name for c in entity.schema.columns]
            stamped = ", ".join(
                "$now" if c in ("_deleted_at", "_imported_at") else f"known.{quote(c)}" for c in columns
            )
            before = self._count("outcome")
            run(
                f"insert into outcome select {stamped}, 'deleted' from known where _deleted_at is null "  # noqa: S608  # declared names
                f"and {quote(entity.key)} in ({deleted})",
                {"now": self._now},
            )
            written.deleted = self._count("outcome") - before
        self._merge(rows, entity, pinned.version)
        return written

    def _count(self, table: str) -> int:
        (count,) = self._connection.execute(f"select count(*) from {table}").fetchall()[0]  # noqa: S608  # own names
        return int(count)

    # --- what is to be written ---

    def _outcome(self, rows: Rows, entity: Entity) -> str:
        """Return the query of all rows as they would be afterwards, with what happened to each as `_what`."""
        along = rows.node.kind == "one"
        given = {f.name: f for f in rows.fields}
        terms = []
        for field in entity.fields.values():
            terms.append(f"{self._merged(field, given, along)} as {quote(field.name)}")
        differs = " or ".join(
            f"({self._merged(f, given, along)}) is distinct from t.{quote(f.name)}"
            for f in given.values()
            if f.name != entity.key
        )
        older = self._is_older(given, along)
        touched = f"{differs or 'false'} or t._deleted_at is not null"
        if along:
            # What is only confirmed moves the time on too, or a line from in between would undo it.
            seen = "s._at > coalesce(t._source_at, timestamptz '0001-01-01')"
            source = "case when t._source_at is null or s._at > t._source_at then s._at else t._source_at end"
            what = (
                f"case when t._imported_at is null then 'added' when {older} then "
                f"case when {differs or 'false'} then 'changed' else 'older' end "
                f"when {touched} then 'changed' when {seen} then 'seen' else 'same' end"
            )
        else:
            source = "s._at"
            what = (
                f"case when t._imported_at is null then 'added' when {older} then 'older' "
                f"when {touched} then 'changed' else 'same' end"
            )
        key = quote(entity.key)
        stamp = f"case when {what} = 'seen' then t._imported_at else $now end"
        dead = f"case when {older} then t._deleted_at end" if along else "cast(null as timestamptz)"
        return (
            f"select {', '.join(terms)}, {stamp} as _imported_at, {dead} as _deleted_at, {source} as _source_at, "  # noqa: S608  # declared names
            f"{what} as _what from {rows.name} s left join known t on t.{key} = s.{key}"
        )

    def _merged(self, field: Field, given: dict[str, Field], along: bool) -> str:
        """Return the SQL of a field's value afterwards.

        What comes along with other rows fills in and moves on, but does not empty, and not by older lines.
        """
        name = quote(field.name)
        default = self._default(field)
        if field.name not in given:
            new = default or f"cast(null as {parsing.column_type(field)})"
            return f"case when t._imported_at is null then {new} else t.{name} end"
        value = f"s.{name}"
        if along and field.keep == "earliest":
            value = f"least(s.{name}, t.{name})"  # nulls are passed over
        elif along:
            value = f"case when {self._is_older(given, along)} then t.{name} else coalesce(s.{name}, t.{name}) end"
        if default is not None:
            value = f"case when t._imported_at is null then coalesce({value}, {default}) else {value} end"
        return value

    def _default(self, field: Field) -> str | None:
        if parsing.is_currency(field) and field.name == "currency":
            return _literal(field.default or self._currency)
        return parsing.default_sql(field)

    def _is_older(self, given: dict[str, Field], along: bool) -> str:
        """Return the SQL of whether the table knows a newer form of the row than the file has."""
        if along:
            return "coalesce(s._at < t._source_at, false)"
        if "updated_at" in given:
            return "coalesce(s.updated_at < t.updated_at, false)"
        return "false"

    def _gone(self, rows: Rows, root: Rows, entity: Entity) -> str | None:
        """Return the query of keys that are in the table and not in the file, where the file says they are gone."""
        if rows.present is None:
            return None
        key = quote(entity.key)
        absent = f"{key} not in (select k from {rows.present} where k is not null)"  # noqa: S608  # own
        conditions: list[str] = []
        if rows.parent_link is not None:
            link = quote(rows.parent_link)
            conditions.append(f"{link} in (select distinct {link} from {rows.name}) and {absent}")  # noqa: S608  # own
            if self._complete and rows.node.kind == "child":
                conditions.append(f"{link} not in (select k from {root.present} where k is not null)")  # noqa: S608  # own
        if self._complete and rows.node.kind == "root":
            conditions.append(absent)
        if not conditions:
            return None
        return f"select {key} from known where ({') or ('.join(conditions)})"  # noqa: S608  # declared names

    # --- merging ---

    def _merge(self, rows: Rows, entity: Entity, version: int) -> None:
        total = self._count("outcome")
        if not total:
            return
        pending = history.announce(self._store, entity.name, self._changes(rows, entity, version))
        columns = ", ".join(quote(c.name) for c in entity.schema.columns)
        ordered = self._connection.sql(f"select {columns} from outcome order by {quote(entity.key)}")  # noqa: S608  # declared names
        done = 0
        for chunk in _chunks(ordered.to_arrow_reader(_ROWS)):
            self._store.lake.merge(entity.name, chunk)
            done += chunk.num_rows
            self._progress(done, total, f"{entity.plural.lower()} written")
        if pending is not None:
            history.settle(self._store, pending)

    def _changes(self, rows: Rows, entity: Entity, version: int) -> pa.Table:
        """Return one row per value of a kept field that the merge replaces."""
        parts = [
            f"""select {_literal(f.name)} as field, o.{quote(entity.key)} as k,
            {parsing.text_sql(f"t.{quote(f.name)}", f)} as old_value,
            {parsing.text_sql(f"o.{quote(f.name)}", f)} as new_value
            from outcome o join known t on t.{quote(entity.key)} = o.{quote(entity.key)}
            where o._what = 'changed' and o.{quote(f.name)} is distinct from t.{quote(f.name)}"""  # noqa: S608  # declared names
            for f in rows.fields
            if f.history
        ]
        if not parts:
            parts = ["select '' as field, '' as k, '' as old_value, '' as new_value where false"]
        sql = f"""select md5(concat_ws(chr(31), $entity, k, field, cast(epoch_us($now) as varchar))) as change_id,
            $entity as entity, k as entity_key, field, old_value, new_value, cast($now as timestamptz) as changed_at,
            cast($version as bigint) as base_version from ({" union all ".join(parts)}) order by entity_key, field"""  # noqa: S608  # declared names
        values = {"entity": entity.name, "now": self._now, "version": version}
        return self._connection.sql(sql, params=values).to_arrow_table()


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.Table]:
    """Yield tables of `_ROWS` rows from batches of any size."""
    kept: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= _ROWS:
            cut = _ROWS - count
            yield pa.Table.from_batches([*kept, batch.slice(0, cut)])
            kept, count, batch = [], 0, batch.slice(cut)
        if batch.num_rows:
            kept.append(batch)
            count += batch.num_rows
    if kept:
        yield pa.Table.from_batches(kept)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
