"""Who is on a list: pages of members, one member, how many there are, the audience of a sending, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from analytics.engine import Engine
from analytics.errors import ListError, NotFound
from analytics.lists.address import address_keys
from analytics.lists.export import write_csv
from analytics.lists.phones import country_path, read_phones
from analytics.lists.records import ListCounts, MarketingList, Members
from analytics.lists.state import removed_count, states_of
from analytics.lists.stored import contact_of
from analytics.model.address import address_key
from analytics.model.entity import ContactPath, Entity, EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Compiled, Definition, Output, Segments
from analytics.segments.catalogue import Given
from analytics.segments.shown import column_label, unique_labels
from analytics.segments.state import given_of, state_tables
from analytics.store import Store

_FIXED = ("position", "entity_key", "address", "address_key")
_COUNTRY = "_country"
_TIME = pa.timestamp("us", tz="UTC")


class MemberQueries:
    """Reads the members of lists. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments) -> None:
        self._store, self._model, self._segments = store, model, segments

    def page(
        self,
        engine: Engine,
        listed: MarketingList,
        limit: int = 100,
        offset: int = 0,
        search: str = "",
        *,
        removed: bool = False,
    ) -> Members:
        """Return a page of members in the list's order; `search` looks into key, title, contact and text columns.

        With `removed` the page is of rows taken out by hand instead.
        """
        entity, path = self._entity(listed)
        shown = self._shown(listed, entity)
        outputs = (Output("title", entity.title or entity.key), Output("address", path.path), *shown)
        looked_in = ((entity.title or entity.key, path.path), search.strip()) if search.strip() else None
        taken_out = Given.of_list("removed", listed.id)
        if removed:
            sources: dict[str, Any] = {"members": None, "without": None, "among": taken_out}
        else:
            sources = {"members": self._given_members(listed), "without": taken_out, "among": None}
        definition = Definition(listed.entity) if removed else listed.definition
        page = self._segments.compiler(engine).rows(
            definition, outputs, limit=limit, offset=offset, search=looked_in, **sources
        )
        number = self._segments.compiler(engine).rows(definition, (), search=looked_in, only_count=True, **sources)
        given = state_tables(self._store, {item.name: item for item in (*page.given, *number.given)}.values())
        rows = engine.arrow(page.sql, page.params, given)
        total = int(engine.value(number.sql, number.params, given))
        labels = ["Key", "Title", path.name.capitalize(), "Contacted", "Last contacted", "Subscribed"]
        own = [column_label(self._model, entity, c) for c in listed.definition.columns]
        return Members(self._with_state(listed, rows), tuple(unique_labels([*labels, *own])), total)

    def find(self, engine: Engine, listed: MarketingList, member: str) -> str:
        """Return the key of a member by key or by contact; NotFound when the list has no such member.

        Removed members are found too, so that they can be restored.
        """
        _, path = self._entity(listed)
        compiled = self._segments.compiler(engine).rows(
            listed.definition,
            (Output("address", path.path),),
            members=self._given_members(listed),
            search=((path.path,), member.strip()),
        )
        rows = self._run(engine, compiled)
        pairs = list(zip(rows.column("key").to_pylist(), rows.column("address").to_pylist(), strict=True))
        wanted = address_key(member)
        by_key = [key for key, _ in pairs if key == member.strip()]
        by_contact = [key for key, address in pairs if wanted is not None and address_key(address) == wanted]
        if not by_key and not by_contact:
            raise NotFound(f"member of {listed.name!r}", member, [str(key) for key, _ in pairs[:10]])
        return str((by_key or by_contact)[0])

    def counts(self, engine: Engine, listed: MarketingList) -> ListCounts:
        """Return how many members a list has, and how many of them cannot be reached."""
        _, path = self._entity(listed)
        country = self._country(listed, path)
        outputs = [Output("address", path.path), *([Output(_COUNTRY, country)] if country is not None else [])]
        compiled = self._segments.compiler(engine).rows(
            replace(listed.definition, sort=listed.definition.sort if listed.definition.limit is not None else ()),
            tuple(outputs),
            members=self._given_members(listed),
            without=Given.of_list("removed", listed.id),
        )
        with self._store.state.read() as connection:
            removed = removed_count(connection, listed.id)
            states = states_of(connection, listed.id)
        unsubscribed = [key for key, row in states.items() if row.unsubscribed_at is not None]
        given = {
            **given_of(self._store, compiled),
            "_unsubscribed": pa.table({"key": pa.array(unsubscribed, pa.string())}),
        }
        sql = f"""
            select count(*), count(*) filter (where u.key is not null),
                count(*) filter (where u.key is null and coalesce(trim(r.address), '') = '')
            from ({compiled.sql}) as r left join _unsubscribed as u on u.key = r.key
        """  # noqa: S608  # compiled by us, values are bound
        members, silent_ones, without = engine.rows(sql, compiled.params, given)[0]
        if listed.channel == "email":
            return ListCounts(members, removed, silent_ones, without)
        numbers = f"""
            select r.* from ({compiled.sql}) as r left join _unsubscribed as u on u.key = r.key
            where u.key is null and coalesce(trim(r.address), '') <> ''
        """  # noqa: S608  # compiled by us, values are bound
        keys = self._phones(engine.arrow(numbers, compiled.params, given)).column("key")
        usable = keys.drop_null()
        shared = len(usable) - len(usable.unique())
        return ListCounts(members, removed, silent_ones, without, keys.null_count, shared)

    def _country(self, listed: MarketingList, path: ContactPath) -> str | None:
        """Return the path of the country a telephone list's numbers are read with, if there is one."""
        return None if listed.channel == "email" else country_path(self._model, listed.entity, path.path)

    def _phones(self, rows: pa.Table) -> pa.Table:
        countries = rows.column(_COUNTRY) if _COUNTRY in rows.column_names else None
        return read_phones(rows.column("address"), countries, self._store.settings.phone_country)

    def audience(self, engine: Engine, listed: MarketingList, paths: Sequence[str] = ()) -> pa.Table:
        """Return who a sending to the list would meet, in the list's order, removed and unsubscribed rows left out.

        Columns: position (from 0), entity_key, address as it is, address_key (null when it cannot be used), title, and
        one named as each of `paths` (dotted, over to-one relations). A path called title takes the place of that
        column. A telephone list has a last column `problem`: why a number cannot be dialled, null where it can.
        Raises ListError for a path called like another of the fixed columns, SegmentError for one that is none.
        """
        entity, path = self._entity(listed)
        wanted = tuple(dict.fromkeys(paths))
        for fixed in _FIXED if listed.channel == "email" else (*_FIXED, "problem"):
            if fixed in wanted:
                raise ListError(
                    f"The field {fixed!r} of {entity.name} is called like a column every audience has; declare it "
                    f"under another name to use it in a template."
                )
        outputs = [Output("address", path.path)]
        if "title" not in wanted:
            outputs.append(Output("title", entity.title or entity.key))
        outputs += [Output(p, p) for p in wanted]
        country = self._country(listed, path)
        if country is not None:
            outputs.append(Output(_COUNTRY, country))
        compiled = self._segments.compiler(engine).rows(
            listed.definition,
            tuple(replace(o, name=f"c{n}") for n, o in enumerate(outputs)),
            members=self._given_members(listed),
            without=Given.of_list("silent", listed.id),
        )
        rows = self._run(engine, compiled).rename_columns(["entity_key", *(o.name for o in outputs)])
        if listed.channel == "email":
            rows = rows.add_column(2, "address_key", address_keys(rows.column("address")))
        else:
            read = self._phones(rows)
            rows = rows.drop_columns([_COUNTRY]) if country is not None else rows
            rows = rows.add_column(2, "address_key", read.column("key")).append_column(
                "problem", read.column("problem")
            )
        return rows.add_column(0, "position", pa.array(range(rows.num_rows), pa.int64()))

    def export(self, engine: Engine, listed: MarketingList, path: Path, progress: Progress = silent) -> int:
        """Write all members to a CSV file, guarded against formula injection; returns how many."""
        entity, contact = self._entity(listed)
        shown = self._shown(listed, entity)
        outputs = (Output("title", entity.title or entity.key), Output("address", contact.path), *shown)
        compiled = self._segments.compiler(engine).rows(
            listed.definition,
            outputs,
            members=self._given_members(listed),
            without=Given.of_list("removed", listed.id),
        )
        own = [column_label(self._model, entity, c) for c in listed.definition.columns]
        header = ["Key", "Title", contact.name.capitalize(), *own, "Contacted", "Last contacted", "Subscribed"]
        with self._store.state.read() as connection:
            states = states_of(connection, listed.id)
        return write_csv(path, unique_labels(header), self._cells(engine, compiled, states, progress))

    def _cells(
        self, engine: Engine, compiled: Compiled, states: dict[str, Any], progress: Progress
    ) -> Iterator[list[Any]]:
        done = 0
        for batch in engine.batches(compiled.sql, compiled.params, given=given_of(self._store, compiled)):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                state = states.get(row[0])
                last = state.last_contacted_at.isoformat() if state and state.last_contacted_at else None
                subscribed = "no" if state and state.unsubscribed_at else "yes"
                values = [v.isoformat() if isinstance(v, datetime) else v for v in row]
                yield [*values, state.contacted_times if state else 0, last, subscribed]
            done += batch.num_rows
            progress(done, None, "members")

    def _run(self, engine: Engine, compiled: Compiled) -> pa.Table:
        return engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))

    def _given_members(self, listed: MarketingList) -> Given | None:
        return Given.of_list("members", listed.id) if listed.is_static else None

    def _entity(self, listed: MarketingList) -> tuple[Entity, ContactPath]:
        entity = self._model.entity(listed.entity)
        return entity, contact_of(self._model, listed.entity, listed.contact)

    def _shown(self, listed: MarketingList, entity: Entity) -> tuple[Output, ...]:
        return tuple(Output(f"c{n}", c.source) for n, c in enumerate(listed.definition.columns))

    def _with_state(self, listed: MarketingList, rows: pa.Table) -> pa.Table:
        keys = rows.column("key").to_pylist()
        with self._store.state.read() as connection:
            found = states_of(connection, listed.id, keys)
        states = [found.get(key) for key in keys]
        times = pa.array([s.contacted_times if s else 0 for s in states], pa.int64())
        last = pa.array([s.last_contacted_at if s else None for s in states], _TIME)
        subscribed = pa.array([not (s and s.unsubscribed_at) for s in states], pa.bool_())
        rows = rows.rename_columns(["entity_key", *rows.column_names[1:]])
        for n, (name, values) in enumerate(
            [("contacted_times", times), ("last_contacted_at", last), ("is_subscribed", subscribed)]
        ):
            rows = rows.add_column(3 + n, name, values)
        return rows
