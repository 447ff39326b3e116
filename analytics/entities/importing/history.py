"""Changes of fields whose history is kept, written exactly once whatever dies in between.

Before rows of an entity are merged, the changes this will make are put into a file beside the tables (`_pending/`).
After the merge they are appended to `changes` and the file goes away. When the program died in between, the next
import finds the file: changes whose row now carries the new value, stamped by that import, took place and are appended;
the others never did and are dropped. The append is marked with a number per entity, so a repeat adds nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.engine.duck import view_sql
from analytics.engine.sql import quote
from analytics.entities.importing import parsing
from analytics.model.entity import EntityModel
from analytics.model.streams import CHANGES
from analytics.store import PinnedTable, Store
from analytics.store.folder import sync_file, writing

LEASE = "import"
"""The lease an import holds; whoever copies the lake as one moment of it holds it too."""

_NUMBER = b"number"
_ENTITY = b"entity"


def pin_whole(store: Store, name: str) -> PinnedTable:
    """Return the newest version of an entity table, for a view that shows deleted rows too."""
    pinned = store.snapshot().table(name)
    return dataclasses.replace(pinned, schema=dataclasses.replace(pinned.schema, kind="stream", as_of=None))


def announce(store: Store, entity: str, changes: pa.Table) -> Path | None:
    """Put the changes a merge is about to make on disk and return the file, or None if there are none."""
    if changes.num_rows == 0:
        return None
    number = (store.lake.committed(CHANGES.name, _app(entity)) or 0) + 1
    marked = changes.replace_schema_metadata({_NUMBER: str(number).encode(), _ENTITY: entity.encode()})
    folder = _folder(store)
    path = folder / f"{entity}.parquet"
    draft = folder / f".{entity}.{os.getpid()}"
    with writing(folder):
        folder.mkdir(exist_ok=True)
        pq.write_table(marked, draft, compression="zstd")
        sync_file(draft)
        draft.replace(path)
        sync_file(folder)
        sync_file(folder.parent)
    return path


def settle(store: Store, pending: Path, changes: pa.Table | None = None) -> int:
    """Append announced changes (by default those of the file) that took place, and forget the file."""
    announced = pq.read_table(pending)
    found = announced.schema.metadata
    entity, number = found[_ENTITY].decode(), int(found[_NUMBER])
    rows = announced if changes is None else changes
    rows = rows.replace_schema_metadata(None)
    if rows.num_rows:
        store.lake.append(CHANGES.name, rows, app_id=_app(entity), version=number)
    with writing(pending):
        pending.unlink()
        sync_file(pending.parent)
    return int(rows.num_rows)


def recover(store: Store, model: EntityModel, connection: duckdb.DuckDBPyConnection) -> int:
    """Settle what an import that died has announced; returns how many changes were found to have taken place.

    Call it with the lease `import` held and a scratch connection that may read the lake.
    """
    settled = 0
    folder = _folder(store)
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
        announced = pq.read_table(path)
        entity = announced.schema.metadata[_ENTITY].decode()
        settled += settle(store, path, _that_took_place(store, model, connection, entity, announced))
    for draft in folder.glob(".*") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    return settled


def _that_took_place(
    store: Store, model: EntityModel, connection: duckdb.DuckDBPyConnection, entity: str, announced: pa.Table
) -> pa.Table:
    if entity not in store.lake.tables() or entity not in model.entities:
        return announced.slice(0, 0)
    declared = model.entity(entity)
    table = view_sql(connection, pin_whole(store, entity))
    names = [n for n in announced.column("field").unique().to_pylist() if n in declared.fields]
    values = " ".join(f"when {_literal(n)} then {parsing.text_sql(f't.{quote(n)}', declared.fields[n])}" for n in names)
    if not values:
        return announced.slice(0, 0)
    connection.register("_announced", announced)
    try:
        return connection.sql(
            f"""select a.* from _announced a join ({table}) t on t.{quote(declared.key)} = a.entity_key
            where t._imported_at = a.changed_at
            and (case a.field {values} end) is not distinct from a.new_value"""  # noqa: S608  # declared names
        ).to_arrow_table()
    finally:
        connection.unregister("_announced")


def _app(entity: str) -> str:
    return f"import/{entity}"


def _folder(store: Store) -> Path:
    return store.lake.root / "_pending"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
