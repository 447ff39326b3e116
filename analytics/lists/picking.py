"""Manual lists: rows people pick one by one, by address, or as what a search found, kept in that order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import func, select

from analytics.engine import Engine
from analytics.errors import ListError
from analytics.lists import generations
from analytics.lists.address import address_keys
from analytics.lists.marks import mark
from analytics.lists.matching import keys_with
from analytics.lists.phones import phone_keys
from analytics.lists.records import MarketingList
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Definition, Segments
from analytics.store import Store
from analytics.store.tables import list_member


@dataclass(frozen=True)
class Added:
    """What adding to a manual list did: how many are new, how many came back, were on it, and what fits nobody."""

    added: int
    restored: int
    present: int
    unknown: tuple[str, ...] = ()


def add(
    store: Store,
    model: EntityModel,
    segments: Segments,
    listed: MarketingList,
    engine: Engine,
    members: Iterable[str],
    progress: Progress = silent,
) -> Added:
    """Add rows by key or by contact; see `Lists.add`."""
    _check_manual(listed)
    asked = list(dict.fromkeys(m.strip() for m in members if m.strip()))
    texts = pa.chunked_array([pa.array(asked, pa.string())])
    read = address_keys(texts) if listed.channel == "email" else phone_keys(texts, None, store.settings.phone_country)
    by_contact = keys_with(store, model, segments, engine, listed, "address" if listed.channel == "email" else "phone")
    by_key = keys_with(store, model, segments, engine, listed, "key")
    wanted = pa.table({"at": pa.array(range(len(asked)), pa.int64()), "text": texts, "contact": read})
    sql = """
        select w.at, k.key from _wanted as w join _by_key as k on k.match = w.text
        union select w.at, c.key from _wanted as w join _by_contact as c on c.match = w.contact
        order by 1, 2
    """
    found = engine.arrow(sql, (), {"_wanted": wanted, "_by_key": by_key, "_by_contact": by_contact})
    fitting = set(found.column("at").to_pylist())
    unknown = tuple(text for n, text in enumerate(asked) if n not in fitting)
    return _append(store, listed, pc.unique(found.column("key").cast(pa.string())), unknown, progress)


def add_found(
    store: Store,
    segments: Segments,
    listed: MarketingList,
    engine: Engine,
    definition: Definition,
    progress: Progress = silent,
) -> Added:
    """Add the rows of a definition; see `Lists.add_found`."""
    _check_manual(listed)
    if definition.entity != listed.entity:
        raise ListError(f"The list {listed.name!r} is of {listed.entity}; rows of {definition.entity} cannot be on it.")
    keys = segments.keys(definition, engine).column("key")
    return _append(store, listed, pc.unique(keys.cast(pa.string())), (), progress)


def _append(store: Store, listed: MarketingList, keys: pa.Array, unknown: tuple[str, ...], progress: Progress) -> Added:
    """Write members behind those there are; a chunk that is written is on the list."""
    with generations.held(store, listed.id):
        generation, present = generations.shown(store, listed.id)
        is_present = pc.is_in(keys, present.combine_chunks())
        new = pa.chunked_array([pc.filter(keys, pc.invert(is_present))])
        own = (list_member.c.list_id == listed.id) & (list_member.c.generation == generation)
        with store.state.read() as connection:
            last = connection.execute(select(func.max(list_member.c.position)).where(own)).scalar()
        generations.write(store, listed.id, generation, new, progress, 0 if last is None else last + 1)
        with store.state.write() as connection:
            generations.show(connection, store, listed.id, generation)
    restored = mark(store, listed, "restore", keys).count
    return Added(len(new), restored, len(keys) - len(new) - restored, unknown)


def _check_manual(listed: MarketingList) -> None:
    if listed.source != "picked":
        raise ListError(f"The list {listed.name!r} is {listed.kind_label}; only a manual one is added to by hand.")
