"""The spool: JSON lines that collectors append, each process to files of its own.

A file's name says when it was begun and how long it is written to, so anybody can tell that it is complete:
`YYYYMMDD-HHMM-<seconds>-<host>-<pid>-<part>.<kind>.jsonl`, times in UTC.
"""

from __future__ import annotations

import os
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from analytics.errors import StoreError
from analytics.model.clock import Clock
from analytics.store.folder import sync_file, unwritable, writing

Kind = Literal["hits", "control"]
INTERVAL = timedelta(minutes=5)
_GRACE = timedelta(seconds=60)  # a writer that was about to append when its interval ended has done so by then
_NAME = re.compile(
    r"(?P<begin>\d{8}-\d{4})-(?P<seconds>\d+)-(?P<host>[^-]+)-(?P<pid>\d+)-(?P<part>\d+)\.(hits|control)\.jsonl"
)


class SpoolWriter:
    """Appends lines of one kind for one process. Not for several threads: a collector has one event loop."""

    def __init__(self, folder: Path, kind: Kind, clock: Clock, interval: timedelta = INTERVAL) -> None:
        self._folder, self._kind, self._clock, self._interval = folder, kind, clock, interval
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._ends = datetime.min.replace(tzinfo=UTC)
        self._size = 0
        self._is_new = False
        self._unsynced: list[int] = []  # files rotated away since the last sync

    @property
    def path(self) -> Path | None:
        """The file written at present."""
        return self._path

    def append(self, lines: bytes) -> int:
        """Append complete lines (each ends with a newline) and return the file offset behind them.

        Nothing is promised before `sync`. Raises WorkspaceError naming the file when the disk is full or the folder
        cannot be written; the file then ends as it did before.
        """
        if not lines.endswith(b"\n"):
            raise StoreError("A spool takes complete lines; the last one has no newline.")
        if self._descriptor is None or self._clock.now() >= self._ends:
            self._rotate()
        assert self._descriptor is not None and self._path is not None
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._cut_back()
            raise unwritable(self._path, error) from error
        self._size += len(lines)
        return self._size

    def sync(self) -> None:
        """Put everything appended so far on disk, the names of new files too.

        After a failure the file is not used again: the kernel forgets what it could not write, so a later success
        would prove nothing.
        """
        try:
            while self._unsynced:
                os.fsync(self._unsynced[0])
                os.close(self._unsynced.pop(0))
            if self._descriptor is not None:
                os.fsync(self._descriptor)
            if self._is_new:
                sync_file(self._folder)
                self._is_new = False
        except OSError as error:
            path = self._path or self._folder
            self._abandon()
            raise unwritable(path, error) from error

    def close(self) -> None:
        """Sync and close; a later append opens a new file."""
        try:
            self.sync()
        finally:
            self._abandon()

    def _rotate(self) -> None:
        if self._descriptor is not None:
            self._unsynced.append(self._descriptor)
            self._descriptor = None
        now = self._clock.now().astimezone(UTC)
        seconds = int(self._interval.total_seconds())
        host = re.sub(r"[^A-Za-z0-9_.]", "_", socket.gethostname()) or "host"
        part = 0
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                name = f"{now:%Y%m%d-%H%M}-{seconds}-{host}-{os.getpid()}-{part:04d}.{self._kind}.jsonl"
                try:
                    self._descriptor = os.open(
                        self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
                    )
                    break
                except FileExistsError:
                    part += 1
        self._path, self._size, self._is_new = self._folder / name, 0, True
        self._ends = now.replace(second=0, microsecond=0) + self._interval

    def _cut_back(self) -> None:
        """Take a half-written line off again; where that fails too, leave the file for a new one."""
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._abandon()

    def _abandon(self) -> None:
        for descriptor in (*self._unsynced, *([] if self._descriptor is None else [self._descriptor])):
            os.close(descriptor)
        self._unsynced, self._descriptor = [], None


class SpoolFolder:
    """All spool files of a workspace. Writers begin a new file every `interval`."""

    def __init__(self, folder: Path, clock: Clock, interval: timedelta = INTERVAL) -> None:
        self.folder, self._clock, self._interval = folder, clock, interval

    def writer(self, kind: Kind, interval: timedelta | None = None) -> SpoolWriter:
        """Return a writer for this process; files appear with the first append."""
        return SpoolWriter(self.folder, kind, self._clock, interval or self._interval)

    def files(self, kind: Kind) -> list[Path]:
        """Return the files of a kind, oldest first."""
        return sorted(self.folder.glob(f"*.{kind}.jsonl")) if self.folder.is_dir() else []

    def read(self, path: Path, offset: int, limit: int | None = None) -> tuple[list[bytes], int]:
        """Return (complete lines from byte `offset` on without newline, the offset behind them).

        A torn last line stays until its newline comes. `limit` bounds the bytes read; a longer single line is still
        returned whole.
        """
        block, end = self.read_block(path, offset, limit)
        return block.split(b"\n")[:-1], end

    def read_block(self, path: Path, offset: int, limit: int | None = None) -> tuple[bytes, int]:
        """Return what `read` does in one piece, each line with its newline."""
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read() if limit is None else file.read(limit)
            if limit is not None and b"\n" not in data and len(data) == limit:
                data += file.readline()
        end = data.rfind(b"\n") + 1
        return data if end == len(data) else data[:end], offset + end

    def is_closed(self, path: Path, now: datetime) -> bool:
        """Return whether nobody appends to the file any more at `now`: its interval and a minute of grace are over."""
        return now >= _ends(path) + _GRACE

    def begun(self, path: Path) -> datetime:
        """Return the minute a file was begun, UTC, from its name."""
        return _begin(path)


def _match(path: Path) -> re.Match[str]:
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise StoreError(
            f"{path} is no spool file; its name would be YYYYMMDD-HHMM-<seconds>-<host>-<pid>-<part>.<kind>.jsonl."
        )
    return found


def _begin(path: Path) -> datetime:
    return datetime.strptime(_match(path)["begin"], "%Y%m%d-%H%M").replace(tzinfo=UTC)


def _ends(path: Path) -> datetime:
    return _begin(path) + timedelta(seconds=int(_match(path)["seconds"]))
