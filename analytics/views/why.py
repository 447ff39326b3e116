"""Why a person is in a segment or out of it: the tree of conditions with yes or no, and the values they saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from analytics.model.entity import EntityModel
from analytics.segments import Definition, Explanation, Membership
from analytics.segments.definition import All, AnyOf, FieldCondition, MeasureCondition, Node, Not
from analytics.segments.operators import MEASURES, OPERATORS
from analytics.services import Services
from analytics.views.conditions import MOMENTS, PART_WORDS, field_choice
from analytics.views.fragments import text_of
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
    yield Line(depth, one.holds, words(model, entity, node), saw, bool(one.nodes))
    for below in one.nodes:
        yield from _lines(model, entity, below, depth + 1, zone)


def _seen(values: tuple[Any, ...], zone: str) -> str:
    shown = [_value(local(v, zone) if isinstance(v, datetime) else v) for v in values if v is not None]
    return ", ".join(shown) or "no value"


def words(model: EntityModel, entity: str, node: Node | None) -> str:
    """Return what a condition says in a person's words; kinds without such words in the text form."""
    match node:
        case None | All(()):
            return "Everybody"
        case All():
            return "All of these"
        case AnyOf():
            return "Any of these"
        case Not():
            return "Not this"
        case FieldCondition(field, operator, value, part):
            choice = field_choice(model, entity, field)
            label = choice.label if choice is not None else field
            of_part = f" ({PART_WORDS[part]})" if part else ""
            return f"{label}{of_part} {_compared(operator, value)}"
        case MeasureCondition(measure, operator, value):
            records = field_choice(model, entity, measure.related)
            label = records.label if records is not None else measure.related
            of = f"{measure.field.replace('_', ' ')} of " if measure.field else ""
            where = f" where {text_of(measure.where)}" if measure.where is not None else ""
            return f"{MEASURES[measure.measure].capitalize()} {of}{label}{where} {_compared(operator, value)}"
        case _:
            return text_of(node)


def _compared(operator: str, value: Any) -> str:
    known = OPERATORS[operator]
    if known.arity == "none":
        return known.label
    if known.arity == "two":
        return f"{known.label} {_value(value[0])} and {_value(value[1])}"
    shown = ", ".join(map(_value, value)) if isinstance(value, tuple) else _value(value)
    return f"{known.label} {shown}"


def _value(value: Any) -> str:
    moments: Mapping[str, str] = MOMENTS
    if isinstance(value, str):
        return moments[value].lower() if value in moments else value or "blank"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y, %H:%M}"
    if isinstance(value, date):
        return f"{value:%d %b %Y}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")
