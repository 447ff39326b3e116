"""The front door for notebooks and scripts: one object that opens a workspace and answers questions about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.bootstrap import create_services, open_services
from analytics.engine import LockedEngine
from analytics.errors import SegmentError
from analytics.model.clock import Clock
from analytics.segments import Definition, Membership, written
from analytics.services import Services

if TYPE_CHECKING:
    import pandas as pd

    from analytics.lists.overlap import Overlap


class Workspace:
    """An open workspace. Use it in a `with` block, or close it when done."""

    def __init__(self, services: Services) -> None:
        self.services = services

    @classmethod
    def open(cls, folder: Path | str | None = None, *, clock: Clock | None = None) -> Workspace:
        """Open the workspace in `folder`, by default SHELDUCK_HOME or the nearest one from the current folder upward.

        Raises WorkspaceError saying where it looked.
        """
        return cls(open_services(None if folder is None else Path(folder), clock=clock))

    @classmethod
    def create(cls, folder: Path | str, *, clock: Clock | None = None, **settings: Any) -> Workspace:
        """Make a workspace in `folder` with some settings (`timezone="Europe/Berlin"`) and open it.

        Raises WorkspaceError if there is one already, SettingsError for an unusable value.
        """
        return cls(create_services(Path(folder), clock=clock, settings=settings))

    def segment(
        self, definition: Definition | Mapping[str, Any] | Path | str, *, entity: str | None = None
    ) -> SegmentQuestion:
        """Return the segment of a definition, a document, a file (Path, or text ending in .yaml, .yml, .json,
        .segment, .sql), the text form ("customer_user where ..."), the SQL form ("-- entity: ...") or a stored
        segment's name, as the command line takes it. With `entity` text is one SELECT whose first column is its key.

        Raises SegmentError for what cannot be read or compiled, NotFound for an unknown name.
        """
        segments = self.services.segments
        own = written(definition, entity)
        if own is not None:
            return SegmentQuestion(self.services, own)
        stored = segments.get(str(definition))
        return SegmentQuestion(self.services, stored.definition, stored.id)

    def overlap(self, *names: str, suppressed: bool = False) -> Overlap:
        """Return whom 2 to 8 segments and lists share, with `suppressed` beside all suppressed addresses.

        `names` are those of segments or lists; "list:Buyers" says which where both are called so. `.df` is the matrix,
        `.intersections` are exclusive. Raises NotFound for an unknown name, ListError for sets that cannot be compared.
        """
        overlaps = self.services.overlaps
        with self.services.engine() as engine:
            return overlaps.compare(engine, [overlaps.find(name) for name in names], suppressed=suppressed)

    def report(self, name: str, **filters: Any) -> Any:
        """Return the report `name` ("efficiency") with `.df()`, `.csv(path)`, `.sql` and `.footer`.

        `filters` are those of the report (`since="2026-01-01"`). Raises ReportError listing what there is.
        """
        return self.services.reports.report(name, **filters)

    def sql(self, query: str, *, seconds: float = 30.0, rows: int = 100_000) -> pd.DataFrame:
        """Return the first `rows` rows of one SELECT over the lake's tables, as a pandas frame.

        It runs on a connection that reads the snapshot's tables and nothing else. Raises ReportError for SQL that
        names anything else or takes longer than `seconds`.
        """
        store = self.services.store
        with LockedEngine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
            return engine.query(query, seconds=seconds, rows=rows).table.to_pandas()

    def close(self) -> None:
        """Give back what is open."""
        self.services.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SegmentQuestion:
    """A segment that can be asked. Every answer reads the newest snapshot."""

    def __init__(self, services: Services, definition: Definition, stored: int | None = None) -> None:
        self._services, self.definition, self._stored = services, definition, stored

    def count(self) -> int:
        """Return how many rows of the entity are in the segment."""
        with self._services.engine() as engine:
            return self._services.segments.count(self.definition, engine)

    def df(self, limit: int = 1_000) -> pd.DataFrame:
        """Return the first `limit` rows with the definition's columns, named as people read them."""
        with self._services.engine() as engine:
            return self._services.segments.sample(self.definition, engine, limit).df

    def explain(self, key_or_address: str) -> Membership:
        """Return whether a row, named by its key or its e-mail address, is in the segment, and why.

        Raises SegmentError when there is no such row, or when several are reached at the address.
        """
        with self._services.engine() as engine:
            return self._services.segments.explain(self.definition, engine, key_or_address)

    def history(self) -> pd.DataFrame:
        """Return how large a stored segment was when: at, version, count, entered, left; the newest is of now.

        Raises SegmentError for a segment that is not stored under a name: nobody measured it before.
        """
        if self._stored is None:
            raise SegmentError("Only a stored segment has a history; store it with services.segments.save(name, ...).")
        with self._services.engine() as engine:
            self._services.sizes.measure("segment", self._stored, engine)
        return self._services.sizes.history("segment", self._stored).df

    @cached_property
    def sql(self) -> str:
        """The query, formatted, with its values."""
        return str(self._services.segments.sql(self.definition))
