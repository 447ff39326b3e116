"""Several processes as one: started together, logged together, started again when they die, stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

STOP_SECONDS = 35.0
_SUPERVISOR = "SHELDUCK_SUPERVISOR"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SETTLED_SECONDS = 60.0  # a process that lived so long starts afresh: its next death counts as its first


@dataclass(frozen=True)
class Part:
    """One process: its name in the log, its command line, the folder and variables it runs with."""

    name: str
    command: Sequence[str]
    folder: Path | None = None
    environment: Mapping[str, str] | None = None


class Supervisor:
    """Runs parts until it is told to stop. What they print becomes lines of one log, each with its part's name."""

    def __init__(self, parts: Sequence[Part], log: Path, show: Callable[[str], None]) -> None:
        """Take the parts, the log file (appended to) and where a line about a part's start or end is shown."""
        self._parts, self._log_path, self._show = tuple(parts), log, show
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def stop(self, *_: int | FrameType | None) -> None:
        """Begin to stop; a signal handler may call this."""
        self._stop.set()

    def run(self, meanwhile: Callable[[threading.Event], None] | None = None) -> int:
        """Start all parts, call `meanwhile` with the event of the stop, and stop them when SIGINT or SIGTERM arrives.

        Returns 0 after a clean stop, 1 if a part had to be killed.
        """
        handlers = {number: signal.signal(number, self.stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self._log_path.open("ab") as log:
                keepers = [threading.Thread(target=self._keep, args=(part, log), daemon=True) for part in self._parts]
                for keeper in keepers:
                    keeper.start()
                if meanwhile is not None:
                    meanwhile(self._stop)
                while not self._stop.wait(0.2):
                    pass
                killed = self._end()
                for keeper in keepers:
                    keeper.join(5)
        finally:
            self._stop.set()
            self._end()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return 1 if killed else 0

    def _keep(self, part: Part, log: BinaryIO) -> None:
        """Run a part again and again until the stop, waiting longer after each quick death."""
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            begun = time.monotonic()
            process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=part.folder,
                env={**os.environ, **(part.environment or {}), _SUPERVISOR: str(os.getpid())},
                start_new_session=True,  # Ctrl-C is for us alone: we stop the parts in good order
            )
            with self._guard:
                self._running[part.name] = process
            if self._stop.is_set():
                process.terminate()
            self._copy(part, process, log)
            code = process.wait()
            if self._stop.is_set():
                return
            if time.monotonic() - begun > _SETTLED_SECONDS:
                pause = _FIRST_PAUSE
            self._show(f"{part.name} ended with code {code}; starting it again in {pause:g} s (log: {self._log_path})")
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _copy(self, part: Part, process: subprocess.Popen[bytes], log: BinaryIO) -> None:
        assert process.stdout is not None
        name = part.name.encode()
        with process.stdout:
            for line in process.stdout:
                with self._guard:
                    log.write(b"%s | %s" % (name, line if line.endswith(b"\n") else line + b"\n"))
                    log.flush()

    def _end(self) -> bool:
        """Ask every part to stop, wait, kill what does not; returns whether one was killed."""
        with self._guard:
            processes = [p for p in self._running.values() if p.poll() is None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        killed = False
        for process in processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                killed = True
        return killed


def leave_with_supervisor() -> None:
    """End this process when the supervisor that started it is gone, however that one died: asked first, then killed."""
    parent = os.environ.get(_SUPERVISOR)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(1)
        # Nobody reads what we print any more, and a broken pipe would end us in the midst of stopping.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="supervisor watch").start()


def command(*arguments: str) -> list[str]:
    """Return the command line that runs `shelduck` with these arguments in a process of its own."""
    return [sys.executable, "-m", "analytics.cli", *arguments]
