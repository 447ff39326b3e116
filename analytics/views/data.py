"""The shop's data on screen: how much there is of what, and what changed last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.engine import Engine
from analytics.engine.sql import quote
from analytics.services import Services

_VALUES = 60


@dataclass(frozen=True)
class Kind:
    """A kind of record: how many there are and when an import last changed one."""

    name: str
    label: str
    plural: str
    doc: str
    count: int
    imported_at: datetime | None
    reachable: bool  # has a contact path, so lists can be made of it


@dataclass(frozen=True)
class Change:
    """A change of one field of one record, kept because its history matters."""

    at: datetime
    kind: str
    key: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Overview:
    """Everything the workspace holds about the shop."""

    kinds: tuple[Kind, ...]
    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was imported yet."""
        return not any(kind.count for kind in self.kinds)


def overview(services: Services, changes: int = 20) -> Overview:
    """Return the kinds of record with their counts, the fullest first, and the newest changes."""
    with services.engine() as engine:
        kinds = [_kind(services, engine, name) for name in services.model.entities]
        found = engine.rows(
            "select changed_at, entity, entity_key, field, old_value, new_value from changes"
            " order by changed_at desc, change_id limit $1",
            [changes],
        )
    return Overview(tuple(sorted(kinds, key=lambda k: (-k.count, k.label))), tuple(Change(*row) for row in found))


def _kind(services: Services, engine: Engine, name: str) -> Kind:
    entity = services.model.entity(name)
    # The name is a declared one.
    count, at = engine.rows(f"select count(*), max(_imported_at) from {quote(name)}")[0]  # noqa: S608
    return Kind(name, entity.label, entity.plural, entity.doc, count, at, bool(entity.contacts))


def sample(services: Services, name: str, limit: int = 50) -> list[dict[str, Any]]:
    """Return some rows of a kind of record, by key, its fields labelled; raises ModelError for an unknown kind."""
    entity = services.model.entity(name)
    columns = ", ".join(f"{quote(f.name)} as {quote(f.label)}" for f in entity.fields.values())
    with services.engine() as engine:
        table = engine.arrow(
            f"select {columns} from {quote(name)} order by {quote(entity.key)} limit $1",  # noqa: S608  # declared
            [limit],
        )
    rows: list[dict[str, Any]] = table.to_pylist()
    filled = [n for n in table.column_names if table.column(n).null_count < table.num_rows]
    return [{n: row[n] for n in filled} for row in rows]


def known_values(services: Services, entity: str, path: str) -> Sequence[str]:
    """Return values a text field has, the most frequent first, to choose from; raises UnknownField."""
    resolved = services.model.resolve(entity, path)
    if resolved.field is None:
        return ()
    name = quote(resolved.field.name)
    with services.engine() as engine:
        rows = engine.rows(
            f"select cast({name} as varchar) from {quote(resolved.entity.name)} where {name} is not null"  # noqa: S608
            f" group by all order by count(*) desc, 1 limit {_VALUES}",
        )
    return tuple(row[0] for row in rows)
