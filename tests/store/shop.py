"""A table and a moment the tests of store and engine use."""

from __future__ import annotations

from datetime import UTC, datetime

from analytics.model.table import Column, TableSchema

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

SHOP = TableSchema(
    name="customer_user",
    kind="entity",
    key="id",
    as_of="created_at",
    sort=("id",),
    columns=(
        Column("id", "text"),
        Column("email", "text", personal=True),
        Column("total", "money"),
        Column("orders", "integer"),
        Column("score", "number"),
        Column("birthday", "date"),
        Column("enabled", "boolean"),
        Column("tags", "text_list"),
        Column("created_at", "datetime"),
        Column("_imported_at", "datetime"),
        Column("_deleted_at", "datetime"),
        Column("_source_at", "datetime"),
    ),
)
