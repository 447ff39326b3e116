"""One engine a snapshot: shared while the lake stays, replaced when it changes, closed behind its last reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest

from analytics.engine import SharedEngine
from analytics.store import Store
from tests.store.shop import NOW


def add(store: Store, key: str) -> None:
    store.lake.merge("customer_user", pa.table({"id": [key], "created_at": pa.array([NOW], pa.timestamp("us", "UTC"))}))


@pytest.fixture
def shared(store: Store) -> Iterator[SharedEngine]:
    shared = SharedEngine(store)
    yield shared
    shared.close()


COUNT = "select count(*) from customer_user"


def test_two_blocks_of_one_snapshot_read_one_database(store: Store, shared: SharedEngine) -> None:
    with shared.take() as one:
        one.register("given", pa.table({"x": [1]}))
        with shared.take() as two:
            assert two.value("select x from given") == 1


def test_a_block_keeps_its_snapshot_while_the_lake_goes_on(store: Store, shared: SharedEngine) -> None:
    with shared.take() as before:
        add(store, "a")
        with shared.take() as after:
            assert (before.value(COUNT), after.value(COUNT)) == (0, 1)
        assert before.value(COUNT) == 0


def test_the_database_of_an_old_snapshot_is_closed_behind_its_last_reader(store: Store, shared: SharedEngine) -> None:
    with shared.take() as before:
        pass
    add(store, "a")
    with shared.take():
        pass
    with pytest.raises(duckdb.ConnectionException):
        before.value(COUNT)


def test_now_is_the_moment_of_the_block(store: Store, clock, shared: SharedEngine) -> None:
    with shared.take() as one:
        assert one.now == NOW
    clock.advance(timedelta(days=1))
    with shared.take() as two:
        assert two.now == NOW + timedelta(days=1)


def test_a_view_as_of_a_moment_is_not_shared(store: Store, shared: SharedEngine) -> None:
    add(store, "a")
    with shared.take(NOW - timedelta(days=1)) as past, shared.take() as present:
        assert (past.value(COUNT), present.value(COUNT)) == (0, 1)


def test_readers_and_a_writer_at_once_see_whole_snapshots(store: Store, shared: SharedEngine) -> None:
    seen: list[list[int]] = [[] for _ in range(4)]

    def reader(counts: list[int]) -> None:
        for _ in range(15):
            with shared.take() as engine:
                first, second = engine.value(COUNT), engine.value(COUNT)
                assert first == second
                counts.append(first)

    threads = [threading.Thread(target=reader, args=(counts,)) for counts in seen]
    for thread in threads:
        thread.start()
    for n in range(8):
        add(store, f"k{n}")
    for thread in threads:
        thread.join(60)
    assert all(len(counts) == 15 and counts == sorted(counts) for counts in seen)
