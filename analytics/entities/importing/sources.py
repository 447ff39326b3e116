"""Brings a file of any kind into one table of a scratch database: line number and text of every column.

Text, so that every kind of file is read by the same rules, and a rejected value can be shown as it stood in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine.sql import quote
from analytics.entities.importing import csvlines
from analytics.entities.importing.spreadsheets import check_spreadsheet
from analytics.entities.importing.values import ImportOptions, Reject
from analytics.errors import ImportFailed
from analytics.model.progress import Progress, silent

LINE = "line"
_CHUNK = 8_000
_MOST_ITEMS = 1_000_000  # of one JSON document; longer lists of objects stay text
_TEXT = (".csv", ".tsv", ".txt", ".tab")
_LINES = (".jsonl", ".ndjson")
_EXCEL = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


@dataclass
class Staged:
    """The file as the table `line` of the scratch database: `_line`, and `c0`, `c1`, ... for `columns`."""

    columns: tuple[str, ...]
    rows: int
    native: Mapping[str, str]
    """DuckDB types of columns whose file knows them (Parquet)."""
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scale: int = 1
    """`_line` // scale is the line of the file; a JSON line with several items makes several rows."""


def stage(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ImportOptions, progress: Progress = silent
) -> Staged:
    """Read `path` into the table `line`; raises ImportFailed when it cannot be read at all."""
    if not path.exists():
        raise ImportFailed(f"{path} does not exist.")
    if path.is_dir():
        raise ImportFailed(f"{path} is a folder; name a file.")
    kind = _kind(path)
    if kind == "parquet":
        return _parquet(connection, path)
    if kind == "excel":
        return _excel(connection, path, options)
    if kind == "json":
        return _json(connection, path, options, progress)
    return _csv(connection, path, options, progress)


def _kind(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    last = suffixes[-1] if suffixes else ""
    if last in (".parquet", ".pq"):
        return "parquet"
    if last in _EXCEL:
        return "excel"
    if last in (*_LINES, ".json"):
        return "json"
    if last in _TEXT:
        return "csv"
    raise ImportFailed(
        f"{path.name} has an ending that says nothing about its content; let it end in .csv, .tsv or .txt, .parquet, "
        f".jsonl, .ndjson or .json (these also with .gz), .xlsx, .xls or .ods."
    )


# --- text ---


def _csv(connection: duckdb.DuckDBPyConnection, path: Path, options: ImportOptions, progress: Progress) -> Staged:
    file = csvlines.text_file(path, options.encoding)
    dialect = csvlines.sniff(file, options)
    rejects: list[Reject] = []
    records = csvlines.records(file, dialect, rejects, options.fill_short)
    header = next(records, None)
    if header is None:
        raise ImportFailed(f"{path} is empty: it has not even a header.")
    notes = [file.note] if file.note else []
    columns = _names(header[1], notes)
    rows = _fill(connection, columns, records, progress)
    return Staged(columns, rows, {}, rejects, notes)


def _names(header: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """Return the columns' names, each unique whatever its case."""
    taken: set[str] = set()
    names = []
    for number, raw in enumerate(header, 1):
        plain = raw.strip().strip("\ufeff").replace("\x00", "") or f"column {number}"
        name, again = plain, 1
        while name.lower() in taken:
            again += 1
            name = f"{plain} {again}"
        if name != plain:
            notes.append(f"The column name {plain!r} comes more than once; column {number} is called {name!r} here.")
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    records: Iterable[tuple[int, Sequence[str | None]]],
    progress: Progress,
) -> int:
    """Put records into the table `line` and return how many."""
    names = [f"c{n}" for n in range(len(columns))]
    connection.execute(f"create table {LINE} (_line bigint, {', '.join(f'{n} varchar' for n in names)})")
    iterator = iter(records)
    done = 0
    while chunk := list(islice(iterator, _CHUNK)):
        lines, values = zip(*chunk, strict=True)
        arrays = [pa.array(lines, pa.int64()), *(_trimmed(v) for v in zip(*values, strict=True))]
        connection.register("_chunk", pa.table(arrays, names=["_line", *names]))
        connection.execute(f"insert into {LINE} select * from _chunk")  # noqa: S608  # fixed names
        connection.unregister("_chunk")
        done += len(chunk)
        progress(done, None, "lines read")
    return done


def _trimmed(values: Sequence[str | None]) -> pa.Array:
    """Return texts without white space around them, null where nothing is left."""
    texts = pc.utf8_trim(pa.array(values, pa.string()), " \t\r\n\u00a0\ufeff")
    return pc.if_else(pc.equal(texts, ""), None, texts)


# --- Parquet ---


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Staged:
    try:
        source = connection.read_parquet(str(path).replace("[", "[[]"), file_row_number=True)
        described = list(zip(source.columns, (str(t) for t in source.types), strict=True))
    except duckdb.Error as error:
        raise ImportFailed(f"{path} cannot be read as Parquet: {error}.") from None
    notes: list[str] = []
    leaves = [leaf for name, kind in described if name != "file_row_number" for leaf in _leaves(name, kind, notes)]
    columns = _names([name for name, _, _ in leaves], notes)
    terms = [f"{sql} as c{n}" for n, (_, sql, _) in enumerate(leaves)]
    try:
        source.create_view("_parquet")
        connection.execute(
            f"create table {LINE} as select file_row_number + 1 as _line, {', '.join(terms)} from _parquet"  # noqa: S608  # quoted
        )
        connection.execute("drop view _parquet")
    except duckdb.Error as error:
        raise ImportFailed(f"{path} cannot be read as Parquet: {error}.") from None
    (count,) = connection.execute(f"select count(*) from {LINE}").fetchall()[0]  # noqa: S608  # fixed name
    native = {name: kind for name, (_, _, kind) in zip(columns, leaves, strict=True) if kind}
    return Staged(columns, int(count), native, notes=notes)


def _leaves(name: str, kind: str, notes: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """Yield (name, SQL of its text, type if it matters) for a column, or for the parts of a structure."""
    column = quote(name)
    if kind.startswith("STRUCT(") and not kind.endswith("]"):
        for part in _parts(kind):
            inner, _, inner_kind = part.partition(" ")
            inner = inner.strip('"')
            if inner_kind.startswith("STRUCT") or inner_kind.endswith("]"):
                yield f"{name}.{inner}", f"cast(to_json({column}.{quote(inner)}) as varchar)", None
            else:
                yield f"{name}.{inner}", f"cast({column}.{quote(inner)} as varchar)", inner_kind
    elif kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        yield name, f"cast(to_json({column}) as varchar)", None
    elif kind == "BLOB":
        notes.append(f"The column {name!r} holds bytes, which no field takes; it is left out.")
    elif kind == "VARCHAR":
        signs = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)"
        yield name, f"nullif(trim({column}, {signs}), '')", None
    else:
        yield name, f"cast({column} as varchar)", kind


def _parts(kind: str) -> Iterator[str]:
    """Yield the "name TYPE" parts of a DuckDB structure type."""
    depth, start, quoted = 0, len("STRUCT("), False
    for at, ch in enumerate(kind):
        if ch == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif ch == "(":
            depth += 1
        elif ch == ")":
            depth -= 1
        if depth == 1 and ch == "," and not quoted:
            yield kind[start:at].strip()
            start = at + 1
    yield kind[start : kind.rindex(")")].strip()


# --- JSON ---


def _json(connection: duckdb.DuckDBPyConnection, path: Path, options: ImportOptions, progress: Progress) -> Staged:
    file = csvlines.text_file(path, options.encoding)
    rejects: list[Reject] = []
    notes = [file.note] if file.note else []
    documents = list(_objects(file, path, rejects))
    columns_seen: dict[str, None] = {}
    flat: list[tuple[int, dict[str, str | None]]] = []
    for line, document in documents:
        for item, row in enumerate(_flattened(document)):
            columns_seen.update(dict.fromkeys(row))
            flat.append((line * _MOST_ITEMS + item, row))
    if not columns_seen:
        raise ImportFailed(f"{path} holds no JSON object in any of its lines.")
    keys = list(columns_seen)
    columns = _names(keys, notes)
    rows = _fill(connection, columns, ((line, [row.get(k) for k in keys]) for line, row in flat), progress)
    return Staged(columns, rows, {}, rejects, notes, _MOST_ITEMS)


def _objects(file: csvlines.TextFile, path: Path, rejects: list[Reject]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of JSON lines, or (number, object) of a file that is one array."""
    decoder = msgspec.json.Decoder()
    with csvlines.reading(path), file.open() as lines:
        is_array = False
        for first in lines:
            if first.strip():
                is_array = first.lstrip("\ufeff \t\r\n").startswith("[")
                break
    if is_array:
        yield from _array(file, path, decoder, rejects)
        return
    with csvlines.reading(path), file.open() as lines:
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                document = decoder.decode(text.strip().strip("\ufeff"))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
                shown = text.strip()[:200].encode("utf-8", "replace").decode()
                rejects.append(Reject(number, "", shown, f"the line is no JSON: {error}"))
                continue
            if isinstance(document, dict):
                yield number, document
            else:
                rejects.append(Reject(number, "", text.strip()[:200], "the line is no JSON object"))


def _array(
    file: csvlines.TextFile, path: Path, decoder: Any, rejects: list[Reject]
) -> Iterator[tuple[int, dict[str, Any]]]:
    with csvlines.reading(path), file.open() as lines:
        text = lines.read().strip("\ufeff")
    try:
        documents = decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise ImportFailed(
            f"{path} is no JSON array: {error}. Write one object a line and end the name in .jsonl."
        ) from None
    for number, document in enumerate(documents, 1):
        if isinstance(document, dict):
            yield number, document
        else:
            rejects.append(Reject(number, "", str(document)[:200], "the item is no JSON object"))


def _flattened(document: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Return the rows of a document: inner objects as dotted columns, one row for each item of its list of objects.

    Of several lists of objects the first is taken apart; the others stay JSON text.
    """
    flat: dict[str, str | None] = {}
    items: tuple[str, Sequence[Mapping[str, Any]]] | None = None

    def walk(values: Mapping[str, Any], prefix: str, into: dict[str, str | None], depth: int) -> None:
        nonlocal items
        for key, value in values.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict) and depth < 8:
                walk(value, f"{name}.", into, depth + 1)
            elif _is_objects(value) and items is None and into is flat:
                items = (name, value)
            else:
                into[name] = _as_text(value)

    walk(document, "", flat, 0)
    if items is None:
        return [flat]
    rows = []
    name, values = items
    for value in values:
        row = dict(flat)
        walk(value, f"{name}.", row, 0)
        rows.append(row)
    return rows


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) < _MOST_ITEMS and all(isinstance(v, dict) for v in value)


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


# --- Excel ---


def _excel(connection: duckdb.DuckDBPyConnection, path: Path, options: ImportOptions) -> Staged:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    check_spreadsheet(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if options.sheet is not None and options.sheet not in names:
            raise ImportFailed(f"{path.name} has no sheet {options.sheet!r}; there are {', '.join(names)}.")
        if not names:
            raise ImportFailed(f"{path} has no sheet.")
        sheet = book.get_sheet_by_name(options.sheet or names[0])
        rows = sheet.to_python(skip_empty_area=False)
    except PasswordError:
        raise ImportFailed(f"{path} is protected by a password; save it without one.") from None
    except (CalamineError, OSError) as error:
        raise ImportFailed(f"{path} cannot be read as a spreadsheet: {error}.") from None
    notes = []
    if options.sheet is None and len(names) > 1:
        notes.append(f"The sheet {names[0]!r} was read; there are also {', '.join(names[1:])}.")
    filled = [(n, [_cell(v) for v in row]) for n, row in enumerate(rows, 1) if any(v not in ("", None) for v in row)]
    if not filled:
        raise ImportFailed(f"The sheet {options.sheet or names[0]!r} of {path} is empty.")
    columns = _names([value or "" for value in filled[0][1]], notes)
    return Staged(columns, _fill(connection, columns, filled[1:], silent), {}, notes=notes)


def _cell(value: object) -> str | None:
    """Return the text of a cell: a whole number without `.0`, a date without a time that is midnight in every cell."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
