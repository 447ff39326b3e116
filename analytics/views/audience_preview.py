"""What a definition gives, while it is being built: how many, some of them, by which SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.segments import Definition
from analytics.services import Services

SLOW = 2_000
"""Milliseconds from which on a count waits until somebody asks for it, and saving for a second word."""


@dataclass(frozen=True)
class Preview:
    """The answer on one snapshot. `rows` are the first ones by the definition's order, labelled for people.

    `keys` are theirs, and what a person knows them by: {key: words}. `milliseconds` is what counting took.
    """

    count: int
    of: int
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    keys: Mapping[str, str]
    milliseconds: int

    @property
    def is_slow(self) -> bool:
        """Whether counting takes so long that it should be asked for."""
        return self.milliseconds >= SLOW


def preview(services: Services, definition: Definition, limit: int = 8) -> Preview:
    """Return how many rows a definition has and the first `limit`; raises SegmentError naming what does not fit."""
    with services.engine() as engine:
        begun = time.perf_counter()
        count = services.segments.count(definition, engine)
        spent = time.perf_counter() - begun
        every = count if definition == Definition(definition.entity) else None
        if every is None:
            every = services.segments.count(Definition(definition.entity), engine)
        sample = services.segments.sample(definition, engine, limit)
    rows = tuple(sample.rows.to_pylist())
    key, *others = sample.columns
    keys = {str(row[key]): f"{row[others[0]]} ({row[key]})" if others and row[others[0]] else row[key] for row in rows}
    return Preview(count, every, sample.columns, rows, keys, round(spent * 1000))


def standing(services: Services) -> object:
    """Return what tells one state of the data from another: a preview holds as long as it is the same."""
    with services.engine() as engine:
        return tuple(sorted(engine.snapshot.versions.items()))


def sql(services: Services, definition: Definition) -> str:
    """Return the query of a definition for people to read; raises SegmentError."""
    with services.engine() as engine:
        return str(services.segments.sql(definition, engine))
