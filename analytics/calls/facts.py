"""From the state to the lake: every call once, in the order they were noted.

Calls are numbered inside the transactions that write them (writes on the state are serialised) and never change. A
chunk is appended under the app id `calls` with the number of its last call as version, so the lake itself knows how far
it has come, whatever crashes when.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import func, select

from analytics.model.calls import OUTCOMES
from analytics.model.streams import CALLS
from analytics.store import Store
from analytics.store.arrow import arrow_schema
from analytics.store.tables import call, call_campaign, marketing_list

APP_ID = "calls"
CHUNK = 50_000
_LEASE = "export calls"


def export_calls(store: Store, chunk: int = CHUNK) -> int:
    """Append the calls the lake does not have yet and return how many; exactly once, whoever calls it when."""
    if not _is_waiting(store):
        return 0
    exported = 0
    with store.leases.hold(_LEASE, timedelta(seconds=10), timedelta(minutes=5)):
        while rows := _rows(store, store.lake.committed(CALLS.name, APP_ID) or 0, chunk):
            table = pa.Table.from_pylist(rows, arrow_schema(CALLS))
            if store.lake.append(CALLS.name, table, app_id=APP_ID, version=rows[-1]["call_id"]):
                exported += len(rows)
    return exported


def _is_waiting(store: Store) -> bool:
    with store.state.read() as connection:
        newest = connection.execute(select(func.max(call.c.id))).scalar()
    return newest is not None and (store.lake.committed(CALLS.name, APP_ID) or 0) < newest


def _rows(store: Store, after: int, chunk: int) -> list[dict[str, Any]]:
    query = (
        select(call, call_campaign.c.marketing_campaign_id, call_campaign.c.list_id, marketing_list.c.entity)
        .join(call_campaign, call_campaign.c.id == call.c.call_campaign_id)
        .join(marketing_list, marketing_list.c.id == call_campaign.c.list_id)
        .where(call.c.id > after)
        .order_by(call.c.id)
        .limit(chunk)
    )
    now = store.clock.now()
    with store.state.read() as connection:
        found = connection.execute(query).all()
    return [
        {
            "call_id": row.id,
            "call_campaign_id": row.call_campaign_id,
            "marketing_campaign_id": row.marketing_campaign_id,
            "list_id": row.list_id,
            "phone_key": row.phone_key,
            "person": row.person,
            "entity": row.entity,
            "entity_key": row.entity_key,
            "outcome": row.outcome,
            "is_reached": OUTCOMES[row.outcome].is_reached,
            "caller": row.caller,
            "next_call_at": row.next_call_at,
            "at": row.at,
            "ingested_at": now,
        }
        for row in found
    ]
