"""What a spreadsheet would run as a formula when it opens a CSV file, made plain text."""

from __future__ import annotations

from typing import Any

# A cell that begins so is read as a formula (OWASP, "CSV Injection"); the full-width forms are in some languages.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(value: Any) -> Any:
    """Return a cell's value; text a spreadsheet would take for a formula gets a ' in front (CVE-2021-3188).

    Text loses its NUL characters, which CSV readers refuse. Anything but text is left alone, so -5 stays a number.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\x00", "")
    return f"'{text}" if text.startswith(_FORMULA) else text
