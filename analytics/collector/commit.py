"""Group commit: what came during one fsync is written and synced by the next, and answered after it.

No timer: a fixed one would either wait with nothing to do or cut the rate. A thread owns the spool writers; the event
loop goes on collecting meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable

import msgspec
import structlog

from analytics.collector.lines import ControlLine, HitLine, PreferencesLine
from analytics.errors import AnalyticsError
from analytics.store.folder import unwritable
from analytics.store.spool import SpoolFolder, SpoolWriter

Done = Callable[[bool], None]
"""Called in the event loop once lines are on disk (True), or could not be put there (False)."""

_MAX_WAITING = 64 * 1024 * 1024  # bytes; a disk that stands still must not fill the memory
_REMIND_SECONDS = 60.0
_log = structlog.get_logger("collector")


class _Batch:
    __slots__ = ("control", "hits", "waiting")

    def __init__(self) -> None:
        self.hits, self.control = bytearray(), bytearray()
        self.waiting: list[Done] = []


class GroupCommit:
    """Appends lines durably for one event loop."""

    def __init__(self, spool: SpoolFolder, loop: asyncio.AbstractEventLoop) -> None:
        """Start the writing thread; `close` ends it."""
        self._spool, self._loop = spool, loop
        self._hits: SpoolWriter = spool.writer("hits")
        self._control: SpoolWriter = spool.writer("control")
        self._encoder = msgspec.json.Encoder()
        self._next = _Batch()
        self._is_busy = self._is_starting = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._work: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._trouble: str | None = None
        self._reminded = 0.0
        self._thread = threading.Thread(target=self._write, name="spool", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, or None when it did not."""
        return self._trouble

    def add(self, line: HitLine, done: Done) -> None:
        """Commit a hit; `done` hears whether it is on disk."""
        batch = self._next
        if len(batch.hits) > _MAX_WAITING:
            done(False)
            return
        # encode_into puts the line behind what is there: one buffer, one write for all.
        self._encoder.encode_into(line, batch.hits, -1)
        batch.hits += b"\n"
        batch.waiting.append(done)
        if not self._is_busy and not self._is_starting:
            self._is_starting = True
            self._idle.clear()
            self._loop.call_soon(self._start)  # at the end of this turn, so that what came with it goes along

    def add_control(self, hit: HitLine, control: ControlLine | PreferencesLine, done: Done) -> None:
        """Commit a hit together with its control line."""
        self._encoder.encode_into(control, self._next.control, -1)
        self._next.control += b"\n"
        self.add(hit, done)

    async def probe(self) -> bool:
        """Return whether the spool's folder takes a file at present, by writing one: an old trouble ends then."""
        try:
            await self._loop.run_in_executor(None, self._try_folder)
        except OSError as error:
            self._note(str(unwritable(self._spool.folder, error)))
            return False
        self._note(None)
        return True

    async def close(self) -> None:
        """Commit what is waiting, then end the thread and close the files."""
        await self._idle.wait()
        self._work.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _start(self) -> None:
        self._is_starting = False
        batch, self._next = self._next, _Batch()
        self._is_busy = True
        self._work.put(batch)

    def _finish(self, batch: _Batch, trouble: str | None) -> None:
        self._is_busy = False
        if self._next.waiting:
            self._start()  # before the answers: the disk works while we write to sockets
        else:
            self._idle.set()
        if trouble is not None or self._trouble is not None:
            self._note(trouble)
        is_kept = trouble is None
        for done in batch.waiting:
            try:
                done(is_kept)
            except Exception:  # one client's trouble; the others wait for their answers too
                _log.exception("An answer could not be given.")

    def _write(self) -> None:
        while (batch := self._work.get()) is not None:
            trouble = None
            try:
                if batch.control:
                    self._control.append(bytes(batch.control))
                    self._control.sync()
                self._hits.append(bytes(batch.hits))
                self._hits.sync()
            except Exception as error:  # whatever it was, the thread lives on: without it nothing is ever answered
                trouble = str(error) or repr(error)
            self._loop.call_soon_threadsafe(self._finish, batch, trouble)
        for writer in (self._hits, self._control):
            try:
                writer.close()
            except AnalyticsError as error:
                _log.error("The spool could not be closed.", reason=str(error))

    def _try_folder(self) -> None:
        probe = self._spool.folder / ".collector-probe"
        self._spool.folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"probe\n" * 1024)
        probe.unlink()

    def _note(self, trouble: str | None) -> None:
        """Say that writing fails when it begins to, now and then while it does, and that it works again."""
        if trouble is None and self._trouble is not None:
            _log.info("Hits can be kept again.", folder=str(self._spool.folder))
        elif trouble is not None and (self._trouble is None or time.monotonic() > self._reminded + _REMIND_SECONDS):
            self._reminded = time.monotonic()
            _log.error("Hits cannot be kept and are refused with status 503.", reason=trouble)
        self._trouble = trouble
