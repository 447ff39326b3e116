"""The values a mail is rendered with: from a row to JSON in the ledger, and on to what templates calculate with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from analytics.errors import TemplateError
from analytics.model.entity import FieldType
from analytics.model.lists import joined
from analytics.templates.marks import without_marks
from analytics.templates.null import NULL, is_null


def document_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row as JSON holds them: decimals and times as text, missing ones as null."""
    return {name: _document(value) for name, value in values.items()}


def _document(value: Any) -> Any:
    if is_null(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return joined(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def reader(kind: FieldType, path: str) -> Callable[[Any], Any]:
    """Return what turns a value of `path`, native or from JSON, into the one templates see.

    Raises TemplateError, when called, naming a value that is none of its type.
    """
    convert = _CONVERTERS.get(kind)

    def read(value: Any) -> Any:
        if value is None or is_null(value):
            return NULL
        if convert is None:
            return without_marks(value) if isinstance(value, str) else value
        try:
            return convert(value)
        except (ValueError, InvalidOperation, TypeError):
            raise TemplateError(f"entity.{path} is {str(value)[:60]!r}, which is no {kind}.") from None

    return read


def _texts(value: Any) -> str:
    return without_marks(joined(value) if isinstance(value, list | tuple) else str(value))


def _money(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float | Decimal) else float(value)


def _integer(value: Any) -> Any:
    return value if isinstance(value, int | float) else int(value)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "multi_enum": _texts,
    "money": _money,
    "number": _number,
    "percent": _number,
    "integer": _integer,
    "date": _day,
    "datetime": _time,
}
