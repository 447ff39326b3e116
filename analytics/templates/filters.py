"""The filters and tests of mail templates: all there are, null-safe, bounded, the same on every machine and locale."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, pass_environment, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from analytics.errors import TemplateError
from analytics.templates.null import NULL, is_null

LONGEST_TEXT = 100_000
"""Characters a value may have while a template works on it."""

DATE_FORMAT = "%-d %B %Y"
DATETIME_FORMAT = "%-d %B %Y, %H:%M"
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DIRECTIVE = re.compile(r"%(-?)(.?)", re.S)
_DATE_PARTS: Mapping[str, Callable[[Any], str | int]] = {
    "d": lambda t: t.day,
    "m": lambda t: t.month,
    "Y": lambda t: str(t.year),
    "y": lambda t: t.year % 100,
    "b": lambda t: _MONTHS[t.month - 1][:3],
    "B": lambda t: _MONTHS[t.month - 1],
    "a": lambda t: _DAYS[t.weekday()][:3],
    "A": lambda t: _DAYS[t.weekday()],
    "H": lambda t: getattr(t, "hour", 0),
    "I": lambda t: getattr(t, "hour", 0) % 12 or 12,
    "M": lambda t: getattr(t, "minute", 0),
    "S": lambda t: getattr(t, "second", 0),
    "p": lambda t: "AM" if getattr(t, "hour", 0) < 12 else "PM",
    "Z": lambda t: (t.tzname() or "") if isinstance(t, datetime) else "",
    "z": lambda t: f"{t:%z}" if isinstance(t, datetime) else "",
    "%": lambda t: "%",
}
_NO_DECIMALS = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"}
_THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


def as_text(value: Any, zone: str) -> Any:
    """Return how a value reads in a mail: 12.50 for money, 3 for 3.0, 4 March 2026 for a day, yes and no."""
    if isinstance(value, str):
        return value
    if is_null(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value.quantize(Decimal("0.01")) if value == round(value, 2) else value.normalize(), "f")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, datetime):
        return _formatted(_in_zone(value, zone), DATETIME_FORMAT)
    if isinstance(value, date):
        return _formatted(value, DATE_FORMAT)
    if isinstance(value, list | tuple):
        return bounded(", ".join(str(as_text(item, zone)) for item in value))
    return str(value)


def bounded(text: str) -> str:
    """Return the text, or raise TemplateError when it has grown beyond what a mail could hold."""
    if len(text) > LONGEST_TEXT:
        raise TemplateError(f"A text has grown to {len(text):,} characters; at most {LONGEST_TEXT:,} are allowed.")
    return text


def check_date_format(pattern: object) -> None:
    """Raise TemplateError naming the first directive of a date format that does not exist."""
    if not isinstance(pattern, str):
        raise TemplateError(f"A date format is a text such as '{DATE_FORMAT}', not {pattern!r}.")
    for found in _DIRECTIVE.finditer(pattern):
        if found[2] not in _DATE_PARTS:
            known = " ".join(f"%{name}" for name in _DATE_PARTS)
            raise TemplateError(f"Date format {pattern!r} has {found[0]!r}; there are {known}, each also as %-d.")


def check_zone(zone: object) -> None:
    """Raise TemplateError when there is no such time zone."""
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TemplateError(f"No time zone {zone!r}; expected a name such as Europe/Berlin.") from None


def _formatted(value: date, pattern: str) -> str:
    def part(found: re.Match[str]) -> str:
        made = _DATE_PARTS[found[2]](value)
        if isinstance(made, int):
            return str(made) if found[1] else f"{made:02d}"
        return made

    return _DIRECTIVE.sub(part, pattern)


def _in_zone(value: datetime, zone: str) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))


def _moment(value: Any, name: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise TemplateError(f"The filter {name} needs a date or time; {str(value)[:60]!r} is none.") from None


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        raise TemplateError(f"The filter {name} needs a number; {str(value)[:60]!r} is none.") from None
    if not number.is_finite() or abs(number) > Decimal("1e30"):
        raise TemplateError(f"The filter {name} needs a number of usual size; got {str(value)[:60]}.")
    return number


def _digits(number: Decimal, decimals: int, thousands: str, point: str) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{rounded:,.{decimals}f}"
    return text.translate({ord(","): str(thousands)[:5], ord("."): str(point)[:5]})


def _decimals(decimals: Any) -> int:
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 10:
        raise TemplateError(f"Decimals are a whole number from 0 to 10, not {decimals!r}.")
    return decimals


@pass_environment
def _date(environment: Environment, value: Any, format: str = DATE_FORMAT, zone: str | None = None) -> Any:  # noqa: A002  # the word templates use
    moment = _moment(value, "date")
    check_date_format(format)
    if isinstance(moment, datetime):
        check_zone(zone or environment.zone)  # type: ignore[attr-defined]  # set by MailEnvironment
        moment = _in_zone(moment, zone or environment.zone)  # type: ignore[attr-defined]
    return bounded(_formatted(moment, format))


@pass_environment
def _datetime(environment: Environment, value: Any, format: str = DATETIME_FORMAT, zone: str | None = None) -> Any:  # noqa: A002  # the word templates use
    return _date(environment, value, format, zone)


def _money(value: Any, currency: Any = None, thousands: str = ",", point: str = ".") -> str:
    code = "" if is_null(currency) else str(currency)[:10]
    decimals = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    amount = _digits(_number(value, "money"), decimals, thousands, point)
    return f"{amount} {code}" if code else amount


def _as_number(value: Any, decimals: int | None = None, thousands: str = ",", point: str = ".") -> str:
    number = _number(value, "number")
    if decimals is None:
        exponent = number.normalize().as_tuple().exponent
        decimals = min(max(0, -int(exponent)), 10)
    return _digits(number, _decimals(decimals), thousands, point)


def _round(value: Any, decimals: int = 0) -> int | Decimal:
    number = _number(value, "round").quantize(Decimal(1).scaleb(-_decimals(decimals)), rounding=ROUND_HALF_UP)
    return int(number) if decimals == 0 else number


def _abs(value: Any) -> Any:
    return abs(value) if isinstance(value, int | float) else abs(_number(value, "abs"))


def _default(value: Any, fallback: Any = "", *_: Any) -> Any:
    return fallback if is_null(value) or (isinstance(value, str) and not value.strip()) else value


def _length(value: Any) -> int:
    if is_null(value):
        return 0
    return len(value) if isinstance(value, list | tuple | dict) else len(str(value))


@pass_environment
def _join(environment: Environment, value: Any, separator: str = ", ") -> str:
    items = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    texts = [str(as_text(item, environment.zone)) for item in items if not is_null(item)]  # type: ignore[attr-defined]
    return bounded(str(separator).join(texts))


def _replace(value: str, old: Any, new: Any = "") -> str:
    old, new = str(old), str(new)
    if not old:
        raise TemplateError("The filter replace needs a text to look for, not an empty one.")
    grown = len(value) + value.count(old) * (len(new) - len(old))
    if grown > LONGEST_TEXT:
        raise TemplateError(f"A text would grow to {grown:,} characters; at most {LONGEST_TEXT:,} are allowed.")
    return value.replace(old, new)


def _truncate(value: str, length: int = 255, end: str = "…") -> str:
    if not isinstance(length, int) or length < 1:
        raise TemplateError(f"The filter truncate needs a length of 1 or more, not {length!r}.")
    if len(value) <= length:
        return value
    cut = value[: max(length - len(str(end)), 0)]
    at_word = cut.rsplit(" ", 1)[0] if " " in cut and not value[len(cut) : len(cut) + 1].isspace() else cut
    return at_word.rstrip() + str(end)


def _title(value: str) -> str:
    return re.sub(r"[^\s\-(\[{<]+", lambda word: word[0][:1].upper() + word[0][1:].lower(), value)


def _split(value: str, separator: Any = None) -> list[str]:
    return value.split(str(separator) if separator else None, 1000)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple | str) and value else NULL


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list | tuple | str) and value else NULL


@pass_eval_context
def _nl2br(context: EvalContext, value: str) -> str:
    """Keep line breaks: as <br> in HTML, as they are in text."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return Markup("<br>\n").join(escape(line) for line in lines.split("\n")) if context.autoescape else lines


def _striptags(value: str) -> str:
    return Markup(value).striptags()  # noqa: S704  # what comes back is plain text, escaped where it is put


def _of_text(work: Callable[..., Any], *, passes: bool = False) -> Callable[..., Any]:
    """Return a filter that gives null for null and takes every other value as text."""

    @pass_eval_context
    def filtered(context: EvalContext, value: Any, *args: Any, **options: Any) -> Any:
        if is_null(value):
            return NULL
        text = bounded(str(as_text(value, context.environment.zone)))  # type: ignore[attr-defined]
        return work(context, text, *args, **options) if passes else work(text, *args, **options)

    return filtered


def _of_value(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gives null for null."""

    def filtered(value: Any, *args: Any, **options: Any) -> Any:
        return NULL if is_null(value) else work(value, *args, **options)

    return filtered


def _of_value_in(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gives null for null and is told the environment."""

    @pass_environment
    def filtered(environment: Environment, value: Any, *args: Any, **options: Any) -> Any:
        return NULL if is_null(value) else work(environment, value, *args, **options)

    return filtered


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": _of_value(_abs),
    "capitalize": _of_text(lambda text: text[:1].upper() + text[1:].lower()),
    "date": _of_value_in(_date),
    "datetime": _of_value_in(_datetime),
    "default": _default,
    "first": _of_value(_first),
    "join": _of_value_in(_join),
    "last": _of_value(_last),
    "length": _length,
    "lower": _of_text(str.lower),
    "money": _of_value(_money),
    "nl2br": _of_text(_nl2br, passes=True),
    "number": _of_value(_as_number),
    "replace": _of_text(_replace),
    "round": _of_value(_round),
    "split": _of_text(_split),
    "striptags": _of_text(_striptags),
    "title": _of_text(_title),
    "trim": _of_text(lambda text: text.strip()),
    "truncate": _of_text(_truncate),
    "upper": _of_text(str.upper),
    "urlencode": _of_text(lambda text: quote(text, safe="", errors="replace")),
}
"""Every filter a template may use, by name."""


def _is_multiple(value: Any, of: Any) -> bool:
    return not is_null(value) and not is_null(of) and bool(of) and value % of == 0


TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not is_null(value),
    "undefined": is_null,
    "none": is_null,
    "blank": lambda value: is_null(value) or not str(value).strip(),
    "even": lambda value: _is_multiple(value, 2),
    "odd": lambda value: not is_null(value) and not _is_multiple(value, 2),
    "divisibleby": _is_multiple,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool),
    "in": lambda value, among: value in among,
}
"""Every test (`is ...`) a template may use, by name."""
