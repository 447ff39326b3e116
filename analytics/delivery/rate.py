"""An exact limit of mails a minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

_WINDOW = 60.0
_CATCH_UP = 1.0  # seconds of missed slots a late caller may make up for


class RateLimit:
    """Lets at most `per_minute` callers pass in any 60 seconds, evenly.

    Callers pass on an even grid; what a slow moment missed is made up for one second at most, and a log of the last
    minute's passes holds the limit exactly whatever happened. The first pass waits one slot, so a restart does not
    add to what the process before it sent.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limit, self._clock, self._sleep = per_minute, clock, sleep
        self._slot = _WINDOW / per_minute
        self._next = clock() + self._slot
        self._passed: deque[float] = deque(maxlen=per_minute)
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Return when one more mail may leave."""
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            now = self._clock()
            self._passed.append(now)
            self._next = max(self._next + self._slot, now - _CATCH_UP)

    def _wait(self) -> float:
        now = self._clock()
        until = self._next
        if len(self._passed) == self._limit:
            until = max(until, self._passed[0] + _WINDOW)
        return until - now
