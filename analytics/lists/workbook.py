"""One worksheet of an XLSX file, written row by row so that its memory does not grow with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from analytics.errors import ListError
from analytics.model.spreadsheet import is_formula

_MOST_ROWS = 1_048_575  # of a worksheet, without its header (ECMA-376)
_LONGEST = 32_767  # characters of a cell
_EXACT = 10**15  # a cell is a double: fifteen digits are kept as they are
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


@contextmanager
def sheet(path: Path, labels: Sequence[str], zone: str) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Yield a function that adds rows to the only sheet of a new workbook; it is complete when the block ends.

    Text is written as text, never as formula or link; what begins like a formula is marked as text (the quote prefix
    of the cell's style), so that editing the cell does not make it one. Raises ListError for too many rows and for a
    text too long for a cell.
    """
    options = _OPTIONS | {"tmpdir": str(path.parent)}
    book = xlsxwriter.Workbook(str(path), options)
    try:
        rows = _Rows(book, labels, zone)
        yield rows.add
    finally:
        # An unfinished one is closed too: that frees its scratch files, and the caller deletes the draft.
        try:
            book.close()
        except XlsxWriterException as error:
            raise ListError(f"The workbook cannot be written: {error}.") from None


class _Rows:
    def __init__(self, book: Any, labels: Sequence[str], zone: str) -> None:
        self._sheet = book.add_worksheet("Members")
        self._zone = ZoneInfo(zone)
        self._labels = labels
        self._quoted = book.add_format({"quote_prefix": True})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._done = 0
        bold = book.add_format({"bold": True, "bottom": 1})
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, max(len(labels) - 1, 0), 20)
        for n, label in enumerate(labels):
            self._sheet.write_string(0, n, label[:_LONGEST], bold)

    def add(self, batch: pa.RecordBatch) -> None:
        if self._done + batch.num_rows > _MOST_ROWS:
            raise ListError(
                f"A worksheet has room for {_MOST_ROWS:,} members, and this list has more; export it as CSV or Parquet."
            )
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            self._done += 1
            for n, value in enumerate(row):
                if value is not None:
                    self._cell(self._done, n, value)

    def _cell(self, row: int, column: int, value: Any) -> None:
        match value:
            case bool():
                self._sheet.write_string(row, column, "yes" if value else "no")
            case int() | float() | Decimal() if _fits(value):
                self._sheet.write_number(row, column, value)
            case datetime() if value.year >= 1900:
                there = value.astimezone(self._zone).replace(tzinfo=None) if value.tzinfo else value
                self._sheet.write_datetime(row, column, there, self._moment)
            case date() if value.year >= 1900:
                self._sheet.write_datetime(row, column, value, self._day)
            case list():
                self._text(row, column, "; ".join("" if v is None else str(v) for v in value))
            case _:
                self._text(row, column, value.isoformat() if isinstance(value, date) else str(value))

    def _text(self, row: int, column: int, text: str) -> None:
        if len(text) > _LONGEST:
            raise ListError(
                f"The {self._labels[column]!r} of member {row:,} has {len(text):,} characters, and a cell of a "
                f"worksheet holds {_LONGEST:,}; export the list as CSV or Parquet."
            )
        text = text.replace("\x00", "")
        if is_formula(text):
            self._sheet.write_string(row, column, text, self._quoted)
        elif text:
            self._sheet.write_string(row, column, text)


def _fits(number: Any) -> bool:
    """Return whether a cell keeps every digit of a number."""
    return math.isfinite(number) and abs(number) < _EXACT
