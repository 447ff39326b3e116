"""What a definition gives, while it is being built: how many, some of them, by which SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.segments import Definition
from analytics.services import Services


@dataclass(frozen=True)
class Preview:
    """The answer on the newest data. `rows` are the first ones by the definition's order, labelled for people."""

    count: int
    of: int
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    sql: str
    milliseconds: int


def preview(services: Services, definition: Definition, limit: int = 8) -> Preview:
    """Return how many rows a definition has and the first `limit`; raises SegmentError naming what does not fit."""
    with services.engine() as engine:
        begun = time.perf_counter()
        count = services.segments.count(definition, engine)
        spent = time.perf_counter() - begun
        every = services.segments.count(Definition(definition.entity), engine)
        sample = services.segments.sample(definition, engine, limit)
        sql = str(services.segments.sql(definition, engine))
    return Preview(count, every, sample.columns, tuple(sample.rows.to_pylist()), sql, round(spent * 1000))
