"""Freezing: who is in a sending is decided once, kept in a file, then brought into ledger and lake.

    audience of the list -> frozen/<sending>.parquet -> ledger, chunk by chunk -> lake -> one update makes it visible

The file is complete once it has its name, everything after reads only it, and every step knows what is done already.
So a freeze that was killed at any point goes on where it stood and ends the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select, update

from analytics.delivery.audience import frozen_audience
from analytics.delivery.records import Status
from analytics.delivery.statements import first, micros, rows_of, run
from analytics.errors import DeliveryError
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.store import Store
from analytics.store.backup import RESTORED, unsent_since
from analytics.store.folder import sync_file, writing
from analytics.store.tables import FIRST_OF_INSTANCE, sending

CHUNK = 5_000
"""Rows of the file that go into the ledger in one transaction: longer ones keep everybody else waiting."""

LAKE_CHUNK = 500_000
"""Rows of the file that go into the lake in one commit."""
_ROW_GROUP = 50_000
_TOLERANCE = Decimal("0.10")
_TTL = timedelta(seconds=10)
_WAIT = timedelta(minutes=1)
_SNAPSHOT = b"shelduck.snapshot"


@dataclass(frozen=True)
class Frozen:
    """The counts of a frozen audience. `mailable` are planned and held out: what a person confirmed beforehand."""

    rows: int
    deliveries: int
    planned: int
    held_out: int
    skipped: int

    @property
    def mailable(self) -> int:
        """Deliveries nothing speaks against."""
        return self.planned + self.held_out


def freeze(
    store: Store,
    model: EntityModel,
    sending_id: int,
    progress: Progress = silent,
    *,
    chunk: int = CHUNK,
    lake_chunk: int = LAKE_CHUNK,
) -> Status:
    """Freeze the audience of a sending that is scheduled, or go on freezing it; return the status it has then.

    That is `sending`; `confirm` if the number differs by more than 10 % from what was expected; or what somebody else
    made of it meanwhile (`paused`, `cancelled`). `chunk` rows at a time go into the ledger, `lake_chunk` into the lake;
    a freeze that is gone on with needs the same `lake_chunk`. Raises DeliveryError for a sending restored half frozen.
    """
    if not _begin(store, sending_id):
        return _status(store, sending_id)
    with alone(store, sending_id):
        return _Freeze(store, model, sending_id, progress, chunk, lake_chunk).run()


@contextmanager
def alone(store: Store, sending_id: int) -> Iterator[None]:
    """Let nobody else freeze this sending, or undo its freeze, inside the block."""
    with store.leases.hold(f"freeze {sending_id}", _TTL, _WAIT):
        yield


def frozen_file(store: Store, sending_id: int) -> Path:
    """Return where the frozen audience of a sending is kept until the ledger has it."""
    return store.folder.frozen / f"{sending_id}.parquet"


def is_half_restored(store: Store, row: Any) -> bool:
    """Return whether a sending was restored from a backup taken while it was being frozen.

    The world went on after the backup: it may have been sent since, so nobody freezes it a second time unasked.
    """
    return row.first_delivery_id is not None and row.frozen_at is None and not frozen_file(store, row.id).exists()


def is_undecided(row: Any) -> bool:
    """Return whether a sending restored before its audience was frozen waits for somebody to decide about it."""
    return row.status in ("confirm", "paused") and RESTORED in (row.snapshot or {})


def undecided(row: Any) -> str:
    """Return the sentence about a restored sending nobody has decided about."""
    return f"Sending {row.id} was {unsent_since(row.snapshot[RESTORED])}."


def _begin(store: Store, sending_id: int) -> bool:
    """Mark the sending as being frozen, with the time all of it bears; False when there is nothing to freeze."""
    with store.state.write() as connection:
        row = connection.execute(select(sending).where(sending.c.id == sending_id)).one()
        if row.status not in ("scheduled", "freezing"):
            if row.frozen_at is not None:
                frozen_file(store, sending_id).unlink(missing_ok=True)  # left by a kill after the last update
            return False
        if is_half_restored(store, row):
            raise DeliveryError(half_restored(sending_id))
        if row.snapshot is None:
            begun = {"frozen_at": store.clock.now().isoformat()}
            connection.execute(update(sending).where(sending.c.id == sending_id).values(snapshot=begun))
        connection.execute(update(sending).where(sending.c.id == sending_id).values(status="freezing"))
        return True


def half_restored(sending_id: int) -> str:
    """Return the sentence about a sending restored half frozen."""
    return (
        f"Sending {sending_id} was restored from a backup taken while it was being prepared, so who got it since is "
        f"unknown. Cancel it; if you know that nobody got it, send the campaign again."
    )


def _status(store: Store, sending_id: int) -> Status:
    with store.state.read() as connection:
        found: Status = connection.execute(select(sending.c.status).where(sending.c.id == sending_id)).scalar_one()
    return found


class _Stopped(Exception):
    """The sending was paused or cancelled while it was frozen."""


class _Freeze:
    def __init__(
        self, store: Store, model: EntityModel, sending_id: int, progress: Progress, chunk: int, lake_chunk: int
    ) -> None:
        self._store, self._model, self._id, self._progress = store, model, sending_id, progress
        self._chunk, self._lake_chunk = chunk, lake_chunk
        self._file = frozen_file(store, sending_id)

    def run(self) -> Status:
        row = self._row()
        if row.status != "freezing":  # another process was faster, or somebody paused it
            return _status(self._store, self._id)
        if not self._file.exists():
            self._compute(row)
        counts = self._counts()
        try:
            row = self._number(row, counts)
            if self._wants_confirmation(row, counts):
                return self._to("confirm", self._differs(row, counts))
            self._write_ledger(row, counts)
            self._write_lake(row)
            status = self._show(counts)
        except _Stopped:
            return _status(self._store, self._id)
        self._file.unlink(missing_ok=True)
        return status

    def _row(self) -> Any:
        with self._store.state.read() as connection:
            return connection.execute(select(sending).where(sending.c.id == self._id)).one()

    # --- the file ---

    def _compute(self, row: Any) -> None:
        """Decide who is in, who is held out and who is skipped; the file gets its name when it is on disk."""
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        self._progress(0, row.expected_count, "people")
        with writing(self._file):
            self._file.parent.mkdir(exist_ok=True)
            for left in self._file.parent.glob(f".{self._file.name}.*"):
                left.unlink()  # by a freeze that was killed; this one is alone
            try:
                with frozen_audience(self._store, self._model, row) as (batches, versions):
                    written = self._save(draft, batches, versions)
                sync_file(draft)
                draft.replace(self._file)
                sync_file(self._file.parent)
            finally:
                draft.unlink(missing_ok=True)
        self._progress(written, written, "people")

    def _save(self, draft: Path, batches: Iterator[pa.RecordBatch], versions: Mapping[str, int]) -> int:
        written = 0
        batch = next(batches, None)
        assert batch is not None, "an empty result has an empty batch"
        with pq.ParquetWriter(draft, batch.schema, compression="lz4") as writer:
            writer.add_key_value_metadata({_SNAPSHOT: json.dumps(versions).encode()})
            while batch is not None:
                writer.write_batch(batch, row_group_size=_ROW_GROUP)
                written += batch.num_rows
                batch = next(batches, None)
        return written

    def _counts(self) -> Frozen:
        file = pq.ParquetFile(self._file)
        states = file.read(["state"]).column("state")
        found = {item["values"]: item["counts"] for item in pc.value_counts(states).to_pylist()}
        planned, held_out, skipped = (found.get(state, 0) for state in ("planned", "held_out", "skipped"))
        return Frozen(file.metadata.num_rows, planned + held_out + skipped, planned, held_out, skipped)

    # --- the ledger ---

    def _number(self, row: Any, counts: Frozen) -> Any:
        """Give the deliveries their range of numbers, the lake's versions and the count found to the sending."""
        if row.first_delivery_id is None:
            versions = self._versions()
            with self._store.state.write() as connection:
                self._still_freezing(connection)
                number = _next_number(connection, self._store.instance)
                connection.execute(
                    update(sending)
                    .where(sending.c.id == self._id)
                    .values(
                        # A range of one at least: it also names the sending's facts in the lake.
                        first_delivery_id=number,
                        last_delivery_id=number + max(counts.deliveries, 1) - 1,
                        audience_count=counts.mailable,
                        snapshot={**row.snapshot, "versions": versions},
                    )
                )
        return self._row()

    def _versions(self) -> Mapping[str, int]:
        metadata = pq.ParquetFile(self._file).metadata.metadata or {}
        return dict(json.loads(metadata.get(_SNAPSHOT, b"{}")))

    def _wants_confirmation(self, row: Any, counts: Frozen) -> bool:
        expected = row.expected_count
        return expected is not None and abs(counts.mailable - expected) > _TOLERANCE * expected

    def _differs(self, row: Any, counts: Frozen) -> str:
        return (
            f"{counts.mailable} people are in the audience, {row.expected_count} were expected; "
            f"confirm the new number or cancel the sending"
        )

    def _write_ledger(self, row: Any, counts: Frozen) -> None:
        done = row.frozen_rows
        maker = _Rows(self._store, row)
        for batch in _batches(self._file, self._chunk, done):
            deliveries, shared = maker.of(batch)
            with self._store.state.write() as connection:
                self._still_freezing(connection)
                if deliveries:
                    connection.exec_driver_sql(_insert_delivery(connection), deliveries)
                if shared:
                    connection.exec_driver_sql(_insert_shared(connection), shared)
                done += batch.num_rows
                run(connection, "update sending set frozen_rows = ? where id = ?", (done, self._id))
            self._progress(done, counts.rows, "recipients")

    # --- the lake ---

    def _write_lake(self, row: Any) -> None:
        """Append audience and facts; delivery numbers are unique, so their first one names this freeze for ever."""
        app_id = f"freeze {row.first_delivery_id}"
        for version, batch in enumerate(_batches(self._file, self._lake_chunk, 0, columns=_LAKE_COLUMNS), 1):
            with self._store.state.read() as connection:
                self._still_freezing(connection)
            table = pa.Table.from_batches([batch])
            self._store.lake.append("audience", self._audience(table, row), app_id=app_id, version=version)
            facts = self._facts(table.filter(pc.is_valid(table.column("state"))), row)
            if facts.num_rows:
                self._store.lake.append("deliveries", facts, app_id=app_id, version=version)

    def _audience(self, table: pa.Table, row: Any) -> pa.Table:
        count = table.num_rows
        return pa.table(
            {
                "sending_id": _same(self._id, count, pa.int64()),
                "position": table.column("position"),
                "entity": _same(row.settings["list"]["entity"], count, pa.string()),
                "entity_key": table.column("entity_key"),
                "address": table.column("address"),
                "address_key": table.column("address_key"),
                "person": table.column("address_key"),
                "delivery_id": _delivery_ids(table, row),
                "status": table.column("status"),
                "frozen_at": _same(_frozen_at(row), count, pa.timestamp("us", tz="UTC")),
            }
        )

    def _facts(self, table: pa.Table, row: Any) -> pa.Table:
        count, frozen_at = table.num_rows, _frozen_at(row)
        return pa.table(
            {
                "seq": _same(0, count, pa.int64()),  # before every fact of the outbox
                "delivery_id": _delivery_ids(table, row),
                "sending_id": _same(self._id, count, pa.int64()),
                "email_campaign_id": _same(row.email_campaign_id, count, pa.int64()),
                "marketing_campaign_id": _same(row.settings.get("marketing_campaign_id"), count, pa.int64()),
                "channel": _same("email", count, pa.string()),
                "address_key": table.column("address_key"),
                "person": table.column("address_key"),
                "entity": _same(row.settings["list"]["entity"], count, pa.string()),
                "entity_key": table.column("entity_key"),
                "arm": table.column("arm"),
                "state": table.column("state"),
                "reason": table.column("reason"),
                "at": _same(frozen_at, count, pa.timestamp("us", tz="UTC")),
                "ingested_at": _same(frozen_at, count, pa.timestamp("us", tz="UTC")),
            }
        )

    # --- the status ---

    def _show(self, counts: Frozen) -> Status:
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            self._still_freezing(connection)
            status: Status = "sending" if counts.planned else "done"
            connection.execute(
                update(sending)
                .where(sending.c.id == self._id)
                .values(
                    status=status,
                    status_reason=None if counts.planned else "nobody to mail",
                    frozen_at=now,
                    finished_at=None if counts.planned else now,
                )
            )
        return status

    def _to(self, status: Status, reason: str) -> Status:
        with self._store.state.write() as connection:
            self._still_freezing(connection)
            connection.execute(
                update(sending).where(sending.c.id == self._id).values(status=status, status_reason=reason)
            )
        return status

    def _still_freezing(self, connection: Connection) -> None:
        status = first(connection, "select status from sending where id = ?", (self._id,))
        if status != "freezing":
            raise _Stopped


def _next_number(connection: Connection, instance: int) -> int:
    """Return the first free delivery number of this instance; a restored workspace never uses one of the old again."""
    base = instance * FIRST_OF_INSTANCE
    last = connection.execute(
        select(func.max(sending.c.last_delivery_id)).where(sending.c.last_delivery_id >= base)
    ).scalar()
    return max(base, last or 0) + 1


_DELIVERY_COLUMNS = (
    "id",
    "sending_id",
    "address_key",
    "address",
    "person",
    "entity_key",
    "arm",
    "state",
    "reason",
    "attempts",
    "due_at",
    "message_id",
    '"values"',
    "updated_at",
)


def _insert_delivery(connection: Connection) -> str:
    sql = f"insert into delivery ({', '.join(_DELIVERY_COLUMNS)}) values {rows_of(1, len(_DELIVERY_COLUMNS))}"  # noqa: S608
    return sql.replace("?", "%s") if connection.dialect.name == "postgresql" else sql


def _insert_shared(connection: Connection) -> str:
    sql = "insert into same_address (delivery_id, entity_key, sending_id) values (?, ?, ?)"
    return sql.replace("?", "%s") if connection.dialect.name == "postgresql" else sql


class _Rows:
    """Makes the ledger's rows of the file's."""

    def __init__(self, store: Store, row: Any) -> None:
        self._sending, self._first = row.id, row.first_delivery_id
        self._due = micros(max(row.scheduled_for, _frozen_at(row)))
        self._now = micros(_frozen_at(row))

    def of(self, batch: pa.RecordBatch) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return (rows of delivery, rows of same_address)."""
        numbers = pc.add(batch.column("number"), self._first - 1)
        is_delivery = pc.is_valid(batch.column("state"))
        picked = batch.append_column("id", numbers).filter(is_delivery)
        count = picked.num_rows

        def column(name: str) -> list[Any]:
            # numpy's list of objects is made five times faster than Arrow's own to_pylist.
            values: list[Any] = picked.column(name).to_numpy(zero_copy_only=False).tolist()
            return values

        keys = column("address_key")
        deliveries = list(
            zip(
                column("id"),
                [self._sending] * count,
                keys,
                column("mail_address"),
                keys,
                column("entity_key"),
                column("arm"),
                column("state"),
                column("reason"),
                [0] * count,
                [self._due] * count,
                column("message_id"),
                column("values"),
                [self._now] * count,
                strict=True,
            )
        )
        same = pc.equal(batch.column("status"), "same_address")
        others = numbers.filter(same).to_pylist(), batch.column("entity_key").filter(same).to_pylist()
        shared = [(number, key, self._sending) for number, key in zip(*others, strict=True)]
        return deliveries, shared


_LAKE_COLUMNS = (
    "position",
    "entity_key",
    "address",
    "address_key",
    "number",
    "status",
    "state",
    "reason",
    "arm",
)


def _batches(file: Path, size: int, skip: int, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows after the first `skip` in batches of `size`; a repeat gives the same batches."""
    with pq.ParquetFile(file) as opened:
        seen = 0
        for batch in opened.iter_batches(batch_size=size, columns=None if columns is None else list(columns)):
            seen += batch.num_rows
            if seen > skip:
                yield batch.slice(max(0, skip - (seen - batch.num_rows)))


def _frozen_at(row: Any) -> datetime:
    return datetime.fromisoformat(row.snapshot["frozen_at"])


def _delivery_ids(table: pa.Table, row: Any) -> pa.ChunkedArray:
    return pc.add(table.column("number"), row.first_delivery_id - 1)


def _same(value: Any, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)
