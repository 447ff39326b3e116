"""A snapshot: one version of every table of the lake, and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analytics.errors import NotFound, StoreError
from analytics.model.table import TableSchema


class SnapshotGone(StoreError):
    """A file of the snapshot was vacuumed while it was read; take a new snapshot and read again."""


@dataclass(frozen=True)
class PinnedTable:
    """One table at one version."""

    schema: TableSchema
    version: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """What one page, one report, one audience sees, whatever is written meanwhile."""

    taken_at: datetime
    tables: Mapping[str, PinnedTable]

    @property
    def versions(self) -> dict[str, int]:
        """The version of each table, to be kept with what was computed."""
        return {name: table.version for name, table in self.tables.items()}

    def table(self, name: str) -> PinnedTable:
        """Return the table called `name`; raises NotFound listing the tables there are."""
        try:
            return self.tables[name]
        except KeyError:
            raise NotFound("table", name, sorted(self.tables)) from None
