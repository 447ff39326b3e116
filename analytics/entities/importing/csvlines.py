"""Reads delimited text so that a broken line costs that line and no other.

A quote that is opened and never closed makes a plain CSV reader swallow the rest of the file. Here a record that does
not come out right is given up at its first line, and reading goes on at the second.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from analytics.entities.importing.values import ImportOptions, Reject
from analytics.errors import ImportFailed

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_RECORD = 1000  # lines of one quoted value; more mean a quote that was never closed
_SNIFFED_LINES = 200
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class TextFile:
    """A text file and how its bytes are read; `checked` means that single lines may still be wrong."""

    path: Path
    encoding: str
    checked: bool
    note: str | None

    def open(self) -> IO[str]:
        """Open it for reading, line ends kept."""
        errors = "surrogateescape" if self.checked else "strict"
        return io.TextIOWrapper(_binary(self.path), encoding=self.encoding, errors=errors, newline="")


def text_file(path: Path, encoding: str | None) -> TextFile:
    """Look through the file once and return how it is encoded; raises ImportFailed when it is no text."""
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ImportFailed(f"Unknown encoding {encoding!r}; write utf-8, latin-1, cp1252 or utf-16.") from None
        _try_encoding(path, encoding)
        return TextFile(path, encoding, False, None)
    with reading(path), _binary(path) as file:
        start = file.read(4096)
    for mark, name in _BOMS:
        if start.startswith(mark):
            if name == "utf-16":
                _try_encoding(path, name)
                return TextFile(path, name, False, None)
            found = _utf8_or_latin(path)
            return TextFile(
                path, "utf-8-sig" if found.encoding == "utf-8" else found.encoding, found.checked, found.note
            )
    if b"\x00" in start:
        raise ImportFailed(f"{path} is no text: it holds zero bytes. If it is UTF-16 say so (encoding utf-16).")
    return _utf8_or_latin(path)


def _utf8_or_latin(path: Path) -> TextFile:
    """Take the file as UTF-8 unless more lines with other than ASCII letters are wrong than right in it."""
    right = wrong = 0
    first: tuple[int, int] | None = None
    with reading(path), _binary(path) as file:
        for number, line in enumerate(file, 1):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                right += 1
            except UnicodeDecodeError as error:
                wrong += 1
                first = first or (number, line[error.start])
    if not wrong or first is None:
        return TextFile(path, "utf-8", False, None)
    if right > wrong:
        return TextFile(path, "utf-8", True, None)
    note = (
        f"The file is not UTF-8 (line {first[0]} holds byte 0x{first[1]:02X}); it was read as Latin-1 (Windows-1252). "
        f"If letters are wrong name the encoding."
    )
    try:
        _try_encoding(path, "cp1252")
        return TextFile(path, "cp1252", False, note)
    except ImportFailed:
        return TextFile(path, "latin-1", False, note)


def _try_encoding(path: Path, encoding: str) -> None:
    try:
        with reading(path), io.TextIOWrapper(_binary(path), encoding=encoding, newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeError as error:
        raise ImportFailed(f"{path} is not {encoding}: {error}. Name another encoding.") from None


def _binary(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


class reading:  # noqa: N801  # reads as a word in a with statement
    """Turn errors of the disk or of gzip into ImportFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | gzip.BadGzipFile) or type(error).__module__ == "zlib":
            raise ImportFailed(f"{self._path} is no complete gzip file: {error}.") from error
        if isinstance(error, OSError):
            raise ImportFailed(f"{self._path} cannot be read: {error.strerror or error}.") from error


@dataclass(frozen=True)
class Dialect:
    """How the values of a line are told apart."""

    delimiter: str
    quote: str
    skipped: int
    """Lines before the header, such as Excel's `sep=;`."""


def sniff(file: TextFile, options: ImportOptions) -> Dialect:
    """Return the dialect under which the first lines have the same, largest number of values."""
    with reading(file.path), file.open() as lines:
        sample = list(islice(lines, _SNIFFED_LINES))
    skipped = 0
    while sample and not sample[0].strip():
        sample, skipped = sample[1:], skipped + 1
    if sample and (told := re.fullmatch(r"sep=(.)[\r\n]*", sample[0])):
        sample, skipped = sample[1:], skipped + 1
        return Dialect(options.delimiter or told[1], _quote(sample, told[1]), skipped)
    if options.delimiter is not None:
        if len(options.delimiter) != 1:
            raise ImportFailed(f"The delimiter is {options.delimiter!r}; expected one character such as ; or a tab.")
        return Dialect(options.delimiter, _quote(sample, options.delimiter), skipped)

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(r) for r in csv.reader(sample, delimiter=delimiter, quotechar=_quote(sample, delimiter)) if r]
        except csv.Error:  # a value beyond all measure; reading the lines tells which one
            return (0.0, 0)
        if not widths or widths[0] < 2:
            return (0.0, 0)
        return (sum(w == widths[0] for w in widths) / len(widths), widths[0])

    best = max(_DELIMITERS, key=fit)
    return Dialect(best, _quote(sample, best), skipped)


def _quote(sample: list[str], delimiter: str) -> str:
    """Return the quote character: an apostrophe only where values are wrapped in it and no double quote is seen."""
    if any('"' in line for line in sample):
        return '"'
    values = [value for line in sample for value in line.rstrip("\r\n").split(delimiter)]
    wrapped = sum(len(v) > 1 and v[0] == v[-1] == "'" for v in values)
    return "'" if wrapped > len(values) / 2 else '"'


def records(
    file: TextFile, dialect: Dialect, rejects: list[Reject], fill_short: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, values): first the header, then every line that has a value for each of its columns.

    What cannot be read is put into `rejects`.
    """
    with reading(file.path), file.open() as lines:
        yield from _records(_Feed(lines, dialect.skipped), dialect, rejects, fill_short, file.checked)


class _Feed:
    """Hands lines to a CSV reader and remembers those of the record it is in."""

    def __init__(self, lines: Iterable[str], skipped: int) -> None:
        self._lines = iter(lines)
        self.number = 0
        self.taken: list[str] = []
        self._again: list[str] = []  # to be read once more, the next one last
        for _ in range(skipped):
            next(self._lines, None)
            self.number += 1

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.number += 1
        self.taken.append(line)
        if len(self.taken) > _LONGEST_RECORD:
            raise csv.Error("a quote is never closed")
        return line

    def give_up_first(self) -> str:
        """Return the first line of the record; the others will be read again."""
        first, rest = self.taken[0], self.taken[1:]
        self.number -= len(rest)
        self._again.extend(reversed(rest))
        return first


def _records(
    feed: _Feed, dialect: Dialect, rejects: list[Reject], fill_short: bool, checked: bool
) -> Iterator[tuple[int, list[str]]]:
    def fresh() -> Iterator[list[str]]:
        return csv.reader(feed, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)

    reader = fresh()
    width = 0
    while True:
        feed.taken = []
        start = feed.number + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not feed.taken:
                return
            rejects.append(_broken(start, feed, str(error)))
            reader = fresh()
            continue
        if not values or (len(values) == 1 and not values[0].strip() and width != 1):
            continue
        if not width:
            width = len(values)
            yield start, [_shown(v) for v in values]
            continue
        if checked and any(_is_undecoded(v) for v in values):
            rejects.append(
                Reject(start, "", _shown(dialect.delimiter.join(values))[:200], "the line is not valid UTF-8")
            )
            continue
        if len(values) != width:
            if len(feed.taken) > 1:
                rejects.append(_broken(start, feed, "a quote is opened that this line does not close"))
                reader = fresh()
                continue
            if len(values) > width or not fill_short:
                reason = f"the line has {len(values)} values, the header names {width} columns"
                rejects.append(Reject(start, "", feed.taken[0].rstrip("\r\n")[:200], reason))
                continue
            values += [""] * (width - len(values))
        yield start, values


def _broken(line: int, feed: _Feed, reason: str) -> Reject:
    words = {"unexpected end of data": "a quote is never closed"}
    if "field larger than field limit" in reason:
        reason = f"a value is longer than {csv.field_size_limit():,} characters, or a quote is never closed"
    return Reject(line, "", _shown(feed.give_up_first().rstrip("\r\n"))[:200], words.get(reason, reason))


def _shown(text: str) -> str:
    """Return a text with ? for each byte that was no UTF-8, which nothing else could take."""
    return text.encode("utf-8", "replace").decode()


def _is_undecoded(value: str) -> bool:
    return not value.isascii() and any("\udc80" <= ch <= "\udcff" for ch in value)
