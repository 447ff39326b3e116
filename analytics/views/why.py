"""Why a person is in a segment or out of it: the tree of conditions with yes or no, and the values they saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from analytics.model.entity import EntityModel
from analytics.segments import Definition, Explanation, Membership
from analytics.segments.definition import All, AnyOf, Node, Not
from analytics.segments.words import say
from analytics.services import Services
from analytics.views.wording import local


@dataclass(frozen=True)
class Line:
    """One condition or group: how deep it stands, whether it holds, what it says and what it saw."""

    depth: int
    holds: bool
    words: str
    saw: str | None
    is_group: bool


@dataclass(frozen=True)
class Why:
    """The answer for one row. Without lines the segment has no condition, and everybody is in.

    `is_cut_off`: the conditions hold, but the segment's limit ends before the row.
    """

    key: str
    is_member: bool
    lines: tuple[Line, ...]

    @property
    def is_cut_off(self) -> bool:
        """Whether only the limit keeps the row out."""
        return not self.is_member and (not self.lines or self.lines[0].holds)


def why(services: Services, definition: Definition, who: str) -> Why:
    """Return why the row with this key or address is in or out; SegmentError when there is none or several."""
    with services.engine() as engine:
        found = services.segments.explain(definition, engine, who.strip())
    return answer(services, definition, found)


def answer(services: Services, definition: Definition, found: Membership) -> Why:
    """Return an explanation in words."""
    if found.conditions is None:
        return Why(found.key, found.is_member, ())
    zone = services.store.settings.timezone
    lines = _lines(services.model, definition.entity, found.conditions, 0, zone)
    return Why(found.key, found.is_member, tuple(lines))


def _lines(model: EntityModel, entity: str, one: Explanation, depth: int, zone: str) -> Iterator[Line]:
    node = Definition.from_document({"entity": entity, "where": one.document}).where
    saw = None if one.values is None else _seen(one.values, zone)
    yield Line(depth, one.holds, _words(model, entity, node), saw, bool(one.nodes))
    for below in one.nodes:
        yield from _lines(model, entity, below, depth + 1, zone)


def _seen(values: tuple[Any, ...], zone: str) -> str:
    shown = [_value(local(v, zone) if isinstance(v, datetime) else v) for v in values if v is not None]
    return ", ".join(shown) or "no value"


def _words(model: EntityModel, entity: str, node: Node | None) -> str:
    match node:
        case All(()):
            return "Everybody"
        case All():
            return "All of these"
        case AnyOf():
            return "Any of these"
        case Not():
            return "Not this"
        case None:
            return "Everybody"
        case _:
            return say(model, entity, node)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value or "blank"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, datetime):
        return f"{value:%d %b %Y, %H:%M}"
    if isinstance(value, date):
        return f"{value:%d %b %Y}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")
