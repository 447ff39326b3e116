"""Marking members of a list, one or a million: removed, unsubscribed, and taking that back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from analytics.errors import ListError
from analytics.lists.records import MarketingList
from analytics.lists.rows import in_chunks, many, micros
from analytics.model.progress import Progress, silent
from analytics.segments.catalogue import Given
from analytics.segments.state import state_tables
from analytics.store import Store

Action = Literal["remove", "restore", "unsubscribe", "resubscribe"]

_COLUMN = {
    "remove": "removed_at",
    "restore": "removed_at",
    "unsubscribe": "unsubscribed_at",
    "resubscribe": "unsubscribed_at",
}
_SETS = ("remove", "unsubscribe")
_OPPOSITE: dict[Action, Action] = {
    "remove": "restore",
    "restore": "remove",
    "unsubscribe": "resubscribe",
    "resubscribe": "unsubscribe",
}


@dataclass(frozen=True)
class Marked:
    """What marking members did: the keys that changed, so that exactly these can be changed back."""

    list_id: int
    action: Action
    keys: pa.Array

    @property
    def count(self) -> int:
        """How many members changed."""
        return len(self.keys)

    @property
    def opposite(self) -> Action:
        """The action that takes it back."""
        return _OPPOSITE[self.action]


def mark(
    store: Store,
    listed: MarketingList,
    action: Action,
    keys: Iterable[str] | pa.ChunkedArray,
    progress: Progress = silent,
) -> Marked:
    """Remove, restore, unsubscribe or resubscribe rows, in chunks; those that are so already keep their first time.

    Raises ListError for an action there is not.
    """
    if action not in _COLUMN:
        raise ListError(f"{action!r} is nothing to do with members; there are {', '.join(_COLUMN)}.")
    wanted = keys if isinstance(keys, pa.ChunkedArray | pa.Array) else pa.array(list(keys), pa.string())
    given = Given.of_list("removed" if _COLUMN[action] == "removed_at" else "unsubscribed", listed.id)
    marked = state_tables(store, [given])[given.name].column("entity_key").combine_chunks()
    wanted = pc.unique(wanted.cast(pa.string()))
    is_marked = pc.is_in(wanted, marked)
    changing = pc.filter(wanted, pc.invert(is_marked) if action in _SETS else is_marked)
    changing = pc.take(changing, pc.sort_indices(changing))  # by key each chunk touches few pages
    at = store.clock.now() if action in _SETS else None
    for start, some in in_chunks(changing):
        with store.state.write() as connection:
            many(connection, *_statement(listed.id, _COLUMN[action], some, at))
        progress(start + len(some), len(changing), "members")
    return Marked(listed.id, action, changing)


def _statement(list_id: int, column: str, keys: list[str], at: datetime | None) -> tuple[str, list[tuple[object, ...]]]:
    if at is None:
        sql = f"update list_state set {column} = null where list_id = ? and entity_key = ?"  # noqa: S608  # our names
        return sql, [(list_id, key) for key in keys]
    sql = (
        f"insert into list_state (list_id, entity_key, {column}, contacted_times) values (?, ?, ?, 0) "  # noqa: S608
        f"on conflict (list_id, entity_key) do update set {column} = excluded.{column} "
        f"where list_state.{column} is null"
    )
    return sql, [
        (
            list_id,
            key,
            micros(at),
        )
        for key in keys
    ]
