"""Refreshing a static list: its definition's rows become a new generation of members, shown by one last update."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine import Engine
from analytics.lists import generations
from analytics.lists.records import MarketingList, Refresh
from analytics.model.progress import Progress, silent
from analytics.segments import Segments
from analytics.segments.catalogue import Given
from analytics.segments.state import given_of
from analytics.store import Store


def difference(store: Store, segments: Segments, listed: MarketingList, engine: Engine) -> Refresh:
    """Return what a refresh would change, and change nothing."""
    _, present = generations.shown(store, listed.id)
    return compared(_keys(store, segments, listed, engine), present)


def refresh(
    store: Store, segments: Segments, listed: MarketingList, engine: Engine, progress: Progress = silent
) -> Refresh:
    """Make the list's members the rows its definition has on the engine's snapshot; a reader sees the old or the new.

    A refresh that was killed left rows nobody sees; the next one deletes them. Two at once come one after the other.
    """
    with generations.held(store, listed.id):
        generation, present = generations.shown(store, listed.id)
        keys = _keys(store, segments, listed, engine)
        result = compared(keys, present)
        generations.forget(store, listed.id, generation)
        if not keys.equals(present):
            generation += 1
            generations.write(store, listed.id, generation, keys, progress)
        with store.state.write() as connection:
            generations.show(connection, store, listed.id, generation)
        generations.forget(store, listed.id, generation)
        return result


def compared(keys: pa.ChunkedArray, present: pa.ChunkedArray) -> Refresh:
    """Return what changes when `keys` take the place of `present`."""
    entered = pc.filter(keys, pc.invert(pc.is_in(keys, present.combine_chunks())))
    left = pc.filter(present, pc.invert(pc.is_in(present, keys.combine_chunks())))
    return Refresh(len(keys), tuple(entered.to_pylist()), tuple(left.to_pylist()))


def _keys(store: Store, segments: Segments, listed: MarketingList, engine: Engine) -> pa.ChunkedArray:
    """Return the keys a list is to have, in order: its definition's, and those it contacted where it keeps them."""
    if not listed.keeps_contacted:
        return segments.keys(listed.definition, engine).column("key")
    kept = Given.of_list("contacted", listed.id)
    compiled = segments.compiler(engine).rows(listed.definition, (), also=kept)
    return engine.arrow(compiled.sql, compiled.params, given_of(store, compiled)).column("key")
