"""What the state database knows that segments look at: stored segments, lists, campaigns, members and their state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Table, case, func, select

from analytics.errors import SegmentError
from analytics.segments.catalogue import Given, ListSource, RfmRules
from analytics.segments.compiler import Compiled
from analytics.segments.definition import Definition, InSegment
from analytics.segments.kept import Kept
from analytics.store import Store
from analytics.store.tables import (
    consent,
    email_campaign,
    list_member,
    list_state,
    marketing_list,
    segment,
    tag,
    topic,
)

_TIME = pa.timestamp("us", tz="UTC")
_CHUNK = 20_000


class StoredCatalogue:
    """The catalogue of a workspace: names are matched whatever their case, a number in digits is an id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def segment(self, name: str, place: str) -> Definition:
        """Return a stored segment's definition; SegmentError at `place` lists those there are."""
        found = self._found(segment, name, "segment", place, (segment.c.definition,))
        return Definition.from_document(found.definition)

    def marketing_list(self, name: str, place: str) -> ListSource:
        """Return a marketing list; SegmentError at `place` lists those there are."""
        columns = (
            marketing_list.c.kind,
            marketing_list.c.definition,
            marketing_list.c.segment_id,
            marketing_list.c.keeps_contacted,
        )
        found = self._found(marketing_list, name, "marketing list", place, columns)
        definition = Definition.from_document(found.definition)
        if found.segment_id is not None:
            with self._store.state.read() as connection:
                stored = connection.execute(select(segment).where(segment.c.id == found.segment_id)).one()
            definition = on_segment(definition, stored.name, Definition.from_document(stored.definition))
        return ListSource(found.id, found.name, found.kind == "static", definition, found.keeps_contacted)

    def email_campaign(self, name: str, place: str) -> int:
        """Return the number of an email campaign; SegmentError at `place` lists those there are."""
        return int(self._found(email_campaign, name, "email campaign", place, ()).id)

    def rfm_rules(self) -> RfmRules:
        """Return the rules the workspace's settings give."""
        settings = self._store.settings
        return RfmRules(
            days=settings.rfm_days,
            currency=settings.base_currency,
            recency=settings.rfm_recency,
            frequency=settings.rfm_frequency,
            monetary=settings.rfm_monetary,
        )

    def topic(self, name: str, place: str) -> int:
        """Return the number of a topic; SegmentError at `place` lists those there are."""
        return int(self._found(topic, name, "topic", place, ()).id)

    def _found(self, table: Table, name: str, kind: str, place: str, columns: Sequence[Column[Any]]) -> Any:
        with self._store.state.read() as connection:
            found = by_name(connection, table, name, columns)
            if found is not None:
                return found
            names = [row.name for row in connection.execute(select(table.c.name).order_by(table.c.name))]
        known = f"there are {', '.join(names)}" if names else f"there is no {kind} yet"
        raise SegmentError(f"{place}: no {kind} {name!r}; {known}.")


def by_name(connection: Connection, table: Table, name: str | int, columns: Sequence[Column[Any]]) -> Any | None:
    """Return id, name and `columns` of the row with this name, whatever its case, or with this id, or None."""
    rows = connection.execute(select(table.c.id, table.c.name)).all()
    text = str(name).strip()
    folded = text.casefold()
    found = next((r for r in rows if r.name.casefold() == folded), None)
    if found is None and text.isdecimal():
        found = next((r for r in rows if r.id == int(text)), None)
    if found is None:
        return None
    return connection.execute(select(table.c.id, table.c.name, *columns).where(table.c.id == found.id)).one()


def on_segment(own: Definition, name: str, stored: Definition) -> Definition:
    """Return the definition of a list built on a stored segment: its rows, and `own` columns, sort and conditions."""
    from analytics.segments.definition import All

    if own.sql is not None:
        raise SegmentError(
            f"A list on the segment {name!r} narrows it by conditions, not by SQL; take one of the two out."
        )
    member = InSegment(name)
    where = member if own.where is None else All((member, own.where))
    return Definition(
        entity=stored.entity,
        where=where,
        columns=own.columns or stored.columns,
        sort=own.sort or stored.sort,
        limit=own.limit,
    )


def state_tables(store: Store, given: Iterable[Given]) -> dict[str, pa.Table]:
    """Return the tables a query needs beside the lake's, by name."""
    wanted = list(given)
    found = {item.name: item.source() for item in wanted if item.source is not None}
    stored = [item for item in wanted if item.source is None]
    if not stored:
        return found
    with store.state.read() as connection:
        return found | {item.name: _table(store, connection, item) for item in stored}


def given_of(store: Store, compiled: Compiled) -> dict[str, pa.Table]:
    """Return the tables of the state a compiled query needs, by name."""
    return state_tables(store, compiled.given)


def _table(store: Store, connection: Connection, given: Given) -> pa.Table:
    match given.what:
        case "members":
            return _members(store, connection, given.list_id)
        case "removed":
            query = select(list_state.c.entity_key).where(
                list_state.c.list_id == given.list_id, list_state.c.removed_at.is_not(None)
            )
            return _arrow(connection, query, entity_key=pa.string())
        case "unsubscribed":
            query = select(list_state.c.entity_key).where(
                list_state.c.list_id == given.list_id, list_state.c.unsubscribed_at.is_not(None)
            )
            return _arrow(connection, query, entity_key=pa.string())
        case "known":
            query = select(
                list_state.c.entity_key,
                list_state.c.contacted_times,
                list_state.c.last_contacted_at,
                case((list_state.c.unsubscribed_at.is_(None), 0), else_=1),
            ).where(list_state.c.list_id == given.list_id)
            columns = {"entity_key": pa.string(), "times": pa.int64(), "last": _TIME, "unsubscribed": pa.int8()}
            return _arrow(connection, query, **columns)
        case "silent":
            query = select(list_state.c.entity_key).where(
                list_state.c.list_id == given.list_id,
                list_state.c.removed_at.is_not(None) | list_state.c.unsubscribed_at.is_not(None),
            )
            return _arrow(connection, query, entity_key=pa.string())
        case "tagged":
            return _tagged(connection, given)
        case "consents":
            query = select(
                consent.c.address_key, case((consent.c.granted, 1), else_=0), consent.c.at, consent.c.id
            ).where(consent.c.topic_id == given.topic_id)
            columns = {"address_key": pa.string(), "granted": pa.int8(), "said_at": _TIME, "id": pa.int64()}
            return _arrow(connection, query, **columns)
        case "contacted":
            columns = {"entity_key": pa.string(), "times": pa.int64(), "last": _TIME}
            if given.list_id is not None:
                query = select(
                    list_state.c.entity_key, list_state.c.contacted_times, list_state.c.last_contacted_at
                ).where(list_state.c.list_id == given.list_id, list_state.c.contacted_times > 0)
                return _arrow(connection, query, **columns)
            query = (
                select(
                    list_state.c.entity_key,
                    func.sum(list_state.c.contacted_times),
                    func.max(list_state.c.last_contacted_at),
                )
                .join(marketing_list, marketing_list.c.id == list_state.c.list_id)
                .where(marketing_list.c.entity == given.entity, list_state.c.contacted_times > 0)
                .group_by(list_state.c.entity_key)
            )
            return _arrow(connection, query, **columns)
        case "query":
            raise AssertionError(f"{given.name} has its own source")


def _tagged(connection: Connection, given: Given) -> pa.Table:
    query = select(tag.c.entity_key, tag.c.name).where(tag.c.entity == given.entity)
    if given.tags:
        names = connection.execute(select(tag.c.name).where(tag.c.entity == given.entity).distinct()).scalars()
        query = query.where(tag.c.name.in_([name for name in names if name.casefold() in given.tags]))
    return _arrow(connection, query, entity_key=pa.string(), tag=pa.string())


def _members(store: Store, connection: Connection, list_id: int | None) -> pa.Table:
    """Members of one generation never change but by more of them, so they are read once."""
    listed = connection.execute(select(marketing_list).where(marketing_list.c.id == list_id)).one()
    own = (list_member.c.list_id == list_id) & (list_member.c.generation == listed.generation)
    count = connection.execute(select(func.count()).select_from(list_member).where(own)).scalar_one()
    key = (str(store.folder.root), store.instance, list_id, listed.created_at, listed.refreshed_at, count)
    query = select(list_member.c.entity_key, list_member.c.position).where(own)
    return _kept.get(
        (*key, listed.generation),
        lambda: _arrow(connection, query, entity_key=pa.string(), position=pa.int64()),
    )


_kept = Kept()


def _arrow(connection: Connection, query: Any, **types: pa.DataType) -> pa.Table:
    # The driver's own rows, some at a time: a million members through SQLAlchemy's rows took ten times as long.
    # Times are microseconds in the database.
    schema = pa.schema(list(types.items()))
    cursor = connection.execute(query).cursor
    batches = []
    while cursor is not None and (rows := cursor.fetchmany(_CHUNK)):
        columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(schema)]
        batches.append(pa.record_batch(columns, schema=schema))
    return pa.Table.from_batches(batches, schema)
