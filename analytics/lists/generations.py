"""The members of static lists as the state keeps them: a generation is written in chunks, then shown at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, func, select, update

from analytics.lists.rows import in_chunks, many
from analytics.model.progress import Progress, silent
from analytics.segments.catalogue import Given
from analytics.segments.state import state_tables
from analytics.store import Store
from analytics.store.tables import list_member, marketing_list

_DELETE_CHUNK = 20_000
_LEASE = timedelta(seconds=10)
_WAIT = timedelta(minutes=5)


def held(store: Store, list_id: int) -> Any:
    """Return the context in which the members of a list may be changed; a second caller waits for the first."""
    return store.leases.hold(f"list/{list_id}", _LEASE, _WAIT)


def shown(store: Store, list_id: int) -> tuple[int, pa.ChunkedArray]:
    """Return the generation of members that is shown, and their keys in order."""
    given = Given.of_list("members", list_id)
    with store.state.read() as connection:
        query = select(marketing_list.c.generation).where(marketing_list.c.id == list_id)
        generation = int(connection.execute(query).scalar_one())
    return generation, state_tables(store, [given])[given.name].sort_by("position").column("entity_key")


def write(
    store: Store,
    list_id: int,
    generation: int,
    keys: pa.ChunkedArray,
    progress: Progress = silent,
    first: int = 0,
) -> None:
    """Write members in chunks, their positions from `first` on.

    They go in by key: a million in another order takes five times as long, for each lands on a page of its own.
    """
    positions = pa.array(range(first, first + len(keys)), pa.int64())
    order = pc.sort_indices(keys)
    keys, positions = pc.take(keys, order), pc.take(positions, order)
    sql = "insert into list_member (list_id, generation, entity_key, position) values (?, ?, ?, ?)"
    for start, some in in_chunks(keys):
        placed = positions.slice(start, len(some)).to_pylist()
        with store.state.write() as connection:
            many(connection, sql, [(list_id, generation, k, p) for k, p in zip(some, placed, strict=True)])
        progress(start + len(some), len(keys), "members")


def show(connection: Connection, store: Store, list_id: int, generation: int) -> None:
    """Make a generation the one that is shown, in the caller's transaction."""
    values = {"generation": generation, "refreshed_at": store.clock.now()}
    connection.execute(update(marketing_list).where(marketing_list.c.id == list_id).values(**values))


def forget(store: Store, list_id: int, generation: int) -> None:
    """Delete members of other generations than this one, some at a time."""
    own = list_member.c.list_id == list_id
    for others in (list_member.c.generation < generation, list_member.c.generation > generation):
        while True:
            with store.state.write() as connection:
                other = connection.execute(select(func.min(list_member.c.generation)).where(own, others)).scalar()
                if other is None:
                    break
                one = own & (list_member.c.generation == other)
                last = (
                    select(list_member.c.entity_key)
                    .where(one)
                    .order_by(list_member.c.entity_key)
                    .limit(1)
                    .offset(_DELETE_CHUNK)
                )
                end = connection.execute(last).scalar()
                some = one if end is None else one & (list_member.c.entity_key < end)
                connection.execute(delete(list_member).where(some))
