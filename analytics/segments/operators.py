"""What a condition may say about a value: one operator per row, by type of field.

A negative operator is the exact opposite of its positive one, so it keeps rows without a value; over a to-many relation
it says that no related row fulfils the positive one (docs/segments.md has the table).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Arity = Literal["none", "one", "two", "many"]


@dataclass(frozen=True)
class Operator:
    """One operator: its name in documents, its words for people, how many values it takes, what it negates."""

    name: str
    label: str
    arity: Arity = "one"
    opposite: str | None = None  # the positive operator this one negates

    @property
    def is_negative(self) -> bool:
        """Whether the operator is the opposite of a positive one."""
        return self.opposite is not None


OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("equals", "is"),
        Operator("not_equals", "is not", opposite="equals"),
        Operator("any_of", "is any of", "many"),
        Operator("none_of", "is none of", "many", "any_of"),
        Operator("contains", "contains"),
        Operator("not_contains", "does not contain", opposite="contains"),
        Operator("starts_with", "starts with"),
        Operator("not_starts_with", "does not start with", opposite="starts_with"),
        Operator("ends_with", "ends with"),
        Operator("not_ends_with", "does not end with", opposite="ends_with"),
        Operator("matches", "matches the pattern"),
        Operator("not_matches", "does not match the pattern", opposite="matches"),
        Operator("at_least", "is at least"),
        Operator("more_than", "is more than"),
        Operator("at_most", "is at most"),
        Operator("less_than", "is less than"),
        Operator("between", "is between", "two"),
        Operator("not_between", "is not between", "two", "between"),
        Operator("after", "is after"),
        Operator("on_or_after", "is on or after"),
        Operator("before", "is before"),
        Operator("on_or_before", "is on or before"),
        Operator("yes", "is yes", "none"),
        Operator("no", "is not yes", "none", "yes"),
        Operator("not_empty", "has a value", "none"),
        Operator("empty", "has no value", "none", "not_empty"),
    )
}

_PRESENCE = ("empty", "not_empty")
_TEXT = (
    "equals",
    "not_equals",
    "any_of",
    "none_of",
    "contains",
    "not_contains",
    "starts_with",
    "not_starts_with",
    "ends_with",
    "not_ends_with",
    "matches",
    "not_matches",
    *_PRESENCE,
)
NUMERIC = (
    "equals",
    "not_equals",
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "between",
    "not_between",
    "any_of",
    "none_of",
    *_PRESENCE,
)
_TEMPORAL = (
    "equals",
    "not_equals",
    "after",
    "on_or_after",
    "before",
    "on_or_before",
    "between",
    "not_between",
    *_PRESENCE,
)

BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "text": _TEXT,
    "enum": ("equals", "not_equals", "any_of", "none_of", *_PRESENCE),
    "multi_enum": ("any_of", "none_of", *_PRESENCE),
    "integer": NUMERIC,
    "number": NUMERIC,
    "money": NUMERIC,
    "percent": NUMERIC,
    "boolean": ("yes", "no", *_PRESENCE),
    "date": _TEMPORAL,
    "datetime": _TEMPORAL,
}
"""The operators of each type of field, in the order a person is offered them."""

PARTS: Mapping[str, str] = {
    "hour": "hour, 0 to 23",
    "day_of_week": "day of the week, 1 = Monday to 7 = Sunday",
    "day_of_month": "day of the month, 1 to 31",
    "day_of_year": "day of the year, 1 to 366",
    "week": "ISO week of the year, 1 to 53",
    "month": "month, 1 to 12",
    "quarter": "quarter, 1 to 4",
    "year": "year",
    "day_and_month": "day and month without the year, as 12-24",
}
"""The parts of a date or datetime a condition may look at instead of the whole; they compare like numbers."""

MEASURES: Mapping[str, str] = {
    "count": "number of",
    "sum": "sum of",
    "min": "smallest",
    "max": "largest",
    "avg": "average of",
    "first": "first",
    "last": "last",
}
"""What can be computed over related rows."""
