"""Several values in one cell: how a list is written as text, and read again."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = ", "


def listed(text: str) -> list[str]:
    """Return the values of a text: between semicolons if it has one, else between commas; blank ones left out."""
    return [value.strip() for value in text.split(";" if ";" in text else ",") if value.strip()]


def joined(values: Iterable[object]) -> str:
    """Return a list as a person reads it."""
    return SEPARATOR.join(str(value) for value in values)
