"""How large segments and lists were when, and who came and went since the time before.

A measurement writes who is in to a Parquet file of the workspace (`memberships/`), then the numbers to the state, then
deletes the file before. The file is named by the time of its numbers, so what a crash leaves behind is told apart: a
file without numbers is deleted by the next measurement, numbers whose file is lost have no entered and left after them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import delete, func, insert, select

from analytics.engine import Engine, read
from analytics.errors import AnalyticsError
from analytics.lists.lists import Lists
from analytics.lists.membership import Kind, Subject, all_subjects, find_subject, members_query
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Segments
from analytics.segments.state import given_of
from analytics.store import Store
from analytics.store.folder import sync_file, writing
from analytics.store.tables import size_point

if TYPE_CHECKING:
    import pandas as pd

_LEASE = timedelta(seconds=10)
_WAIT = timedelta(minutes=5)
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = pa.table({"key": pa.array([], pa.string())})


@dataclass(frozen=True)
class SizePoint:
    """One measurement. `entered` and `left` are None when nobody knows who was in before: at the first one."""

    at: datetime
    version: int
    count: int
    entered: int | None
    left: int | None


@dataclass(frozen=True)
class SizeHistory:
    """All measurements of a segment or list, oldest first."""

    points: tuple[SizePoint, ...]

    @property
    def df(self) -> pd.DataFrame:
        """The measurements as a pandas frame, one row each."""
        import pandas as pd  # only notebooks ask for frames

        columns = ["at", "version", "count", "entered", "left"]
        rows = [[getattr(point, name) for name in columns] for point in self.points]
        return pd.DataFrame(rows, columns=columns).astype({"entered": "Int64", "left": "Int64"})


@dataclass(frozen=True)
class MemberChange:
    """Who came and went at the last measurement, by key, against the one `before` it.

    `before` is None when there is nothing to compare with.
    """

    at: datetime
    before: datetime | None
    entered: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """What one round of measuring did: which subjects it measured, and why others could not be."""

    measured: tuple[Subject, ...]
    failed: Mapping[tuple[Kind, int], str]
    is_complete: bool


class Sizes:
    """The sizes of segments and lists over time. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments, lists: Lists) -> None:
        self._store, self._model, self._segments, self._lists = store, model, segments, lists

    def measure(self, kind: Kind, name: str | int, engine: Engine | None = None) -> SizePoint:
        """Count who is in a segment or list on `engine` or the newest snapshot, and keep it with who came and went.

        Raises NotFound without it, SegmentError when its definition does not fit the model any more.
        """
        subject = find_subject(self._segments, self._lists, kind, name)
        if engine is not None:
            return self._measure(subject, engine)
        return read(self._store, lambda fresh: self._measure(subject, fresh))

    def history(self, kind: Kind, name: str | int) -> SizeHistory:
        """Return every measurement of a segment or list; NotFound without it."""
        subject = find_subject(self._segments, self._lists, kind, name)
        with self._store.state.read() as connection:
            query = select(size_point).where(_own(subject)).order_by(size_point.c.at)
            return SizeHistory(tuple(_point(row) for row in connection.execute(query)))

    def recent(self, days: int = 30) -> Mapping[tuple[Kind, int], tuple[SizePoint, ...]]:
        """Return the measurements of the last days of everything measured, oldest first, and each one's newest."""
        since = self._store.clock.now() - timedelta(days=days)
        table = size_point.c
        newest = select(table.kind, table.subject_id, func.max(table.at).label("at")).group_by(
            table.kind, table.subject_id
        )
        last = newest.subquery()
        same = (last.c.kind == table.kind) & (last.c.subject_id == table.subject_id)
        query = select(size_point).join(last, same).where((table.at >= since) | (table.at == last.c.at))
        made = {s.key: s.created_at for s in all_subjects(self._segments, self._lists)}
        found: dict[tuple[Kind, int], list[SizePoint]] = {}
        with self._store.state.read() as connection:
            for row in connection.execute(query.order_by(table.at)):
                if row.at < made.get((row.kind, row.subject_id), row.at):
                    continue  # ids come again: it is of one that was deleted
                found.setdefault((row.kind, row.subject_id), []).append(_point(row))
        return {key: tuple(points) for key, points in found.items()}

    def changes(self, kind: Kind, name: str | int) -> MemberChange | None:
        """Return who came and went at the last measurement; None when nothing is measured or the file is lost."""
        points = self.history(kind, name).points
        if not points:
            return None
        kept = self._read(find_subject(self._segments, self._lists, kind, name).key, points[-1].at)
        if kept is None:
            return None
        keys: dict[int, tuple[str, ...]] = {
            sign: tuple(kept.filter(pc.equal(kept["change"], sign)).column("key").to_pylist()) for sign in (1, -1)
        }
        is_first = points[-1].entered is None or len(points) < 2
        return MemberChange(points[-1].at, None if is_first else points[-2].at, keys[1], keys[-1])

    # --- what is to be measured ---

    def due(self) -> tuple[Subject, ...]:
        """Return what changed since it was measured, or was not measured today (of the workspace's zone), oldest first.

        What was never measured comes first.
        """
        newest = {key: points[-1] for key, points in self.recent(0).items()}
        today = self._day(self._store.clock.now())

        def is_due(subject: Subject) -> bool:
            point = newest.get(subject.key)
            if point is None or point.version != subject.version or point.at < subject.changed_at:
                return True
            return self._day(point.at) < today

        found = [s for s in all_subjects(self._segments, self._lists) if is_due(s)]
        return tuple(sorted(found, key=lambda s: newest[s.key].at if s.key in newest else _EPOCH))

    def measure_due(
        self,
        *,
        most: int = 20,
        skip: Collection[tuple[Kind, int]] = (),
        stop: Callable[[], bool] = lambda: False,
        progress: Progress = silent,
    ) -> Round:
        """Measure up to `most` of what is due on one snapshot, but those in `skip`; end early when `stop` says so.

        One that cannot be measured (its definition names what is gone) is passed and told with its reason.
        """
        self._forget_deleted()
        due = [s for s in self.due() if s.key not in skip]
        some = due[:most]
        if not some:
            return Round((), {}, True)
        measured, failed = read(self._store, lambda engine: self._round(some, engine, stop, progress))
        return Round(measured, failed, len(measured) + len(failed) == len(due))

    def _round(
        self, subjects: Sequence[Subject], engine: Engine, stop: Callable[[], bool], progress: Progress
    ) -> tuple[tuple[Subject, ...], dict[tuple[Kind, int], str]]:
        measured, failed = [], {}
        for subject in subjects:
            if stop():
                break
            try:
                self._measure(subject, engine)
                measured.append(subject)
            except AnalyticsError as error:
                failed[subject.key] = str(error)
            progress(len(measured) + len(failed), len(subjects), "sizes")
        return tuple(measured), failed

    def _day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self._store.settings.timezone)).date()

    # --- one measurement ---

    def _measure(self, subject: Subject, engine: Engine) -> SizePoint:
        with self._store.leases.hold(f"size/{subject.kind}/{subject.id}", _LEASE, _WAIT):
            with self._store.state.read() as connection:
                last = connection.execute(select(func.max(size_point.c.at)).where(_own(subject))).scalar()
            before = None if last is None else self._read(subject.key, last)
            rows = self._compared(subject, engine, before)
            # Two measurements at one moment of a simulated clock are still one after the other.
            at = self._store.clock.now() if last is None else max(self._store.clock.now(), last + _TICK)
            signs = rows.column("change")
            entered, left = (int(pc.sum(pc.equal(signs, sign)).as_py() or 0) for sign in (1, -1))
            point = SizePoint(
                at,
                subject.version,
                rows.num_rows - left,
                None if before is None else entered,
                None if before is None else left,
            )
            self._write(subject.key, at, rows)
            with self._store.state.write() as connection:
                values = {"kind": subject.kind, "subject_id": subject.id, **vars(point)}
                connection.execute(insert(size_point).values(**values))
            self._forget(subject.key, keep=at)
        return point

    def _compared(self, subject: Subject, engine: Engine, before: pa.Table | None) -> pa.Table:
        """Return who is in now and who left: `key`, `change` 1 entered, 0 stayed, -1 left."""
        compiled = members_query(self._segments.compiler(engine), subject)
        known = _NOBODY if before is None else before.filter(pc.greater_equal(before["change"], 0)).select(["key"])
        came = 0 if before is None else 1
        sql = f"""
            select coalesce(n.key, b.key) as key,
                cast(case when n.key is null then -1 when b.key is null then {came} else 0 end as tinyint) as change
            from ({compiled.sql}) as n full join _before as b on b.key = n.key order by 1
        """  # noqa: S608  # compiled by us, values are bound
        return engine.arrow(sql, compiled.params, {**given_of(self._store, compiled), "_before": known})

    # --- files ---

    def _path(self, key: tuple[Kind, int], at: datetime) -> Path:
        return self._store.folder.memberships / f"{key[0]}-{key[1]}-{(at - _EPOCH) // _TICK}.parquet"

    def _read(self, key: tuple[Kind, int], at: datetime) -> pa.Table | None:
        """Return what was kept at a measurement; None when the file is lost or damaged."""
        try:
            return pq.read_table(self._path(key, at))
        except (OSError, pa.ArrowInvalid):
            return None

    def _write(self, key: tuple[Kind, int], at: datetime, rows: pa.Table) -> None:
        path = self._path(key, at)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with writing(path):
            path.parent.mkdir(exist_ok=True)  # a workspace older than this folder
            pq.write_table(rows, draft, compression="zstd")
            sync_file(draft)
            draft.replace(path)
            sync_file(path.parent)

    def _forget(self, key: tuple[Kind, int], keep: datetime | None) -> None:
        """Delete what is kept of a subject but the file of one moment."""
        kept = None if keep is None else self._path(key, keep)
        for path in self._store.folder.memberships.glob(f"*{key[0]}-{key[1]}-*.parquet*"):
            if path != kept:
                path.unlink(missing_ok=True)

    def _forget_deleted(self) -> None:
        """Delete sizes and files of segments and lists that are gone."""
        alive = {s.key for s in all_subjects(self._segments, self._lists)}
        with self._store.state.read() as connection:
            query = select(size_point.c.kind, size_point.c.subject_id).distinct()
            gone = [key for key in ((r.kind, r.subject_id) for r in connection.execute(query)) if key not in alive]
        for key in gone:
            with self._store.state.write() as connection:
                connection.execute(delete(size_point).where(_of(key)))
            self._forget(key, keep=None)


def _of(key: tuple[Kind, int]) -> Any:
    return (size_point.c.kind == key[0]) & (size_point.c.subject_id == key[1])


def _own(subject: Subject) -> Any:
    """Return the condition of a subject's points: ids come again, so those before it was made are another one's."""
    return _of(subject.key) & (size_point.c.at >= subject.created_at)


def _point(row: Any) -> SizePoint:
    return SizePoint(row.at, row.version, row.count, row.entered, row.left)
