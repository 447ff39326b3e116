"""Freezing: who gets a delivery, who is held out, and that a kill at any point changes nothing."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from analytics.delivery import Sendings
from analytics.delivery.freeze import freeze, frozen_file
from analytics.delivery.identity import BUCKETS, bucket, buckets_below, message_namespace
from analytics.engine import read
from analytics.errors import DeliveryError
from analytics.lists import Lists, Suppressions
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Segments
from analytics.store import Store
from analytics.store.tables import delivery, same_address, sending
from tests.delivery.conftest import HERE
from tests.delivery.freeze_it import AT
from tests.delivery.world import make_campaign, open_world, people, put_people

SOAK = os.environ.get("SHELDUCK_SOAK") == "1"
KILLS = 40 if SOAK else 3
ROOT = HERE.parents[1]


def rows_of(store: Store, sending_id: int) -> list[Any]:
    with store.state.read() as connection:
        return list(
            connection.execute(select(delivery).where(delivery.c.sending_id == sending_id).order_by(delivery.c.id))
        )


def frozen(store: Store, model: EntityModel, **options: Any) -> int:
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model, **options), "k").id
    assert sendings.freeze(number) == "sending"
    return number


def test_rows_with_one_address_share_the_delivery_of_the_first(either_store: Store, model: EntityModel) -> None:
    put_people(
        either_store,
        [
            {"id": "2", "email": "ADA@example.org ", "first_name": "Second"},
            {"id": "1", "email": "ada@example.org", "first_name": "First"},
            {"id": "3", "email": None},
            {"id": "4", "email": "not an address"},
            {"id": "5", "email": "Grüße@bücher.example"},
        ],
    )
    number = frozen(either_store, model)
    first, other = rows_of(either_store, number)
    assert (first.entity_key, first.address, first.values) == (
        "1",
        "ada@example.org",
        {"first_name": "First", "id": "1"},
    )
    assert (other.address, other.address_key) == ("Grüße@xn--bcher-kva.example", "grüße@xn--bcher-kva.example")
    with either_store.state.read() as connection:
        shared = connection.execute(select(same_address.c.delivery_id, same_address.c.entity_key)).all()
    assert shared == [(first.id, "2")]
    audience = read(
        either_store,
        lambda engine: engine.rows("select entity_key, status, delivery_id from audience order by position"),
    )
    assert audience == [
        ("1", "delivery", first.id),
        ("2", "same_address", first.id),
        ("3", "no_address", None),
        ("4", "bad_address", None),
        ("5", "delivery", other.id),
    ]


def test_every_delivery_has_a_fact_of_its_first_state(store: Store, model: EntityModel) -> None:
    put_people(store, people(200))
    Suppressions(store).add("person7@example.org", "complaint", "test")
    number = frozen(store, model, holdout=20, code="spring")
    kept = [(r.id, r.state, r.reason, r.arm, r.person, r.entity_key) for r in rows_of(store, number)]
    facts = read(
        store,
        lambda engine: engine.rows(
            "select delivery_id, state, reason, arm, person, entity_key from deliveries where seq = 0 "
            "and entity = 'customer_user' and marketing_campaign_id = 1 and channel = 'email' order by delivery_id"
        ),
    )
    assert facts == kept
    skipped = [row for row in kept if row[1] == "skipped"]
    assert [row[2:5] for row in skipped] == [("complaint", None, "person7@example.org")]
    assert {row[3] for row in kept if row[1] == "planned"} == {"mailed"}
    assert {row[3] for row in kept if row[1] == "held_out"} == {"holdout"}


def test_without_a_holdout_there_is_no_arm(store: Store, model: EntityModel) -> None:
    put_people(store, people(5))
    assert {row.arm for row in rows_of(store, frozen(store, model))} == {None}


def test_who_is_held_out_depends_on_person_and_marketing_campaign_alone(store: Store, model: EntityModel) -> None:
    put_people(store, people(1000))
    number = frozen(store, model, holdout=10, code="spring")
    limit = buckets_below(Decimal(10))
    held_out = {row.person for row in rows_of(store, number) if row.state == "held_out"}
    assert held_out == {
        row.person
        for row in rows_of(store, number)
        if bucket(store.workspace_id, "holdout", "marketing campaign 1", row.person) < limit
    }
    assert 60 < len(held_out) < 140
    sendings = Sendings(store, model)
    again = sendings.queue(1, "again").id
    sendings.freeze(again)
    assert {row.person for row in rows_of(store, again) if row.state == "held_out"} == held_out


def test_shares_of_buckets_add_up() -> None:
    assert buckets_below(Decimal(0)) == 0
    assert buckets_below(Decimal(100)) == BUCKETS
    assert buckets_below(Decimal("12.5")) * 8 == BUCKETS


def test_a_message_id_is_a_uuid_of_workspace_sending_and_address(store: Store, model: EntityModel) -> None:
    put_people(store, people(3))
    number = frozen(store, model)
    namespace = message_namespace(store.workspace_id, "k")
    for row in rows_of(store, number):
        assert row.message_id == f"<{uuid.uuid5(namespace, row.address_key)}@example.com>"


def test_every_kind_of_variable_is_kept(store: Store, model: EntityModel) -> None:
    from tests.delivery.world import HTML, Templates

    put_people(store, [{"id": "1", "email": "ada@example.org", "last_login": AT, "login_count": 7}])
    campaign = make_campaign(store, model)
    variables = "{{ entity.last_login | date }} {{ entity.login_count }} {{ entity.customer.name }}"
    Templates(store, model).save("News", "Hello", HTML.replace("</p>", variables + "</p>"), entity="customer_user")
    number = Sendings(store, model).queue(campaign, "k").id
    freeze(store, model, number)
    (row,) = rows_of(store, number)
    assert row.values == {
        "customer.name": None,
        "first_name": None,
        "id": "1",
        "last_login": "2026-03-01T12:30:00.000000+00:00",
        "login_count": 7,
    }


@pytest.mark.parametrize(("expected", "status"), [(91, "sending"), (110, "sending"), (90, "confirm"), (112, "confirm")])
def test_a_number_more_than_ten_percent_off_waits_for_a_person(
    store: Store, model: EntityModel, expected: int, status: str
) -> None:
    put_people(store, people(100))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k", expected_count=expected).id
    assert sendings.freeze(number) == status
    if status == "confirm":
        assert not rows_of(store, number)
        assert "100 people" in str(sendings.status(number).reason)
        assert sendings.drain(number).status == "confirm"
        assert sendings.confirm(number).expected_count == 100
        assert sendings.freeze(number) == "sending"
    assert len(rows_of(store, number)) == 100
    assert not frozen_file(store, number).exists()


def test_an_empty_audience_is_done_at_once(store: Store, model: EntityModel) -> None:
    put_people(store, [{"id": "1", "email": None}])
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id
    assert sendings.freeze(number) == "done"
    assert sendings.status(number).reason == "nobody to mail"


def test_ranges_of_delivery_numbers_follow_each_other(store: Store, model: EntityModel) -> None:
    put_people(store, people(4))
    sendings = Sendings(store, model)
    campaign = make_campaign(store, model)
    ranges = []
    for key in ("a", "b"):
        number = sendings.queue(campaign, key).id
        sendings.freeze(number)
        found = sendings.get(number)
        ranges.append((found.first_delivery_id, found.last_delivery_id))
        assert [row.id for row in rows_of(store, number)] == list(range(ranges[-1][0], ranges[-1][1] + 1))
    assert ranges[1][0] == ranges[0][1] + 1


def test_a_paused_freeze_goes_on_where_it_stood(store: Store, model: EntityModel) -> None:
    put_people(store, people(60))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id

    def pause(done: int, total: int | None, what: str) -> None:
        if what == "recipients" and done == 20:
            sendings.pause(number, "lunch")

    assert freeze(store, model, number, pause, chunk=10) == "paused"
    assert len(rows_of(store, number)) == 20
    assert sendings.resume(number).status == "freezing"
    assert sendings.freeze(number) == "sending"
    assert len(rows_of(store, number)) == 60


def test_cancelling_a_freeze_leaves_nothing(store: Store, model: EntityModel) -> None:
    put_people(store, people(60))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id

    def pause(done: int, total: int | None, what: str) -> None:
        if what == "recipients" and done == 20:
            sendings.pause(number)

    freeze(store, model, number, pause, chunk=10)
    assert sendings.cancel(number).status == "cancelled"
    assert not rows_of(store, number)
    assert not frozen_file(store, number).exists()
    assert read(store, lambda engine: engine.value("select count(*) from deliveries")) == 0


def test_a_sending_restored_half_frozen_is_not_sent_unasked(store: Store, model: EntityModel) -> None:
    put_people(store, people(60))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id

    def pause(done: int, total: int | None, what: str) -> None:
        if what == "recipients" and done == 20:
            sendings.pause(number)

    freeze(store, model, number, pause, chunk=10)
    frozen_file(store, number).unlink()  # a backup does not hold it
    with pytest.raises(DeliveryError, match="restored"):
        sendings.resume(number)
    assert sendings.cancel(number).status == "cancelled"


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_a_freeze_killed_anywhere_ends_the_same(tmp_path: Path, model: EntityModel) -> None:
    crowd = people(300)
    crowd += [{"id": f"z{n}", "email": f"person{n}@example.org"} for n in range(0, 50, 7)] + [
        {"id": "zz", "email": "?"}
    ]
    with open_world(tmp_path / "pristine", SimulatedClock(AT - timedelta(hours=1))) as store:
        put_people(store, crowd)
        number = Sendings(store, model).queue(make_campaign(store, model, holdout=10, code="spring"), "k").id
    shutil.copytree(tmp_path / "pristine", tmp_path / "calm")
    longest = _freeze_to_the_end(tmp_path / "calm", number)
    expected = _everything(tmp_path / "calm", number)
    rng = random.Random(7)
    for kill in range(KILLS):
        folder = tmp_path / f"killed {kill}"
        shutil.copytree(tmp_path / "pristine", folder)
        for _ in range(rng.choice((1, 1, 2, 3))):
            with _freeze(folder, number) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(rng.uniform(0, longest))
                process.kill()
            _release_leases(folder)
        _freeze_to_the_end(folder, number)
        assert _everything(folder, number) == expected
        shutil.rmtree(folder)


def _freeze_to_the_end(folder: Path, number: int) -> float:
    """Freeze, or go on with it, and return the seconds it took."""
    with _freeze(folder, number) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        # A kill between the last update and the end of the process leaves a finished freeze.
        assert process.stdout.read().strip() == b"sending"
        took = time.monotonic() - begun
    assert process.returncode == 0
    return took


def _freeze(folder: Path, number: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "freeze_it.py"), str(folder), str(number)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def _release_leases(folder: Path) -> None:
    """End the leases of the killed process: they would run out in ten seconds."""
    with Store.open(folder) as store, store.state.write() as connection:
        connection.exec_driver_sql("update lease set owner = null, until = null")


def _everything(folder: Path, number: int) -> tuple[Any, ...]:
    with Store.open(folder) as store:
        assert not list(store.folder.frozen.iterdir())
        with store.state.read() as connection:
            kept = connection.execute(select(sending).where(sending.c.id == number)).one()
            shared = connection.execute(select(same_address).order_by(same_address.c.delivery_id)).all()
        row = {**kept._mapping, "snapshot": kept.snapshot["frozen_at"]}
        tables = {
            table: read(store, lambda e, t=table: e.arrow(f"select * from {t} order by all")).to_pylist()
            for table in ("deliveries", "audience")
        }
        return row, [tuple(r) for r in shared], [tuple(r) for r in rows_of(store, number)], tables


def test_a_list_written_as_sql_freezes_what_its_query_finds_at_that_moment(store: Store, model: EntityModel) -> None:
    put_people(store, people(5))
    campaign = make_campaign(store, model)
    lists = Lists(store, model, Segments(store, model))
    sql = "select id from customer_user where id >= '0000002' and now() > timestamptz '2020-01-01' order by id desc"
    lists.update("Everybody", definition=Definition.from_document({"entity": "customer_user", "sql": sql}))
    sendings = Sendings(store, model)
    number = sendings.queue(campaign, "k").id
    assert sendings.freeze(number) == "sending"
    audience = read(store, lambda engine: engine.rows("select entity_key, status from audience order by position"))
    assert audience == [("0000004", "delivery"), ("0000003", "delivery"), ("0000002", "delivery")]
