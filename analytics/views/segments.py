"""Segments on screen: how large they are, what they say, who uses them, whom they share with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.errors import SegmentError
from analytics.lists.membership import Kind, find_subject
from analytics.lists.overlap import Overlap
from analytics.segments import Definition, Segment, Use, WordLine, copy_name, outline
from analytics.services import Services

SAMPLE = 10


@dataclass(frozen=True)
class Line:
    """One row of the overview. `size` and `change` are of the last measurement, None before there is one."""

    id: int
    name: str
    made_of: str
    size: int | None
    change: int | None
    trend: tuple[int, ...]
    uses: int
    version: int
    updated_at: datetime


@dataclass(frozen=True)
class Detail:
    """One segment with its size on the newest data, some of its rows, its conditions in words and who uses it."""

    segment: Segment
    made_of: str
    lines: tuple[WordLine, ...]
    count: int
    of: int
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    uses: tuple[Use, ...]
    is_targetable: bool


@dataclass(frozen=True)
class Editable:
    """What the editor of a segment begins with."""

    id: int | None
    name: str
    description: str
    definition: Definition


@dataclass(frozen=True)
class Choice:
    """A segment or list that may be compared."""

    kind: Kind
    id: int
    label: str


def overview(services: Services) -> tuple[Line, ...]:
    """Return every segment by name, with the sizes it was measured at."""
    recent = services.sizes.recent()
    lines = []
    for segment in services.segments.all():
        points = recent.get(("segment", segment.id), ())
        lines.append(
            Line(
                id=segment.id,
                name=segment.name,
                made_of=_plural(services, segment.definition.entity),
                size=points[-1].count if points else None,
                change=points[-1].count - points[-2].count if len(points) > 1 else None,
                trend=tuple(p.count for p in points),
                uses=len(services.segments.used_by(segment.id)),
                version=segment.version,
                updated_at=segment.updated_at,
            )
        )
    return tuple(lines)


def detail(services: Services, number: int) -> Detail:
    """Return one segment counted on the newest data; raises NotFound, SegmentError when it does not fit any more."""
    segment = services.segments.get(number)
    definition = segment.definition
    with services.engine() as engine:
        count = services.segments.count(definition, engine)
        every = services.segments.count(Definition(definition.entity), engine)
        sample = services.segments.sample(definition, engine, SAMPLE)
    return Detail(
        segment=segment,
        made_of=_plural(services, definition.entity),
        lines=outline(services.model, definition),
        count=count,
        of=every,
        columns=sample.columns,
        rows=tuple(sample.rows.to_pylist()),
        uses=services.segments.used_by(number),
        is_targetable=definition.entity in {e.name for e in services.model.targetable()},
    )


def sql(services: Services, segment: Segment) -> str:
    """Return the query behind a segment for people to read."""
    with services.engine() as engine:
        return str(services.segments.sql(segment.definition, engine))


def fresh(services: Services) -> Editable:
    """Return what a new segment begins as: every customer user."""
    names = [e.name for e in services.model.targetable()]
    return Editable(None, "", "", Definition("customer_user" if "customer_user" in names else names[0]))


def editable(services: Services, number: int) -> Editable:
    """Return an existing segment for its editor; raises NotFound."""
    found = services.segments.get(number)
    return Editable(found.id, found.name, found.description or "", found.definition)


def entities(services: Services) -> dict[str, str]:
    """Return what segments can be made of: {entity: plural}, those with contacts first."""
    first = {e.name: e.plural for e in services.model.targetable()}
    others = sorted(services.model.entities.values(), key=lambda e: e.plural)
    return {**first, **{e.name: e.plural for e in others}}


def save(services: Services, begun: Editable, name: str, description: str, definition: Definition) -> Segment:
    """Store a new segment or change the one edited, its name too, and measure it; raises SegmentError."""
    if begun.id is None:
        known = [s.name for s in services.segments.all()]
        same = next((k for k in known if k.casefold() == name.strip().casefold()), None)
        if same is not None:
            raise SegmentError(
                f"There is a segment {same!r} already; choose another name, such as {copy_name(same, known)!r}."
            )
    elif name.strip() != begun.name:
        services.segments.rename(begun.name, name)
    saved = services.segments.save(name, definition, description)
    services.sizes.measure("segment", saved.id)
    return saved


def make_list(services: Services, number: int) -> int:
    """Make a dynamic list built on a segment, called like it or the next free name; returns its number."""
    segment = services.segments.get(number)
    taken = [m.name for m in services.lists.all()]
    is_free = segment.name.casefold() not in {t.casefold() for t in taken}
    contact = services.model.entity(segment.definition.entity).contacts[0].name
    name = segment.name if is_free else copy_name(segment.name, taken)
    return services.lists.create(name, segment=number, contact=contact).id


def choices(services: Services) -> dict[str, Choice]:
    """Return what may be compared, by "kind:id"."""
    found = [Choice("segment", s.id, s.name) for s in services.segments.all()]
    found += [Choice("list", m.id, f"{m.name} (list)") for m in services.lists.all()]
    return {f"{c.kind}:{c.id}": c for c in found}


def overlap(services: Services, chosen: Sequence[Choice], suppressed: bool) -> Overlap:
    """Return whom the chosen ones share; raises ListError, SegmentError."""
    sets = [find_subject(services.segments, services.lists, c.kind, c.id) for c in chosen]
    with services.engine() as engine:
        return services.overlaps.compare(engine, sets, suppressed=suppressed)


def _plural(services: Services, name: str) -> str:
    entity = services.model.entities.get(name)
    return entity.plural if entity else name
