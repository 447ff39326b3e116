"""The past of marketing lists: their versions, what changed between two, an old one made new, and copies."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, literal, select, update

from analytics.errors import NotFound
from analytics.lists.lists import Lists
from analytics.lists.records import MarketingList
from analytics.lists.stored import checked_name, refuse_taken
from analytics.lists.versions import ListVersion, note_version, versions_of
from analytics.model.entity import EntityModel
from analytics.segments import Change, Difference, copy_name, difference
from analytics.store import Store
from analytics.store.tables import list_member, list_state, marketing_list

_CHUNK = 10_000  # members a write takes; others wait meanwhile


class ListHistory:
    """What lists were before. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, lists: Lists) -> None:
        self._store, self._model, self._lists = store, model, lists

    def versions(self, name: MarketingList | str | int) -> tuple[ListVersion, ...]:
        """Return what every save of a list left, newest first; NotFound without the list."""
        found = self._lists.get(name)
        with self._store.state.write() as connection:
            note_version(connection, found.id)
            return versions_of(connection, found.id)

    def version(self, name: MarketingList | str | int, number: int) -> ListVersion:
        """Return one version; NotFound lists those there are."""
        kept = self.versions(name)
        found = next((v for v in kept if v.version == number), None)
        if found is None:
            raise NotFound(f"version of {self._lists.get(name).name!r}", number, [str(v.version) for v in kept])
        return found

    def diff(self, name: MarketingList | str | int, old: int, new: int) -> Difference:
        """Return what changed from one version to another, segment and contact included; NotFound without one."""
        before, after = self.version(name, old), self.version(name, new)
        more = []
        if before.segment != after.segment:
            more.append(Change(_on(before), _on(after)))
        if before.contact != after.contact:
            more.append(Change(f"reached by {before.contact}", f"reached by {after.contact}"))
        return difference(self._model, before.definition, after.definition, tuple(more))

    def restore(self, name: MarketingList | str | int, number: int) -> MarketingList:
        """Make an old version what the list is, as a new version; it is tested like any other.

        Members of a static list stay until it is refreshed. Raises NotFound without the version or the segment it was
        built on, SegmentError or ListError when it does not fit any more.
        """
        old = self.version(name, number)
        return self._lists.update(name, definition=old.definition, segment=old.segment, contact=old.contact)

    def clone(self, name: MarketingList | str | int, new_name: str | None = None) -> MarketingList:
        """Make a copy under another name, by default "Name copy" or the next free one; ListError when it is taken.

        A static list's copy has the same members. Who was removed or unsubscribed stays so in the copy; how often
        somebody was contacted is the old list's own.
        """
        found = self._lists.get(name)
        taken = [m.name for m in self._lists.all()]
        new_name = checked_name(new_name) if new_name is not None else copy_name(found.name, taken)
        with self._store.state.write() as connection:
            refuse_taken(connection, new_name, None)
            number = self._copy(connection, found.id, new_name)
            note_version(connection, number)
        if found.is_static:
            self._copy_members(found.id, number)
        return self._lists.get(number)

    def _copy(self, connection: Connection, list_id: int, name: str) -> int:
        """Copy a list's row and what is marked of its members; returns the copy's id."""
        now = self._store.clock.now()
        row = dict(connection.execute(select(marketing_list).where(marketing_list.c.id == list_id)).one()._mapping)
        del row["id"]
        row |= {"name": name, "version": 1, "generation": 0, "created_at": now, "updated_at": now}
        made = insert(marketing_list).values(**row).returning(marketing_list.c.id)
        number = int(connection.execute(made).scalar_one())
        state = list_state.c
        marks = select(literal(number), state.entity_key, state.removed_at, state.unsubscribed_at, literal(0)).where(
            state.list_id == list_id, state.removed_at.is_not(None) | state.unsubscribed_at.is_not(None)
        )
        columns = ["list_id", "entity_key", "removed_at", "unsubscribed_at", "contacted_times"]
        connection.execute(insert(list_state).from_select(columns, marks))
        return number

    def _copy_members(self, old: int, new: int) -> None:
        """Copy the members shown, in chunks, and show them by one last update: nobody sees half of them."""
        member = list_member.c
        with self._store.state.read() as connection:
            query = select(marketing_list.c.generation).where(marketing_list.c.id == old)
            generation = connection.execute(query).scalar_one()
            shown = (member.list_id == old) & (member.generation == generation)
            last = connection.execute(select(func.max(member.position)).where(shown)).scalar()
        for start in range(0, (-1 if last is None else last) + 1, _CHUNK):
            some = select(literal(new), literal(1), member.entity_key, member.position).where(
                shown, member.position.between(start, start + _CHUNK - 1)
            )
            with self._store.state.write() as connection:
                columns = ["list_id", "generation", "entity_key", "position"]
                connection.execute(insert(list_member).from_select(columns, some))
        with self._store.state.write() as connection:
            connection.execute(update(marketing_list).where(marketing_list.c.id == new).values(generation=1))


def _on(version: ListVersion) -> str:
    return "on no segment" if version.segment is None else f"on the segment “{version.segment}”"
