"""A file of addresses or keys that somebody uploads: read line by line, its column found, its header told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from analytics.entities.importing import csvlines
from analytics.entities.importing.spreadsheets import check_spreadsheet
from analytics.entities.importing.values import ImportOptions, Reject
from analytics.errors import ListError
from analytics.lists.matching import WAYS, By
from analytics.model.progress import Progress, silent

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_MOST_LINES = 5_000_000
_MOST_BYTES = 1 << 30
_SAMPLED = 500
_CHUNK = 20_000
_ENOUGH = 0.5  # share of a column's values that has to fit

Record = tuple[int, Sequence[str | None]]


@dataclass(frozen=True)
class Column:
    """The column of a file that says who is meant, and how its values are read."""

    index: int
    name: str
    by: By
    has_header: bool


class UploadFile:
    """An uploaded file of lines of values."""

    def __init__(self, path: Path) -> None:
        """Open it; ListError or ImportFailed for what cannot be read as lines of values."""
        self.path = path
        self.rejects: list[Reject] = []
        self._records = _records(path, self.rejects)
        self._sample = list(islice(self._records, _SAMPLED))
        if not self._sample:
            raise ListError(f"{path.name} is empty; give it a line for each address or key.")
        width = max(len(values) for _, values in self._sample)
        self.first = [_text(v) for v in self._sample[0][1]] + [""] * (width - len(self._sample[0][1]))

    def values(self, index: int) -> list[str]:
        """Return the values of a column in the first lines, the very first included, those that are not blank."""
        found = [_text(values[index]) if index < len(values) else "" for _, values in self._sample]
        return [value for value in found if value]

    def names(self) -> list[str]:
        """Return what the columns are called if the first line is a header."""
        return [name or f"column {n}" for n, name in enumerate(self.first, 1)]

    def index_of(self, column: str) -> int:
        """Return the index of a column by its header, or by its number from 1; ListError names those there are."""
        names = self.names()
        folded = [name.casefold() for name in names]
        if column.strip().casefold() in folded:
            return folded.index(column.strip().casefold())
        if column.strip().isdecimal() and 0 < int(column) <= len(names):
            return int(column) - 1
        raise ListError(
            f"{self.path.name} has no column {column!r}; there are {', '.join(names)}, or name it by its number."
        )

    def lines(self, column: Column, progress: Progress = silent) -> pa.Table:
        """Return `line` and `value` of one column of every line but the header, blank values as null; once only."""
        records = chain(self._sample[1 if column.has_header else 0 :], self._records)
        tables = [pa.table({"line": pa.array([], pa.int64()), "value": pa.array([], pa.string())})]
        done = 0
        while chunk := list(islice(records, _CHUNK)):
            done += len(chunk)
            if done > _MOST_LINES:
                raise ListError(f"{self.path.name} has more than {_MOST_LINES:,} lines; upload it in parts.")
            values = [_text(v[column.index]) or None if column.index < len(v) else None for _, v in chunk]
            lines = pa.array([line for line, _ in chunk], pa.int64())
            tables.append(pa.table({"line": lines, "value": pa.array(values, pa.string())}))
            progress(done, None, "lines read")
        return pa.concat_tables(tables)


def shares(values: pa.ChunkedArray, keys: pa.ChunkedArray) -> float:
    """Return the share of values that say something; 0 of none."""
    return (len(keys) - keys.null_count) / len(values) if len(values) else 0.0


def best(scores: dict[tuple[int, By], float]) -> tuple[int, By] | None:
    """Return the column and way that fit best: most values, else an address before a key before a number, else left."""
    order = ("address", "key", "phone")
    fitting = [
        (score, -order.index(by), -index, index, by) for (index, by), score in scores.items() if score >= _ENOUGH
    ]
    if not fitting:
        return None
    *_, index, by = max(fitting)
    return index, by


def checked_way(by: str) -> By:
    """Return how values are matched; ListError names the ways there are."""
    if by not in WAYS:
        raise ListError(f"{by!r} is no way to match lines; there are {', '.join(WAYS)}.")
    return by


def _text(value: str | None) -> str:
    text = (value or "").replace("\x00", "")
    return text.strip(" \t\r\n\u00a0\ufeff")


def _records(path: Path, rejects: list[Reject]) -> Iterator[Record]:
    kind = path.suffix.lower()
    if kind not in (*_TEXT, *_SHEETS):
        raise ListError(
            f"{path.name} has an ending that says nothing about its content; let it end in "
            f"{', '.join((*_TEXT, *_SHEETS))}."
        )
    if not path.is_file():
        raise ListError(f"{path} is not there or no file.")
    if path.stat().st_size > _MOST_BYTES:
        raise ListError(f"{path.name} has more than 1 GB; upload it in parts.")
    return iter(_sheet(path)) if kind in _SHEETS else _lines(path, rejects)


def _lines(path: Path, rejects: list[Reject]) -> Iterator[Record]:
    options = ImportOptions(fill_short=True)
    file = csvlines.text_file(path, None)
    yield from csvlines.records(file, csvlines.sniff(file, options), rejects, options.fill_short)


def _sheet(path: Path) -> list[Record]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    check_spreadsheet(path)
    try:
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except PasswordError:
        raise ListError(f"{path.name} is protected by a password; save it without one.") from None
    except (CalamineError, OSError, IndexError) as error:
        raise ListError(f"{path.name} cannot be read as a spreadsheet: {error}.") from None
    return [(n, [_cell(v) for v in row]) for n, row in enumerate(rows, 1) if any(v not in ("", None) for v in row)]


def _cell(value: object) -> str | None:
    """Return the text of a cell; a key that a spreadsheet took for a number loses its .0 again."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return None if value is None else str(value)
