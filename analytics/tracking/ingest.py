"""Spool to lake: every accepted hit becomes rows of `events` and `verdicts` exactly once, whatever crashes when.

A piece of a spool file is appended under the file's name as app id and the offset behind the piece as version, so the
lake itself knows how far it has come in each file. Events are committed first, verdicts after; a crash in between
leaves the verdicts behind, and the next ingest makes exactly the missing ones. Marks in the state only spare the
question to the lake: they are believed while the lake is not older than they are.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import delete, select

from analytics.engine.scratch import scratch
from analytics.model.progress import Progress, silent
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import progress_mark
from analytics.tracking import parse, verdicts
from analytics.tracking.people import People
from analytics.tracking.quarantine import Entry, put_aside

KEEP = timedelta(days=7)
"""How long a spool file stays after its last line: a machine may lose the lake's last commits with its power."""

PIECE = 48 * 1024 * 1024  # bytes read at once: some 100,000 hits
_LEASE = "ingest"
_TTL = timedelta(seconds=15)
_READER = "hits"
_TABLES = ("events", "verdicts")
_VERSION = "@"  # marks of this name hold the version of a table of the lake
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did: lines read, events and quarantine entries made of them, files touched, seconds it took."""

    lines: int = 0
    events: int = 0
    quarantined: int = 0
    files: int = 0
    seconds: float = 0.0


def ingest(
    store: Store,
    progress: Progress = silent,
    *,
    limit: int | None = None,
    wait: timedelta = timedelta(minutes=5),
    piece: int = PIECE,
) -> IngestReport:
    """Put every complete line of the spool that is not there yet into the lake.

    Stops after about `limit` lines. One ingest runs at a time: another one waits up to `wait`, then raises
    ConcurrencyError. `piece` is how many bytes of a file are worked on at once. Calling it again costs little and
    changes nothing. Raises WorkspaceError when lake or quarantine cannot be written; what was done by then stays.
    """
    begun = time.monotonic()
    if not _waiting(store):
        return IngestReport()
    with store.leases.hold(_LEASE, _TTL, wait):
        run = _Run(store, progress, piece)
        files = _waiting(store)
        with scratch(store.settings) as connection, ThreadPoolExecutor(1, "ingest commit") as commits:
            run.all(connection, commits, files, limit)
        _mark_versions(store)
    done = run.counts
    return IngestReport(
        done["lines"], done["events"], done["quarantined"], done["files"], round(time.monotonic() - begun, 3)
    )


def complete_through(store: Store) -> datetime:
    """Return the moment up to which every accepted hit is in `events` and `verdicts`.

    A hit counts as accepted when it was answered. Without anything waiting that is now.
    """
    now = store.clock.now()  # first: what is answered from here on may come later
    moments = [now]
    for path, offset in _waiting(store).items():
        lines, _ = store.spool.read(path, min(_reached(store, path.name).values(), default=offset), 64 * 1024)
        moments.append(_moment(lines[0], store.spool.begun(path)) if lines else now)
    return min(moments)


def clean_spool(store: Store) -> int:
    """Remove spool files that ended a week ago and are wholly in the lake; returns how many.

    A last line without its end was never acknowledged; it goes into quarantine.
    """
    now, removed = store.clock.now(), 0
    waiting = _waiting(store)
    for path in store.spool.files("hits"):
        if not store.spool.is_closed(path, now - KEEP) or path in waiting:
            continue
        reached = min(_reached(store, path.name).values())
        lines, _ = store.spool.read(path, reached)
        if lines:
            continue
        _put_tail_aside(store, path, reached)
        path.unlink()
        with store.state.write() as connection:
            connection.execute(
                delete(progress_mark).where(progress_mark.c.reader == _READER, progress_mark.c.file == path.name)
            )
        removed += 1
    return removed


@dataclass(frozen=True)
class _Piece:
    """Lines of a file from `start` to `end`; `is_new` unless the lake has their events and lacks their verdicts."""

    path: Path
    start: int
    end: int
    block: bytes
    is_new: bool


class _Run:
    """One ingest under its lease. While one piece is committed the next one is parsed."""

    def __init__(self, store: Store, progress: Progress, piece: int) -> None:
        self._store, self._progress, self._piece = store, progress, piece
        self._people = People(store)
        self._pending: tuple[Future[None], pa.Table] | None = None
        self.counts: Counter[str] = Counter()

    def all(
        self,
        connection: duckdb.DuckDBPyConnection,
        commits: ThreadPoolExecutor,
        files: Mapping[Path, int],
        limit: int | None,
    ) -> None:
        """Work through the files, oldest first."""
        parse.prepare(connection)
        verdicts.prepare(connection)
        total = sum(path.stat().st_size - offset for path, offset in files.items())
        read = 0
        for path in files:
            self.counts["files"] += 1
            for piece in self._pieces(path):
                self._work(connection, commits, piece)
                read += len(piece.block)
                self._tell(read, max(total, read))
                if limit is not None and self.counts["lines"] >= limit:
                    self._settle()
                    return
            self._settle()

    def _pieces(self, path: Path) -> Iterator[_Piece]:
        reached = _reached(self._store, path.name)
        start, events_at = min(reached.values()), reached["events"]
        if start < events_at:
            block, end = self._store.spool.read_block(path, start, events_at - start)
            yield _Piece(path, start, end, block, is_new=False)
            start = end
        while True:
            block, end = self._store.spool.read_block(path, start, self._piece)
            if not block:
                return
            yield _Piece(path, start, end, block, is_new=True)
            start = end

    def _work(self, connection: duckdb.DuckDBPyConnection, commits: ThreadPoolExecutor, piece: _Piece) -> None:
        now = self._store.clock.now()
        parsed = parse.parse(connection, piece.block, self._people, now)
        behind = self._pending[1] if self._pending is not None else None
        judged = verdicts.judge(connection, self._store, parsed.events, now, behind)
        self.counts["lines"] += parsed.lines
        self.counts["events"] += parsed.events.num_rows if piece.is_new else 0
        self._settle()
        self._pending = commits.submit(self._commit, piece, parsed, judged), verdicts.mail_events(parsed.events)

    def _commit(self, piece: _Piece, parsed: parse.Parsed, judged: pa.Table) -> None:
        """Put a piece into the lake: quarantine, events, verdicts, mark, in this order."""
        store, name = self._store, piece.path.name
        self.counts["quarantined"] += put_aside(store.folder.quarantine / name, _entries(piece, parsed))
        if piece.is_new:
            store.lake.append("events", parsed.events, app_id=name, version=piece.end, after=piece.start)
        store.lake.append("verdicts", judged, app_id=name, version=piece.end, after=piece.start)
        _mark(store, {name: piece.end})

    def _settle(self) -> None:
        """Wait for the commit under way and raise what it raised."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending[0].result()

    def _tell(self, read: int, total: int) -> None:
        lines = self.counts["lines"]
        self._progress(lines, round(lines * total / read) if read else None, "hits")


def _entries(piece: _Piece, parsed: parse.Parsed) -> Iterator[Entry]:
    if not parsed.refused:
        return
    first = _lines_before(piece.path, piece.start) + 1
    numbers: Counter[int] = Counter()
    for bad in parsed.refused:
        yield Entry(first + bad.line, piece.start + bad.offset, numbers[bad.line], bad.reason, bad.text)
        numbers[bad.line] += 1


def _lines_before(path: Path, offset: int) -> int:
    count = 0
    with path.open("rb") as file:
        while offset > 0:
            data = file.read(min(offset, 1 << 20))
            if not data:
                break
            count += data.count(b"\n")
            offset -= len(data)
    return count


def _put_tail_aside(store: Store, path: Path, start: int) -> None:
    with path.open("rb") as file:
        file.seek(start)
        tail = file.read()
    if tail:
        line = _lines_before(path, start) + 1
        reason = "it was cut off: the collector stopped while it wrote it, and had not acknowledged it"
        put_aside(store.folder.quarantine / path.name, [Entry(line, start, 0, reason, tail)])


def _waiting(store: Store) -> dict[Path, int]:
    """Return the spool files that may have lines the lake has not, with the offset their mark says, oldest first."""
    marks = _marks(store)
    found = {}
    for path in store.spool.files("hits"):
        offset = marks.get(path.name, 0)
        try:
            if path.stat().st_size > offset and _has_line(path, offset):
                found[path] = offset
        except FileNotFoundError:
            continue  # somebody cleaned up meanwhile
    return found


def _has_line(path: Path, offset: int) -> bool:
    with path.open("rb") as file:
        file.seek(offset)
        while data := file.read(1 << 20):
            if b"\n" in data:
                return True
    return False


def _marks(store: Store) -> dict[str, int]:
    """Return the offsets the marks say, none if the lake is older than they are (a restore, a lost commit)."""
    with store.state.read() as connection:
        rows = connection.execute(
            select(progress_mark.c.file, progress_mark.c.offset).where(progress_mark.c.reader == _READER)
        )
        marks = {row.file: row.offset for row in rows}
    for table in _TABLES:
        if store.lake.version(table) < marks.pop(_VERSION + table, 0):
            return {}
    return marks


def _mark(store: Store, offsets: Mapping[str, int]) -> None:
    now = datetime.now(UTC)
    rows = [{"reader": _READER, "file": name, "offset": at, "updated_at": now} for name, at in offsets.items()]
    with store.state.write() as connection:
        upsert(connection, progress_mark, rows, ["reader", "file"], ["offset", "updated_at"])


def _mark_versions(store: Store) -> None:
    _mark(store, {_VERSION + table: store.lake.version(table) for table in _TABLES})


def _reached(store: Store, name: str) -> dict[str, int]:
    return {table: store.lake.committed(table, name) or 0 for table in _TABLES}


def _moment(line: bytes, begun: datetime) -> datetime:
    """Return the moment just before a line was received; if it does not say, its file's begin."""
    try:
        at = int(json.loads(line)["at"])
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at - 1)
    except (ValueError, KeyError, TypeError, OverflowError):
        return begun
