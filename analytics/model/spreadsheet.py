"""What a spreadsheet would run as a formula when it opens a CSV file, made plain text."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# A cell that begins so is read as a formula (OWASP, "CSV Injection"); the full-width forms are in some languages.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BEGINS = r"\A[=+\-@\t\r\n＝＋－＠]"


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would take a text for a formula."""
    return text.startswith(_FORMULA)


def guarded(value: Any) -> Any:
    """Return a cell's value; text a spreadsheet would take for a formula gets a ' in front (CVE-2021-3188).

    Text loses its NUL characters, which CSV readers refuse. Anything but text is left alone, so -5 stays a number.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\x00", "")
    return f"'{text}" if is_formula(text) else text


def guarded_column(texts: pa.Array) -> pa.Array:
    """Return `guarded` of every text of a column, nulls kept."""
    plain = pc.replace_substring(texts, "\x00", "")
    return pc.if_else(pc.match_substring_regex(plain, _BEGINS), pc.binary_join_element_wise("'", plain, ""), plain)
