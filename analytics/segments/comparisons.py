"""Comparisons of one value with an operator: checked against the field's type first, written as SQL later.

A comparison is written for the positive operator alone and is null exactly where the value is; who negates it adds the
rows without a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from analytics.errors import SegmentError
from analytics.segments.definition import Scalar, Value, wrong
from analytics.segments.moments import EXAMPLES, BadMoment, Moment, Span, parse_span
from analytics.segments.operators import BY_TYPE, NUMERIC, OPERATORS, PARTS

Bind = Callable[[Any], exp.Expr]
"""Takes a value, returns the parameter that stands for it."""

Sql = Callable[[exp.Expr, Bind], exp.Expr]
"""Takes the SQL of a value and the binder, returns the SQL of the comparison."""

_MANY = 100  # longer lists are bound as one array
_AMOUNT = Decimal(10) ** 15
_PART_RANGES = {
    "hour": (0, 23),
    "day_of_week": (1, 7),
    "day_of_month": (1, 31),
    "day_of_year": (1, 366),
    "week": (1, 53),
    "month": (1, 12),
    "quarter": (1, 4),
    "year": (1, 9999),
    "day_and_month": (101, 1231),
}
_SIGNS: dict[str, type[exp.Expr]] = {
    "equals": exp.EQ,
    "at_least": exp.GTE,
    "more_than": exp.GT,
    "at_most": exp.LTE,
    "less_than": exp.LT,
}


@dataclass(frozen=True)
class Comparison:
    """A checked comparison: the positive operator as SQL, whether it is negated, and its truth for a number."""

    sql: Sql
    is_negative: bool
    holds: Callable[[Decimal], bool] | None = None  # the positive operator, for numbers without a part


def compare(
    kind: str,
    operator: str,
    value: Value,
    *,
    moment: Moment,
    place: str,
    part: str | None = None,
    options: Sequence[str] = (),
) -> Comparison:
    """Return the comparison of values of type `kind` (of fields); SegmentError names place, value and what is right."""
    if part is not None and kind not in ("date", "datetime"):
        raise SegmentError(f"{place}.part: only a date or datetime has a {part}; this field is {kind}.")
    if part == "hour" and kind == "date":
        raise SegmentError(f"{place}.part: a date has no hour; only a datetime has.")
    allowed = NUMERIC if part is not None else BY_TYPE[kind]
    if operator not in allowed:
        raise wrong(f"{place}.is", operator, f"an operator for {kind}; there are {', '.join(allowed)}")
    positive = OPERATORS[operator].opposite or operator
    negative = OPERATORS[operator].is_negative
    if kind == "multi_enum":
        return Comparison(_listed(positive, value, f"{place}.value", options), negative)
    if positive == "not_empty":
        return Comparison(_has_text if kind in ("text", "enum") else _has_value, negative)
    at = f"{place}.value"
    if part is not None:
        return Comparison(_part(kind, part, positive, value, moment, at), negative)
    if kind == "boolean":
        return Comparison(lambda column, bind: column, negative)
    if kind in ("text", "enum"):
        return Comparison(_text(positive, value, at, options), negative)
    if kind in ("date", "datetime"):
        return Comparison(_temporal(kind, positive, value, moment, at), negative)
    return _numeric(kind, positive, value, at, negative)


def _has_text(column: exp.Expr, bind: Bind) -> exp.Expr:
    return exp.NEQ(this=column, expression=exp.Literal.string(""))


def _has_value(column: exp.Expr, bind: Bind) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column, expression=exp.Null()))


def _items(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _each(value: Value, place: str) -> list[tuple[Scalar, str]]:
    """Return every scalar of a value with its place."""
    if isinstance(value, tuple):
        return [(item, f"{place}[{n}]") for n, item in enumerate(value)]
    return [(item, place) for item in _items(value)]


# --- text and enums ---


def _text(operator: str, value: Value, place: str, options: Sequence[str]) -> Sql:
    texts = [_option(v, at, options) if options else _is_text(v, at) for v, at in _each(value, place)]
    if options:  # declared options are compared as they are, so that Parquet can skip what does not hold one
        return lambda column, bind: _is_in(column, texts, bind, lambda term: term)
    if operator in ("equals", "any_of"):
        return lambda column, bind: _is_in(_lower(column), texts, bind, _lower)
    if operator == "matches":
        _check_pattern(texts[0], place)
        return lambda column, bind: exp.func("regexp_matches", column, bind(texts[0]), exp.Literal.string("i"))
    return lambda column, bind: exp.func(operator, _lower(column), _lower(bind(texts[0])))


def _listed(operator: str, value: Value, place: str, options: Sequence[str]) -> Sql:
    """A list holds one of some values; without any in it, it has no value."""
    if operator == "not_empty":
        return lambda column, bind: exp.GT(this=exp.func("len", column), expression=exp.Literal.number(0))
    texts = [_option(v, at, options) if options else _is_text(v, at) for v, at in _each(value, place)]
    if options:
        return lambda column, bind: exp.func("list_has_any", column, bind(texts))
    # Lower case of all values at once: as one text, taken apart again.
    between = exp.func("chr", exp.Literal.number(31))

    def low(joined: exp.Expr) -> exp.Expr:
        return exp.func("string_split", _lower(joined), between.copy())

    return lambda column, bind: exp.func(
        "list_has_any",
        low(exp.func("array_to_string", column, between.copy())),
        low(exp.func("array_to_string", bind(texts), between.copy())),
    )


def _is_text(value: Scalar, place: str) -> str:
    if not isinstance(value, str):
        raise wrong(place, value, f"a text; write it in quotes: {str(value)!r}")
    return value


def _option(value: Scalar, place: str, options: Sequence[str]) -> str:
    found = [o for o in options if isinstance(value, str) and o.casefold() == value.strip().casefold()]
    if not found:
        raise wrong(place, value, f"one of {', '.join(options)}")
    return found[0]


def _check_pattern(pattern: str, place: str) -> None:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)  # RE2, the library DuckDB matches with
    except (pa.ArrowInvalid, pa.ArrowException) as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise wrong(place, pattern, f"a regular expression ({reason})") from None


def _lower(term: exp.Expr) -> exp.Expr:
    return exp.Lower(this=term)


def _is_in(column: exp.Expr, values: Sequence[Any], bind: Bind, shape: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    if len(values) == 1:
        return exp.EQ(this=column, expression=shape(bind(values[0])))
    if len(values) <= _MANY:
        return exp.In(this=column, expressions=[shape(bind(v)) for v in values])
    item = exp.column("item", table="given")
    given = exp.Subquery(
        this=exp.select(exp.alias_(exp.func("unnest", bind(list(values))), "item")),
        alias=exp.TableAlias(this=exp.to_identifier("given")),
    )
    return exp.In(this=column, query=exp.Subquery(this=exp.select(shape(item)).from_(given)))


# --- numbers ---


def _numeric(kind: str, operator: str, value: Value, place: str, negative: bool) -> Comparison:
    numbers = [_number(kind, v, at) for v, at in _each(value, place)]
    bound: list[Any] = [float(n) if kind in ("number", "percent") else _exact(kind, n) for n in numbers]
    if operator == "between":
        low, high = sorted(bound)
        lowest, highest = sorted(numbers)
        return Comparison(
            lambda column, bind: exp.Between(this=column, low=bind(low), high=bind(high)),
            negative,
            lambda number: lowest <= number <= highest,
        )
    if operator == "any_of":
        return Comparison(
            lambda column, bind: _is_in(column, bound, bind, lambda term: term), negative, lambda n: n in numbers
        )
    sign, limit = _SIGNS[operator], numbers[0]
    holds = {
        "equals": lambda n: n == limit,
        "at_least": lambda n: n >= limit,
        "more_than": lambda n: n > limit,
        "at_most": lambda n: n <= limit,
        "less_than": lambda n: n < limit,
    }[operator]
    return Comparison(lambda column, bind: sign(this=column, expression=bind(bound[0])), negative, holds)


def _exact(kind: str, number: Decimal) -> int | Decimal:
    return int(number) if kind == "integer" else number


def _number(kind: str, value: Scalar, place: str) -> Decimal:
    """Return a number as it was written; text is taken too, so that a document may hold exact amounts."""
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        number = Decimal(str(value).strip())
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise wrong(place, value, "a number") from None
    if kind == "integer" and (number != number.to_integral_value() or abs(number) >= 2**63):
        raise wrong(place, value, "a whole number of at most 18 digits")
    if kind == "money" and (abs(number) >= _AMOUNT or _decimals(number) > 4):
        raise wrong(place, value, "an amount with at most 15 digits before and 4 after the point")
    if abs(number) > Decimal("1e300"):
        raise wrong(place, value, "a number of at most 300 digits")
    return number


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


# --- dates ---


def _temporal(kind: str, operator: str, value: Value, moment: Moment, place: str) -> Sql:
    spans = [_ends(kind, _span(v, moment, at), moment, at) for v, at in _each(value, place)]
    start, end = spans[0]
    if operator == "between":
        (start, _), (_, end) = sorted(spans)
        operator = "equals"
    if operator == "equals":
        return lambda column, bind: exp.and_(
            exp.GTE(this=column, expression=bind(start)), exp.LT(this=column.copy(), expression=bind(end))
        )
    sign, limit = {
        "before": (exp.LT, start),
        "after": (exp.GTE, end),
        "on_or_after": (exp.GTE, start),
        "on_or_before": (exp.LT, end),
    }[operator]
    return lambda column, bind: sign(this=column, expression=bind(limit))


def _span(value: Scalar, moment: Moment, place: str) -> Span:
    if not isinstance(value, str):
        raise wrong(place, value, EXAMPLES)
    try:
        return parse_span(value, moment)
    except BadMoment as error:
        raise SegmentError(f"{place}: {error}.") from None


def _ends(kind: str, span: Span, moment: Moment, place: str) -> tuple[datetime, datetime] | tuple[date, date]:
    try:
        return span.days(moment) if kind == "date" else span.instants(moment)
    except OverflowError:
        raise SegmentError(f"{place}: {span.start} is beyond the years 1 to 9999.") from None


# --- parts of dates ---


def _part(kind: str, part: str, operator: str, value: Value, moment: Moment, place: str) -> Sql:
    numbers = [_part_value(v, part, moment, at) for v, at in _each(value, place)]

    def number_of(column: exp.Expr, bind: Bind) -> exp.Expr:
        local = column if kind == "date" else exp.func("timezone", bind(moment.zone), column)
        return part_sql(local, part, moment.year_start)

    if operator == "between":
        low, high = numbers
        if part == "year":
            low, high = sorted(numbers)
        if low <= high:
            return lambda column, bind: exp.Between(this=number_of(column, bind), low=bind(low), high=bind(high))
        # Over the turn of the year, the week or midnight: from 22 to 6 o'clock.
        return lambda column, bind: exp.paren(
            exp.or_(
                exp.GTE(this=number_of(column, bind), expression=bind(low)),
                exp.LTE(this=number_of(column.copy(), bind), expression=bind(high)),
            )
        )
    if operator == "any_of":
        return lambda column, bind: _is_in(number_of(column, bind), numbers, bind, lambda term: term)
    sign = _SIGNS[operator]
    return lambda column, bind: sign(this=number_of(column, bind), expression=bind(numbers[0]))


def _part_value(value: Scalar, part: str, moment: Moment, place: str) -> int:
    low, high = _PART_RANGES[part]
    if isinstance(value, int) and not isinstance(value, bool) and part != "day_and_month":
        if not low <= value <= high:
            raise wrong(place, value, f"a {PARTS[part]}")
        return value
    if part == "day_and_month" and isinstance(value, str):
        try:  # a leap year, so that 02-29 is a day
            day = date.fromisoformat(f"2000-{value.strip().removeprefix('--')}")
            return day.month * 100 + day.day
        except ValueError:
            pass
    if not isinstance(value, str):
        raise wrong(place, value, f"a {PARTS[part]}")
    span = _span(value, moment, place)
    return part_of(span.days(moment)[0], part, moment.year_start, moment, span)


def part_of(day: date, part: str, year_start: int, moment: Moment, span: Span) -> int:
    """Return a part of the first day (the first hour) of a span."""
    if part == "hour":
        from zoneinfo import ZoneInfo

        return 0 if span.is_days else span.start.astimezone(ZoneInfo(moment.zone)).hour
    return {
        "day_of_week": day.isoweekday(),
        "day_of_month": day.day,
        "day_of_year": day.timetuple().tm_yday,
        "week": day.isocalendar().week,
        "month": day.month,
        "quarter": (day.month - year_start) % 12 // 3 + 1,
        "year": day.year,
        "day_and_month": day.month * 100 + day.day,
    }[part]


def part_sql(local: exp.Expr, part: str, year_start: int) -> exp.Expr:
    """Return the SQL of a part of a local date or timestamp.

    `isodow` and `week` are plain DuckDB: of the portable parts alone these two differ between engines.
    """

    def extract(name: str) -> exp.Expr:
        return exp.func("date_part", exp.Literal.string(name), local.copy())

    if part == "quarter":
        shifted = exp.Mod(
            this=exp.paren(exp.Add(this=extract("month"), expression=exp.Literal.number(12 - year_start))),
            expression=exp.Literal.number(12),
        )
        return exp.Add(
            this=exp.IntDiv(this=exp.paren(shifted), expression=exp.Literal.number(3)),
            expression=exp.Literal.number(1),
        )
    if part == "day_and_month":
        return exp.Add(
            this=exp.Mul(this=extract("month"), expression=exp.Literal.number(100)), expression=extract("day")
        )
    names = {"day_of_week": "isodow", "day_of_month": "day", "day_of_year": "doy"}
    return extract(names.get(part, part))
