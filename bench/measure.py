"""One figure of ours beside one of somebody else's, both taken in the same run on the same machine."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Measure(NamedTuple):
    """`ours` and `theirs` in `unit`; `ratio` is ours/theirs."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float

    @classmethod
    def of(cls, name: str, ours: float, theirs: float, unit: str) -> Measure:
        """Return the measure with its ratio; `theirs` of 0 gives an infinite one."""
        return cls(name, ours, theirs, unit, ours / theirs if theirs else float("inf"))


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes, wall clock."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def side_by_side(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """Return the median seconds of both, called in turns after one unmeasured call each."""
    ours()
    theirs()
    mine, other = [], []
    for _ in range(rounds):
        mine.append(seconds(ours))
        other.append(seconds(theirs))
    return statistics.median(mine), statistics.median(other)


def in_a_process(work: Any, *arguments: Any) -> Any:
    """Return what `work` returns in a fresh process, whose memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)
