"""Six segments of a big shop: compiled by us, tuned by hand on the same DuckDB, and on PostgreSQL with indexes.

1M customer users of 200,000 customers with 10M orders (a tenth with --quick), made once below bench/results/. Every
answer is compared with the other sides' before anything is timed. A list of as many is frozen beside the bare INSERT.
"""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.model.entity import EntityModel
from analytics.segments import Compiled, Compiler, Definition, Moment
from analytics.settings import Settings
from analytics.store.snapshot import PinnedTable, Snapshot
from bench import freezing
from bench.measure import Measure, in_a_process, side_by_side
from bench.postgres import NoServer, server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOST_MEMORY = 1_000.0  # MB
FOLDER = Path(__file__).parent / "results" / "segments"
ENTITIES = ("customer_group", "customer", "customer_user", "order")
_KEPT = "null::timestamptz as _deleted_at"


@dataclass(frozen=True)
class Question:
    """One segment three ways: as a definition, as SQL tuned by hand for DuckDB, and as SQL for PostgreSQL."""

    name: str
    document: Mapping[str, Any]
    tuned: str  # without the order by key, which every side adds
    postgres: str | None = None  # None: the same text
    aggregates: bool = False


GOLD = {"field": "customer.group.name", "is": "any_of", "value": ["Gold"]}
NOT_CANCELLED = {"field": "internal_status", "is": "none_of", "value": ["cancelled"]}


def _orders(operator: str, value: Any, where: Any = None, measure: str = "count", field: str | None = None) -> Any:
    node: dict[str, Any] = {"related": "orders", "measure": measure, "is": operator, "value": value}
    return node | ({"field": field} if field else {}) | ({"where": where} if where else {})


QUESTIONS = (
    Question(
        "fields over two relations",
        {"all": [GOLD, {"field": "enabled", "is": "yes"}, {"field": "country", "is": "any_of", "value": ["DE", "NO"]}]},
        """
        select u.id from customer_user u
        where u.enabled and u.country in ('DE', 'NO') and u.customer_id in (
            select c.id from customer c join customer_group g on g.id = c.group_id where g.name = 'Gold')
        """,
    ),
    Question(
        "two orders in half a year",
        _orders(
            "at_least", 2, {"all": [{"field": "created_at", "is": "on_or_after", "value": "2025-07-01"}, NOT_CANCELLED]}
        ),
        """
        select u.id from customer_user u where u.id in (
            select customer_user_id from "order"
            where created_at >= timestamptz '2025-07-01 00:00:00+00' and internal_status <> 'cancelled'
            group by 1 having count(*) >= 2)
        """,
        aggregates=True,
    ),
    Question(
        "big spenders, nothing cancelled",
        {
            "all": [
                _orders("at_least", 2000, None, "sum", "total"),
                _orders("equals", 0, {"field": "internal_status", "is": "equals", "value": "cancelled"}),
            ]
        },
        """
        select u.id from customer_user u where u.id in (
            select customer_user_id from "order" group by 1 having sum(total) >= 2000)
        and u.id not in (
            select customer_user_id from "order" where internal_status = 'cancelled' and customer_user_id is not null)
        """,
        """
        select u.id from customer_user u
        join (select customer_user_id from "order" group by 1 having sum(total) >= 2000) s on s.customer_user_id = u.id
        where not exists (select from "order" o where o.customer_user_id = u.id and o.internal_status = 'cancelled')
        """,
        aggregates=True,
    ),
    Question(
        "lapsed: three orders, none in 90 days",
        {
            "all": [
                {"field": "country", "is": "not_equals", "value": "GB"},
                _orders("at_least", 3),
                _orders("equals", 0, {"field": "created_at", "is": "on_or_after", "value": "today - 90d"}),
            ]
        },
        """
        select u.id from customer_user u
        where u.country <> 'GB'
        and u.id in (select customer_user_id from "order" group by 1 having count(*) >= 3)
        and u.id not in (
            select customer_user_id from "order"
            where created_at >= timestamptz '2025-10-03 00:00:00+00' and customer_user_id is not null)
        """,
        """
        select u.id from customer_user u
        join (select customer_user_id from "order" group by 1 having count(*) >= 3) s on s.customer_user_id = u.id
        where u.country <> 'GB' and not exists (
            select from "order" o where o.customer_user_id = u.id
            and o.created_at >= timestamptz '2025-10-03 00:00:00+00')
        """,
        aggregates=True,
    ),
    Question(
        "nested OR over relations",
        {
            "all": [
                {
                    "any": [
                        {"field": "country", "is": "equals", "value": "NO"},
                        GOLD,
                        _orders("at_least", 1, {"field": "created_at", "is": "on_or_after", "value": "2025-12-01"}),
                    ]
                },
                {
                    "not": {
                        "all": [
                            {"field": "last_login", "is": "before", "value": "2025-01-01"},
                            {"field": "customer.internal_rating", "is": "empty"},
                        ]
                    }
                },
            ]
        },
        """
        select u.id from customer_user u
        where (u.country = 'NO'
            or u.customer_id in (
                select c.id from customer c join customer_group g on g.id = c.group_id where g.name = 'Gold')
            or u.id in (
                select customer_user_id from "order" where created_at >= timestamptz '2025-12-01 00:00:00+00'))
        and (u.last_login >= timestamptz '2025-01-01 00:00:00+00' or u.last_login is null
            or u.customer_id in (select id from customer where internal_rating is not null))
        """,
    ),
    Question(
        "top 10,000 by money spent",
        {},
        """
        select u.id from customer_user u
        left join (select customer_user_id, sum(total) as spent from "order" group by 1) o on o.customer_user_id = u.id
        order by coalesce(o.spent, 0) desc, u.id limit 10000
        """,
        aggregates=True,
    ),
)
_TOP = {"sort": [{"related": "orders", "measure": "sum", "field": "total", "direction": "descending"}], "limit": 10_000}


def definition_of(question: Question) -> Definition:
    """Return the definition of a question."""
    where: Mapping[str, Any] = {"where": question.document} if question.document else _TOP
    return Definition.from_document({"entity": "customer_user", **where})


def run(quick: bool) -> list[Measure]:
    """Measure the six questions against tuned SQL and PostgreSQL, counting while editing, and the memory it takes."""
    users = 100_000 if quick else 1_000_000
    files, model = made(users), load_model(None)
    measures: list[Measure] = []
    with Engine(snapshot(files, model), Settings.of({}), now=NOW) as engine:
        ours = {q.name: Compiler(model, Moment.of(engine)).keys(definition_of(q)) for q in QUESTIONS}
        answers = {q.name: _same(q, engine, ours[q.name]) for q in QUESTIONS}
        for question in QUESTIONS:
            compiled = ours[question.name]
            mine, tuned = side_by_side(
                _asking(engine, compiled.sql, compiled.params),
                _asking(engine, _ordered(question.tuned)),
                rounds=5 if quick else 7,
            )
            measures.append(Measure.of(f"{question.name} / tuned", mine * 1000, tuned * 1000, "ms"))
        measures += _against_postgres(engine, ours, answers, files)
        measures.append(_while_editing(engine, model))
    measures.append(Measure.of("memory of all six against the goal", in_a_process(_memory, users), MOST_MEMORY, "MB"))
    measures += [freezing.measured(users), freezing.members(users)]
    return measures


def _memory(users: int) -> float:
    """Return the most memory, in MB, a process has that asks the six questions and lists their rows."""
    model = load_model(None)
    with Engine(snapshot(made(users), model), Settings.of({}), now=NOW) as engine:
        for question in QUESTIONS:
            compiled = Compiler(model, Moment.of(engine)).keys(definition_of(question))
            for _ in engine.batches(compiled.sql, compiled.params):
                pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ordered(sql: str) -> str:
    return sql if "order by" in sql else f"{sql} order by u.id"


def _asking(engine: Engine, sql: str, params: Mapping[str, Any] | None = None) -> Callable[[], object]:
    return lambda: engine.arrow(sql, params or {})


def _same(question: Question, engine: Engine, compiled: Compiled) -> list[str]:
    """Return the keys of a question, sorted; ours and the tuned ones have to agree."""
    mine = engine.arrow(compiled.sql, compiled.params).column("key").to_pylist()
    tuned = engine.arrow(question.tuned).column("id").to_pylist()
    if sorted(mine) != sorted(tuned):
        raise AssertionError(f"{question.name}: {len(mine):,} rows by us, {len(tuned):,} by the tuned query.")
    print(f"  {question.name}: {len(mine):,} rows", file=sys.stderr)
    return sorted(mine)


def _while_editing(engine: Engine, model: EntityModel) -> Measure:
    """Return the median of the counts a person sees who puts a segment together step by step, against listing it."""
    conditions: list[Any] = [
        {"field": "country", "is": "not_equals", "value": "GB"},
        {"field": "enabled", "is": "yes"},
        GOLD,
        _orders("at_least", 1),
        _orders("at_least", 2, NOT_CANCELLED),
        {"field": "last_login", "is": "after", "value": "today - 365d"},
        {"field": "customer.internal_rating", "is": "not_empty"},
    ]
    steps: list[dict[str, Any]] = [{"all": conditions[: n + 1]} for n in range(len(conditions))]
    steps += [{"any": [{"field": "email", "is": "contains", "value": "77"}, GOLD]}, {"not": steps[1]}]
    counts, listings = [], []
    for where in steps:
        definition = Definition.from_document({"entity": "customer_user", "where": where})
        count = Compiler(model, Moment.of(engine)).count(definition)
        keys = Compiler(model, Moment.of(engine)).keys(definition)
        mine, listing = side_by_side(
            _asking(engine, count.sql, count.params), _asking(engine, keys.sql, keys.params), rounds=3
        )
        counts.append(mine)
        listings.append(listing)
    return Measure.of(
        "count while editing / listing", statistics.median(counts) * 1000, statistics.median(listings) * 1000, "ms"
    )


# --- data ---


def made(users: int) -> Mapping[str, Path]:
    """Return {entity: Parquet file} of a shop with that many customer users, made if it is not there yet."""
    folder = FOLDER / str(users)
    files = {name: folder / f"{name}.parquet" for name in ENTITIES}
    if all(file.exists() for file in files.values()):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, select in _shop(users).items():
            draft = files[name].with_suffix(".draft")
            print(f"  making {name} for {users:,} customer users ...", file=sys.stderr)
            connection.execute(f"copy ({select}) to '{draft}' (format parquet, compression zstd)")
            draft.rename(files[name])
    return files


def _shop(users: int) -> Mapping[str, str]:
    customers, orders = users // 5, users * 10
    return {
        "customer_group": f"""
            select 'g' || i as id, ['Gold', 'Silver', 'Bronze', 'Retail', 'Trade'][i + 1] as name, {_KEPT}
            from range(5) t(i)
        """,
        "customer": f"""
            select 'c' || lpad(i::varchar, 7, '0') as id, 'Company ' || i as name, 'g' || (i % 5) as group_id,
                case when i % 7 > 0 then (i % 5 + 1)::varchar end as internal_rating, {_KEPT}
            from range({customers}) t(i)
        """,
        "customer_user": f"""
            select 'u' || lpad(i::varchar, 8, '0') as id, 'user' || i || '@example.com' as email,
                'First' || (i % 1000) as first_name, 'c' || lpad((i % {customers})::varchar, 7, '0') as customer_id,
                hash(i) % 10 < 9 as enabled,
                ['DE', 'GB', 'US', 'FR', 'IT', 'ES', 'NO', 'PL'][(hash(i * 7) % 8)::int + 1] as country,
                case when hash(i * 3) % 5 > 0 then
                    timestamptz '2024-01-01' + to_seconds((hash(i * 11) % 63072000)::bigint) end as last_login,
                timestamptz '2020-01-01' + to_seconds((hash(i * 13) % 157680000)::bigint) as created_at, {_KEPT}
            from range({users}) t(i)
        """,
        "order": f"""
            select 'o' || lpad(i::varchar, 9, '0') as id,
                'u' || lpad(floor({users} * pow((hash(i * 17) % 1000000) / 1000000.0, 1.5))::bigint::varchar, 8, '0')
                    as customer_user_id,
                ['open', 'closed', 'cancelled', 'processing', 'shipped'][(hash(i * 5) % 5)::int + 1] as internal_status,
                ((hash(i * 19) % 100000) / 100.0)::decimal(19, 4) as total,
                timestamptz '2022-01-01' + to_seconds((i * 126144000 / {orders})::bigint) as created_at, {_KEPT}
            from range({orders}) t(i)
        """,
    }


def snapshot(files: Mapping[str, Path], model: EntityModel) -> Snapshot:
    """Return the files as a snapshot of a lake."""
    tables = {name: PinnedTable(model.entity(name).schema, 0, (str(file),)) for name, file in files.items()}
    return Snapshot(NOW, tables)


# --- PostgreSQL ---


def _against_postgres(
    engine: Engine, ours: Mapping[str, Compiled], answers: Mapping[str, list[str]], files: Mapping[str, Path]
) -> list[Measure]:
    try:
        with _loaded(files) as connection:
            return [_one(engine, connection, question, ours, answers) for question in QUESTIONS]
    except NoServer as error:
        print(f"  PostgreSQL is left out: {error}", file=sys.stderr)
        return []


def _one(
    engine: Engine, connection: Any, question: Question, ours: Mapping[str, Compiled], answers: Mapping[str, list[str]]
) -> Measure:
    sql, compiled = _ordered(question.postgres or question.tuned), ours[question.name]
    if sorted(row[0] for row in connection.execute(sql)) != answers[question.name]:
        raise AssertionError(f"{question.name}: PostgreSQL has another answer.")
    mine, theirs = side_by_side(
        _asking(engine, compiled.sql, compiled.params), lambda: connection.execute(sql).fetchall(), rounds=3
    )
    kind = "aggregates" if question.aggregates else "no aggregate"
    return Measure.of(f"{question.name} / PostgreSQL, {kind}", mine * 1000, theirs * 1000, "ms")


@contextmanager
def _loaded(files: Mapping[str, Path]) -> Iterator[Any]:
    """Yield a connection to a server that has the shop, its indexes and statistics, with memory for both."""
    import psycopg

    options = {
        "shared_buffers": "2GB",
        "work_mem": "256MB",
        "maintenance_work_mem": "1GB",
        "max_wal_size": "8GB",
        "fsync": "off",
        "autovacuum": "off",
        "random_page_cost": "1.1",
        "effective_cache_size": "6GB",
    }
    with server(options) as address, psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        for name, file in files.items():
            print(f"  loading {name} into PostgreSQL ...", file=sys.stderr)
            _load(connection, name, file)
        for index in _INDEXES:
            connection.execute(index)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")  # else it writes what was loaded while the questions are timed
        yield connection


_INDEXES = (
    "create index on customer_user (customer_id)",
    "create index on customer_user (country)",
    "create index on customer (group_id)",
    'create index on "order" (customer_user_id, created_at)',
    'create index on "order" (created_at) include (customer_user_id)',
    "create index on \"order\" (customer_user_id) where internal_status = 'cancelled'",
)
_POSTGRES_TYPES = {"BOOLEAN": "boolean", "TIMESTAMP WITH TIME ZONE": "timestamptz", "DECIMAL(19,4)": "numeric(19,4)"}


def _load(connection: Any, name: str, file: Path) -> None:
    text = file.with_suffix(".csv")
    with duckdb.connect() as source:
        source.execute("set TimeZone = 'UTC'")
        columns = [
            (row[0], _POSTGRES_TYPES.get(row[1], "text"))
            for row in source.execute(f"describe select * exclude (_deleted_at) from '{file}'").fetchall()
        ]
        source.execute(f"copy (select * exclude (_deleted_at) from '{file}') to '{text}' (format csv, header false)")
    declared = ", ".join(f'"{column}" {kind}' for column, kind in columns)
    connection.execute(f'create unlogged table "{name}" ({declared}, primary key (id))')
    with text.open("rb") as rows, connection.cursor().copy(f'copy "{name}" from stdin (format csv)') as copy:
        while block := rows.read(1 << 20):
            copy.write(block)
    text.unlink()
