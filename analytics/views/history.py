"""The past of a segment or list on screen: its size over time, who came and went, its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.lists import ListVersion
from analytics.lists.membership import Kind
from analytics.lists.sizes import SizePoint
from analytics.segments import Definition, Difference, SegmentVersion
from analytics.segments.definition import FieldCondition
from analytics.services import Services

PEOPLE = 50
"""How many of those who came or went are shown."""


@dataclass(frozen=True)
class Version:
    """One version and what it changed against the one before, in words; none for the oldest kept."""

    number: int
    at: datetime
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """What is known of the past: measurements oldest first, how many came and went last, versions newest first."""

    points: tuple[SizePoint, ...]
    entered: int
    left: int
    since: datetime | None
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class People:
    """Some of those who came or went: `columns` are labels, `rows` by label; `total` is how many there are."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    total: int


def past(services: Services, kind: Kind, number: int) -> Past:
    """Return the past of a segment or list; raises NotFound."""
    points = services.sizes.history(kind, number).points
    change = services.sizes.changes(kind, number)
    entered, left = (len(change.entered), len(change.left)) if change is not None else (0, 0)
    since = change.before if change is not None else None
    return Past(points, entered, left, since, _versions(services, kind, number))


def people(services: Services, kind: Kind, number: int, which: str) -> People:
    """Return the first of those who `entered` or `left` at the last measurement, as a person knows them.

    Who is no row any more is shown by key alone.
    """
    change = services.sizes.changes(kind, number)
    keys: Sequence[str] = () if change is None else change.entered if which == "entered" else change.left
    some = tuple(keys[:PEOPLE])
    if not some:
        return People((), (), 0)
    name = services.segments.get(number).definition.entity if kind == "segment" else services.lists.get(number).entity
    entity = services.model.entity(name)
    known = Definition(name, FieldCondition(entity.key, "any_of", some))
    with services.engine() as engine:
        sample = services.segments.sample(known, engine, 2 * PEOPLE)  # keys that differ by case are found too
    label = sample.columns[0]
    found = {row[label]: row for row in sample.rows.to_pylist() if row[label] in some}
    return People(sample.columns, tuple(found.get(key, {label: key}) for key in some), len(keys))


def diff(services: Services, kind: Kind, number: int, old: int, new: int) -> Difference:
    """Return what changed between two versions; raises NotFound."""
    if kind == "segment":
        return services.segments.diff(number, old, new)
    return services.list_history.diff(number, old, new)


def restore(services: Services, kind: Kind, number: int, version: int) -> None:
    """Make an old version the newest and measure it; raises NotFound, SegmentError, ListError."""
    if kind == "segment":
        services.segments.restore(number, version)
    else:
        services.list_history.restore(number, version)
    services.sizes.measure(kind, number)


def _versions(services: Services, kind: Kind, number: int) -> tuple[Version, ...]:
    kept: list[SegmentVersion | ListVersion] = []
    if kind == "segment":
        kept += services.segments.versions(number)
    else:
        kept += services.list_history.versions(number)
    made = []
    for n, version in enumerate(kept):
        changes: tuple[str, ...] = ()
        if n + 1 < len(kept):
            changes = tuple(map(str, diff(services, kind, number, kept[n + 1].version, version.version).changes))
        made.append(Version(version.version, version.created_at, changes))
    return tuple(made)
