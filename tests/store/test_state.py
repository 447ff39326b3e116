"""The state database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from analytics.errors import StoreError, WorkspaceError
from analytics.store import migrations
from analytics.store.state import State, upsert
from analytics.store.tables import list_member, marketing_campaign, meta, metadata, progress_mark

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")()
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def state(url: str) -> Iterator[State]:
    state = State(url)
    state.migrate()
    yield state
    state.close()


def _set(state: State, name: str, value: object) -> None:
    with state.write() as connection:
        upsert(connection, meta, [{"name": name, "value": value}], ["name"], ["value"])


def _get(state: State, name: str) -> object:
    with state.read() as connection:
        return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def test_migrations_produce_exactly_the_declared_tables(state: State) -> None:
    with state.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            found = {c["name"] for c in inspector.get_check_constraints(table.name)}
            assert found == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}


def test_the_migrated_sqlite_schema_is_the_one_the_metadata_would_create(tmp_path: Path) -> None:
    """Definition by definition, so AUTOINCREMENT, checks and ON DELETE are there too."""
    migrated, created = State.in_file(tmp_path / "a.db"), State.in_file(tmp_path / "b.db")
    migrated.migrate()
    with created.write() as connection:
        metadata.create_all(connection)
    statements = []
    for state in (migrated, created):
        with state.read() as connection:
            rows = connection.execute(text("select name, sql from sqlite_master where sql is not null"))
            statements.append({name: _words(sql) for name, sql in rows if name != "alembic_version"})
        state.close()
    assert statements[0] == statements[1]


def _words(sql: str) -> list[str]:
    """The definitions in a statement, sorted: constraints and columns that were added may stand anywhere."""
    return sorted(part.strip() for part in re.split(r",(?![^(]*\))|\n", sql.strip()[:-1]) if part.strip())


def test_head_is_the_newest_step() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == migrations.HEAD


def test_migrating_again_changes_nothing(state: State) -> None:
    _set(state, "x", 1)
    state.migrate()
    assert _get(state, "x") == 1


def test_a_state_of_a_newer_program_is_refused(state: State) -> None:
    with state.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreError, match="schema 9999, this program knows up to 0002"):
        state.migrate()


def test_a_database_of_the_first_release_keeps_its_rows(tmp_path: Path) -> None:
    """Lists, members and their state are what the second step touches."""
    state = State.in_file(tmp_path / "state.db")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with state.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "insert into marketing_list (id, name, entity, kind, channel, contact, definition, version, generation,"
                " created_at, updated_at) values (7, 'Buyers', 'customer_user', 'static', 'email', 'email', '{}', 1, 1,"
                " 5, 5)"
            )
        )
        connection.execute(text("insert into list_member values (7, 1, 'u1', 0)"))
        connection.execute(text("insert into list_state values (7, 'u2', 9, null, 3, 8)"))
        connection.execute(text("insert into suppression values ('a@example.com', 'manual', 'test', null, 5)"))
    state.migrate()
    with state.read() as connection:
        query = "select name, marketing_list.source, keeps_contacted, (select count(*) from list_member), note "
        rows = connection.execute(text(query + "from marketing_list, suppression")).all()
        assert [tuple(row) for row in rows] == [("Buyers", "definition", 0, 1, None)]
        assert connection.execute(text("select removed_at, contacted_times from list_state")).all() == [(9, 3)]
    state.close()


def test_an_exception_in_a_write_leaves_nothing_behind(state: State) -> None:
    with pytest.raises(RuntimeError), state.write() as connection:
        connection.execute(insert(meta).values(name="x", value=1))
        raise RuntimeError
    assert _get(state, "x") is None


def test_values_come_back_as_they_were(state: State) -> None:
    row = {
        "name": "Spring", "code": "spring", "budget": Decimal("1234567.8900"), "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    with state.write() as connection:
        connection.execute(insert(marketing_campaign).values(row))
        found = connection.execute(select(marketing_campaign)).one()._asdict()
    assert {k: found[k] for k in row} == row
    assert str(found["budget"]) == "1234567.8900"


def test_a_time_without_a_zone_is_refused(state: State) -> None:
    with pytest.raises(Exception, match="times with a zone"), state.write() as connection:
        naive = datetime(2026, 1, 1)  # noqa: DTZ001  # what is tested
        connection.execute(insert(progress_mark).values(reader="r", file="f", offset=0, updated_at=naive))


def test_foreign_keys_hold(state: State) -> None:
    with pytest.raises(IntegrityError), state.write() as connection:
        connection.execute(insert(list_member).values(list_id=99, generation=1, entity_key="a", position=1))


def test_upsert_inserts_updates_or_leaves(state: State) -> None:
    with state.write() as connection:
        upsert(connection, meta, [{"name": "a", "value": 1}], ["name"])
        upsert(connection, meta, [{"name": "a", "value": 2}], ["name"])
    assert _get(state, "a") == 1
    with state.write() as connection:
        upsert(connection, meta, [{"name": "a", "value": 3}, {"name": "b", "value": 4}], ["name"], ["value"])
        upsert(connection, meta, [], ["name"])
    assert (_get(state, "a"), _get(state, "b")) == (3, 4)


def test_upsert_takes_more_rows_than_a_statement_takes_values(state: State) -> None:
    rows = [{"reader": "r", "file": str(n), "offset": n, "updated_at": NOW} for n in range(20_000)]
    with state.write() as connection:
        upsert(connection, progress_mark, rows, ["reader", "file"], ["offset"])
        assert connection.execute(select(func.count()).select_from(progress_mark)).scalar() == 20_000


def test_a_reader_sees_one_moment(state: State) -> None:
    _set(state, "x", 1)
    query = select(meta.c.value).where(meta.c.name == "x")
    with state.read() as connection:
        assert connection.execute(query).scalar() == 1
        _set(state, "x", 2)
        assert connection.execute(query).scalar() == 1
    assert _get(state, "x") == 2


def _add(state: State) -> None:
    with state.write() as connection:
        value = connection.execute(select(meta.c.value).where(meta.c.name == "count")).scalar_one()
        connection.execute(update(meta).where(meta.c.name == "count").values(value=value + 1))


def _count_up(url: str, times: int) -> None:
    state = State(url)
    state.migrate()
    for _ in range(times):
        _add(state)
    state.close()


def test_processes_and_threads_that_read_and_write_lose_no_update(url: str) -> None:
    """Read, add one, write: on either database nobody comes between, and nobody is told to try again."""
    state = State(url)
    state.migrate()
    _set(state, "count", 0)
    processes = [multiprocessing.get_context("spawn").Process(target=_count_up, args=(url, 100)) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [_add(state) for _ in range(50)]) for _ in range(3)]
    for worker in (*processes, *threads):
        worker.start()
    for worker in (*processes, *threads):
        worker.join()
    assert [p.exitcode for p in processes] == [0, 0]
    assert _get(state, "count") == 350
    state.close()


def test_many_processes_may_migrate_a_new_database_at_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_count_up, args=(url, 0)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [p.exitcode for p in processes] == [0] * 3


def test_sqlite_is_set_up_to_keep_what_was_committed(tmp_path: Path) -> None:
    state = State.in_file(tmp_path / "state.db")
    with state.read() as connection:
        pragmas = {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "synchronous")}
    state.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"not a database, certainly not" * 100)
    state = State.in_file(file)
    with pytest.raises(WorkspaceError, match=r"state\.db is damaged .*restore a backup"):
        state.migrate()
    state.close()


def test_a_folder_with_odd_characters_holds_a_state(tmp_path: Path) -> None:
    folder = tmp_path / "Jürgen's shop #1 50% ?x=1"
    folder.mkdir()
    state = State.in_file(folder / "state.db")
    state.migrate()
    _set(state, "x", "ä")
    state.close()
    assert (folder / "state.db").exists()


@pytest.mark.postgres
def test_the_password_of_a_server_that_does_not_answer_is_not_shown(postgres_url: Callable[[], str]) -> None:
    state = State("postgresql://shelduck:hunter2@127.0.0.1:1/nowhere")
    with pytest.raises(StoreError) as raised:
        state.migrate()
    assert "127.0.0.1" in str(raised.value) and "hunter2" not in str(raised.value)
    state.close()
