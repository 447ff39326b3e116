"""What a condition may be made of, in a person's words: fields, related records, comparisons, measures, moments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from analytics.errors import ModelError, SegmentError, UnknownField
from analytics.model.entity import Entity, EntityModel
from analytics.segments.definition import FieldCondition, Measure, MeasureCondition, Value
from analytics.segments.operators import BY_TYPE, MEASURES, OPERATORS
from analytics.segments.rfm import orders_of

Shape = Literal["none", "one", "two", "many", "days"]

RECENT, OLDER, COMING = "within_days", "older_than_days", "in_coming_days"
"""Operators of the builder alone: a number of days from today, which moves with every evaluation."""

RELATION = "relation"
"""The type of a path that ends at a related record: it is compared by its key, like a text."""

TYPE_WORDS: Mapping[str, str] = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "money": "money",
    "percent": "per cent",
    "boolean": "yes or no",
    "date": "date",
    "datetime": "date and time",
    "enum": "choice",
    "multi_enum": "choices",
    RELATION: "record",
}
PART_WORDS: Mapping[str | None, str] = {
    None: "date",
    "day_and_month": "day and month",
    "month": "month",
    "day_of_week": "day of the week",
    "day_of_month": "day of the month",
    "hour": "hour",
    "week": "week",
    "quarter": "quarter",
    "year": "year",
    "day_of_year": "day of the year",
}
MOMENTS: Mapping[str, str] = {
    "today": "Today",
    "today - 1d": "Yesterday",
    "today + 1d": "Tomorrow",
    "today - 7d": "7 days ago",
    "today - 30d": "30 days ago",
    "today - 90d": "90 days ago",
    "today - 365d": "365 days ago",
    "this week": "This week",
    "this month": "This month",
    "this month - 1": "Last month",
    "this quarter": "This quarter",
    "this year": "This year",
    "this year - 1": "Last year",
    "start of month": "Start of this month",
    "start of year": "Start of this year",
    "today + 7d": "In 7 days",
    "today + 30d": "In 30 days",
    "now": "Now",
}
"""Moments that move, offered with every date: {as it is written: words}."""

FIFTH = "fifth"
"""How a condition looks at one of the five groups of RFM, as it would at a part of a date."""

_DAYS_AGO, _DAYS_ON = re.compile(r"today - (\d{1,5})d"), re.compile(r"today \+ (\d{1,5})d")
_DAYS = {RECENT: "on_or_after", OLDER: "before"}
_FROM_DAYS = {operator: name for name, operator in _DAYS.items()}
_TEMPORAL = ("date", "datetime")
_NUMBERS = ("integer", "number", "money", "percent")
_PRESENCE = ("empty", "not_empty")


@dataclass(frozen=True)
class FieldChoice:
    """A field a condition may name, by its dotted path, or a related record (type "relation")."""

    path: str
    label: str
    type: str
    options: tuple[str, ...] = ()
    is_to_many: bool = False

    @property
    def is_number(self) -> bool:
        """Whether values are numbers."""
        return self.type in _NUMBERS

    @property
    def is_time(self) -> bool:
        """Whether values are dates or moments."""
        return self.type in _TEMPORAL

    @property
    def words(self) -> str:
        """The label with the type, as a picker shows it."""
        return f"{self.label} · {TYPE_WORDS.get(self.type, self.type)}"


@dataclass(frozen=True)
class RelatedChoice:
    """Rows that belong to a row: its orders, their lines."""

    path: str
    label: str
    target: str


@dataclass(frozen=True)
class OperatorChoice:
    """A comparison: its name, its words, what kind of value it takes."""

    name: str
    label: str
    shape: Shape


def field_choices(model: EntityModel, entity: str, depth: int = 2) -> tuple[FieldChoice, ...]:
    """Return the fields of `entity`: own ones, then those over at most `depth` to-one relations."""
    return tuple(_fields(model, model.entity(entity), FieldChoice("", "", ""), depth, 0, frozenset({entity})))


def condition_choices(model: EntityModel, entity: str, depth: int = 2) -> tuple[FieldChoice, ...]:
    """Return what conditions on `entity` are offered: own fields, then relation by relation those of related records.

    To-one relations are followed one step further than to-many ones; longer paths can be typed (`field_choice`).
    """
    found = [*_fields(model, model.entity(entity), FieldChoice("", "", ""), depth + 1, depth, frozenset({entity}))]
    return tuple(sorted(found, key=lambda choice: choice.path.count(".") > 0))


def _fields(
    model: EntityModel, entity: Entity, at: FieldChoice, one: int, many: int, seen: frozenset[str]
) -> Iterator[FieldChoice]:
    """Yield the fields below `at`; `one` and `many` say how many steps over relations of that kind may follow."""
    # What a marketer knows by name first, numbers of records last.
    for f in sorted(entity.fields.values(), key=lambda f: f.name == entity.key or f.name.endswith("_id")):
        yield FieldChoice(f"{at.path}{f.name}", f"{at.label}{f.label}", f.type, f.options, at.is_to_many)
    for relation in entity.relations.values():
        is_many = relation.kind == "many"
        if relation.target in seen or (many < 1 if is_many or at.is_to_many else one < 1):
            continue
        below = FieldChoice(
            f"{at.path}{relation.name}.", f"{at.label}{relation.label} › ", "", (), at.is_to_many or is_many
        )
        if many:
            yield replace(below, path=below.path[:-1], label=below.label[:-3], type=RELATION)
        yield from _fields(
            model, model.entity(relation.target), below, one - 1, max(0, many - 1), seen | {relation.target}
        )


def field_choice(model: EntityModel, entity: str, path: str) -> FieldChoice | None:
    """Return the choice of any path, however long, or None when it leads nowhere."""
    try:
        resolved = model.resolve(entity, path)
    except (ModelError, UnknownField):
        return None
    steps = [r.label for r in resolved.relations]
    if resolved.field is None:
        return FieldChoice(path, " › ".join(steps), RELATION, (), resolved.is_to_many)
    label = " › ".join([*steps, resolved.field.label])
    return FieldChoice(path, label, resolved.field.type, resolved.field.options, resolved.is_to_many)


def typed_field(text: str, known: Mapping[str, FieldChoice]) -> str | None:
    """Return the path of the field a typed label means: the one called so, else the first that has it in its label."""
    typed = text.strip().casefold()
    called = [p for p, choice in known.items() if typed in (choice.label.casefold(), choice.words.casefold())]
    near = [p for p, choice in known.items() if typed and typed in choice.words.casefold()]
    return next(iter([*called, *near]), None)


def related_choices(model: EntityModel, entity: str) -> tuple[RelatedChoice, ...]:
    """Return the rows a measure may be taken over: own ones, those of a related record, and what belongs to them."""
    own, further = [], []
    for relation in model.entity(entity).relations.values():
        if relation.kind == "many":
            own.append(RelatedChoice(relation.name, relation.label, relation.target))
        for more in model.entity(relation.target).relations.values():
            if more.kind == "many" and more.target != entity:
                label = f"{relation.label} › {more.label}"
                further.append(RelatedChoice(f"{relation.name}.{more.name}", label, more.target))
    return (*own, *further)


def related_choice(model: EntityModel, entity: str, path: str) -> RelatedChoice | None:
    """Return the choice of any path to related rows, or None when it leads nowhere."""
    choice = field_choice(model, entity, path)
    if choice is None or choice.type != RELATION:
        return None
    return RelatedChoice(path, choice.label, model.resolve(entity, path).entity.name)


def buys(model: EntityModel, entity: str) -> bool:
    """Return whether rows of an entity have orders, so that how they buy can be asked."""
    try:
        orders_of(model, model.entity(entity), "rfm")
    except SegmentError:
        return False
    return True


def operator_choices(choice: FieldChoice) -> tuple[OperatorChoice, ...]:
    """Return the comparisons a field offers, those a marketer reaches for first first."""
    known = [_operator(name, choice.is_to_many) for name in BY_TYPE["text" if choice.type == RELATION else choice.type]]
    if choice.type == RELATION:
        known.sort(key=lambda c: c.name not in ("any_of", "none_of", *_PRESENCE))
    if choice.type not in _TEMPORAL:
        return tuple(known)
    days = (
        OperatorChoice(RECENT, "is within the last (days)", "days"),
        OperatorChoice(OLDER, "is longer ago than (days)", "days"),
        OperatorChoice(COMING, "is within the next (days)", "days"),
    )
    return (*days, *known)


def part_operators() -> tuple[OperatorChoice, ...]:
    """Return the comparisons of a part of a date."""
    return tuple(_operator(name) for name in BY_TYPE["integer"])


def measured_operators(choice: FieldChoice, measure: str) -> tuple[OperatorChoice, ...]:
    """Return the comparisons of a measure over related rows whose value is as `choice` says, "at least" first."""
    offered = operator_choices(choice)
    if measure in ("count", "sum"):  # of nothing they are 0, so they always have a value
        offered = tuple(c for c in offered if c.name not in _PRESENCE)
    return tuple(sorted(offered, key=lambda c: c.name != "at_least"))


def _operator(name: str, is_to_many: bool = False) -> OperatorChoice:
    known = OPERATORS[name]
    if not is_to_many:
        return OperatorChoice(known.name, known.label, known.arity)
    label = f"none {OPERATORS[known.opposite].label}" if known.opposite else f"one {known.label}"
    return OperatorChoice(known.name, label, known.arity)


def measure_fields(model: EntityModel, target: str, measure: str) -> tuple[FieldChoice, ...]:
    """Return the fields of related rows a measure can be of; a count is of none."""
    if measure == "count":
        return ()
    fields = field_choices(model, target, depth=0)
    return tuple(f for f in fields if f.is_number) if measure in ("sum", "avg") else fields


def measured(choice: FieldChoice | None, measure: str) -> FieldChoice:
    """Return what the value of a measure is like."""
    if measure == "count":
        return FieldChoice("", "", "integer")
    if choice is None:
        return FieldChoice("", "", "number")
    return replace(choice, type="number") if measure == "avg" and choice.type != "money" else choice


def measure_choices() -> Mapping[str, str]:
    """Return the measures the builder offers: {name: words}."""
    return MEASURES


def starting_field(model: EntityModel, entity: str) -> FieldCondition:
    """Return the condition a new row begins as: the first field, its first comparison, no value."""
    first = field_choices(model, entity, depth=0)[0]
    return FieldCondition(first.path, operator_choices(first)[0].name)


def starting_related(related: Sequence[RelatedChoice]) -> MeasureCondition:
    """Return the condition a new row on related records begins as: at least one of the first kind."""
    return MeasureCondition(Measure(related[0].path, "count"), "at_least", 1)


def seen(operator: str, value: Value) -> tuple[str, Any]:
    """Return operator and value as the builder shows them: days from today as a number of days."""
    if isinstance(value, str) and operator in _FROM_DAYS and (ago := _DAYS_AGO.fullmatch(value)):
        return _FROM_DAYS[operator], int(ago[1])
    if isinstance(value, tuple):
        on = _DAYS_ON.fullmatch(str(value[1])) if len(value) == 2 and value[0] == "today" else None
        return (COMING, int(on[1])) if on and operator == "between" else (operator, list(value))
    return operator, value


def compared(operator: str, value: Any) -> tuple[str, Value]:
    """Return what the builder shows as a definition says it; the way back of `seen`."""
    if operator in (RECENT, OLDER, COMING):
        if value is None:
            return _DAYS.get(operator, "between"), None
        days = int(value)
        if operator == COMING:
            return "between", ("today", f"today + {days}d")
        return _DAYS[operator], f"today - {days}d"
    if OPERATORS[operator].arity == "none":
        return operator, None
    return operator, tuple(value) if isinstance(value, list | tuple) else value


_TYPED_DAYS = re.compile(r"(\d{1,5})(?: ?d(?:ays?)?(?: ago)?)?")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def typed_moment(text: str) -> str:
    """Return a moment as a definition writes it: "45" or "45 days ago" are typed for `today - 45d`."""
    days = _TYPED_DAYS.fullmatch(text.strip().lower())
    return f"today - {int(days[1])}d" if days else text.strip()


def part_values(part: str) -> Mapping[str, str]:
    """Return the values of a part of a date that are offered: {as it is written: words}; others can be typed."""
    named = {
        "month": {str(n): name for n, name in enumerate(_MONTHS, 1)},
        "day_of_week": {str(n): name for n, name in enumerate(_WEEKDAYS, 1)},
        "quarter": {str(n): f"Quarter {n}" for n in range(1, 5)},
        "hour": {str(n): f"{n}:00" for n in range(24)},
        "day_of_month": {str(n): str(n) for n in range(1, 32)},
    }
    if part == FIFTH:
        return {"1": "1, the best", "2": "2", "3": "3", "4": "4", "5": "5, the rest"}
    around = {"today": "Today's"} if part != "hour" else {"now": "The present one"}
    if part == "day_and_month":
        around = {"today": "Today", "today + 1d": "Tomorrow", "today + 7d": "In 7 days", "today + 30d": "In 30 days"}
    return {**around, **named.get(part, {})}
