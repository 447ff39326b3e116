"""The lake: exactly once, no loss, no personal data in the log, one merger at a time."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from sqlalchemy import select, update

from analytics.errors import ConcurrencyError, LossyCast, NotFound, StoreError, WorkspaceError
from analytics.model.table import Column, TableSchema
from analytics.store import Store
from analytics.store import lake as lake_module
from analytics.store.lake import Lake
from analytics.store.tables import lease
from tests.store.shop import NOW, SHOP

FACTS = TableSchema("facts", "stream", (Column("n", "integer"), Column("at", "datetime")), as_of="at", sort=("n",))


def rows(store: Store, name: str) -> list[dict[str, object]]:
    _, files = store.lake.pin()[name]
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def facts(*numbers: int) -> pa.Table:
    return pa.table({"n": pa.array(numbers, pa.int64())})


def users(*ids: str, total: int = 1) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.string()), "total": pa.array([total] * len(ids), pa.int64())})


@pytest.fixture
def lake(store: Store) -> Lake:
    store.lake.ensure(FACTS)
    return store.lake


def test_a_table_is_created_empty_and_once(store: Store, lake: Lake) -> None:
    before = lake.version("facts")
    lake.ensure(FACTS)
    assert (lake.version("facts"), before, rows(store, "facts")) == (0, 0, [])
    assert lake.schema("facts") == FACTS


def test_an_unknown_table_is_named_with_the_known_ones(lake: Lake) -> None:
    with pytest.raises(NotFound, match=r"No table 'fact'\. There are: audience, .*facts"):
        lake.append("fact", facts(1), app_id="a", version=1)


def test_a_repeated_append_adds_nothing(store: Store, lake: Lake) -> None:
    assert lake.append("facts", facts(1, 2), app_id="spool/1", version=10)
    assert not lake.append("facts", facts(1, 2), app_id="spool/1", version=10)
    assert not lake.append("facts", facts(1), app_id="spool/1", version=9)
    assert lake.append("facts", facts(3), app_id="spool/1", version=11)
    assert lake.append("facts", facts(4), app_id="spool/2", version=1)
    assert sorted(r["n"] for r in rows(store, "facts")) == [1, 2, 3, 4]
    assert [lake.committed("facts", a) for a in ("spool/1", "spool/2", "spool/3")] == [11, 1, None]


def test_an_append_of_no_rows_still_leaves_its_mark(lake: Lake) -> None:
    assert lake.append("facts", facts(), app_id="a", version=5)
    assert lake.committed("facts", "a") == 5


def test_of_many_writers_of_one_append_exactly_one_wins(store: Store, lake: Lake) -> None:
    """Each with a lake of its own, as in processes of their own, and each for every version."""
    won: list[bool] = []

    def write() -> None:
        own = Lake(lake.root, store.leases, store.clock)
        won.extend([own.append("facts", facts(v), app_id="a", version=v) for v in range(1, 11)])

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [r["n"] for r in rows(store, "facts")]
    assert len(numbers) == len(set(numbers)) == sum(won)
    assert len(won) == 40
    assert lake.committed("facts", "a") == 10


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("orders", pa.array([1.0, 2.75]), "orders takes whole numbers.*2.75"),
        ("orders", pa.array(["7"]), "orders takes whole numbers of 64 bits; the data is of type string"),
        ("orders", pa.array([2**63], pa.uint64()), "orders takes whole numbers"),
        ("total", pa.array([0.12345]), "total takes amounts.*0.12345 would become"),
        ("total", pa.array([Decimal("0.12345")]), "total takes amounts"),
        ("total", pa.array([Decimal("1e15")]), "total takes amounts"),
        ("score", pa.array([2**53 + 1]), "score takes numbers"),
        ("score", pa.array([Decimal("0.1234567890123456789")]), "score takes numbers.*would become"),
        ("created_at", pa.array([datetime(2026, 1, 1)], pa.timestamp("us")), "created_at takes .*without a zone"),  # noqa: DTZ001
        ("created_at", pa.array([1], pa.timestamp("ns", "UTC")), "created_at takes .*microsecond"),
        ("birthday", pa.array([NOW], pa.timestamp("us", "UTC")), "birthday takes dates"),
        ("enabled", pa.array([2]), "enabled takes true or false"),
        ("email", pa.array([1]), "email takes text"),
        ("e_mail", pa.array(["x"]), "no column 'e_mail'; there are id, email"),
    ],
)
def test_a_value_that_would_change_is_refused(lake: Lake, column: str, values: pa.Array, words: str) -> None:
    ids = pa.array([str(n) for n in range(len(values))])
    with pytest.raises(LossyCast, match=words):
        lake.merge("customer_user", pa.table({"id": ids, column: values}))
    assert lake.version("customer_user") == 0


def test_what_loses_nothing_is_cast(store: Store, lake: Lake) -> None:
    berlin = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("ms", "Europe/Berlin"))
    data = pa.table(
        {
            "id": pa.array(["a"]).dictionary_encode(),
            "total": pa.array([0.1]),
            "orders": pa.array([3.0]),
            "score": pa.array([4], pa.int8()),
            "tags": pa.array([["x", None]]),
            "created_at": berlin,
            "email": pa.nulls(1),
            "birthday": pa.array([86_400_000], pa.date64()),
        }
    )
    lake.merge("customer_user", data)
    (row,) = rows(store, "customer_user")
    assert row["total"] == Decimal("0.1000") and row["orders"] == 3 and row["score"] == 4.0 and row["id"] == "a"
    assert row["created_at"] == datetime(2026, 1, 1, tzinfo=UTC) and row["tags"] == ["x", None]


def test_a_merge_replaces_inserts_and_deletes_in_one_commit(store: Store, lake: Lake) -> None:
    assert lake.merge("customer_user", users("a", "b", "c")) == 1
    assert lake.merge("customer_user", users("b", "d", total=2), ["c", "unknown"]) == 2
    found = {r["id"]: r["total"] for r in rows(store, "customer_user")}
    assert found == {"a": 1, "b": 2, "d": 2}


def test_a_merge_can_delete_alone_and_of_nothing_makes_no_commit(store: Store, lake: Lake) -> None:
    lake.merge("customer_user", users("a", "b"))
    assert lake.merge("customer_user", users(), ["a"]) == 2
    assert lake.merge("customer_user", users()) == 2
    assert [r["id"] for r in rows(store, "customer_user")] == ["b"]


@pytest.mark.parametrize(
    ("upserts", "deletes", "words"),
    [
        (users("a", "a"), [], "'a' comes 2 times"),
        (pa.table({"id": pa.array(["a", None])}), [], "empty in 1 rows"),
        (users("a"), ["a"], "'a' is to be both written and deleted"),
        (users("a"), ["b", "b"], "doubled or empty"),
    ],
)
def test_keys_that_would_double_rows_are_refused(lake: Lake, upserts: pa.Table, deletes: list[str], words: str) -> None:
    with pytest.raises(StoreError, match=words):
        lake.merge("customer_user", upserts, deletes)


def test_a_stream_cannot_be_merged(lake: Lake) -> None:
    with pytest.raises(StoreError, match="facts has no key"):
        lake.merge("facts", facts(1))


def test_mergers_at_the_same_time_all_get_through(store: Store, lake: Lake) -> None:
    failed: list[Exception] = []

    def merge(who: int) -> None:
        own = Lake(lake.root, store.leases, store.clock)
        try:
            for n in range(4):
                own.merge("customer_user", users(f"{who}-{n}", "shared", total=who * 10 + n))
        except Exception as error:  # shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=merge, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    ids = [r["id"] for r in rows(store, "customer_user")]
    assert sorted(ids) == sorted([*(f"{w}-{n}" for w in range(3) for n in range(4)), "shared"])


def test_a_merger_that_slept_past_its_lease_is_refused(store: Store, lake: Lake) -> None:
    """Somebody else took the lease and merged with a higher fence; the sleeper must not write over that."""
    with store.leases.hold("lake/customer_user", timedelta(seconds=60)) as sleeping:
        with store.state.write() as connection:
            connection.execute(update(lease).where(lease.c.name == sleeping.name).values(until=NOW, owner="gone"))
        lake.merge("customer_user", users("a", total=2))

        def attempt(handle: DeltaTable) -> None:
            raise AssertionError("the sleeper wrote")

        with pytest.raises(ConcurrencyError, match="somebody else went on"):
            lake._repeat("customer_user", "merge into", lambda h: lake._fenced(h, [sleeping], attempt, "x", "y"))


def test_a_state_older_than_the_lake_goes_on(store: Store, lake: Lake) -> None:
    """After a restore the fences in the state may be behind those in the lake."""
    for n in range(3):
        lake.merge("customer_user", users("a", total=n))
    with store.state.write() as connection:
        connection.execute(update(lease).where(lease.c.name == "lake/customer_user").values(fence=0))
    lake.merge("customer_user", users("a", total=9))
    assert rows(store, "customer_user")[0]["total"] == 9
    with store.state.read() as connection:
        assert connection.execute(select(lease.c.fence).where(lease.c.name == "lake/customer_user")).scalar() >= 3


def test_compaction_leaves_few_files_with_the_same_rows(store: Store, lake: Lake) -> None:
    for n in range(12):
        lake.append("facts", facts(n), app_id="a", version=n)
    assert not lake.compact("facts")
    assert lake.compact("facts", beyond=10)
    assert len(lake.pin()["facts"][1]) == 1
    assert sorted(r["n"] for r in rows(store, "facts")) == list(range(12))
    assert lake.committed("facts", "a") == 11


def test_vacuum_keeps_what_is_young_and_removes_what_is_not(store: Store, lake: Lake) -> None:
    for n in range(3):
        lake.append("facts", facts(n), app_id="a", version=n)
    _, old = lake.pin()["facts"]
    lake.compact("facts", beyond=1)
    assert lake.vacuum("facts", timedelta(days=1)) == 0
    assert all(Path(file).exists() for file in old)
    assert lake.vacuum("facts", timedelta(0)) == 3
    assert not any(Path(file).exists() for file in old)
    assert sorted(r["n"] for r in rows(store, "facts")) == [0, 1, 2]


def test_a_checkpoint_is_written_every_hundred_commits(store: Store, lake: Lake) -> None:
    for n in range(1, 102):
        lake.append("facts", facts(n), app_id="a", version=n)
    log = lake.root / "facts" / "_delta_log"
    assert (log / "_last_checkpoint").exists() and list(log.glob(f"{99:020d}.checkpoint*"))
    fresh = Lake(lake.root, store.leases, store.clock)
    assert fresh.committed("facts", "a") == 101


def test_personal_values_are_not_in_the_log(lake: Lake) -> None:
    lake.merge("customer_user", pa.table({"id": ["a"], "email": ["ada@example.com"], "total": [7]}))
    log = "".join(p.read_text() for p in (lake.root / "customer_user" / "_delta_log").glob("*.json"))
    assert "ada@example.com" not in log
    assert '\\"total\\":7' in log


def test_a_grown_schema_adds_columns_and_keeps_rows(store: Store, lake: Lake) -> None:
    lake.merge("customer_user", users("a"))
    grown = dataclasses.replace(SHOP, columns=(*SHOP.columns, Column("vat", "text", personal=True)))
    other = Lake(lake.root, store.leases, store.clock)
    other.schema("customer_user")
    lake.ensure(grown)
    assert other.schema("customer_user") == grown
    other.merge("customer_user", pa.table({"id": ["b"], "vat": ["DE1"]}))
    assert {r["id"]: r.get("vat") for r in rows(store, "customer_user")} == {"a": None, "b": "DE1"}
    statistics = DeltaTable(str(lake.root / "customer_user")).metadata().configuration["delta.dataSkippingStatsColumns"]
    assert "vat" not in statistics and "email" not in statistics


def test_a_column_that_is_declared_no_more_is_out_of_the_schema(store: Store, lake: Lake) -> None:
    lake.merge("customer_user", pa.table({"id": ["a"], "score": [1.5]}))
    smaller = dataclasses.replace(SHOP, columns=tuple(c for c in SHOP.columns if c.name != "score"))
    lake.ensure(smaller)
    lake.merge("customer_user", users("a", "b"))
    assert lake.schema("customer_user") == smaller
    assert sorted(str(r["id"]) for r in rows(store, "customer_user")) == ["a", "b"]


def test_a_column_cannot_change_its_type(lake: Lake) -> None:
    changed = dataclasses.replace(FACTS, columns=(Column("n", "text"), FACTS.columns[1]))
    with pytest.raises(StoreError, match=r"facts\.n is integer in the lake and cannot become text"):
        lake.ensure(changed)


def test_timestamps_do_not_raise_the_protocol(lake: Lake) -> None:
    protocol = DeltaTable(str(lake.root / "facts")).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)


def _add_to_log(lake: Lake, name: str, *actions: dict[str, object]) -> None:
    entry = lake.root / name / "_delta_log" / f"{lake.version(name) + 1:020d}.json"
    entry.write_text("\n".join(json.dumps(a) for a in actions))


def test_a_table_with_deletion_vectors_is_refused(store: Store, lake: Lake) -> None:
    protocol = {
        "minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"],
    }  # fmt: skip
    _add_to_log(lake, "facts", {"protocol": protocol})
    for reading in (lake, Lake(lake.root, store.leases, store.clock)):
        with pytest.raises(StoreError, match="facts uses deletion vectors"):
            reading.pin()


def test_every_file_of_a_commit_is_synced_before_append_returns(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[str] = set()
    real = os.fsync

    def record(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    lake.append("facts", facts(1), app_id="a", version=1)
    table = lake.root / "facts"
    expected = {*lake.pin()["facts"][1], str(table), str(table / "_delta_log")}
    assert {*expected, str(table / "_delta_log" / f"{1:020d}.json")} <= synced


@pytest.mark.parametrize("name", ["a[b", "a]b", "a^b", "a|b", "a*b", "a?b", "a\\b", "50%20 off", "a\tb"])
def test_a_folder_delta_cannot_address_is_refused_with_the_character(store: Store, tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkspaceError, match=r"The lake cannot be in .*its name holds"):
        Lake(tmp_path / name, store.leases, store.clock)


def test_the_sentence_for_a_lake_that_cannot_be_written_names_the_folder(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is made full by the library's own error, for root writes everywhere."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device (os error 28)")

    monkeypatch.setattr(lake_module, "write_deltalake", full)
    with pytest.raises(WorkspaceError, match=r"facts cannot be written: the disk is full"):
        lake.append("facts", facts(1), app_id="a", version=1)
