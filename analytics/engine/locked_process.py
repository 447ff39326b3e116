"""The processes people's SQL runs in, as their parent sees them: started, asked, ended when their time is over."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from analytics.engine import locked_child
from analytics.engine.scratch import spill_folder

T = TypeVar("T")

_MOST_IDLE = 2
_GRACE = 1.0  # seconds a query has to follow an interrupt; then its process is ended


@dataclass(frozen=True)
class Room:
    """What a query finds: views, the files they read, DuckDB's settings. `bytes` is what its process may grow by."""

    views: tuple[str, ...]
    files: tuple[str, ...]
    settings: Mapping[str, Any]
    threads: int
    bytes: int


class AskFailed(Exception):
    """A query that gave no answer: `kind` time, memory, gone (a file), or wrong; `position` the byte it is about."""

    def __init__(self, kind: str, message: str = "", position: int | None = None) -> None:
        self.kind, self.message, self.position = kind, message, position
        super().__init__(f"{kind}: {message}")


class Process:
    """One process that answers one query at a time."""

    def __init__(self) -> None:
        # No environment: there is nothing in it that a query could need.
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(locked_child.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )
        self._is_over = False
        self._spill = tempfile.mkdtemp(dir=spill_folder())

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked again."""
        return not self._is_over and self._process.poll() is None

    def open(self, room: Room, seconds: float = 60.0) -> None:
        """Make the views; raises AskFailed."""
        with self._ended_after(seconds):
            settings = {**room.settings, "temp_directory": self._spill}
            self._tell({"do": "open", **vars(room), "settings": settings})
            _checked(self._heard())

    def ask(
        self, want: str, sql: str, moment: str, *, seconds: float, rows: int, key: str | None = None
    ) -> tuple[pa.Table, bool]:
        """Return up to `rows` rows and whether there are more; raises AskFailed."""
        request = {"want": want, "sql": sql, "moment": moment, "seconds": seconds, "rows": rows, "key": key}
        with self._ended_after(seconds + _GRACE):
            self._tell({"do": "ask", **request})
            _checked(self._heard())
            try:
                table = pa.ipc.open_stream(self._process.stdout).read_all()
            except (pa.ArrowException, OSError):
                raise self._dead() from None
            end = _checked(self._heard())
        return table, end["is_cut"]

    def plan(self, sql: str, moment: str, *, seconds: float) -> Any:
        """Return DuckDB's plan of a query, as JSON gives it; raises AskFailed."""
        with self._ended_after(seconds + _GRACE):
            self._tell({"do": "ask", "want": "plan", "sql": sql, "moment": moment, "seconds": seconds})
            return json.loads(_checked(self._heard())["plan"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
        shutil.rmtree(self._spill, ignore_errors=True)  # what a query spilled is customer data

    def _tell(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._dead() from None

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._dead()
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _dead(self) -> AskFailed:
        """Return why the process is gone: ended by the clock, or by the system for its memory."""
        timed_out, self._is_over = self._is_over, True
        code = self._process.wait()
        return AskFailed("time" if timed_out or code == -24 else "memory")  # 24: SIGXCPU, too much processor time

    def _ended_after(self, seconds: float) -> _Deadline:
        return _Deadline(self, seconds)

    def _end(self) -> None:
        self._is_over = True
        self._process.kill()


class _Deadline:
    """Ends a process that is not done in time."""

    def __init__(self, process: Process, seconds: float) -> None:
        self._timer = threading.Timer(seconds, process._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if not answer["ok"]:
        raise AskFailed(answer["kind"], answer["message"], answer.get("position"))
    return answer


class _Idle:
    """Started processes that nobody uses now: starting one takes a third of a second."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._idle: list[Process] = []

    def take(self) -> Process:
        while True:
            with self._guard:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return Process()
            if process.is_usable:
                return process
            process.close()

    def give(self, process: Process) -> None:
        with self._guard:
            if process.is_usable and len(self._idle) < _MOST_IDLE:
                self._idle.append(process)
                return
        process.close()

    def close(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()


_idle = _Idle()
atexit.register(_idle.close)


class Processes:
    """The processes that know one room. A query takes one of its own, so a slow one holds up nobody else's."""

    def __init__(self, room: Room, most: int = 4) -> None:
        self._room = room
        self._places = threading.Semaphore(most)
        self._guard = threading.Lock()
        self._free: list[Process] = []
        self._is_closed = False

    def run(self, work: Callable[[Process], T]) -> T:
        """Return `work(process)`; others wait when as many as there may be are at work."""
        with self._places:
            with self._guard:
                process = self._free.pop() if self._free else None
            try:
                if process is None:
                    process = _idle.take()
                    process.open(self._room)
                return work(process)
            finally:
                if process is not None:
                    self._leave(process)

    def close(self) -> None:
        """Give the processes back."""
        with self._guard:
            self._is_closed, free, self._free = True, self._free, []
        for process in free:
            _idle.give(process)

    def _leave(self, process: Process) -> None:
        with self._guard:
            if process.is_usable and not self._is_closed:
                self._free.append(process)
                return
        _idle.give(process)


__all__ = ["AskFailed", "Process", "Processes", "Room"]
