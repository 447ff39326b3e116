"""The limit of mails a minute is exact."""

from __future__ import annotations

import asyncio
import bisect
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from analytics.delivery import drain
from analytics.delivery.rate import RateLimit
from analytics.delivery.records import Tuning
from analytics.store import Store
from tests.delivery.conftest import Server
from tests.delivery.ledgers import PlainPlan, a_sending


class Time:
    """A clock that stands, and a sleep that moves it, late now and then as real ones are."""

    def __init__(self, seed: int = 1, late: float = 0.0) -> None:
        self.now, self._random, self._late = 1000.0, random.Random(seed), late

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self._random.uniform(0, self._late)


def passes(per_minute: int, time: Time, count: int, work: Callable[[], float] = lambda: 0.0) -> list[float]:
    async def take() -> list[float]:
        limit = RateLimit(per_minute, time.clock, time.sleep)
        found = []
        for _ in range(count):
            await limit.take()
            found.append(time.now)
            time.now += work()
        return found

    return asyncio.run(take())


def most_in_a_minute(found: list[float]) -> int:
    return max(bisect.bisect_left(found, begun + 60) - n for n, begun in enumerate(found))


@pytest.mark.parametrize("per_minute", [1, 7, 60, 999])
def test_callers_pass_evenly(per_minute: int) -> None:
    time = Time()
    found = passes(per_minute, time, 3 * per_minute)
    assert found == pytest.approx([1000 + (n + 1) * 60 / per_minute for n in range(3 * per_minute)])


@pytest.mark.parametrize("per_minute", [5, 120, 1500])
def test_no_minute_ever_has_more(per_minute: int) -> None:
    """Sleeps that wake late and callers that stall make up for what they missed, but never beyond the limit."""
    rng = random.Random(5)
    time = Time(late=0.02)
    found = passes(per_minute, time, 4 * per_minute, lambda: 5.0 if rng.random() < 0.004 else 0.0)
    assert most_in_a_minute(found) <= per_minute


def test_a_late_wake_up_costs_no_rate() -> None:
    found = passes(6000, Time(late=0.002), 12_000)
    assert found[-1] - found[0] == pytest.approx(120, rel=0.01)


def test_a_sending_keeps_to_the_limit(store: Store, server: Callable[..., Server]) -> None:
    """The first mail waits one slot, so a restart adds nothing."""
    number = a_sending(store, 3)
    sent = drain(
        store,
        None,  # type: ignore[arg-type]  # no template is compiled
        number,
        smtp=server("--calm").settings(3, rate_per_minute=600),
        tuning=Tuning(sender_ttl=timedelta(seconds=1)),
        plan=PlainPlan(),
    )
    assert sent.accepted == 3
    assert sent.seconds >= 0.3
