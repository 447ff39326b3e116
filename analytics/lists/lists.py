"""Marketing lists: who is meant, at which contact, and what is known of each member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, insert, select, update

from analytics.engine import Engine, read
from analytics.errors import ListError, NotFound
from analytics.lists import picking
from analytics.lists.combining import combined
from analytics.lists.export import write_members
from analytics.lists.marks import Action, Marked, mark
from analytics.lists.members import MemberQueries
from analytics.lists.picking import Added
from analytics.lists.reasons import Reason, reason
from analytics.lists.records import KINDS, SOURCES, ListCounts, MarketingList, Members, Refresh
from analytics.lists.refresh import difference, refresh
from analytics.lists.state import note_contacted
from analytics.lists.stored import check_named, checked_name, contact_of, read_lists, refuse_taken
from analytics.lists.versions import note_version
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Definition, Segments
from analytics.segments.state import by_name, on_segment
from analytics.segments.uses import lists_named
from analytics.store import Store
from analytics.store.tables import call_campaign, email_campaign, marketing_list


class Lists:
    """The marketing lists of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments) -> None:
        self._store, self._model, self._segments = store, model, segments
        self._members = MemberQueries(store, model, segments)

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
        keeps_contacted: bool = False,
        source: str = "definition",
        engine: Engine | None = None,
    ) -> MarketingList:
        """Make a list of a definition's rows, or of a stored segment's (then `definition` may add columns and sort).

        `contact` names the contact path of the entity. A static list gets its members at once, from `engine` or the
        newest snapshot. With `keeps_contacted` rows once contacted through the list stay on it, whatever its definition
        gives later, until they are removed by hand. A `source` picked or uploaded makes an empty list whose members
        people name; its definition says what is shown of them. Raises ListError for a taken or unusable name, for an
        entity without contacts and a contact it does not have; SegmentError for a definition that does not fit;
        NotFound without the segment.
        """
        name = checked_name(name)
        if kind not in KINDS:
            raise ListError(f"{kind!r} is no kind of list; there are {', '.join(KINDS)}.")
        if source not in SOURCES:
            raise ListError(f"{source!r} is nowhere members come from; there are {', '.join(SOURCES)}.")
        kind = kind if source == "definition" else "static"
        stored = None if segment is None else self._segments.get(segment)
        if definition is None and stored is None:
            raise ListError(f"The list {name!r} needs a definition or a stored segment that says who is on it.")
        own = definition or Definition(stored.definition.entity if stored else "")
        if stored is not None and own.entity != stored.definition.entity:
            raise ListError(
                f"The segment {stored.name!r} is of {stored.definition.entity}; a list of {own.entity} cannot use it."
            )
        path = contact_of(self._model, own.entity, contact, channel)
        if source != "definition":
            check_named(name, source, own, stored is not None, keeps_contacted)
        self._test(name, kind, on_segment(own, stored.name, stored.definition) if stored else own)
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            refuse_taken(connection, name, None)
            statement = insert(marketing_list).values(
                name=name,
                description=description,
                entity=own.entity,
                kind=kind,
                channel=path.channel,
                contact=path.name,
                definition=own.to_document(),
                segment_id=stored.id if stored else None,
                keeps_contacted=keeps_contacted,
                source=source,
                version=1,
                generation=0,
                created_at=now,
                updated_at=now,
            )
            number = connection.execute(statement.returning(marketing_list.c.id)).scalar_one()
            note_version(connection, number)
        if kind == "static" and source == "definition":
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
        keeps_contacted: bool | None = None,
    ) -> MarketingList:
        """Change what is given and leave the rest; a change of who is meant or how raises the version.

        A definition given without `segment` takes the segment's place. Raises what `create` raises, and ListError when
        the entity would change: the state of members would lose its meaning.
        """
        present = self.get(marketing_list_)
        values: dict[str, Any] = {"updated_at": self._store.clock.now()}
        meant: dict[str, Any] = {}
        if name is not None:
            values["name"] = checked_name(name)
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
            if present.source != "definition":
                check_named(present.name, present.source, own, stored is not None, False)
            meant_now = on_segment(own, stored.name, stored.definition) if stored else own
            self._test(present.name, present.kind, meant_now)
            meant |= {"definition": own.to_document(), "segment_id": stored.id if stored else None}
        if contact is not None:
            path = contact_of(self._model, present.entity, contact)
            meant |= {"contact": path.name, "channel": path.channel}
        if keeps_contacted and present.source != "definition":
            check_named(present.name, present.source, present.own, False, True)
        if keeps_contacted is not None and keeps_contacted != present.keeps_contacted:
            meant["keeps_contacted"] = keeps_contacted
        if meant:
            meant["version"] = marketing_list.c.version + 1
        with self._store.state.write() as connection:
            if name is not None:
                refuse_taken(connection, values["name"], present.id)
                if values["name"].casefold() != present.name.casefold():
                    _refuse_when_named(connection, present)
            note_version(connection, present.id)  # of a list older than its versions
            statement = update(marketing_list).where(marketing_list.c.id == present.id).values(**values, **meant)
            connection.execute(statement)
            note_version(connection, present.id)
        return self.get(present.id)

    def get(self, name: MarketingList | str | int) -> MarketingList:
        """Return the list of this name (whatever its case) or id; NotFound lists those there are."""
        wanted = name.id if isinstance(name, MarketingList) else name
        with self._store.state.read() as connection:
            found = by_name(connection, marketing_list, wanted, ())
            if found is None:
                names = connection.execute(select(marketing_list.c.name).order_by(marketing_list.c.name))
                raise NotFound("marketing list", wanted, [row.name for row in names])
            return read_lists(connection, found.id)[0]

    def all(self) -> tuple[MarketingList, ...]:
        """Return every list, by name."""
        with self._store.state.read() as connection:
            return tuple(sorted(read_lists(connection), key=lambda m: m.name.casefold()))

    def delete(self, name: MarketingList | str | int) -> None:
        """Delete a list with the state of its members; ListError when a campaign or a condition uses it."""
        found = self.get(name)
        with self._store.state.write() as connection:
            query = select(email_campaign.c.name).where(email_campaign.c.list_id == found.id)
            users = [row.name for row in connection.execute(query)]
            if users:
                raise ListError(
                    f"The list {found.name!r} is what the email campaign {', '.join(map(repr, users))} goes to; "
                    f"delete that first."
                )
            query = select(call_campaign.c.name).where(call_campaign.c.list_id == found.id)
            callers = [row.name for row in connection.execute(query)]
            if callers:
                raise ListError(
                    f"The list {found.name!r} is whom the call campaign {', '.join(map(repr, callers))} calls; "
                    f"delete that first."
                )
            _refuse_when_named(connection, found)
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
        sort: tuple[str, bool] | None = None,
    ) -> Members:
        """Return a page of members; `search` looks into key, title, contact and text columns.

        `sort` is (column, descending), the column by its name or label, what is known of members included; by default
        the order is the list's. With `removed` the page is of rows taken out by hand instead. Raises ListError for a
        column the list does not show.
        """
        return self._members.page(engine, self.get(name), limit, offset, search, removed=removed, sort=sort)

    def labels(self, name: MarketingList | str | int) -> tuple[str, ...]:
        """Return what the columns of a page of members are called, all different."""
        return self._members.labels(self.get(name))

    def find(self, engine: Engine, name: MarketingList | str | int, member: str) -> str:
        """Return the key of a member by key or by contact; NotFound when the list has no such member.

        Removed members are found too, so that they can be restored.
        """
        return self._members.find(engine, self.get(name), member)

    def counts(self, engine: Engine, name: MarketingList | str | int) -> ListCounts:
        """Return how many members a list has, and how many of them cannot be reached."""
        return self._members.counts(engine, self.get(name))

    def audience(self, engine: Engine, name: MarketingList | str | int, paths: Sequence[str] = ()) -> pa.Table:
        """Return who a sending to the list would meet, in the list's order, removed and unsubscribed rows left out.

        Columns: position (from 0), entity_key, address as it is, address_key (null when it cannot be used), title, and
        one named as each of `paths` (dotted, over to-one relations). A path called title takes the place of that
        column. Raises ListError for a path called like another of the fixed columns, SegmentError for one that is none.
        """
        return self._members.audience(engine, self.get(name), paths)

    def export(self, engine: Engine, name: MarketingList | str | int, path: Path, progress: Progress = silent) -> int:
        """Write all members to a .csv, .xlsx or .parquet file, whole or not at all; returns how many.

        Columns are those of a page. Where a spreadsheet reads the file, text it would take for a formula is made plain.
        Raises ListError for another ending, and for what cannot be written or is too much for a worksheet.
        """
        listed = self.get(name)
        total = self._members.total(engine, listed)
        batches = self._members.batches(engine, listed)
        count = 0
        for count in write_members(path, self._members.labels(listed), batches, self._store.settings.timezone):
            progress(count, total, "members")
        return count

    # --- state of members ---

    def remove(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Take rows out of the list by hand: hidden and never mailed. Returns how many were in."""
        return self.mark(name, "remove", keys).count

    def restore(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Put removed rows back. Returns how many were out."""
        return self.mark(name, "restore", keys).count

    def unsubscribe(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Note that rows do not want this list: shown, not mailed. Returns how many were subscribed."""
        return self.mark(name, "unsubscribe", keys).count

    def resubscribe(self, name: MarketingList | str | int, keys: Iterable[str]) -> int:
        """Take back an unsubscription. Returns how many were unsubscribed."""
        return self.mark(name, "resubscribe", keys).count

    def mark(
        self, name: MarketingList | str | int, action: Action, keys: Iterable[str], progress: Progress = silent
    ) -> Marked:
        """Remove, restore, unsubscribe or resubscribe rows; returns which ones changed."""
        return mark(self._store, self.get(name), action, keys, progress)

    def mark_all(
        self,
        engine: Engine,
        name: MarketingList | str | int,
        action: Action,
        search: str = "",
        progress: Progress = silent,
    ) -> Marked:
        """Do so with every member that matches a search (to restore: every removed row); written in chunks."""
        listed = self.get(name)
        keys = self._members.keys(engine, listed, search, removed=action == "restore")
        return mark(self._store, listed, action, keys, progress)

    def undo(self, marked: Marked, progress: Progress = silent) -> int:
        """Take back what marking members did, for those that changed; returns how many changed back."""
        return mark(self._store, self.get(marked.list_id), marked.opposite, marked.keys, progress).count

    def contacted(self, connection: Connection, list_id: int, entity_keys: Iterable[str], at: datetime) -> None:
        """Count one more contact of each row, in the caller's transaction (batches of some thousand)."""
        note_contacted(connection, list_id, entity_keys, at)

    def explain(self, engine: Engine, name: MarketingList | str | int, member: str) -> Reason:
        """Return whether a row, named by key or address, is on a list, and why; SegmentError without such a row."""
        return reason(self._store, self._segments, self.get(name), engine, member)

    def combine(
        self,
        name: str,
        operation: str,
        lists: Sequence[MarketingList | str | int],
        *,
        kind: str = "dynamic",
        contact: str | None = None,
        engine: Engine | None = None,
    ) -> MarketingList:
        """Make a list of others: their union, their intersection, or the first minus the rest.

        A dynamic one follows them, a static one is a copy of who is on them now. Its contact is by default that of
        the first. Raises ListError as `create` does, and for lists that cannot be combined.
        """
        found = [self.get(one) for one in lists]
        definition = combined(operation, found)
        return self.create(name, definition, contact=contact or found[0].contact, kind=kind, engine=engine)

    # --- manual lists ---

    def add(
        self,
        engine: Engine,
        name: MarketingList | str | int,
        members: Iterable[str],
        progress: Progress = silent,
    ) -> Added:
        """Put rows, named by key or by address, at the end of a manual list; a removed one comes back.

        An address that several rows share adds them all. Raises ListError for a list that is not manual.
        """
        listed = self.get(name)
        return picking.add(self._store, self._model, self._segments, listed, engine, members, progress)

    def add_found(
        self, engine: Engine, name: MarketingList | str | int, definition: Definition, progress: Progress = silent
    ) -> Added:
        """Put the rows of a definition at the end of a manual list of the same entity, in its order."""
        listed = self.get(name)
        return picking.add_found(self._store, self._segments, listed, engine, definition, progress)

    # --- parts ---

    def _test(self, name: str, kind: str, definition: Definition) -> None:
        self._segments.test(definition, dynamic_list=name if kind == "dynamic" else None)

    def _static(self, name: MarketingList | str | int) -> MarketingList:
        listed = self.get(name)
        if not listed.is_static:
            raise ListError(f"The list {listed.name!r} is dynamic: it is always fresh. Only a static one is refreshed.")
        if not listed.is_refreshable:
            raise ListError(
                f"The list {listed.name!r} is {listed.kind_label}: people say who is on it, so there is nothing to "
                f"refresh it from."
            )
        return listed


def _refuse_when_named(connection: Connection, listed: MarketingList) -> None:
    """Raise ListError when the conditions of a segment or of another list name a list."""
    found = lists_named(connection, listed.id, listed.name)
    if found:
        raise ListError(f"The list {listed.name!r} is named by {', '.join(found)}; change that first.")
