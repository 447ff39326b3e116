"""Marketing lists: who is meant, at which contact, and what is known of each member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, insert, select, update

from analytics.engine import Engine, read
from analytics.errors import ListError, NotFound
from analytics.lists.address import address_keys, phone_keys
from analytics.lists.export import write_csv
from analytics.lists.records import KINDS, ListCounts, MarketingList, Members, Refresh
from analytics.lists.refresh import difference, refresh
from analytics.lists.state import note_contacted, removed_count, set_mark, states_of
from analytics.model.address import address_key
from analytics.model.entity import ContactPath, Entity, EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Compiled, Definition, Output, Segments
from analytics.segments.catalogue import Given
from analytics.segments.segments import column_label, unique_labels
from analytics.segments.state import by_name, given_of, on_segment, state_tables
from analytics.store import Store
from analytics.store.tables import email_campaign, marketing_list
from analytics.store.tables import segment as segment_table

_NAME_LENGTH = 255
_FIXED = ("position", "entity_key", "address", "address_key")
_TIME = pa.timestamp("us", tz="UTC")


class Lists:
    """The marketing lists of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments) -> None:
        self._store, self._model, self._segments = store, model, segments

    # --- lists ---

    def create(
        self,
        name: str,
        definition: Definition | None = None,
        *,
        contact: str | None = None,
        segment: str | int | None = None,
        kind: str = "dynamic",
        channel: str | None = None,
        description: str | None = None,
        engine: Engine | None = None,
    ) -> MarketingList:
        """Make a list of a definition's rows, or of a stored segment's (then `definition` may add columns and sort).

        `contact` names the contact path of the entity. A static list gets its members at once, from `engine` or the
        newest snapshot. Raises ListError for a taken or unusable name, for an entity without contacts and a contact it
        does not have; SegmentError for a definition that does not fit; NotFound without the segment.
        """
        name = _checked_name(name)
        if kind not in KINDS:
            raise ListError(f"{kind!r} is no kind of list; there are {', '.join(KINDS)}.")
        stored = None if segment is None else self._segments.get(segment)
        if definition is None and stored is None:
            raise ListError(f"The list {name!r} needs a definition or a stored segment that says who is on it.")
        own = definition or Definition(stored.definition.entity if stored else "")
        if stored is not None and own.entity != stored.definition.entity:
            raise ListError(
                f"The segment {stored.name!r} is of {stored.definition.entity}; a list of {own.entity} cannot use it."
            )
        path = self._contact(own.entity, contact, channel)
        self._segments.check(on_segment(own, stored.name, stored.definition) if stored else own)
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            _refuse_taken(connection, name, None)
            statement = insert(marketing_list).values(
                name=name,
                description=description,
                entity=own.entity,
                kind=kind,
                channel=path.channel,
                contact=path.name,
                definition=own.to_document(),
                segment_id=stored.id if stored else None,
                version=1,
                generation=0,
                created_at=now,
                updated_at=now,
            )
            number = connection.execute(statement.returning(marketing_list.c.id)).scalar_one()
        if kind == "static":
            self.refresh(number, engine)
        return self.get(number)

    def update(
        self,
        marketing_list_: MarketingList | str | int,
        *,
        name: str | None = None,
        description: str | None = None,
        definition: Definition | None = None,
        segment: str | int | None = None,
        contact: str | None = None,
    ) -> MarketingList:
        """Change what is given and leave the rest; a change of who is meant or how raises the version.

        A definition given without `segment` takes the segment's place. Raises what `create` raises, and ListError when
        the entity would change: the state of members would lose its meaning.
        """
        present = self.get(marketing_list_)
        values: dict[str, Any] = {"updated_at": self._store.clock.now()}
        meant: dict[str, Any] = {}
        if name is not None:
            values["name"] = _checked_name(name)
        if description is not None:
            values["description"] = description
        if definition is not None or segment is not None:
            stored = None if segment is None else self._segments.get(segment)
            own = definition or Definition(present.entity)
            entity = stored.definition.entity if stored else own.entity
            if entity != present.entity or own.entity != present.entity:
                raise ListError(
                    f"The list {present.name!r} is of {present.entity} and cannot become one of {entity}; make another."
                )
            self._segments.check(on_segment(own, stored.name, stored.definition) if stored else own)
            meant |= {"definition": own.to_document(), "segment_id": stored.id if stored else None}
        if contact is not None:
            path = self._contact(present.entity, contact, None)
            meant |= {"contact": path.name, "channel": path.channel}
        if meant:
            meant["version"] = marketing_list.c.version + 1
        with self._store.state.write() as connection:
            if name is not None:
                _refuse_taken(connection, values["name"], present.id)
            statement = update(marketing_list).where(marketing_list.c.id == present.id).values(**values, **meant)
            connection.execute(statement)
        return self.get(present.id)

    def get(self, name: MarketingList | str | int) -> MarketingList:
        """Return the list of this name (whatever its case) or id; NotFound lists those there are."""
        wanted = name.id if isinstance(name, MarketingList) else name
        with self._store.state.read() as connection:
            found = by_name(connection, marketing_list, wanted, ())
            if found is None:
                names = connection.execute(select(marketing_list.c.name).order_by(marketing_list.c.name))
                raise NotFound("marketing list", wanted, [row.name for row in names])
            return _read(connection, found.id)[0]

    def all(self) -> tuple[MarketingList, ...]:
        """Return every list, by name."""
        with self._store.state.read() as connection:
            return tuple(sorted(_read(connection), key=lambda m: m.name.casefold()))

    def delete(self, name: MarketingList | str | int) -> None:
        """Delete a list with the state of its members; ListError when an email campaign uses it."""
        found = self.get(name)
        with self._store.state.write() as connection:
            query = select(email_campaign.c.name).where(email_campaign.c.list_id == found.id)
            users = [row.name for row in connection.execute(query)]
            if users:
                raise ListError(
                    f"The list {found.name!r} is what the email campaign {', '.join(map(repr, users))} goes to; "
                    f"delete that first."
                )
            connection.execute(delete(marketing_list).where(marketing_list.c.id == found.id))

    # --- members ---

    def preview_refresh(self, name: MarketingList | str | int, engine: Engine) -> Refresh:
        """Return what a refresh of a static list would change."""
        return difference(self._store, self._segments, self._static(name), engine)

    def refresh(
        self, name: MarketingList | str | int, engine: Engine | None = None, progress: Progress = silent
    ) -> Refresh:
        """Make a static list's members what its definition gives now (or on `engine`); returns what changed."""
        listed = self._static(name)
        if engine is not None:
            return refresh(self._store, self._segments, listed, engine, progress)
        return read(self._store, lambda fresh: refresh(self._store, self._segments, listed, fresh, progress))

    def members(
        self,
        engine: Engine,
        name: MarketingList | str | int,
        limit: int = 100,
        offset: int = 0,
        search: str = "",
        *,
        removed: bool = False,
    ) -> Members:
        """Return a page of members in the list's order; `search` looks into key, title, contact and text columns.

        With `removed` the page is of rows taken out by hand instead.
        """
        listed = self.get(name)
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

    def find(self, engine: Engine, name: MarketingList | str | int, member: str) -> str:
        """Return the key of a member by key or by contact; NotFound when the list has no such member.

        Removed members are found too, so that they can be restored.
        """
        listed = self.get(name)
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

    def counts(self, engine: Engine, name: MarketingList | str | int) -> ListCounts:
        """Return how many members a list has, and how many of them cannot be reached."""
        listed = self.get(name)
        _, path = self._entity(listed)
        compiled = self._segments.compiler(engine).rows(
            replace(listed.definition, sort=listed.definition.sort if listed.definition.limit is not None else ()),
            (Output("address", path.path),),
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
        return ListCounts(members, removed, silent_ones, without)

    def audience(self, engine: Engine, name: MarketingList | str | int, paths: Sequence[str] = ()) -> pa.Table:
        """Return who a sending to the list would meet, in the list's order, removed and unsubscribed rows left out.

        Columns: position (from 0), entity_key, address as it is, address_key (null when it cannot be used), title, and
        one named as each of `paths` (dotted, over to-one relations). A path called title takes the place of that
        column. Raises ListError for a path called like another of the fixed columns, SegmentError for one that is none.
        """
        listed = self.get(name)
        entity, path = self._entity(listed)
        wanted = tuple(dict.fromkeys(paths))
        for fixed in _FIXED:
            if fixed in wanted:
                raise ListError(
                    f"The field {fixed!r} of {entity.name} is called like a column every audience has; declare it "
                    f"under another name to use it in a template."
                )
        outputs = [Output("address", path.path)]
        if "title" not in wanted:
            outputs.append(Output("title", entity.title or entity.key))
        outputs += [Output(p, p) for p in wanted]
        compiled = self._segments.compiler(engine).rows(
            listed.definition,
            tuple(replace(o, name=f"c{n}") for n, o in enumerate(outputs)),
            members=self._given_members(listed),
            without=Given.of_list("silent", listed.id),
        )
        rows = self._run(engine, compiled).rename_columns(["entity_key", *(o.name for o in outputs)])
        keys_of = address_keys if listed.channel == "email" else phone_keys
        rows = rows.add_column(2, "address_key", keys_of(rows.column("address")))
        return rows.add_column(0, "position", pa.array(range(rows.num_rows), pa.int64()))

    def export(self, engine: Engine, name: MarketingList | str | int, path: Path, progress: Progress = silent) -> int:
        """Write all members to a CSV file, guarded against formula injection; returns how many."""
        listed = self.get(name)
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

    # --- state of members ---

    def remove(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Take rows out of the list by hand: hidden and never mailed. Returns how many were in."""
        return self._mark(name, keys, "removed_at", True)

    def restore(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Put removed rows back. Returns how many were out."""
        return self._mark(name, keys, "removed_at", False)

    def unsubscribe(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Note that rows do not want this list: shown, not mailed. Returns how many were subscribed."""
        return self._mark(name, keys, "unsubscribed_at", True)

    def resubscribe(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Take back an unsubscription. Returns how many were unsubscribed."""
        return self._mark(name, keys, "unsubscribed_at", False)

    def contacted(self, connection: Connection, list_id: int, entity_keys: Iterable[str], at: datetime) -> None:
        """Count one more contact of each row, in the caller's transaction (batches of some thousand)."""
        note_contacted(connection, list_id, entity_keys, at)

    def _mark(self, name: MarketingList | str | int, keys: Iterable[str], column: str, marked: bool) -> int:
        listed = self.get(name)
        at = self._store.clock.now() if marked else None
        with self._store.state.write() as connection:
            return set_mark(connection, listed.id, keys, column, at)

    # --- parts ---

    def _run(self, engine: Engine, compiled: Compiled) -> pa.Table:
        return engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))

    def _static(self, name: MarketingList | str | int) -> MarketingList:
        listed = self.get(name)
        if not listed.is_static:
            raise ListError(f"The list {listed.name!r} is dynamic: it is always fresh. Only a static one is refreshed.")
        return listed

    def _given_members(self, listed: MarketingList) -> Given | None:
        return Given.of_list("members", listed.id) if listed.is_static else None

    def _entity(self, listed: MarketingList) -> tuple[Entity, ContactPath]:
        entity = self._model.entity(listed.entity)
        return entity, self._contact(listed.entity, listed.contact, None)

    def _shown(self, listed: MarketingList, entity: Entity) -> tuple[Output, ...]:
        return tuple(Output(f"c{n}", c.source) for n, c in enumerate(listed.definition.columns))

    def _contact(self, entity_name: str, contact: str | None, channel: str | None) -> ContactPath:
        """Return the contact path of an entity by name; ListError listing those it has."""
        entity = self._model.entities.get(entity_name)
        targetable = ", ".join(e.name for e in self._model.targetable())
        if entity is None or not entity.contacts:
            raise ListError(
                f"{entity_name!r} has no contact to reach its rows at, so it cannot be a list; there are {targetable}."
            )
        fitting = [c for c in entity.contacts if channel in (None, c.channel)]
        known = ", ".join(f"{c.name} ({c.channel}, {c.path})" for c in entity.contacts)
        if not fitting:
            raise ListError(f"{entity.name} has no contact of the channel {channel!r}; it has {known}.")
        if contact is None:
            raise ListError(f"A list of {entity.name} needs a contact; it has {known}.")
        found = next((c for c in fitting if contact in (c.name, c.path)), None)
        if found is None:
            raise ListError(
                f"{entity.name} has no {channel or ''} contact {contact!r}; it has {known}.".replace("  ", " ")
            )
        return found

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


def _read(connection: Connection, list_id: int | None = None) -> list[MarketingList]:
    query = select(
        marketing_list, segment_table.c.name.label("segment"), segment_table.c.definition.label("stored")
    ).outerjoin(segment_table, segment_table.c.id == marketing_list.c.segment_id)
    if list_id is not None:
        query = query.where(marketing_list.c.id == list_id)
    return [_made(row) for row in connection.execute(query)]


def _made(row: Any) -> MarketingList:
    own = Definition.from_document(row.definition)
    meant = own if row.segment is None else on_segment(own, row.segment, Definition.from_document(row.stored))
    return MarketingList(
        id=row.id,
        name=row.name,
        description=row.description,
        entity=row.entity,
        kind=row.kind,
        channel=row.channel,
        contact=row.contact,
        definition=meant,
        own=own,
        segment=row.segment,
        version=row.version,
        generation=row.generation,
        refreshed_at=row.refreshed_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _NAME_LENGTH or any(not ch.isprintable() for ch in name):
        raise ListError(f"{name!r} is no name for a list; give it 1 to {_NAME_LENGTH} printable characters.")
    return name


def _refuse_taken(connection: Connection, name: str, own_id: int | None) -> None:
    taken = by_name(connection, marketing_list, name, ())
    if taken is not None and taken.id != own_id and taken.name.casefold() == name.casefold():
        raise ListError(f"There is a list {taken.name!r} already; choose another name.")
