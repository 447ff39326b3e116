"""The values one row gives a template, for previews: a look-up of one row, relation by relation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analytics.engine import Engine, quote
from analytics.errors import NotFound
from analytics.model.entity import Entity, EntityModel, Relation


def row_values(
    engine: Engine, model: EntityModel, entity: str, key: str | None, paths: Sequence[str]
) -> dict[str, Any]:
    """Return the values of `paths` (dotted, over to-one relations) for the row with this key.

    Without a key the row with the smallest one is taken. Raises NotFound when there is no such row; a relation that
    leads nowhere gives None.
    """
    start = model.entity(entity)
    rows: dict[tuple[str, ...], dict[str, Any] | None] = {(): _row(engine, start, start.key, key, ())}
    if rows[()] is None:
        raise NotFound(start.label.lower(), key or "(any)", _some_keys(engine, start))
    values: dict[str, Any] = {}
    for path in paths:
        resolved = model.resolve(entity, path)
        names: tuple[str, ...] = ()
        for relation in resolved.relations:
            before, names = names, (*names, relation.name)
            if names not in rows:
                rows[names] = _related(engine, model, rows[before], relation)
        row = rows[names]
        values[path] = None if row is None or resolved.field is None else row[resolved.field.name]
    return values


def _related(
    engine: Engine, model: EntityModel, row: dict[str, Any] | None, relation: Relation
) -> dict[str, Any] | None:
    own = None if row is None else row[relation.own_field]
    if own is None:
        return None
    narrowed = tuple((part.field, part.value) for part in relation.where)
    return _row(engine, model.entity(relation.target), relation.target_field, own, narrowed)


def _row(
    engine: Engine, entity: Entity, field: str, value: Any, narrowed: Sequence[tuple[str, Any]]
) -> dict[str, Any] | None:
    names = list(entity.fields)
    wanted = [(field, value), *narrowed] if value is not None else list(narrowed)
    conditions = " and ".join(f"{quote(name)} = ${n}" for n, (name, _) in enumerate(wanted, 1)) or "true"
    sql = (
        f"select {', '.join(map(quote, names))} from {quote(entity.name)} "  # noqa: S608  # declared names, quoted
        f"where {conditions} order by {quote(entity.key)} limit 1"
    )
    found = engine.rows(sql, [value for _, value in wanted])
    return dict(zip(names, found[0], strict=True)) if found else None


def _some_keys(engine: Engine, entity: Entity) -> list[str]:
    key = quote(entity.key)
    sql = f"select {key} from {quote(entity.name)} order by {key} limit 5"  # noqa: S608  # declared names, quoted
    keys = [str(row[0]) for row in engine.rows(sql)]
    return [*keys, "..."] if len(keys) == 5 else keys
