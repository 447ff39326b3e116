"""Before a sending and around it: what blocks it, what it freezes, what a person reads of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from analytics.campaigns import EmailCampaigns
from analytics.delivery import LocalSink, Sendings
from analytics.delivery.ledger import SENDER_LEASE
from analytics.delivery.preflight import is_private
from analytics.errors import DeliveryError, NotFound, SendingBlocked
from analytics.lists import Suppressions
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.model.token import Verifier
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.backup import backup, restore
from analytics.store.meta import set_meta
from analytics.store.tables import FIRST_OF_INSTANCE, delivery, delivery_fact, sending
from analytics.templates import Templates
from tests.delivery.ledgers import a_sending
from tests.delivery.world import HTML, make_campaign, open_world, people, put_people

SMTP = {"host": "mx.example.com", "port": 25}


def with_settings(store: Store, **values: Any) -> Store:
    from dataclasses import replace

    return replace(store, settings=Settings.of(values))


def test_preflight_counts_everybody_once(store: Store, model: EntityModel) -> None:
    put_people(
        store,
        [
            *people(100),
            {"id": "x1", "email": "person3@example.org"},
            {"id": "x2", "email": None},
            {"id": "x3", "email": "nonsense"},
        ],
    )
    Suppressions(store).add("person5@example.org", "unsubscribed", "test")
    look = Sendings(store, model).preflight(make_campaign(store, model, holdout=10))
    assert (look.rows, look.count, look.same_address, look.no_address) == (103, 99, 1, 2)
    assert look.suppressed == {"unsubscribed": 1}
    assert 0 < look.held_out < 25
    assert look.mails == look.count - look.held_out
    assert look.blockers == ()
    assert "local sink" in look.server
    assert any("reach nobody" in warning for warning in look.warnings)


def test_preflight_says_what_the_freeze_then_finds(store: Store, model: EntityModel) -> None:
    put_people(store, people(50))
    sendings = Sendings(store, model)
    campaign = make_campaign(store, model, holdout=20)
    look = sendings.preflight(campaign)
    number = sendings.queue(campaign, "k", expected_count=look.count).id
    sendings.freeze(number)
    counts = sendings.status(number).counts
    assert (counts["planned"], counts["held_out"]) == (look.mails, look.held_out)


def test_a_list_without_anybody_is_blocked(store: Store, model: EntityModel) -> None:
    put_people(store, [{"id": "1", "email": None}])
    look = Sendings(store, model).preflight(make_campaign(store, model))
    assert [b for b in look.blockers if "Nobody" in b]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        (None, "no public_url"),
        ("http://mail.example.com", "not https"),
        ("https://127.0.0.1", "only this network"),
        ("https://shop.local", "only this network"),
        ("https://mailhost", "only this network"),
    ],
)
def test_a_real_server_needs_an_address_that_works_for_everybody(
    store: Store, model: EntityModel, url: str | None, word: str
) -> None:
    put_people(store, people(1))
    campaign = make_campaign(store, model)
    sendings = Sendings(with_settings(store, smtp=SMTP, public_url=url), model)
    with pytest.raises(SendingBlocked, match=word) as refused:
        sendings.queue(campaign, "k")
    assert "set public_url" in str(refused.value)
    assert sendings.preflight(campaign).blockers
    assert not sendings.all()


def test_with_a_public_address_links_lead_there(store: Store, model: EntityModel) -> None:
    put_people(store, people(1))
    sendings = Sendings(with_settings(store, smtp=SMTP, public_url="https://mail.example.com/"), model)
    queued = sendings.queue(make_campaign(store, model), "k")
    assert queued.settings["base_url"] == "https://mail.example.com"


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("mail.example.com", False),
        ("93.184.216.34", False),
        ("localhost", True),
        ("10.1.2.3", True),
        ("192.168.0.9", True),
        ("169.254.1.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("0x7f.1", True),
        ("shop.internal", True),
        ("shop.test", True),
        ("mail.home.arpa", True),
        ("LOCALHOST.", True),
    ],
)
def test_hosts_that_only_this_network_knows(host: str, private: bool) -> None:
    assert is_private(host) is private


def test_a_repeated_submit_makes_no_second_sending(store: Store, model: EntityModel) -> None:
    put_people(store, people(1))
    sendings = Sendings(store, model)
    campaign = make_campaign(store, model)
    assert sendings.queue(campaign, "page 1") == sendings.queue(campaign, "page 1")
    assert len(sendings.all()) == 1
    assert sendings.queue(campaign, "page 2").id != sendings.queue(campaign, "page 1").id
    assert [s.request_key for s in sendings.all(campaign)] == ["page 2", "page 1"]


def test_what_a_sending_says_is_frozen_when_it_is_queued(store: Store, model: EntityModel) -> None:
    put_people(store, people(2))
    set_meta(store.state, "addresses", {"collector": "http://127.0.0.1:4711"})
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model, code="spring"), "k").id
    Templates(store, model).save("News", "Changed", HTML.replace("Hello", "Bye"), entity="customer_user")
    while sendings.work():
        pass
    (first, second) = LocalSink(store.folder.sink).messages()
    assert {first.subject, second.subject} == {"Hello Person 0", "Hello Person 1"}
    text = first.path.read_text()
    assert "Bye" not in text
    assert "http://127.0.0.1:4711/u/" in text
    found = sendings.get(number)
    assert (found.settings["campaign_code"], found.settings["list"]["entity"]) == ("spring", "customer_user")


def test_tokens_in_the_mails_name_their_deliveries(store: Store, model: EntityModel) -> None:
    import re

    put_people(store, people(3))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id
    assert sendings.work()
    verifier = Verifier(store.keys.secrets())
    found = {}
    for mail in LocalSink(store.folder.sink).messages():
        unsubscribe = re.search(r"List-Unsubscribe: <\S+/u/([^>]+)>", mail.path.read_text())
        assert unsubscribe is not None
        token = verifier.verify(unsubscribe[1], "u")
        assert token is not None
        found[token.delivery_id] = mail.recipient
    assert found == {d.id: d.address for d in sendings.deliveries(number)}


def test_the_status_tells_how_far_it_is(store: Store, model: EntityModel) -> None:
    put_people(store, people(30))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model, holdout=20), "k").id
    assert sendings.status(number).total == 0
    sendings.freeze(number)
    sendings.drain(number, limit=10)
    status = sendings.status(number)
    assert (status.status, status.finished) == ("sending", 10)
    assert status.total == 30 - status.counts["held_out"]
    assert status.rate is not None
    assert status.seconds_left is not None
    assert [d.state for d in sendings.deliveries(number, "accepted")] == ["accepted"] * 10


def test_a_sending_waits_for_its_time(store: Store, model: EntityModel, clock: SimulatedClock) -> None:
    put_people(store, people(2))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k", scheduled_for=clock.now() + timedelta(hours=2)).id
    assert sendings.due() == []
    assert not sendings.work()
    clock.advance(timedelta(hours=2))
    assert sendings.due() == [number]
    assert sendings.work()
    assert sendings.get(number).status == "done"
    assert not sendings.work()


def test_a_scheduled_sending_can_be_paused_resumed_and_cancelled(store: Store, model: EntityModel) -> None:
    put_people(store, people(2))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id
    assert sendings.pause(number, "wait").status_reason == "wait"
    assert not sendings.work()
    with pytest.raises(DeliveryError, match="is paused and cannot be confirmed"):
        sendings.confirm(number)
    assert sendings.resume(number).status == "scheduled"
    assert sendings.cancel(number).status == "cancelled"
    assert sendings.cancel(number).status == "cancelled"
    assert not sendings.work()
    with pytest.raises(NotFound, match="sending"):
        sendings.get(4711)


def test_a_template_that_no_longer_fits_blocks_with_the_variable(store: Store, model: EntityModel) -> None:
    put_people(store, people(2))
    campaign = make_campaign(store, model)
    from analytics.store.tables import template

    with store.state.write() as connection:
        connection.execute(template.update().values(html="<p>{{ entity.shoe_size }}</p>"))
    with pytest.raises(SendingBlocked, match="shoe_size"):
        Sendings(store, model).queue(campaign, "k")


def test_a_campaign_without_sender_name_takes_the_settings(store: Store, model: EntityModel) -> None:
    put_people(store, people(1))
    campaign = make_campaign(store, model)
    EmailCampaigns(store).update(campaign, sender_name="")
    assert Sendings(store, model).queue(campaign, "k").settings["sender_name"] == store.settings.sender_name


def test_a_restored_sending_is_paused_and_can_go_on(
    store: Store, model: EntityModel, clock: SimulatedClock, tmp_path: Path
) -> None:
    put_people(store, people(20))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k").id
    sendings.freeze(number)
    sendings.drain(number, limit=5)
    archive = backup(store, tmp_path / "b.tar")
    restore(archive, tmp_path / "restored", nothing_left_since=True, clock=clock)
    with Store.open(tmp_path / "restored", clock=clock) as other:
        restored = Sendings(other, model)
        assert restored.get(number).status == "paused"
        assert not restored.work()
        restored.resume(number)
        assert restored.work()
        assert restored.status(number).counts["accepted"] == 20
        assert len(LocalSink(other.folder.sink).messages()) == 15
        again = restored.queue(restored.get(number).email_campaign_id, "after").id
        restored.freeze(again)
        assert restored.get(again).first_delivery_id > other.instance * 10_000_000_000


@pytest.mark.parametrize("told", ["cancel", "pause"])
@pytest.mark.parametrize("way", ["work", "status"])
def test_what_a_killed_sender_was_handing_over_is_uncertain_whatever_is_done_next(
    either_store: Store, model: EntityModel, told: str, way: str
) -> None:
    number = a_sending(either_store, 4)
    sendings = Sendings(either_store, model)
    killed = either_store.leases.acquire(SENDER_LEASE, "dead", timedelta(minutes=1))
    assert killed is not None
    first = sendings.deliveries(number)[0].id
    with either_store.state.write() as connection:
        for n, state in enumerate(("handed", "leased")):
            row = delivery.update().where(delivery.c.id == first + n)
            connection.execute(row.values(state=state, lease_owner="dead"))
    getattr(sendings, told)(number)
    assert sendings.status(number).counts["handed"] == 1, "its sender may still live"
    assert not sendings.work()
    either_store.leases.release(killed)
    assert sendings.work() if way == "work" else sendings.status(number)
    left = "skipped" if told == "cancel" else "planned"
    assert [d.state for d in sendings.deliveries(number)] == ["uncertain", left, left, left]
    with either_store.state.read() as connection:
        noted = connection.execute(select(delivery_fact.c.delivery_id, delivery_fact.c.reason))
        assert (first, "interrupted") in [tuple(row) for row in noted]
    assert sendings.status(number).counts["uncertain"] == 1


def test_a_mail_deferred_after_its_sending_was_cancelled_waits_for_nothing(store: Store, model: EntityModel) -> None:
    number = a_sending(store, 2)
    sendings = Sendings(store, model)
    sendings.cancel(number)
    with store.state.write() as connection:
        connection.execute(delivery.update().values(state="deferred", lease_owner="gone"))
    sendings.work()
    assert [d.state for d in sendings.deliveries(number)] == ["skipped", "skipped"]


@pytest.mark.parametrize("begun", ["scheduled", "freezing", "paused", "restored before"])
def test_a_sending_restored_without_an_audience_is_sent_only_when_a_person_decides(
    store: Store, model: EntityModel, clock: SimulatedClock, tmp_path: Path, begun: str
) -> None:
    put_people(store, people(3))
    sendings = Sendings(store, model)
    number = sendings.queue(make_campaign(store, model), "k", expected_count=3).id
    if begun == "paused":
        sendings.pause(number)
    if begun == "freezing":
        with store.state.write() as connection:
            frozen_at = {"frozen_at": clock.now().isoformat()}
            connection.execute(sending.update().values(status="freezing", snapshot=frozen_at))
    archive = backup(store, tmp_path / "b.tar")
    restore(archive, tmp_path / "restored", clock=clock)
    if begun == "restored before":  # that nothing left since the second backup says nothing of the first
        with Store.open(tmp_path / "restored", clock=clock) as other:
            archive = backup(other, tmp_path / "b2.tar")
        restore(archive, tmp_path / "again", nothing_left_since=True, clock=clock)
    with Store.open(tmp_path / ("again" if begun == "restored before" else "restored"), clock=clock) as other:
        restored = Sendings(other, model)
        assert restored.get(number).status == "paused"
        assert "may have sent it to everybody since" in (restored.get(number).status_reason or "")
        assert restored.get(number).is_undecided
        with pytest.raises(DeliveryError, match="may have sent it to everybody since"):
            restored.resume(number)
        assert not restored.work()
        assert not LocalSink(other.folder.sink).messages()
        assert restored.confirm(number).status == "scheduled"
        assert restored.get(number).expected_count == 3
        assert not restored.get(number).is_undecided
        assert restored.work()
        assert restored.status(number).counts["accepted"] == 3


def test_a_scheduled_sending_of_a_stopped_workspace_is_resumed_as_ever(
    store: Store, model: EntityModel, clock: SimulatedClock, tmp_path: Path
) -> None:
    put_people(store, people(2))
    number = Sendings(store, model).queue(make_campaign(store, model), "k").id
    restore(backup(store, tmp_path / "b.tar"), tmp_path / "restored", nothing_left_since=True, clock=clock)
    with Store.open(tmp_path / "restored", clock=clock) as other:
        restored = Sendings(other, model)
        assert restored.resume(number).status == "scheduled"
        assert restored.work()
        assert restored.get(number).status == "done"


@pytest.mark.postgres
def test_the_documented_statements_make_a_restored_dump_safe(
    tmp_path: Path, model: EntityModel, clock: SimulatedClock, postgres_url: Callable[[], str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sending.md").read_text("utf-8")
    statements = text.partition("```sql\n")[2].partition("```")[0].split(";\n")
    with open_world(tmp_path / "shop", clock, Settings(state_url=postgres_url())) as store:
        put_people(store, people(3))
        sendings = Sendings(store, model)
        waiting = sendings.queue(make_campaign(store, model), "k").id
        under_way = a_sending(store, 2)
        with store.state.write() as connection:
            for statement in statements:
                if statement.strip() not in ("", "begin", "commit"):
                    connection.exec_driver_sql(statement)
        assert not sendings.work()
        with pytest.raises(DeliveryError, match="may have sent it to everybody since"):
            sendings.resume(waiting)
        assert sendings.status(under_way).counts["uncertain"] == 2
        with store.state.read() as connection:
            numbers = connection.execute(select(delivery_fact.c.seq)).scalars().all()
        assert len(numbers) == 2
        assert min(numbers) > (store.instance + 1) * FIRST_OF_INSTANCE


def test_the_sink_listens_on_the_port_of_the_settings(store: Store, model: EntityModel) -> None:
    put_people(store, people(3))
    number = Sendings(store, model).queue(make_campaign(store, model), "k").id
    with LocalSink(store.folder.sink) as other:  # somebody has the port already
        settled = Sendings(with_settings(store, sink_port=other.address[1]), model)
        settled.freeze(number)
        with pytest.raises(DeliveryError, match="Set sink_port to a free one"):
            settled.drain(number)
    assert settled.drain(number).accepted == 3
