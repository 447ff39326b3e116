"""The import itself: read, plan, parse, reject, shape, write."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from analytics.engine.duck import reading
from analytics.engine.scratch import scratch
from analytics.entities.currencies import CURRENCIES
from analytics.entities.importing import history
from analytics.entities.importing.expressions import Expressions
from analytics.entities.importing.lines import Lines
from analytics.entities.importing.planning import Node, Plan, make_plan
from analytics.entities.importing.rules import as_rules
from analytics.entities.importing.shaping import Rows, Shaper
from analytics.entities.importing.sources import LINE, Staged, stage
from analytics.entities.importing.values import (
    EntityCounts,
    ImportOptions,
    ImportReport,
    MappedField,
    MappingPlan,
    Rule,
)
from analytics.entities.importing.writing import Writer, Written
from analytics.errors import ImportFailed
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.model.spreadsheet import guarded
from analytics.store import Store
from analytics.store.folder import writing

_LEASE_TTL = timedelta(seconds=10)
_LEASE_WAIT = timedelta(minutes=10)

Mapped = Iterable[Rule | str] | Mapping[str, str]


def plan_file(
    store: Store,
    model: EntityModel,
    path: Path,
    *,
    entity: str,
    mapping: Mapped = (),
    options: ImportOptions | None = None,
    progress: Progress = silent,
) -> MappingPlan:
    """Return how `import_file` would map the file; reads it and writes nothing. Raises as `import_file` does."""
    with scratch(store.settings) as connection:
        return _prepared(connection, store, model, path, entity, mapping, options or ImportOptions(), progress).shown


def import_file(
    store: Store,
    model: EntityModel,
    path: Path,
    *,
    entity: str,
    mapping: Mapped = (),
    options: ImportOptions | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Import a file into `entity`, and what its lines tell of other entities along with it.

    `mapping` are rules `field = expression` (or {field: expression}); columns no rule uses are mapped by their names.
    Rows are inserted or replaced by key, so a repeat changes nothing, also after a crash anywhere. Lines that cannot
    be imported are written with their reasons to `<workspace>/rejects/`; the others are imported.

    Raises ImportFailed when the file cannot be read at all, MappingError for an unknown field or column or a key that
    nothing fills, ModelError for an unknown entity, ConcurrencyError when another import does not end.
    """
    begun = time.monotonic()
    options = options or ImportOptions()
    with _told(path), scratch(store.settings) as connection:
        ready = _prepared(connection, store, model, path, entity, mapping, options, progress)
        with store.leases.hold(history.LEASE, _LEASE_TTL, _LEASE_WAIT):
            return _Import(connection, store, model, path, options, ready, progress).run(begun)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the scratch database runs out of into a sentence."""
    try:
        with reading():
            yield
    except duckdb.OutOfMemoryException as error:
        raise ImportFailed(
            f"{path} needs more memory than it has ({error}); raise memory_limit in shelduck.toml or split the file."
        ) from error
    except duckdb.IOException as error:
        raise ImportFailed(f"{path} was not imported: {error}. Free some space for temporary files.") from error


@contextmanager
def still(store: Store, model: EntityModel) -> Iterator[None]:
    """Keep imports away for the block, what a dead one left settled: for whoever copies the whole lake."""
    with store.leases.hold(history.LEASE, _LEASE_TTL, _LEASE_WAIT), scratch(store.settings) as connection:
        history.recover(store, model, connection)
        yield


@dataclass(frozen=True)
class _Ready:
    staged: Staged
    plan: Plan
    lines: Lines
    shown: MappingPlan
    zone: str
    currency: str


def _prepared(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    model: EntityModel,
    path: Path,
    entity: str,
    mapping: Mapped,
    options: ImportOptions,
    progress: Progress,
) -> _Ready:
    """Stage the file and make the plan."""
    declared = model.entity(entity)
    zone = _zone(options.timezone or store.settings.timezone)
    currency = (options.currency or store.settings.base_currency).upper()
    if currency not in CURRENCIES:
        raise ImportFailed(f"Unknown currency {currency!r}; write a code of ISO 4217 such as EUR.")
    staged = stage(connection, path, options, progress)
    expressions = Expressions(connection, staged)
    plan = make_plan(model, declared, as_rules(mapping), staged.columns, expressions, options)
    lines = Lines(connection, staged, plan, expressions, options, zone)
    return _Ready(staged, plan, lines, _shown(connection, plan, staged, currency), zone, currency)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImportFailed(f"Unknown time zone {name!r}; write a name such as Europe/Berlin.") from None
    return name


def _shown(connection: duckdb.DuckDBPyConnection, plan: Plan, staged: Staged, currency: str) -> MappingPlan:
    columns = [f"c{n}" for n in range(len(staged.columns))]
    sample = connection.execute(f"select {', '.join(columns)} from {LINE} order by _line limit 1000").fetchall()  # noqa: S608  # own names
    first = {name: next((row[n] for row in sample if row[n]), None) for n, name in enumerate(staged.columns)}
    fields = []
    for node in plan.nodes:
        for leaf in node.leaves.values():
            example = first.get(leaf.column) if leaf.column else None
            fields.append(_mapped(node, leaf.field.name, leaf.column or leaf.expression, leaf.how, example))
        if not node.has_key:
            parent = node.parent or node
            fields.append(_mapped(node, node.entity.key, f"{parent.entity.label} # position", "position", None))
        names = node.entity.fields
        if "currency" in names and "currency" not in node.leaves:
            fields.append(_mapped(node, "currency", names["currency"].default or currency, "default", None))
        for field in names.values():
            if field.default is not None and field.name not in node.leaves and field.name != "currency":
                fields.append(_mapped(node, field.name, field.default, "default", None))
    kinds = tuple((name, _guessed_type(staged, sample, n)) for n, name in enumerate(staged.columns))
    return MappingPlan(plan.root.entity.name, tuple(fields), plan.unused, kinds)


def _mapped(node: Node, name: str, expression: str, how: str, example: str | None) -> MappedField:
    kind = node.entity.fields[name].type
    return MappedField(f"{node.prefix}{name}", node.entity.name, name, kind, expression, how, example)  # type: ignore[arg-type]


def _guessed_type(staged: Staged, sample: list[tuple[str | None, ...]], at: int) -> str:
    """Return what the first values of a column are, in the words of declarations."""
    native = staged.native.get(staged.columns[at])
    if native is not None:
        return native.lower()
    values = [row[at] or "" for row in sample if row[at]]
    for kind, fits in _GUESSES:
        if values and all(fits(v) for v in values):
            return kind
    return "text" if values else "empty"


def _is_integer(text: str) -> bool:
    return text.removesuffix(".0").lstrip("+-").isdecimal() and (text[:1] != "0" or text in ("0", "0.0"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[:1].isdigit() or text[:1] in "+-."


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= 10


_GUESSES = (
    ("boolean", lambda v: v.lower() in ("true", "false")),
    ("integer", _is_integer),
    ("number", _is_number),
    ("date", lambda v: len(v) == 10 and _is_moment(v)),
    ("datetime", _is_moment),
)


class _Import:
    """One import whose plan is made, under the lease."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        store: Store,
        model: EntityModel,
        path: Path,
        options: ImportOptions,
        ready: _Ready,
        progress: Progress,
    ) -> None:
        self._connection, self._store, self._model, self._path = connection, store, model, path
        self._options, self._ready, self._progress = options, ready, progress
        self._now = store.clock.now()
        self._warnings = list(ready.staged.notes)

    def run(self, begun: float) -> ImportReport:
        """Do it and return the report."""
        ready = self._ready
        for node in ready.plan.nodes:
            self._store.lake.ensure(node.entity.schema)
        history.recover(self._store, self._model, self._connection)
        self._close_files()
        lines = ready.lines
        self._warnings += lines.parse()
        lines.reject()
        lines.accept()
        moment = f"timestamptz '{self._now.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        shaper = Shaper(self._connection, ready.plan, lines, moment)
        rows = shaper.shape()
        self._warnings += shaper.warnings
        rejects_file = self._write_rejects()
        writer = Writer(
            self._store,
            self._connection,
            now=self._now,
            currency=ready.currency,
            complete=self._may_delete(rows),
            progress=self._progress,
        )
        rejected = self._rejected_lines()
        for kind, name in (("view", "accepted"), ("table", "parsed"), ("table", "numbered"), ("table", LINE)):
            self._connection.execute(f"drop {kind} if exists {name}")  # the rows are made; merges need the memory
        root = next(r for r in rows if r.node.kind == "root")
        written = [(r, writer.write(r, root)) for r in rows]
        return ImportReport(
            file=self._path,
            entity=ready.plan.root.entity.name,
            plan=ready.shown,
            lines=ready.staged.rows + len({r.line for r in ready.staged.rejects}),
            rejected=len(rejected),
            counts=self._counts(written, rejected),
            totals=tuple(shaper.totals(rows)),
            warnings=tuple(dict.fromkeys(self._warnings)),
            rejects_file=rejects_file,
            seconds=time.monotonic() - begun,
        )

    def _close_files(self) -> None:
        """From here on the scratch database can open the lake's files alone, whatever an expression says."""
        self._connection.execute("set allowed_directories = $1", [[str(self._store.lake.root)]])
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")

    def _may_delete(self, rows: list[Rows]) -> bool:
        """Return whether absent rows are to be marked deleted; a file that may hold them unreadably says nothing."""
        if not self._options.complete:
            return False
        root = next(r for r in rows if r.node.kind == "root")
        name = root.node.entity.plural.lower()
        (present,) = self._connection.execute(f"select count(*) from {root.present}").fetchall()[0]  # noqa: S608  # own name
        if not present:
            self._warnings.append(f"The file holds no {name}, so none was marked deleted.")
            return False
        (keyless,) = self._connection.execute(
            f"select count(*) from parsed where {self._ready.lines.group} is null"  # noqa: S608  # own name
        ).fetchall()[0]
        unreadable = int(keyless) + len(self._ready.staged.rejects)
        if unreadable:
            self._warnings.append(
                f"{unreadable:,} lines could not be read well enough to tell whose they are, so no absent {name} were "
                f"marked deleted; put them right and import the file again."
            )
        return not unreadable

    def _rejected_lines(self) -> list[tuple[int, str]]:
        """Return (line, entity) of the first thing wrong with each rejected line."""
        found = self._connection.execute(
            'select line, min_by(entity, "column") from reject group by line order by line'
        ).fetchall()
        return [(int(line), str(entity)) for line, entity in found]

    def _counts(self, written: list[tuple[Rows, Written]], rejected: list[tuple[int, str]]) -> tuple[EntityCounts, ...]:
        wrong: dict[str, int] = {}
        root = self._ready.plan.root.entity.name
        for _, entity in rejected:
            wrong[entity or root] = wrong.get(entity or root, 0) + 1
        sums: dict[str, Written] = {}
        for rows, done in sorted(written, key=lambda w: self._ready.plan.nodes.index(w[0].node)):
            total = sums.setdefault(rows.node.entity.name, Written())
            for name in ("read", "added", "changed", "older", "deleted"):
                setattr(total, name, getattr(total, name) + getattr(done, name))
        return tuple(
            EntityCounts(
                entity=name,
                label=self._model.entity(name).plural,
                read=w.read,
                added=w.added,
                changed=w.changed,
                unchanged=w.read - w.added - w.changed,
                older=w.older,
                deleted=w.deleted,
                rejected=wrong.get(name, 0),
            )
            for name, w in sums.items()
        )

    def _write_rejects(self) -> Path | None:
        """Write what was rejected as CSV, guarded against formulas, and return the file, or None if nothing was."""
        cursor = self._connection.execute(
            'select line, "column", value, reason from reject order by line, "column", reason'
        )
        some = cursor.fetchmany(10_000)
        if not some:
            return None
        folder = self._store.folder.rejects
        stem = f"{self._path.name.split('.')[0]}-{self._now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        target, again = folder / f"{stem}.csv", 1
        while target.exists():
            again += 1
            target = folder / f"{stem}-{again}.csv"
        with writing(target):
            folder.mkdir(exist_ok=True)
            with target.open("w", encoding="utf-8", newline="") as file:
                out = csv.writer(file)
                out.writerow(["line", "column", "value", "reason"])
                while some:
                    out.writerows([guarded(cell) for cell in row] for row in some)
                    some = cursor.fetchmany(10_000)
        return target
