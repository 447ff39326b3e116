"""What a definition costs to ask: measured where it is quick, estimated where it is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from analytics.engine import Engine, planned_rows
from analytics.segments.compiler import Compiled
from analytics.segments.queries import SqlError

SLOW_SECONDS = 1.0
MOST_SECONDS = 3.0
MANY_ROWS = 50_000_000


@dataclass(frozen=True)
class Cost:
    """What one count of a definition took or would take.

    `seconds` was measured; None when it was stopped after `within` seconds. `rows` is how many rows DuckDB expects to
    read and make on the way, good to an order of magnitude; None where it was not needed or cannot be told.
    """

    seconds: float | None
    rows: int | None = None
    within: float = MOST_SECONDS

    @property
    def is_slow(self) -> bool:
        """Whether a person should know before saving it."""
        return self.seconds is None or self.seconds >= SLOW_SECONDS

    @property
    def sentence(self) -> str:
        """The cost in words."""
        if self.seconds is not None:
            took = "less than a tenth of a second" if self.seconds < 0.1 else f"{self.seconds:.1f} seconds"
            slow = " Pages and lists that show it take as long." if self.is_slow else ""
            return f"Counting takes {took}.{slow}"
        looked = f": it looks at about {rounded(self.rows)} rows" if self.rows else ""
        return (
            f"Counting takes longer than {self.within:g} seconds{looked}. Pages and lists that show it will be slow; "
            "narrow it, or make its list static."
        )


def measured(
    compiled: Compiled, given: Callable[[], Mapping[str, pa.Table]], engine: Engine, seconds: float = MOST_SECONDS
) -> Cost:
    """Return the cost of a compiled count, which is stopped after `seconds`.

    `given` finds the tables it reads beside the lake's; the time that takes counts too. Raises SqlError for SQL that
    fails for another reason than its time.
    """
    begun = time.perf_counter()
    try:
        tables = given()
    except SqlError as error:
        if not error.took_too_long:
            raise
        return Cost(None, within=seconds)
    left = seconds - (time.perf_counter() - begun)
    if left <= 0 or not engine.finishes(compiled.sql, compiled.params, tables, within=left):
        return Cost(None, planned(compiled, tables, engine), seconds)
    return Cost(time.perf_counter() - begun)


def planned(compiled: Compiled, tables: Mapping[str, pa.Table], engine: Engine) -> int:
    """Return how many rows DuckDB expects to look at."""
    plan = engine.rows(f"explain (format json) {compiled.sql}", compiled.params, tables)
    return planned_rows(json.loads(plan[0][1]))


def rounded(count: int | None) -> str:
    """Return a number as people say it: 1.2 billion, 34 million, 5,600."""
    number: Any = count or 0
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.2g} {word}" if number < 10 * size else f"{number / size:,.0f} {word}"
    return f"{number:,}"
