"""CSV files people bring: suppressions, consents. Read line by line; what cannot be used is a result, no error."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from analytics.errors import ListError

_SAMPLE = 64 * 1024
_YES = {"yes", "y", "true", "1", "granted", "ja", "x"}
_NO = {"no", "n", "false", "0", "withdrawn", "nein", "declined"}


@dataclass(frozen=True)
class BadLine:
    """A line that was not taken: its number in the file, the value that does not fit, and why."""

    line: int
    value: str
    reason: str


@dataclass(frozen=True)
class FileReport:
    """What became of a file's lines: taken, known already, or bad."""

    lines: int
    added: int
    known: int
    bad: tuple[BadLine, ...]


class Unfit(Exception):
    """A line that cannot be taken; the value and the reason are its arguments."""


def read_lines(path: Path, required: Sequence[str], optional: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield (number of the line, its values by column in lower case, trimmed) of a CSV file in UTF-8.

    Commas, semicolons and tabs separate. Raises ListError for a file that cannot be read, lacks a required column or
    has one nobody knows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            sample = opened.read(_SAMPLE)
            opened.seek(0)
            reader = csv.reader(opened, delimiter=_separator(sample))
            names = [name.strip().lower() for name in next(reader, [])]
            _check(path, names, required, optional)
            for row in reader:
                if any(value.strip() for value in row):
                    values = [value.replace("\x00", "").strip() for value in row]  # PostgreSQL keeps none
                    yield reader.line_num, dict(zip(names, [*values, *[""] * len(names)], strict=False))
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ListError(f"{path} is not in UTF-8; save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise ListError(f"{path} is no CSV file: {error}.") from None


def _separator(sample: str) -> str:
    head = sample.partition("\n")[0]
    return max(",;\t", key=head.count)


def _check(path: Path, names: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> None:
    missing = [name for name in required if name not in names]
    known = [*required, *optional]
    strange = [name for name in names if name and name not in known]
    if missing or strange:
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(strange)}, which nobody knows"
        raise ListError(f"{path} {what}; its first line may name {', '.join(known)}.")


def unguarded(text: str) -> str:
    """Return a cell without the apostrophe that our own files put before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def time_of(text: str, zone: str, default: datetime) -> datetime:
    """Return a written time, of the time zone `zone` where it names none; `default` for nothing. Raises Unfit."""
    if not text:
        return default
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter for the first and last day there is
        raise Unfit(text, "it is no time; write 2026-11-24 or 2026-11-24T14:30") from None


def yes_or_no(text: str) -> bool:
    """Return what a cell says: yes or granted, no or withdrawn. Raises Unfit."""
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Unfit(text, "it is neither yes nor no")
