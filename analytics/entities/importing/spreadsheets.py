"""Spreadsheets that are small as files and enormous once read: refused before anything reads them.

A reader lays a sheet out as the rectangle around all its cells. Two cells in opposite corners make that 17 thousand
million places, and the process that wants them ends.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from analytics.errors import ImportFailed

_MOST_UNPACKED = 1 << 30
_MOST_PLACES = 50_000_000  # a million rows of fifty columns
_PIECE = 1 << 20
_LONGEST = 64  # bytes of a reference with its attribute
_REFERENCE = re.compile(rb"""\br\s{0,9}=\s{0,9}["']([A-Za-z]{0,7})([0-9]{1,10})["']""")  # of a cell or row (ECMA-376)


def check_spreadsheet(path: Path) -> None:
    """Raise ImportFailed for a packed spreadsheet that unpacks, or spreads its cells, too far to be read."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > _MOST_UNPACKED:
                raise ImportFailed(f"{path.name} unpacks to more than 1 GB; save it as CSV.")
            for part in parts:
                if part.filename.lower().endswith(".xml"):
                    _check_places(path, packed, part)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise ImportFailed(f"{path.name} cannot be read as a spreadsheet: {error}.") from None


def _check_places(path: Path, packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    row = column = 0
    rest = b""
    with packed.open(part) as opened:
        while piece := opened.read(_PIECE):
            found = set(_REFERENCE.findall(rest + piece))
            row = max(row, *(int(digits) for _, digits in found), 0)
            column = max(column, *map(_number, {letters for letters, _ in found}), 0)
            rest = piece[-_LONGEST:]
    if row * column > _MOST_PLACES:
        raise ImportFailed(
            f"{path.name} has a sheet of {row:,} rows and {column:,} columns, too much to be read; delete the cells "
            f"far away from the others, or save it as CSV."
        )


def _number(letters: bytes) -> int:
    """Return the number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
