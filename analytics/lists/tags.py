"""Tags: short words people put on rows of any entity, to find them again and to segment by.

A tag belongs to one entity; its name is matched whatever its case and keeps the spelling it was first given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from analytics.errors import ListError
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import tag

_MANY = 500
_CHUNK = 20_000  # rows of one transaction, so that nobody waits for it
_LONGEST = 100


@dataclass(frozen=True)
class TagCount:
    """A tag of an entity, and how many rows bear it."""

    entity: str
    name: str
    rows: int


class Tags:
    """The tags of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model

    def add(self, entity: str, name: str, keys: Iterable[str]) -> int:
        """Put a tag on the rows with these keys; returns how many did not bear it before.

        Raises ModelError for an unknown entity, ListError for what is no name of a tag.
        """
        self._model.entity(entity)
        wanted, now, added = _checked(name), self._store.clock.now(), 0
        for chunk in _chunks(list(dict.fromkeys(keys)), _CHUNK):
            with self._store.state.write() as connection:
                spelt = _spelling(connection, entity, wanted) or wanted
                bearing = _bearing(connection, entity, spelt, chunk)
                rows = [
                    {"entity": entity, "name": spelt, "entity_key": key, "created_at": now}
                    for key in chunk
                    if key not in bearing
                ]
                upsert(connection, tag, rows, ["entity", "name", "entity_key"])
                added += len(rows)
        return added

    def remove(self, entity: str, name: str, keys: Iterable[str] | None = None) -> int:
        """Take a tag off the rows with these keys, or off all; returns how many bore it.

        Raises ListError naming the tags there are when the entity has none of this name.
        """
        self._model.entity(entity)
        removed = 0
        with self._store.state.write() as connection:
            spelt = _spelling(connection, entity, name.strip())
            if spelt is None:
                known = ", ".join(_names(connection, entity)) or "none yet"
                raise ListError(f"No tag {name!r} of {entity}; there are: {known}.")
            own = (tag.c.entity == entity) & (tag.c.name == spelt)
            if keys is None:
                return int(connection.execute(delete(tag).where(own)).rowcount)
            for chunk in _chunks(list(dict.fromkeys(keys)), _MANY):
                removed += connection.execute(delete(tag).where(own, tag.c.entity_key.in_(chunk))).rowcount
        return removed

    def of(self, entity: str, key: str) -> tuple[str, ...]:
        """Return the tags of one row, by name."""
        query = select(tag.c.name).where(tag.c.entity == entity, tag.c.entity_key == key)
        with self._store.state.read() as connection:
            return tuple(sorted(connection.execute(query).scalars(), key=str.casefold))

    def all(self, entity: str | None = None) -> tuple[TagCount, ...]:
        """Return the tags of one entity or of all, by entity and name."""
        query = select(tag.c.entity, tag.c.name, func.count()).group_by(tag.c.entity, tag.c.name)
        if entity is not None:
            self._model.entity(entity)
            query = query.where(tag.c.entity == entity)
        with self._store.state.read() as connection:
            found = [TagCount(*row) for row in connection.execute(query)]
        return tuple(sorted(found, key=lambda t: (t.entity, t.name.casefold())))


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise ListError(f"{name!r} is no name for a tag; give it 1 to {_LONGEST} printable characters.")
    return name


def _names(connection: Connection, entity: str) -> list[str]:
    return sorted(connection.execute(select(tag.c.name).where(tag.c.entity == entity).distinct()).scalars())


def _spelling(connection: Connection, entity: str, name: str) -> str | None:
    return next((known for known in _names(connection, entity) if known.casefold() == name.casefold()), None)


def _bearing(connection: Connection, entity: str, name: str, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(keys, _MANY):
        query = select(tag.c.entity_key).where(tag.c.entity == entity, tag.c.name == name, tag.c.entity_key.in_(chunk))
        found.update(connection.execute(query).scalars())
    return found


def _chunks(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
