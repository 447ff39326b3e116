"""Spool lines to rows of the table `events`, a chunk at a time, in DuckDB.

A query string is split at its "&"; where each parameter stands is worked out once for each *shape* (the query with all
values left out), of which clients have a few dozen. So a million hits cost some list look-ups instead of some ten
million string comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from analytics.engine import load_sql
from analytics.tracking.people import People
from analytics.tracking.requests import ALSO_READ, KNOWN, Problem, Query, expand, layout, mended, normal

_SLICE = 25_000  # rows of an Arrow batch; DuckDB scans batches in parallel


@dataclass(frozen=True)
class Refused:
    """A line that is no event, or not wholly: its number from 0 and first byte in the chunk, its bytes, and why."""

    line: int
    offset: int
    text: bytes
    reason: str


@dataclass(frozen=True)
class Parsed:
    """What a chunk holds: rows of `events`, lines refused, how many lines there were."""

    events: pa.Table
    refused: tuple[Refused, ...]
    lines: int


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the SQL macros parsing needs; once for each connection."""
    connection.execute(load_sql(__package__, "macros"))


def parse(connection: duckdb.DuckDBPyConnection, block: bytes, people: People, ingested_at: datetime) -> Parsed:
    """Return the events of complete lines, each with its newline. Tables of the chunk stay in `connection`.

    `people` tells whose deliveries and user ids these are. Never raises for what a line holds.
    """
    lines = _lines(block)
    problems = _read_lines(connection, block, lines)
    problems += _read_requests(connection)
    connection.execute(load_sql(__package__, "rich"))
    connection.execute(load_sql(__package__, "campaigns"))
    _register(connection, "token", people.tokens(_column(connection, "select distinct token from hit")))
    _register(connection, "declared", people.declared(_column(connection, "select distinct user_id from hit")))
    known = "select d from hit where reason is null union select delivery_id from token"
    _register(connection, "delivery", people.deliveries(_column(connection, known)))
    events = connection.sql(load_sql(__package__, "events")).to_arrow_table()
    ingested = pa.repeat(pa.scalar(ingested_at, pa.timestamp("us", tz="UTC")), events.num_rows)
    events = events.append_column("ingested_at", ingested)
    refused = tuple(_refused(lines, problem) for problem in sorted(problems, key=lambda problem: problem.line))
    return Parsed(events, refused, len(lines))


def _refused(lines: pa.Array, problem: Problem) -> Refused:
    start = np.frombuffer(lines.buffers()[1], np.int64)[problem.line]
    return Refused(problem.line, int(start), lines[problem.line].as_py().rstrip(b"\n"), problem.reason)


def _lines(block: bytes) -> pa.Array:
    """Return the lines of a block as a binary array over the block's own memory."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")).astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends + 1])
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ends), [None, pa.py_buffer(starts), pa.py_buffer(block)]
    )


def _read_lines(connection: duckdb.DuckDBPyConnection, block: bytes, lines: pa.Array) -> list[Problem]:
    """Make the table `hit` of all lines that can be read in SQL; returns the lines that are no hits."""
    numbers = pa.array(np.arange(len(lines), dtype=np.int64))
    raw = pa.table({"no": numbers, "line": _text(lines)})
    _register(connection, "raw", raw)
    _learn_from_some(connection, raw)
    connection.execute(f"create or replace temp table hit as {_hits('lines')}")
    bad = connection.execute("select no from hit where reason is not null").fetchall()
    doubtful = {no for (no,) in bad}
    if b"\\u0000" in block:
        doubtful |= {
            no for (no,) in connection.execute(r"select no from raw where contains(line, '\u0000')").fetchall()
        }
    if not doubtful:
        return []
    better = {no: mended(lines[no].as_py().decode("utf-8", "replace")) for no in sorted(doubtful)}
    problems = [Problem(no, "it is no JSON object") for no, text in better.items() if text is None]
    good = [(no, text) for no, text in better.items() if text is not None]
    connection.execute("delete from hit where no in (select unnest($1))", [list(better)])
    _register(connection, "raw", _table(good, [("no", pa.int64()), ("line", pa.large_string())]))
    connection.execute(f"insert into hit {_hits('lines')}")
    found = connection.execute("select no, reason from hit where reason is not null").fetchall()
    return problems + [Problem(no, reason) for no, reason in found]


def _read_requests(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Add the requests that could not be read at once to the table `hit`; returns those that are none."""
    connection.execute(
        "create or replace temp table unread as "
        "select no, part, id, moment, e, m, ip, ua, ref, al, d, n, reason, tracks, query, b, b64, null as shape "
        "from hit where reason is null and not is_read"
    )
    rows = connection.execute("select no, query, b, b64 from unread order by no").fetchall()
    problems: list[Problem] = []
    if rows:
        queries, problems = _sorted_out(found for row in rows for found in expand(*row))
        _read_rare(connection, queries)
    lost = connection.execute(
        "select no, part from hit where reason is null and tracks and is_read and website is null order by all"
    ).fetchall()
    return problems + [Problem(no, _without_website(part)) for no, part in lost]


def _read_rare(connection: duckdb.DuckDBPyConnection, queries: Sequence[Query]) -> None:
    """Read requests that are lines' no more; those that cannot be taken apart are put in order first."""
    _register(connection, "given", _queries(queries))
    connection.execute(
        r"""create or replace temp table found as
        select
            *, shape_of(query) as shape,
            odd_text(query) or regexp_matches(query, '["\\\x00-\x1f]') as is_odd
        from given"""
    )
    _learn_layouts(connection, "select shape from found")
    odd = connection.execute(
        "select no, part, query from found join layout using (shape) where is_odd or not plain order by no, part"
    ).fetchall()
    if odd:
        _register(connection, "given", _queries([Query(no, part, normal(text)) for no, part, text in odd]))
        connection.execute(
            """create or replace temp table found as
            select no, part, query, shape from found anti join given using (no, part)
            union all
            select no, part, query, '==' || shape_of(query) as shape from given"""
        )
        _learn_layouts(connection, "select shape from found")
    connection.execute(f"insert into hit {_hits('rare')}")


def _hits(source: str) -> str:
    return f"with source as ({load_sql(__package__, source)}) {load_sql(__package__, 'hits')}"


def _learn_from_some(connection: duckdb.DuckDBPyConnection, raw: pa.Table) -> None:
    """Learn the shapes of some lines beforehand; what has another shape goes the longer way once."""
    connection.execute(f"create temp table if not exists layout ({', '.join(_LAYOUT_COLUMNS)})")
    if connection.execute("select count(*) from layout").fetchall()[0][0] > _MOST_LAYOUTS:
        connection.execute("delete from layout")  # somebody sends names made up for each request
    _register(connection, "sample", raw.take(np.arange(0, raw.num_rows, max(1, raw.num_rows // _SAMPLE))))
    _learn_layouts(
        connection,
        "select shape_of(coalesce(json_extract_string(line, '$.q'), '')) as shape from sample where json_valid(line)",
    )


_SAMPLE = 1_000
_MOST_LAYOUTS = 50_000


def _without_website(part: int) -> str:
    return f"request {part + 1} of its bulk names no website (idsite)" if part else "it names no website (idsite)"


def _learn_layouts(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Put the layouts of the shapes a query gives into the table `layout`, as far as they are not there."""
    shapes = _column(connection, f"select distinct shape from ({query}) anti join layout using (shape)")  # noqa: S608  # fixed texts
    known = [layout(shape) for shape in shapes]
    rows = {
        "shape": pa.array([one.shape for one in known], pa.string()),
        "plain": pa.array([one.plain for one in known], pa.bool_()),
        "has_lang": pa.array([one.has_lang for one in known], pa.bool_()),
        "is_rich": pa.array([one.is_rich for one in known], pa.bool_()),
        "others": pa.array([one.others for one in known], pa.list_(pa.int32())),
        **{f"at_{name}": pa.array([one.places.get(name) for one in known], pa.int32()) for name in _PLACED},
    }
    _register(connection, "learnt", pa.table(rows))
    connection.execute("insert into layout by name select * from learnt")


_PLACED = (*KNOWN, *ALSO_READ)
_LAYOUT_COLUMNS = (
    "shape varchar",
    "plain boolean",
    "has_lang boolean",
    "is_rich boolean",
    "others integer[]",
    *(f"at_{name} integer" for name in _PLACED),
)


def _sorted_out(found: Iterable[Query | Problem]) -> tuple[list[Query], list[Problem]]:
    queries: list[Query] = []
    problems: list[Problem] = []
    for one in found:
        (queries if isinstance(one, Query) else problems).append(one)  # type: ignore[arg-type]
    return queries, problems


def _queries(queries: Sequence[Query]) -> pa.Table:
    rows = [(q.line, q.part, q.text) for q in queries]
    return _table(rows, [("no", pa.int64()), ("part", pa.int32()), ("query", pa.large_string())])


def _table(rows: Sequence[Sequence[object]], columns: Sequence[tuple[str, pa.DataType]]) -> pa.Table:
    arrays = [pa.array([row[n] for row in rows], kind) for n, (_, kind) in enumerate(columns)]
    return pa.table(arrays, names=[name for name, _ in columns])


def _text(lines: pa.Array) -> pa.Array:
    try:
        return lines.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([line.decode("utf-8", "replace") for line in lines.to_pylist()], pa.large_string())


def _register(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Let SQL read an Arrow table, in place of a former one of that name."""
    connection.unregister(name)
    batches = [b for column in table.to_batches() for b in _slices(column)]
    connection.register(name, pa.Table.from_batches(batches, table.schema))


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, _SLICE):
        yield batch.slice(start, _SLICE)


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return [value for (value,) in connection.execute(sql).fetchall() if value is not None]
