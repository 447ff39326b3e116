"""Queries as people read them: formatted, with their values and the SQL behind the tables they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlglot

from analytics.segments.compiler import Compiled


@dataclass(frozen=True)
class Query:
    """A query for people to read: SQL over several lines and the values of its `$p1`, `$p2`, ..."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the SQL followed by its values as comments."""
        values = [f"-- ${name} = {_one_line(value)}" for name, value in self.params.items()]
        return "\n".join([self.sql, *values])


def readable(compiled: Compiled) -> Query:
    """Return a compiled query over several lines; SQL of a person stands above it, as comments."""
    pretty = sqlglot.parse_one(compiled.sql, dialect="duckdb").sql(dialect="duckdb", pretty=True)
    return Query("\n".join([*_asked_before(compiled), pretty]), compiled.params)


def _asked_before(compiled: Compiled) -> list[str]:
    """Return comments that name the tables of a query that SQL of a person fills, each with that SQL."""
    lines = []
    for given in compiled.given:
        if given.sql is not None:
            lines.append(f"-- {given.name}: the first column of")
            lines += [f"--   {line}" for line in given.sql.splitlines()]
    return lines


def _one_line(value: Any) -> str:
    shown = value.isoformat() if isinstance(value, datetime) else repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 200 else shown[:197] + "..."
