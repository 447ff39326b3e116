"""A few threads that ask the state, so that a slow or absent database never stops the collecting."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")
_MOST_WAITING = 512


class Overloaded(Exception):
    """More questions wait for the state than it makes sense to keep."""


class StateThreads:
    """Runs blocking calls for one event loop.

    Daemon threads, unlike those of an executor, do not hold up the end of the process while a database hangs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        """Start `count` threads."""
        self._loop = loop
        self._work: queue.SimpleQueue[tuple[Callable[[], object], asyncio.Future[object]] | None] = queue.SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._run, name=f"state-{number}", daemon=True).start()

    async def call(self, work: Callable[[], T], timeout: float) -> T:
        """Return what `work()` returns or raise what it raises; TimeoutError after `timeout` seconds, it then goes on.

        Raises Overloaded at once when too many calls wait already.
        """
        if self._work.qsize() >= _MOST_WAITING:
            raise Overloaded
        future: asyncio.Future[object] = self._loop.create_future()
        self._work.put((work, future))
        return cast(T, await asyncio.wait_for(future, timeout))

    def close(self) -> None:
        """Let the threads end after the calls they are at."""
        for _ in range(self._count):
            self._work.put(None)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            work, future = task
            result: object = None
            failure: BaseException | None = None
            try:
                result = work()
            except Exception as error:  # it belongs to whoever asked
                failure = error
            try:
                self._loop.call_soon_threadsafe(_settle, future, result, failure)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
                return


def _settle(future: asyncio.Future[object], result: object, failure: BaseException | None) -> None:
    if future.done():  # whoever asked has given up
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
