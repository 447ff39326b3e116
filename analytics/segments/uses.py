"""Who uses a stored segment or list: lists built on it, and segments and lists whose conditions name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from analytics.errors import SegmentError
from analytics.store.tables import marketing_list
from analytics.store.tables import segment as segment_table


@dataclass(frozen=True)
class Use:
    """One use of a segment. `is_base`: a list is built on it; else a condition names it."""

    kind: Literal["segment", "list"]
    id: int
    name: str
    is_base: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        return f"the {self.kind} {self.name!r}"


def uses(connection: Connection, segment_id: int, name: str) -> tuple[Use, ...]:
    """Return every use of a segment, lists built on it first, then by kind and name."""
    query = select(marketing_list.c.id, marketing_list.c.name).where(marketing_list.c.segment_id == segment_id)
    bases = [Use("list", row.id, row.name, True) for row in connection.execute(query)]
    naming = [
        use for use in _naming(connection, name, "segment") if use.id not in {b.id for b in bases} or use.kind != "list"
    ]
    return tuple(sorted([*bases, *naming], key=lambda u: (not u.is_base, u.kind, u.name.casefold())))


def lists_on(connection: Connection, segment_id: int, name: str) -> list[str]:
    """Return the names of the lists built on a segment."""
    return [use.name for use in uses(connection, segment_id, name) if use.is_base]


def refuse_when_named(connection: Connection, name: str) -> None:
    """Raise SegmentError when a stored definition names the segment."""
    found = [str(use) for use in _naming(connection, name, "segment")]
    if found:
        raise SegmentError(f"The segment {name!r} is named by {', '.join(found)}; change that first.")


def lists_named(connection: Connection, list_id: int, name: str) -> list[str]:
    """Return, in words, the segments and other lists whose conditions name a marketing list."""
    naming = _naming(connection, name, "list")
    return [str(use) for use in naming if (use.kind, use.id) != ("list", list_id)]


def names_in(document: Any, key: str) -> Iterator[str]:
    """Yield the names of the segments or of the marketing lists (`key`) a definition's document names, at any depth."""
    if isinstance(document, Mapping):
        if isinstance(document.get(key), str):
            yield document[key]
        for value in document.values():
            yield from names_in(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from names_in(value, key)


def _naming(connection: Connection, name: str, key: Literal["segment", "list"]) -> Iterator[Use]:
    folded = name.casefold()
    kinds: tuple[tuple[Literal["segment", "list"], Any], ...] = (("segment", segment_table), ("list", marketing_list))
    for kind, stored in kinds:
        for row in connection.execute(select(stored.c.id, stored.c.name, stored.c.definition)):
            if folded in {n.casefold() for n in names_in(row.definition, key)}:
                yield Use(kind, row.id, row.name)
