"""The tables people's SQL reads: one view for every entity and stream, without hidden columns."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.model.entity import EntityModel
from analytics.model.streams import STREAMS, shown_columns
from analytics.model.table import ColumnType, TableSchema

_TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "bigint",
    "number": "double",
    "money": "decimal(19,4)",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "text_list": "text[]",
    "json": "text (JSON)",
}


@dataclass(frozen=True)
class SqlView:
    """A table that SQL reads: its name, what a row is, its key if it has one, and (name, SQL type) of its columns."""

    name: str
    doc: str
    key: str | None
    columns: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


def sql_views(model: EntityModel) -> tuple[SqlView, ...]:
    """Return the tables people's SQL reads: entities by name, then streams."""
    entities = [model.entities[name].schema for name in sorted(model.entities)]
    return tuple(_view(schema) for schema in (*entities, *STREAMS))


def _view(schema: TableSchema) -> SqlView:
    return SqlView(
        name=schema.name,
        doc=schema.doc,
        key=schema.key,
        columns=tuple((c.name, _TYPES[c.type]) for c in shown_columns(schema)),
        hidden=tuple(c.name for c in schema.columns if c.hidden),
    )
