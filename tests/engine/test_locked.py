"""SQL typed by a person reads the snapshot's views and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from analytics.engine import LockedEngine
from analytics.engine.locked_process import AskFailed
from analytics.errors import QueryTimeout, ReportError
from analytics.store import SnapshotGone, Store


@pytest.fixture
def locked(store: Store) -> Iterator[LockedEngine]:
    store.lake.merge("customer_user", pa.table({"id": ["a", "b"], "orders": [1, 2], "tags": [["x"], ["y", "z"]]}))
    with LockedEngine(store.snapshot(), store.settings) as engine:
        yield engine


ALLOWED = (
    "select id, orders from customer_user order by id",
    "from customer_user",
    "select u.* exclude (email) from main.customer_user u",
    "with big as (select * from customer_user where orders > 1) select count(*) from big",
    "with recursive n as (select 1 as i union all select i + 1 from n where i < 5) select sum(i) from n",
    "select id, row_number() over (partition by enabled order by id desc) from customer_user qualify true limit 1",
    "select date_trunc('month', created_at), sum(orders), avg(total) from customer_user group by all order by all",
    "select id from customer_user union all select event_id from events",
    "select unnest(tags) from customer_user",
    "select list_transform(tags, lambda t: upper(t)) from customer_user",
    "select * from range(3) r(i) left join customer_user on orders = i",
    "select case when orders > 1 then 'many' else 'one' end, id like 'a%', id in ('a'), orders between 1 and 2, "
    "coalesce(email, '-'), orders is null, not enabled, cast(orders as double), interval 3 day from customer_user",
    "select * from (values (1, 'a'), (2, 'b')) v(n, t)",
    "select count(*) filter (where orders > 1), count(distinct id) from customer_user having count(*) > 0",
    "select exists (select 1 from events), (select max(orders) from customer_user)",
)


@pytest.mark.parametrize("sql", ALLOWED)
def test_a_question_is_answered(locked: LockedEngine, sql: str) -> None:
    assert locked.query(sql).table.num_columns > 0


SECRET = "/etc/passwd"
REFUSED = (
    # files
    f"select * from read_csv('{SECRET}')",
    f"select * from read_csv_auto('{SECRET}')",
    f"select * from read_text('{SECRET}')",
    f"select * from read_blob('{SECRET}')",
    f"select * from read_json('{SECRET}')",
    f"select * from read_json_auto('{SECRET}')",
    f"select * from read_json_objects('{SECRET}')",
    f"select * from read_ndjson('{SECRET}')",
    f"select * from read_parquet('{SECRET}')",
    f"select * from parquet_scan('{SECRET}')",
    f"select * from parquet_metadata('{SECRET}')",
    f"select * from parquet_schema('{SECRET}')",
    f"select * from parquet_file_metadata('{SECRET}')",
    f"select * from parquet_kv_metadata('{SECRET}')",
    f"select * from sniff_csv('{SECRET}')",
    f"select * from arrow_scan('{SECRET}')",
    "select * from glob('/etc/*')",
    f"select * from '{SECRET}'",
    f'select * from "{SECRET}"',
    "from 'https://example.com/x.parquet'",
    f"select (select content from read_text('{SECRET}'))",
    f"with x as (select * from read_text('{SECRET}')) select * from x",
    f"select id from customer_user where exists (select 1 from read_text('{SECRET}'))",
    f'with "{SECRET}" as (select 1) select * from "{SECRET}"',
    # queries inside values
    "select * from query('select 1')",
    "select * from query_table('customer_user')",
    "select * from json_execute_serialized_sql('{}')",
    "select json_serialize_sql('select 1')",
    # the system
    "select * from duckdb_settings()",
    "select * from duckdb_views()",
    "select * from duckdb_secrets()",
    "select * from duckdb_settings",
    "select * from (with duckdb_settings as (select 1) select * from duckdb_settings), duckdb_settings",
    "select * from pragma_version()",
    "select * from pragma_table_info('customer_user')",
    "select * from sqlite_master",
    "select * from pg_catalog.pg_tables",
    "select * from information_schema.tables",
    "select * from system.main.duckdb_views",
    "select getenv('HOME')",
    "select current_setting('temp_directory')",
    "select getvariable('x')",
    "select version()",
    "select nextval('s')",
    "select write_log('x')",
    "describe customer_user",
    "summarize customer_user",
    "show tables",
    # statements that do something
    "attach '/tmp/x.db'",
    "copy customer_user to '/tmp/stolen.csv'",
    "copy (select 1) to '/tmp/stolen.parquet' (format parquet)",
    "export database '/tmp/stolen'",
    "install httpfs",
    "load httpfs",
    "create table t as select 1",
    "create macro f() as 1",
    "create or replace view customer_user as select 1",
    "insert into customer_user values (1)",
    "update customer_user set id = 'x'",
    "delete from customer_user",
    "drop view customer_user",
    "set memory_limit = '100GB'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma database_list",
    "call pragma_version()",
    "prepare p as select 1",
    "explain analyze select 1",
    "checkpoint",
    "use memory",
    "begin",
    "select 1; select 2",
    "",
)


@pytest.mark.parametrize("sql", REFUSED)
def test_anything_else_is_refused_with_a_sentence(locked: LockedEngine, sql: str) -> None:
    with pytest.raises(ReportError):
        locked.query(sql)


@pytest.mark.parametrize("sql", [s for s in REFUSED if SECRET in s or "tmp" in s or "set " in s or "load" in s])
def test_the_database_itself_refuses_what_the_check_would_let_through(locked: LockedEngine, sql: str) -> None:
    """The other walls: run without the check, nothing outside the snapshot's files is read or written."""
    if "parquet_schema" in sql or 'with "' in sql:
        sql = f"select * from parquet_schema('{SECRET}')"
    with pytest.raises(AskFailed):
        locked._processes.run(lambda p: p.ask("all", sql, "2026-01-01T00:00:00+00:00", seconds=5, rows=10))
    assert not Path("/tmp/stolen.csv").exists()


def test_every_function_of_duckdb_that_touches_the_outside_is_off_the_list() -> None:
    connection = duckdb.connect()
    names = {
        row[0].lower()
        for row in connection.execute(
            "select distinct function_name from duckdb_functions() where function_type in ('table', 'pragma')"
        ).fetchall()
    }
    connection.close()
    from analytics.engine.locked_functions import FUNCTIONS

    assert names & FUNCTIONS <= {"range", "generate_series", "unnest", "repeat", "summary"}


def test_system_columns_are_not_there(locked: LockedEngine) -> None:
    with pytest.raises(ReportError, match="_deleted_at"):
        locked.query("select _deleted_at from customer_user")


def test_an_unknown_table_is_named_with_the_known_ones(locked: LockedEngine) -> None:
    with pytest.raises(ReportError, match=r"No table 'customers'; there are audience, .*customer_user,"):
        locked.query("select * from customers")


def test_rows_are_cut_and_said_to_be(locked: LockedEngine) -> None:
    answer = locked.query("select * from range(1000)", rows=10)
    assert (answer.table.num_rows, answer.is_cut) == (10, True)
    assert not locked.query("select * from range(10)", rows=10).is_cut


def test_a_query_that_takes_too_long_is_stopped(locked: LockedEngine) -> None:
    with pytest.raises(ReportError, match=r"longer than 0\.2 seconds"):
        locked.query("select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 5", 0.2)
    assert locked.query("select 1").table.num_rows == 1


def test_a_query_that_needs_too_much_memory_is_told_so(store: Store) -> None:
    small = store.settings.changed(memory_limit="50MB")
    with LockedEngine(store.snapshot(), small) as engine, pytest.raises(ReportError):
        engine.query("select length(string_agg(repeat('x', 1000000), '')) from range(1000)")


def test_a_slow_query_holds_up_nobody_else(locked: LockedEngine) -> None:
    done: list[str] = []

    def ask_slowly() -> None:
        with pytest.raises(QueryTimeout):
            locked.query("select levenshtein(repeat('a', 300000), repeat('b', 300000))", seconds=3)
        done.append("slow")

    slow = threading.Thread(target=ask_slowly)
    slow.start()
    locked.query("select 1", seconds=20)
    done.append("quick")
    slow.join()
    assert done == ["quick", "slow"]


def test_a_file_that_was_vacuumed_is_a_snapshot_that_is_gone(store: Store) -> None:
    store.lake.merge("customer_user", pa.table({"id": ["a"], "orders": [1]}))
    snapshot = store.snapshot()
    with LockedEngine(snapshot, store.settings) as engine:
        assert engine.query("select id from customer_user").table.num_rows == 1
        for file in snapshot.table("customer_user").files:
            Path(file).unlink()
        with pytest.raises(SnapshotGone):
            engine.query("select id, orders from customer_user")
        with pytest.raises(SnapshotGone):
            engine.keys("select id from customer_user")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_machines_time_zone_changes_nothing(store: Store, zone: str) -> None:
    """The zone of a connection has to be said for its cursors too; the machine's is only known to a new process."""
    program = (
        "import duckdb, sys; from pathlib import Path; from analytics.engine import Engine, LockedEngine\n"
        "from analytics.store import Store\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    snapshot, asked = store.snapshot(), \"select current_setting('TimeZone')\"\n"
        "    with Engine(snapshot, store.settings) as engine: print(engine.value(asked))\n"
        "    with LockedEngine(snapshot, store.settings) as engine:\n"
        "        print(engine.query(\"select timestamptz '2026-01-01 12:00:00+00'::varchar as t\").table[0][0])\n"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program, str(store.folder.root)],
        env={**os.environ, "TZ": zone, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split("\n")[:2] == ["UTC", "2026-01-01 12:00:00+00"]
