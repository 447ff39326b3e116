"""What an import is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from analytics.errors import ImportFailed


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read and applied; None means: look at the file, or take the workspace's setting."""

    complete: bool = False
    """The file holds every row there is: rows of the entity it lacks are marked deleted."""
    lines: bool = False
    """Several lines may make one row of the entity even if no items are mapped."""
    guess: bool = True
    """Columns no rule uses are mapped by their names."""
    timezone: str | None = None
    """Time zone of times that carry none."""
    currency: str | None = None
    """Currency of new rows that name none."""
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    dates: Literal["dmy", "mdy"] | None = None
    """Order of day and month in dates such as 03/07/2026."""
    sheet: str | None = None
    fill_short: bool = False
    """Lines with fewer values than the header are filled up with nothing instead of rejected."""

    @classmethod
    def of(cls, values: Mapping[str, Any], place: str) -> ImportOptions:
        """Return the options named in a mapping file; raises ImportFailed for an unknown or unusable one."""
        known = {f.name: f.type for f in fields(cls)}
        choices: Mapping[str, tuple[str, ...]] = {"decimal": (".", ","), "dates": ("dmy", "mdy")}
        for name, value in values.items():
            if name not in known:
                raise ImportFailed(f"{place}: unknown option {name!r}; there are {', '.join(known)}.")
            wanted = bool if known[name] == "bool" else str
            if not isinstance(value, wanted):
                raise ImportFailed(
                    f"{place}: option {name} is {value!r}; expected {'true or false' if wanted is bool else 'text'}."
                )
            if name in choices and value not in choices[name]:
                raise ImportFailed(f"{place}: option {name} is {value!r}; expected one of {', '.join(choices[name])}.")
        return cls(**values)


@dataclass(frozen=True)
class Rule:
    """One line of a mapping: the field `path` (dotted, from the imported entity) comes from `expression`.

    `expression` is a column of the file or a DuckDB expression over its columns; an empty one maps nothing there,
    whatever would be guessed.
    """

    path: str
    expression: str


@dataclass(frozen=True)
class MappedField:
    """One line of a plan: which field is filled from what, and why."""

    path: str
    entity: str
    field: str
    type: str
    expression: str
    how: Literal["rule", "name", "link", "parent", "position", "default"]
    example: str | None


@dataclass(frozen=True)
class MappingPlan:
    """How the columns of a file become fields, before anything is written."""

    entity: str
    fields: tuple[MappedField, ...]
    unused: tuple[str, ...]
    """Columns that nothing is made of."""
    columns: tuple[tuple[str, str], ...]
    """(name, guessed type) of every column of the file."""


@dataclass(frozen=True)
class EntityCounts:
    """What an import did to one entity: rows found in the file, and what became of them."""

    entity: str
    label: str
    read: int
    added: int
    changed: int
    unchanged: int
    older: int
    """Rows the table already knows in a newer form; part of `unchanged`."""
    deleted: int
    rejected: int
    """Lines rejected because of a value of this entity."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    file: Path
    entity: str
    plan: MappingPlan
    lines: int
    """Lines of data in the file."""
    rejected: int
    """Lines of which nothing was imported."""
    counts: tuple[EntityCounts, ...]
    totals: tuple[tuple[str, int | Decimal], ...]
    """What the accepted lines add up to: rows of each entity, and the sum of quantity times price."""
    warnings: tuple[str, ...]
    rejects_file: Path | None
    seconds: float

    @property
    def changed(self) -> int:
        """Rows that are different now: added, changed or deleted."""
        return sum(c.added + c.changed + c.deleted for c in self.counts)


@dataclass(frozen=True)
class Reject:
    """Why a line was not imported. `line` counts from 1 as an editor shows it; for Parquet it is the row."""

    line: int
    column: str
    value: str
    reason: str
    entity: str = ""
