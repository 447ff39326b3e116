"""From outbox to lake: once, in order, whatever crashes."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from analytics.delivery import complete_through, export_facts
from analytics.delivery.ledger import note_facts
from analytics.delivery.statements import micros, run
from analytics.engine import read
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.backup import backup, restore
from analytics.store.tables import delivery, delivery_fact, sending
from tests.delivery.ledgers import a_sending


def note(store: Store, number: int, state: str, count: int = 1) -> list[int]:
    with store.state.write() as connection:
        ids = [r[0] for r in run(connection, "select id from delivery where sending_id = ? order by id", (number,))]
        facts = [(i, state, None, "250 ok") for i in ids[:count]]
        note_facts(connection, number, facts, micros(store.clock.now()))
    return ids[:count]


def exported(store: Store) -> list[tuple[int, str]]:
    return read(store, lambda engine: engine.rows("select delivery_id, state from deliveries order by seq"))


def test_facts_arrive_with_everything_reports_ask_for(either_store: Store) -> None:
    number = a_sending(either_store, 3)
    note(either_store, number, "accepted", 2)
    assert export_facts(either_store) == 2
    assert export_facts(either_store) == 0
    rows = read(
        either_store,
        lambda engine: engine.rows(
            "select seq, sending_id, email_campaign_id, marketing_campaign_id, channel, address_key, person, entity, "
            'entity_key, arm, state, reason, code, "at" from deliveries order by seq'
        ),
    )
    person, now = "person0@example.org", either_store.clock.now()
    assert rows[0] == (
        1,
        number,
        1,
        7,
        "email",
        person,
        person,
        "customer_user",
        "0",
        None,
        "accepted",
        None,
        "250 ok",
        now,
    )


def test_chunks_keep_the_order(store: Store) -> None:
    number = a_sending(store, 50)
    expected = [(i, "deferred") for i in note(store, number, "deferred", 50)]
    expected += [(i, "accepted") for i in note(store, number, "accepted", 50)]
    assert export_facts(store, chunk=7) == 100
    assert exported(store) == expected


def test_a_crash_between_append_and_mark_changes_nothing(store: Store) -> None:
    number = a_sending(store, 5)
    note(store, number, "accepted", 5)
    export_facts(store)
    with store.state.write() as connection:
        connection.execute(update(delivery_fact).values(batch=None))
    assert complete_through(store) < store.clock.now()
    note(store, number, "bounced", 1)
    assert export_facts(store) == 1
    assert len(exported(store)) == 6
    assert complete_through(store) == store.clock.now()


def test_exports_at_the_same_time_do_not_double(store: Store) -> None:
    number = a_sending(store, 200)
    note(store, number, "accepted", 200)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(export_facts(store, chunk=20))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 200
    assert len(exported(store)) == 200


def test_facts_are_complete_up_to_the_oldest_that_waits(store: Store, clock: SimulatedClock) -> None:
    number = a_sending(store, 2)
    begun = clock.now()
    note(store, number, "accepted")
    clock.advance(timedelta(minutes=5))
    assert complete_through(store) == begun - timedelta(microseconds=1)
    export_facts(store)
    assert complete_through(store) == clock.now()
    with store.state.write() as connection:
        connection.execute(update(sending).values(status="freezing"))
    assert complete_through(store) < begun


def test_exported_facts_are_forgotten_after_a_week(store: Store, clock: SimulatedClock) -> None:
    number = a_sending(store, 5)
    note(store, number, "accepted", 5)
    export_facts(store)
    clock.advance(timedelta(days=8))
    note(store, number, "bounced", 1)
    assert export_facts(store) == 1
    with store.state.read() as connection:
        assert connection.execute(select(delivery_fact.c.state)).scalars().all() == ["bounced"]
    assert export_facts(store) == 0
    assert len(exported(store)) == 6


def test_a_restored_workspace_goes_on_without_losing_or_doubling_facts(
    store: Store, clock: SimulatedClock, tmp_path: Path, model: EntityModel
) -> None:
    """The backup's state is older than its lake: facts exported since must neither come twice nor hide new ones."""
    number = a_sending(store, 4)
    note(store, number, "deferred", 2)
    export_facts(store)
    note(store, number, "accepted", 2)
    archive = backup(store, tmp_path / "backup.tar")
    export_facts(store)
    restore(archive, tmp_path / "restored", clock=clock)
    with Store.open(tmp_path / "restored", clock=clock) as other:
        assert other.instance > store.instance
        assert export_facts(other) == 6  # two accepted from before, four uncertain since
        assert [state for _, state in exported(other)] == ["deferred"] * 2 + ["accepted"] * 2 + ["uncertain"] * 4
        with other.state.read() as connection:
            found = connection.execute(select(sending.c.status, delivery.c.state).join(delivery)).all()
        assert set(found) == {("paused", "uncertain")}


@pytest.mark.parametrize("table", ["events", "audience"])
def test_the_ledger_answers_for_deliveries_alone(store: Store, table: str) -> None:
    with pytest.raises(AssertionError, match="feeds deliveries"):
        complete_through(store, table)
