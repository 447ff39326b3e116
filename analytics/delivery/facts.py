"""From the ledger's outbox to the lake: every change of a delivery once, in order.

Facts are numbered in the order their transactions committed (writes on the state are serialised). A chunk is appended
under the app id `ledger` with the number of its last fact as version, so the lake itself knows how far it has come: a
crash between append and mark, or a commit a power loss took away again, only changes where the next export begins.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, func, select

from analytics.delivery.statements import first, micros, run
from analytics.store import Store
from analytics.store.tables import delivery_fact, sending

APP_ID = "ledger"
CHUNK = 100_000
KEEP = timedelta(days=7)
"""How long exported facts stay in the outbox, in case a machine loses the lake's last commits with its power."""

_TABLE = "deliveries"
_LEASE = "export facts"
_PRUNE_ROWS = 5_000
_TIME = pa.timestamp("us", tz="UTC")


def export_facts(store: Store, chunk: int = CHUNK) -> int:
    """Append the facts the lake does not have yet and return how many; exactly once, whoever calls it when."""
    if not _is_waiting(store):
        return 0
    exported = 0
    with store.leases.hold(_LEASE, timedelta(seconds=10), timedelta(minutes=5)):
        while True:
            done = store.lake.committed(_TABLE, APP_ID) or 0
            facts, last = _facts(store, done, chunk)
            if facts is None:
                break
            if store.lake.append(_TABLE, facts, app_id=APP_ID, version=last):
                exported += facts.num_rows
            _mark(store, last)
        _mark(store, done)
        _prune(store)
    return exported


def complete_through(store: Store, table: str = _TABLE) -> datetime:
    """Return the time up to which the lake's `deliveries` has every fact of the ledger.

    Asked under the write lock: facts are dated inside their transactions, so none from before can come any more.
    """
    assert table == _TABLE, f"The ledger feeds {_TABLE}, not {table}."
    with store.state.write() as connection:
        now = store.clock.now()
        waiting = connection.execute(select(func.min(delivery_fact.c.at)).where(delivery_fact.c.batch.is_(None)))
        oldest = waiting.scalar()
        freezing = connection.execute(select(sending.c.snapshot).where(sending.c.status == "freezing")).scalars()
        begun = [datetime.fromisoformat(kept["frozen_at"]) for kept in freezing if kept]
    missing = [*begun, *([] if oldest is None else [oldest])]
    return min([now, *(at - timedelta(microseconds=1) for at in missing)])


def _is_waiting(store: Store) -> bool:
    """Return whether there is anything to export; asked often, so without the lake where it can be."""
    with store.state.read() as connection:
        if first(connection, "select 1 from delivery_fact where batch is null limit 1") is not None:
            return True
        newest = first(connection, "select max(seq) from delivery_fact")
    return newest is not None and (store.lake.committed(_TABLE, APP_ID) or 0) < newest


_FACTS = """
select f.seq, f.delivery_id, f.sending_id, f.state, f.reason, f.code, f.at,
       d.address_key, d.person, d.entity_key, d.arm
from delivery_fact f join delivery d on d.id = f.delivery_id
where f.seq > ? order by f.seq limit ?
"""


def _facts(store: Store, after: int, chunk: int) -> tuple[pa.Table | None, int]:
    with store.state.read() as connection:
        rows = run(connection, _FACTS, (after, chunk)).fetchall()
        if not rows:
            return None, after
        about = {number: _about(connection, number) for number in {row[2] for row in rows}}
    columns = list(zip(*rows, strict=True))
    sendings = [about[number] for number in columns[2]]
    now = store.clock.now()
    table = pa.table(
        {
            "seq": pa.array(columns[0], pa.int64()),
            "delivery_id": pa.array(columns[1], pa.int64()),
            "sending_id": pa.array(columns[2], pa.int64()),
            "email_campaign_id": pa.array([s[0] for s in sendings], pa.int64()),
            "marketing_campaign_id": pa.array([s[1] for s in sendings], pa.int64()),
            "channel": pa.array(["email"] * len(rows), pa.string()),
            "address_key": pa.array(columns[7], pa.string()),
            "person": pa.array(columns[8], pa.string()),
            "entity": pa.array([s[2] for s in sendings], pa.string()),
            "entity_key": pa.array(columns[9], pa.string()),
            "arm": pa.array(columns[10], pa.string()),
            "state": pa.array(columns[3], pa.string()),
            "reason": pa.array(columns[4], pa.string()),
            "code": pa.array(columns[5], pa.string()),
            "at": pa.array(columns[6], pa.int64()).cast(_TIME),
            "ingested_at": pa.array([now] * len(rows), _TIME),
        }
    )
    return table, int(columns[0][-1])


def _about(connection: Connection, sending_id: int) -> tuple[int, int | None, str]:
    """Return (email campaign, marketing campaign, entity) of a sending, as they were when it was queued."""
    row: Any = connection.execute(
        select(sending.c.email_campaign_id, sending.c.settings).where(sending.c.id == sending_id)
    ).one()
    return row.email_campaign_id, row.settings.get("marketing_campaign_id"), row.settings["list"]["entity"]


def _mark(store: Store, last: int) -> None:
    with store.state.write() as connection:
        run(connection, "update delivery_fact set batch = ? where batch is null and seq <= ?", (last, last))


def _prune(store: Store) -> None:
    """Forget facts the lake has had for long, some at a time; the newest one stays."""
    before = micros(store.clock.now() - KEEP)
    with store.state.write() as connection:
        run(
            connection,
            "delete from delivery_fact where seq in (select seq from delivery_fact where batch is not null "
            "and at < ? and seq < (select max(seq) from delivery_fact) order by seq limit ?)",
            (before, _PRUNE_ROWS),
        )
