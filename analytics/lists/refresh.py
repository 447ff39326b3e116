"""Refreshing a static list: a new generation of members is written in chunks and shown by one last update."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import delete, func, insert, select, update

from analytics.engine import Engine
from analytics.lists.records import MarketingList, Refresh
from analytics.model.progress import Progress, silent
from analytics.segments import Segments
from analytics.segments.catalogue import Given
from analytics.segments.state import state_tables
from analytics.store import Store
from analytics.store.tables import list_member, marketing_list

_CHUNK = 10_000  # rows a write takes; others wait meanwhile
_DELETE_CHUNK = 50_000
_LEASE = timedelta(seconds=10)
_WAIT = timedelta(minutes=5)


def difference(store: Store, segments: Segments, listed: MarketingList, engine: Engine) -> Refresh:
    """Return what a refresh would change, and change nothing."""
    _, keys, present = _keys(store, segments, listed, engine)
    return _difference(keys, present)


def refresh(
    store: Store, segments: Segments, listed: MarketingList, engine: Engine, progress: Progress = silent
) -> Refresh:
    """Make the list's members the rows its definition has on the engine's snapshot; a reader sees the old or the new.

    A refresh that was killed left rows nobody sees; the next one deletes them. Two at once come one after the other.
    """
    with store.leases.hold(f"list/{listed.id}", _LEASE, _WAIT):
        generation, keys, present = _keys(store, segments, listed, engine)
        result = _difference(keys, present)
        if keys.equals(present):
            _show(store, listed.id, generation)
            return result
        _forget(store, listed.id, generation)
        _write(store, listed.id, generation + 1, keys, progress)
        _show(store, listed.id, generation + 1)
        _forget(store, listed.id, generation + 1)
        return result


def _keys(
    store: Store, segments: Segments, listed: MarketingList, engine: Engine
) -> tuple[int, pa.ChunkedArray, pa.ChunkedArray]:
    """Return (generation shown, keys the definition has, keys shown), both in order."""
    keys = segments.keys(listed.definition, engine).column("key")
    given = Given.of_list("members", listed.id)
    with store.state.read() as connection:
        query = select(marketing_list.c.generation).where(marketing_list.c.id == listed.id)
        generation = int(connection.execute(query).scalar_one())
    present = state_tables(store, [given])[given.name].sort_by("position").column("entity_key")
    return generation, keys, present


def _difference(keys: pa.ChunkedArray, present: pa.ChunkedArray) -> Refresh:
    entered = pc.filter(keys, pc.invert(pc.is_in(keys, present.combine_chunks())))
    left = pc.filter(present, pc.invert(pc.is_in(present, keys.combine_chunks())))
    return Refresh(len(keys), tuple(entered.to_pylist()), tuple(left.to_pylist()))


def _write(store: Store, list_id: int, generation: int, keys: pa.ChunkedArray, progress: Progress) -> None:
    for start in range(0, len(keys), _CHUNK):
        some = keys.slice(start, _CHUNK).to_pylist()
        rows = [
            {"list_id": list_id, "generation": generation, "entity_key": key, "position": start + n}
            for n, key in enumerate(some)
        ]
        with store.state.write() as connection:
            connection.execute(insert(list_member), rows)
        progress(start + len(some), len(keys), "members")


def _show(store: Store, list_id: int, generation: int) -> None:
    values = {"generation": generation, "refreshed_at": store.clock.now()}
    with store.state.write() as connection:
        connection.execute(update(marketing_list).where(marketing_list.c.id == list_id).values(**values))


def _forget(store: Store, list_id: int, shown: int) -> None:
    """Delete members of generations other than the one shown."""
    others = (list_member.c.list_id == list_id) & (list_member.c.generation != shown)
    with store.state.read() as connection:
        last = connection.execute(select(func.max(list_member.c.position)).where(others)).scalar()
    for start in range(0, (-1 if last is None else last) + 1, _DELETE_CHUNK):
        some = list_member.c.position.between(start, start + _DELETE_CHUNK - 1)
        with store.state.write() as connection:
            connection.execute(delete(list_member).where(others, some))
