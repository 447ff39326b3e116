"""What documents of conditions are made of: mappings with known keys, texts, operators with their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import Scalar, Value, wrong
from analytics.segments.operators import OPERATORS

A_PATH = "a field or a path to one such as customer.group.name"


def as_mapping(document: Any, place: str, known: tuple[str, ...], required: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return a mapping with no other keys than `known`; SegmentError at `place` names what is wrong."""
    if not isinstance(document, Mapping):
        raise wrong(place, document, f"a mapping with the keys {', '.join(known)}")
    for key in document:
        if key not in known:
            raise SegmentError(f"{place} has an unknown key {key!r}; there are {', '.join(known)}.")
    for key in required:
        if document.get(key) is None:
            raise SegmentError(f"{place} has no {key!r}; it needs one.")
    return document


def as_text(value: Any, place: str, right: str) -> str:
    """Return a text that is not blank; SegmentError says what is `right`."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(place, value, right)
    return value


def read_comparison(
    given: Mapping[str, Any], place: str, operator_key: str = "is", value_key: str = "value"
) -> tuple[str, Value]:
    """Return operator and value, the value fitting the operator's arity."""
    name = given["is"]
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None:
        raise wrong(f"{place}.{operator_key}", name, f"one of {', '.join(OPERATORS)}")
    at = f"{place}.{value_key}"
    if operator.arity == "none":
        if given.get("value") is not None:
            raise SegmentError(f"{at}: {name} takes no value; leave {given['value']!r} out.")
        return operator.name, None
    if given.get("value") is None:
        raise SegmentError(f"{place}: {name} needs a value; add `{value_key}`.")
    value = given["value"]
    if operator.arity == "one":
        return operator.name, as_scalar(value, at)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(at, value, "a list such as [a, b]")
    if operator.arity == "two" and len(value) != 2:
        raise wrong(at, value, "a list of two values, the lower and the upper bound")
    if not value:
        raise SegmentError(f"{at}: {name} needs at least one value.")
    return operator.name, tuple(as_scalar(v, f"{at}[{n}]") for n, v in enumerate(value))


def as_scalar(value: Any, place: str) -> Scalar:
    """Return a JSON scalar; YAML's dates and Python's decimals become text, which loses nothing."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise wrong(place, value, "a finite number")
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= ch <= "\udfff" for ch in value)):
        raise wrong(place, value, "a text: it holds a character no text has")
    if isinstance(value, str | bool | int | float):
        return value
    raise wrong(place, value, "a text, a number or a date")


def comparison_document(operator: str, value: Value) -> dict[str, Any]:
    """Return an operator and its value as keys of a document."""
    return {"is": operator, **given_keys(value=plain(value))}


def plain(value: Value) -> Any:
    """Return a value as a document holds it."""
    return list(value) if isinstance(value, tuple) else value


def given_keys(**values: Any) -> dict[str, Any]:
    """Return the keys that have a value."""
    return {key: value for key, value in values.items() if value is not None}
