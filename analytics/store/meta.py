"""Small facts about the workspace itself: where its processes listen, whether it is a demo."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from analytics.store.state import State, upsert
from analytics.store.tables import meta


def get_meta(state: State, name: str, default: Any = None) -> Any:
    """Return the JSON value kept under `name`, or `default`."""
    with state.read() as connection:
        row = connection.execute(select(meta.c.value).where(meta.c.name == name)).first()
    return default if row is None else row.value


def set_meta(state: State, name: str, value: Any) -> None:
    """Keep a JSON value under `name` (at most 60 characters), in place of a former one."""
    with state.write() as connection:
        upsert(connection, meta, [{"name": name, "value": value}], ["name"], update=["value"])
