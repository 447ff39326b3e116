"""The lake: Delta tables on local disk, written so that nothing is lost, doubled or silently changed.

- An append is exactly once for its (app id, version). Delta refuses a repeat only if it was not yet visible to the
  writer, so the version is read from the handle the commit is written through.
- Merge, compact and vacuum hold the table's lease. Its fence goes into each of their commits as a transaction
  `lease`, so a holder whose time ran out while it slept conflicts with its successor and sees the higher fence.
- delta-rs never calls fsync: the files of a commit, the commit and the folders are put on disk here before a method
  returns.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import stamina
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake import Field as DeltaField
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType

from analytics.errors import ConcurrencyError, NotFound, StoreError, WorkspaceError
from analytics.model.clock import Clock
from analytics.model.table import Column, TableSchema
from analytics.store.arrow import ARROW_TYPES, arrow_schema, cast_strictly
from analytics.store.folder import sync_all, sync_file, writing
from analytics.store.leases import Lease, Leases
from analytics.store.widening import became_lists, split_texts

LOG = "_delta_log"
SMALL_FILE = 32 * 1024 * 1024  # bytes; compaction counts files below
TARGET_FILE = 128 * 1024 * 1024
MANY_FILES = 100
_SCHEMA_PROPERTY = "shelduck.schema"
_LEASE_APP = "lease"
_LEASE_TTL = timedelta(seconds=10)  # kept alive while held, so a killed holder blocks a table so long at most
_LEASE_WAIT = timedelta(minutes=10)
_MOST_STATISTICS = 32
_CHECKPOINT_EVERY = 100
_OPERATION = "_operation"
_READABLE_FEATURES = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}

T = TypeVar("T")


class _Conflict(Exception):
    """Another writer came first; the operation is repeated on a new handle."""


class Lake:
    """The tables below one folder. One object may serve many threads."""

    def __init__(self, root: Path, leases: Leases, clock: Clock) -> None:
        self.root = _usable(root)
        self._leases, self._clock = leases, clock
        self._handles: dict[str, DeltaTable] = {}
        self._schemas: dict[str, tuple[int, TableSchema]] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    # --- tables ---

    def tables(self) -> tuple[str, ...]:
        """Return the names of all tables, sorted."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(p.name for p in self.root.iterdir() if _has_commit(p / LOG)))

    def ensure(self, schema: TableSchema) -> None:
        """Create the table empty, or add the columns an existing one lacks; nothing happens if it is up to date.

        Texts that are declared as lists now are taken apart. Raises StoreError if a column changed its type otherwise:
        values already written would not follow.
        """
        with self._lock(schema.name):
            if not _has_commit(self._path(schema.name) / LOG):
                self._create(schema)
            present = self.schema(schema.name)
            if present != schema:
                self._grow(present, schema)

    def schema(self, name: str) -> TableSchema:
        """Return the schema a table was declared with; NotFound when there is no such table."""
        with self._lock(name):
            handle = self._fresh(name)
            known = self._schemas.get(name)
            # Only a commit can change the schema, and most commits do not: compare before parsing.
            version = handle.version()
            if known is None or known[0] != version:
                document = handle.metadata().configuration.get(_SCHEMA_PROPERTY)
                if document is None:
                    raise StoreError(f"Table {name} in {self.root} was not made by Shelduck: it declares no schema.")
                self._schemas[name] = (version, _from_document(document))
            return self._schemas[name][1]

    def version(self, name: str) -> int:
        """Return the table's newest version."""
        with self._lock(name):
            return int(self._fresh(name).version())

    def pin(self) -> dict[str, tuple[int, list[str]]]:
        """Return {table: (version, paths of its files)}, the version of each table looked up once."""
        pinned = {}
        for name in self.tables():
            with self._lock(name):
                handle = self._fresh(name)
                pinned[name] = (int(handle.version()), [local_path(uri) for uri in handle.file_uris()])
        return pinned

    @contextmanager
    def kept(self, name: str) -> Iterator[tuple[int, list[str]]]:
        """Yield (version, paths of its files) of a table; no merge, compaction or vacuum runs before the block ends."""
        with self._leases.hold(f"lake/{name}", _LEASE_TTL, _LEASE_WAIT):
            with self._lock(name):
                handle = self._fresh(name)
                pinned = int(handle.version()), [local_path(uri) for uri in handle.file_uris()]
            yield pinned

    # --- appending ---

    def append(self, name: str, data: pa.Table, *, app_id: str, version: int, after: int | None = None) -> bool:
        """Append `data` in one commit marked (app_id, version); False when that or a later version is in already.

        With `after` the rows are those that follow version `after` (0: the first), so ConcurrencyError when another
        one is in last: somebody who cut the pieces elsewhere came first. Raises LossyCast when a value would not
        survive, NotFound without the table, ConcurrencyError after many repeats. When it returns True the rows are on
        disk. Two processes with the same app id: one wins.
        """
        schema = self.schema(name)
        rows = _sorted(cast_strictly(data, schema), schema)

        def attempt(handle: DeltaTable) -> bool:
            done = handle.transaction_version(app_id)
            if done is not None and done >= version:
                return False
            if after is not None and (done or 0) != after:
                raise ConcurrencyError(
                    f"{app_id} was to go on in {name} after {after}, but {done or 0} is in last: somebody else goes on."
                )
            before = handle.version()
            write_deltalake(
                handle,
                rows,
                mode="append",
                commit_properties=_commit(Transaction(app_id, version)),
                target_file_size=TARGET_FILE,
            )
            self._sync(name, handle, before)
            return True

        return self._repeat(name, "append to", attempt)

    def committed(self, name: str, app_id: str) -> int | None:
        """Return the last version appended under `app_id`, or None."""
        with self._lock(name):
            found = self._fresh(name).transaction_version(app_id)
            return None if found is None else int(found)

    # --- merging, compacting, vacuuming: one at a time per table ---

    def merge(self, name: str, upserts: pa.Table, deletes: Sequence[str] = ()) -> int:
        """Insert or replace the rows of `upserts` by key and delete the keys in `deletes`, in one commit.

        Pass only rows that changed: a merge rewrites every file that holds one. Returns the new version. Raises
        StoreError for keys that are null, doubled, or both upserted and deleted; LossyCast; ConcurrencyError.
        """
        schema = self.schema(name)
        if schema.key is None:
            raise StoreError(f"Table {name} has no key to merge by; append to it.")
        rows = _sorted(cast_strictly(upserts, schema), schema)
        _check_keys(rows.column(schema.key), deletes, f"{name}.{schema.key}")
        if rows.num_rows == 0 and not deletes:
            return self.version(name)
        source = _with_deletes(rows, deletes, schema)
        columns = {f"`{c.name}`": f"source.`{c.name}`" for c in schema.columns}

        def attempt(handle: DeltaTable, lease: Lease) -> int:
            before = handle.version()
            merger = handle.merge(
                source,
                f"target.`{schema.key}` = source.`{schema.key}`",
                source_alias="source",
                target_alias="target",
                streamed_exec=False,  # statistics of the source's keys then leave files out that hold none
                commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)),
            )
            if deletes:
                merger = merger.when_matched_delete(f"source.`{_OPERATION}` = 'delete'")
            upserting = f"source.`{_OPERATION}` = 'upsert'"
            merger = merger.when_matched_update(columns, predicate=upserting)
            merger.when_not_matched_insert(columns, predicate=upserting).execute()
            self._sync(name, handle, before)
            return int(handle.version())

        return self._alone(name, "merge into", attempt)

    def compact(self, name: str, beyond: int = MANY_FILES) -> bool:
        """Rewrite small files into large ones if there are more than `beyond`; returns whether it did."""
        with self._lock(name):
            if _count_small(self._fresh(name)) <= beyond:
                return False

        def attempt(handle: DeltaTable, lease: Lease) -> bool:
            before = handle.version()
            handle.optimize.compact(
                target_size=TARGET_FILE,
                max_concurrent_tasks=1,
                commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)),
            )
            self._sync(name, handle, before)
            return bool(handle.version() > before)

        return self._alone(name, "compact", attempt)

    def vacuum(self, name: str, keep: timedelta) -> int:
        """Delete files that no version younger than `keep` lists; returns how many.

        Take `keep` longer than the longest query: a reader of an older snapshot has to start again.
        """

        def attempt(handle: DeltaTable, lease: Lease) -> int:
            before = handle.version()
            gone = handle.vacuum(
                retention_hours=math.ceil(keep / timedelta(hours=1)),
                dry_run=False,
                enforce_retention_duration=False,
                full=False,  # files of commits still under way are listed nowhere: `full` would take them
                commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)),
            )
            self._sync(name, handle, before)
            return len(gone)

        return self._alone(name, "vacuum", attempt)

    # --- the parts of a commit ---

    def _create(self, schema: TableSchema) -> None:
        path = self._path(schema.name)
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            str(path),
            DeltaSchema.from_arrow(arrow_schema(schema)),
            mode="ignore",
            name=schema.name,
            description=schema.doc or None,
            configuration=_properties(schema),
            raise_if_key_not_exists=False,
        )
        handle = self._reopen(schema.name)
        self._sync(schema.name, handle, -1)
        with writing(path):
            sync_file(self.root)

    def _grow(self, present: TableSchema, wanted: TableSchema) -> None:
        types, lists = {c.name: c.type for c in present.columns}, became_lists(present, wanted)
        for column in wanted.columns:
            if column.name not in lists and types.get(column.name, column.type) != column.type:
                raise StoreError(
                    f"Column {wanted.name}.{column.name} is {types[column.name]} in the lake and cannot become "
                    f"{column.type}; declare a new column of another name."
                )
        # A column that is declared no longer stays in the files; dropping it from the schema hides it.
        kept = tuple(c for c in present.columns if c.name not in {w.name for w in wanted.columns})

        def attempt(handle: DeltaTable, lease: Lease) -> None:
            before = handle.version()
            there = {f.name: f.type for f in handle.schema().fields}
            texts = [name for name in lists if there[name] == PrimitiveType("string")]
            if texts:
                write_deltalake(
                    handle,
                    split_texts(handle.to_pyarrow_table(), texts),
                    mode="overwrite",
                    schema_mode="overwrite",
                    commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)),
                    target_file_size=TARGET_FILE,
                )
            added = [_delta_field(c) for c in wanted.columns if c.name not in there]
            if added:
                handle.alter.add_columns(added, commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)))
            handle.alter.set_table_properties(
                _properties(wanted, kept),
                raise_if_not_exists=False,
                commit_properties=_commit(Transaction(_LEASE_APP, lease.fence)),
            )
            self._sync(wanted.name, handle, before)

        self._alone(wanted.name, "change the schema of", attempt)

    def _alone(self, name: str, doing: str, attempt: Callable[[DeltaTable, Lease], T]) -> T:
        """Run `attempt` under the table's lease, refusing to write once a later holder has."""
        with self._leases.hold(f"lake/{name}", _LEASE_TTL, _LEASE_WAIT) as lease:
            held = [lease]
            return self._repeat(name, doing, lambda handle: self._fenced(handle, held, attempt, name, doing))

    def _fenced(
        self, handle: DeltaTable, held: list[Lease], attempt: Callable[[DeltaTable, Lease], T], name: str, doing: str
    ) -> T:
        """Run `attempt` unless the table saw a later holder of the lease in `held`, whose one item may be raised."""
        seen = handle.transaction_version(_LEASE_APP) or 0
        if seen > held[0].fence:
            # Either we slept past our time, or the state was restored from a backup older than the lake.
            raised = self._leases.raise_fence(held[0], seen + 1)
            if raised is None:
                raise ConcurrencyError(f"To {doing} {name} took too long and somebody else went on; repeat it.")
            held[0] = raised
        return attempt(handle, held[0])

    def _repeat(self, name: str, doing: str, attempt: Callable[[DeltaTable], T]) -> T:
        """Run `attempt` on the newest handle; after a conflict reopen and repeat with a jittered, growing pause."""
        try:
            for tried in stamina.retry_context(
                on=_Conflict, attempts=40, timeout=120.0, wait_initial=0.005, wait_max=1.0, wait_jitter=0.05
            ):
                with tried, self._lock(name):
                    return self._attempt(name, attempt)
        except _Conflict as error:
            raise ConcurrencyError(
                f"Could not {doing} {name}: other writers came first {40} times ({error}); try again later."
            ) from error
        raise AssertionError("stamina ends with a result or an exception")

    def _attempt(self, name: str, attempt: Callable[[DeltaTable], T]) -> T:
        try:
            return attempt(self._fresh(name))
        except (CommitFailedError, DeltaError, OSError) as error:
            self._handles.pop(name, None)  # what the handle believes may be wrong now
            if isinstance(error, CommitFailedError) or _is_conflict(error):
                raise _Conflict(str(error)) from error
            raise self._sentence(name, error) from error

    def _sync(self, name: str, handle: DeltaTable, before: int) -> None:
        """Put the commits after version `before` on disk: data files, log entries, checkpoints and folders."""
        path = self._path(name)
        log = path / LOG
        files: list[Path] = []
        for version in range(before + 1, handle.version() + 1):
            entry = log / f"{version:020d}.json"
            files += [path / unquote(added) for added in _added(entry)]
            files.append(entry)
            if (version + 1) % _CHECKPOINT_EVERY == 0:
                files += [*log.glob(f"{version:020d}.checkpoint*"), log / "_last_checkpoint"]
        with writing(path):
            sync_all(files)

    # --- handles ---

    def _lock(self, name: str) -> threading.RLock:
        with self._guard:
            return self._locks.setdefault(name, threading.RLock())

    def _path(self, name: str) -> Path:
        return self.root / name

    def _fresh(self, name: str) -> DeltaTable:
        """Return the kept handle of a table, at the newest version; call with the table's lock held."""
        handle = self._handles.get(name)
        if handle is None:
            return self._reopen(name)
        if (self._path(name) / LOG / f"{handle.version() + 1:020d}.json").exists():
            try:
                handle.update_incremental()
            except DeltaError:
                return self._reopen(name)  # the log entries between were cleaned up: start from the checkpoint
            _refuse_foreign(handle, name)
        return handle

    def _reopen(self, name: str) -> DeltaTable:
        try:
            handle = DeltaTable(str(self._path(name)))
        except TableNotFoundError:
            raise NotFound("table", name, self.tables()) from None
        except (DeltaError, OSError) as error:
            raise self._sentence(name, error) from error
        _refuse_foreign(handle, name)
        self._handles[name] = handle
        return handle

    def _sentence(self, name: str, error: Exception) -> Exception:
        reason = str(error)
        place = self._path(name)
        if "No space left" in reason or "os error 28" in reason:
            return WorkspaceError(f"{place} cannot be written: the disk is full. Free some space.")
        if "Permission denied" in reason or "Read-only file system" in reason:
            return WorkspaceError(f"{place} cannot be written: this user may not write there.")
        if "deletionVectors" in reason or "deletion vector" in reason.lower():
            return StoreError(_foreign(name, "deletion vectors"))
        return StoreError(f"Table {name} in {place} cannot be used: {reason}. `shelduck doctor` looks for damage.")


def _usable(root: Path) -> Path:
    """Return the absolute path of the lake; WorkspaceError for characters delta-rs or DuckDB cannot address."""
    root = root.absolute()
    found = re.search(r"[\[\]^|\\*?\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}", str(root))
    if found is not None:
        raise WorkspaceError(
            f"The lake cannot be in {str(root)!r}: its name holds {found[0]!r}. Choose a folder without "
            f"[ ] ^ | \\ * ? and %xx; blanks, umlauts, quotes and # are welcome."
        )
    return root


def _commit(transaction: Transaction) -> CommitProperties:
    # delta-rs may rebase a blind append by itself: it checks the transaction against every commit in between.
    return CommitProperties(app_transactions=[transaction], max_commit_retries=15)


def _is_conflict(error: Exception) -> bool:
    reason = str(error)
    return any(word in reason for word in ("ransaction failed", "oncurrent", "onflict", "already exists"))


def _has_commit(log: Path) -> bool:
    return log.is_dir() and any(e.suffix == ".json" or ".checkpoint" in e.name for e in log.iterdir())


def _added(entry: Path) -> Iterable[str]:
    """Yield the percent-encoded relative paths of the files a log entry adds."""
    with entry.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"add"'):
                yield json.loads(line)["add"]["path"]


def local_path(uri: str) -> str:
    """Return the local path of a percent-encoded file URI or path."""
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else unquote(uri)


def _refuse_foreign(handle: DeltaTable, name: str) -> None:
    """Raise StoreError when reading the listed Parquet files as they are would give wrong rows."""
    features = set(handle.protocol().reader_features or ()) - _READABLE_FEATURES
    mapping = handle.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping == "none":
        features.discard("columnMapping")
    else:
        features.add("columnMapping")
    if features:
        words = {"deletionVectors": "deletion vectors", "columnMapping": "column mapping"}
        raise StoreError(_foreign(name, ", ".join(words.get(f, f) for f in sorted(features))))


def _foreign(name: str, feature: str) -> str:
    return (
        f"Table {name} uses {feature}, which another program switched on: its files alone do not tell which rows "
        f"are left. Rewrite the table without it (Spark: delta.enableDeletionVectors = false, then REORG ... PURGE)."
    )


def _count_small(handle: DeltaTable) -> int:
    sizes = pa.table(handle.get_add_actions(flatten=True)).column("size_bytes")
    return int(pc.sum(pc.less(sizes, SMALL_FILE)).as_py() or 0)


def _sorted(rows: pa.Table, schema: TableSchema) -> pa.Table:
    keys = [(name, "ascending") for name in schema.sort]
    return rows.sort_by(keys) if keys and rows.num_rows > 1 else rows


def _check_keys(keys: pa.ChunkedArray, deletes: Sequence[str], place: str) -> None:
    if keys.null_count:
        raise StoreError(f"{place} is the key and is empty in {keys.null_count} rows; every row needs one.")
    counts = pc.value_counts(keys)
    doubled = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(doubled):
        raise StoreError(f"{place} is the key and {doubled[0]['values'].as_py()!r} comes {doubled[0]['counts']} times.")
    gone = pa.array(deletes, pa.string())
    if len(pc.unique(gone)) != len(gone) or gone.null_count:
        raise StoreError(f"{place}: the keys to delete are doubled or empty.")
    both = pc.is_in(gone, value_set=keys.combine_chunks()) if len(gone) else pa.array([], pa.bool_())
    if pc.any(both).as_py():
        raise StoreError(f"{place}: {gone.filter(both)[0].as_py()!r} is to be both written and deleted.")


def _with_deletes(rows: pa.Table, deletes: Sequence[str], schema: TableSchema) -> pa.Table:
    """Return the merge's source: the rows to write and the keys to delete, told apart by a column."""
    written = rows.append_column(_OPERATION, pa.array(["upsert"] * rows.num_rows, pa.string()))
    if not deletes:
        return written
    assert schema.key is not None
    keys = cast_strictly(pa.table({schema.key: pa.array(deletes, pa.string())}), schema)
    return pa.concat_tables([written, keys.append_column(_OPERATION, pa.array(["delete"] * len(deletes), pa.string()))])


def _delta_field(column: Column) -> Any:
    (field,) = DeltaSchema.from_arrow(pa.schema([pa.field(column.name, ARROW_TYPES[column.type])])).fields
    assert isinstance(field, DeltaField)
    return field


def _properties(schema: TableSchema, kept: tuple[Column, ...] = ()) -> dict[str, str]:
    """Return the table's properties. Statistics never cover a personal column: the log outlives an erasure."""
    leading = [c for c in (schema.key, schema.as_of, *schema.sort) if c is not None]
    personal = {c.name for c in (*schema.columns, *kept) if c.personal}
    names = list(dict.fromkeys([*leading, *(c.name for c in schema.columns if c.type not in ("text_list", "json"))]))
    statistics = [name for name in names if name not in personal][:_MOST_STATISTICS]
    return {
        _SCHEMA_PROPERTY: _document(schema),
        "delta.dataSkippingStatsColumns": ",".join(statistics),
        "delta.checkpointInterval": str(_CHECKPOINT_EVERY),
    }


def _document(schema: TableSchema) -> str:
    return json.dumps(
        {
            "name": schema.name,
            "kind": schema.kind,
            "key": schema.key,
            "as_of": schema.as_of,
            "sort": schema.sort,
            "doc": schema.doc,
            "columns": [[c.name, c.type, c.personal, c.doc] for c in schema.columns],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _from_document(document: str) -> TableSchema:
    values = json.loads(document)
    columns = tuple(Column(name, kind, personal, doc) for name, kind, personal, doc in values.pop("columns"))
    return TableSchema(**{**values, "sort": tuple(values["sort"])}, columns=columns)
