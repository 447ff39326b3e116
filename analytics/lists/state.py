"""The state of members in a list: removed, unsubscribed, contacted. Rows appear when something first happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from analytics.store.tables import list_state

_MANY = 500


def note_contacted(connection: Connection, list_id: int, entity_keys: Iterable[str], at: datetime) -> None:
    """Count one more contact of each row at `at`, in the caller's transaction."""
    rows = [
        {"list_id": list_id, "entity_key": key, "contacted_times": 1, "last_contacted_at": at} for key in entity_keys
    ]
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(list_state)
    given, own = statement.excluded, list_state.c
    newest = case(
        (own.last_contacted_at.is_(None), given.last_contacted_at),
        (own.last_contacted_at > given.last_contacted_at, own.last_contacted_at),
        else_=given.last_contacted_at,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["list_id", "entity_key"],
        set_={"contacted_times": own.contacted_times + 1, "last_contacted_at": newest},
    )
    connection.execute(statement, rows)


def states_of(connection: Connection, list_id: int, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """Return {entity key: its row of state}, of some keys or all that have any."""
    query = select(list_state).where(list_state.c.list_id == list_id)
    if keys is None:
        return {row.entity_key: row for row in connection.execute(query)}
    found: dict[str, Any] = {}
    for start in range(0, len(keys), _MANY):
        some = query.where(list_state.c.entity_key.in_(keys[start : start + _MANY]))
        found |= {row.entity_key: row for row in connection.execute(some)}
    return found


def removed_count(connection: Connection, list_id: int) -> int:
    """Return how many rows were taken out of a list by hand."""
    query = select(func.count()).where(list_state.c.list_id == list_id, list_state.c.removed_at.is_not(None))
    return int(connection.execute(query).scalar_one())
