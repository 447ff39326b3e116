"""Columns whose type grew: texts that named several values become lists of them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from analytics.model.lists import listed
from analytics.model.table import TableSchema


def became_lists(present: TableSchema, wanted: TableSchema) -> list[str]:
    """Return the columns that are text in a table and declared as lists of text now."""
    texts = {c.name for c in present.columns if c.type == "text"}
    return [c.name for c in wanted.columns if c.type == "text_list" and c.name in texts]


def split_texts(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return rows with the texts of some columns taken apart as an import would, sorted and each value once."""
    for name in names:
        at = rows.schema.get_field_index(name)
        texts = rows.column(at).to_pylist()
        lists = [None if text is None else sorted(set(listed(text))) for text in texts]
        rows = rows.set_column(at, pa.field(name, pa.list_(pa.string())), pa.array(lists, pa.list_(pa.string())))
    return rows
