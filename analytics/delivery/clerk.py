"""The sender's side of the state: a thread that speaks to it, and notes that meet in one transaction at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from analytics.delivery.records import Handed, Result

_LONGEST_UNNOTED = 0.005
"""Seconds a result waits for its connection's next mark, which takes it along."""

_SLOW = 0.004
"""A commit that takes so many seconds is worth gathering for; event loops tell milliseconds apart at best."""

T = TypeVar("T")


class Clerk:
    """A thread that speaks to the state, one call after the other, while an event loop goes on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Callable[..., None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)
        self._thread.start()

    def give(self, work: Callable[[], Any], done: Callable[..., None]) -> None:
        """Have `work` done; `done(result, error)` is then called in the loop."""
        self._work.put((work, done))

    async def call(self, work: Callable[[], T]) -> T:
        """Return what `work()` returns or raise what it raises."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.give(work, done)
        return await future

    def close(self) -> None:
        """Let the thread end after the calls it has."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            work, done = task
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:  # it belongs to whoever asked
                failure = error
            self._loop.call_soon_threadsafe(done, result, failure)


class Notes:
    """What connections have to note: it waits while the clerk commits, then all of it is the next transaction."""

    def __init__(
        self,
        clerk: Clerk,
        commit: Callable[[list[Handed], list[Result]], set[int]],
        connections: Callable[[], int],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`commit` is the ledger's; `connections` tells how many may have something to note; `failed` hears of a
        transaction that could not be committed."""
        self._loop = asyncio.get_running_loop()
        self._clerk, self._commit, self._connections, self._failed = clerk, commit, connections, failed
        self._handed: list[Handed] = []
        self._results: list[Result] = []
        self._waiters: list[tuple[int, asyncio.Future[bool]]] = []
        self._is_committing = False
        self._planned: asyncio.Handle | None = None
        self._is_gathering = False

    def mark(self, handed: Handed) -> asyncio.Future[bool]:
        """Return a future that tells, once the mark is on disk, whether the mail may leave."""
        future: asyncio.Future[bool] = self._loop.create_future()
        self._handed.append(handed)
        self._waiters.append((handed.id, future))
        if not self._is_committing and (not self._is_gathering or self._are_all_here):
            self._is_gathering = False
            # Every connection that is ready by now has its say before this runs: one transaction for all.
            self._plan(0)
        return future

    def note(self, result: Result) -> None:
        """Note a result, with the next transaction."""
        self._results.append(result)
        if not self._is_committing and self._planned is None:
            self._plan(_LONGEST_UNNOTED)

    def take_results(self) -> list[Result]:
        """Return the results no transaction has taken, when no more are to come and the clerk is gone."""
        if self._planned is not None:
            self._planned.cancel()
        results, self._results = self._results, []
        return results

    @property
    def _are_all_here(self) -> bool:
        return len(self._waiters) >= self._connections()

    def _plan(self, seconds: float) -> None:
        if self._planned is not None:
            self._planned.cancel()
        self._planned = self._loop.call_later(seconds, self._start) if seconds else self._loop.call_soon(self._start)

    def _start(self) -> None:
        """Give everything that waits to the clerk as one transaction."""
        self._planned, self._is_gathering = None, False
        handed, self._handed = self._handed, []
        results, self._results = self._results, []
        waiters, self._waiters = self._waiters, []
        if not handed and not results:
            return
        self._is_committing = True
        begun = time.perf_counter()
        self._clerk.give(
            lambda: self._commit(handed, results),
            lambda refused, error: self._done(waiters, time.perf_counter() - begun, refused, error),
        )

    def _done(
        self,
        waiters: list[tuple[int, asyncio.Future[bool]]],
        took: float,
        refused: set[int] | None,
        error: BaseException | None,
    ) -> None:
        """Let the mails leave whose marks are on disk now, and go on with what came to be noted meanwhile."""
        self._is_committing = False
        for number, future in waiters:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(number not in (refused or ()))
        if error is not None:
            self._failed(error)
        if self._waiters:
            # Where the disk is slow, half of the connections would wait for one commit and the rest for the next:
            # waiting a moment for the others makes one of two.
            self._is_gathering = took > _SLOW and not self._are_all_here
            self._plan(took / 4 if self._is_gathering else 0)
        elif self._results:
            self._plan(_LONGEST_UNNOTED)
