"""What a table of the lake looks like: columns, types, key and the rules reading and writing obey."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["text", "integer", "number", "money", "boolean", "date", "datetime", "text_list", "json"]
"""Types of the lake. `money` is decimal(19,4); `datetime` is microseconds UTC; `json` is text holding a document."""


@dataclass(frozen=True)
class Column:
    """One column; `personal` ones stay out of the commit log's statistics, so that erasure is complete.

    `hidden` ones are not in the views that people's SQL reads (`streams.shown_columns`). What the code declares counts,
    not what a lake was made with, so it is no part of a schema's equality.
    """

    name: str
    type: ColumnType
    personal: bool = False
    doc: str = ""
    hidden: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class TableSchema:
    """One table of the lake.

    `kind` "stream" is only appended; "entity" is merged by `key`. `as_of` names the time column by which rows that
    came later are hidden when a snapshot is read as of a moment. `sort` is the order rows are written in.
    """

    name: str
    kind: Literal["stream", "entity"]
    columns: tuple[Column, ...]
    key: str | None = None
    as_of: str | None = None
    sort: tuple[str, ...] = ()
    doc: str = ""

    def column(self, name: str) -> Column:
        """Return the column called `name`; raises KeyError naming the table when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"Table {self.name} has no column {name!r}.")
