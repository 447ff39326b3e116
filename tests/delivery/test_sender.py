"""What each reply of a mail server, and each decision of a person, does to a row of the ledger."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from analytics.delivery import Sendings, drain, record_bounce, record_complaint
from analytics.delivery.ledger import SENDER_LEASE, reclaim
from analytics.delivery.records import Row, Tuning
from analytics.errors import DeliveryError, SenderBusy, TemplateError
from analytics.lists import Suppressions
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.tables import delivery, delivery_fact, link, list_state, sending
from tests.delivery.ledgers import PlainPlan, a_sending
from tests.delivery.scripted import Script, Scripted

QUICK = Tuning(reconnect=(0.001, 0.002), sender_ttl=timedelta(seconds=1))


def send(store: Store, number: int, server: Scripted, connections: int = 1, **options: Any) -> Any:
    options = {"tuning": QUICK, "plan": PlainPlan(), **options}
    return drain(store, None, number, smtp=server.settings(connections), **options)  # type: ignore[arg-type]


def states(store: Store, number: int) -> list[str]:
    return [row.state for row in rows(store, number)]


def rows(store: Store, number: int) -> list[Any]:
    with store.state.read() as connection:
        query = select(delivery).where(delivery.c.sending_id == number).order_by(delivery.c.id)
        return list(connection.execute(query))


def facts(store: Store) -> list[tuple[Any, ...]]:
    with store.state.read() as connection:
        query = select(delivery_fact.c.delivery_id, delivery_fact.c.state, delivery_fact.c.reason)
        return [tuple(row) for row in connection.execute(query.order_by(delivery_fact.c.seq))]


def test_everybody_gets_the_mail_and_the_ledger_says_so(either_store: Store) -> None:
    number = a_sending(either_store, 250, shared={1: ["again"]})
    script = Script()
    with Scripted(script) as server:
        sent = send(either_store, number, server, connections=3)
    assert (sent.status, sent.accepted) == ("done", 250)
    kept = rows(either_store, number)
    assert {recipient for recipient, _ in script.messages} == {row.address for row in kept}
    assert len(script.messages) == 250
    assert script.connections <= 3
    assert {row.code for row in kept} == {"250 2.0.0 taken"}
    assert all(row.accepted_at == row.handed_at == either_store.clock.now() for row in kept)
    assert all(len(row.body_sha256) == 32 and row.attempts == 1 for row in kept)
    with either_store.state.read() as connection:
        contacted = connection.execute(select(list_state.c.entity_key, list_state.c.contacted_times)).all()
    assert sorted(contacted) == sorted([(row.entity_key, 1) for row in kept] + [("again", 1)])
    assert sorted(facts(either_store)) == [(row.id, "accepted", None) for row in kept]


def test_a_message_arrives_as_it_was_made(store: Store) -> None:
    """Lines that begin with a dot too (RFC 5321 4.5.2)."""
    number = a_sending(store, 1)
    script = Script()
    with Scripted(script) as server:
        send(store, number, server)
    (row,) = rows(store, number)
    plain = Row(row.id, row.address_key, row.address, row.entity_key, row.message_id, '{"name": "Person 0"}', 0)
    assert script.messages == [(row.address, PlainPlan().render(plain).message)]
    assert b"\r\n.Lorem" in script.messages[0][1]


@pytest.mark.parametrize("offers", [("PIPELINING", "SIZE 1000000"), ("8BITMIME",)])
def test_replies_at_every_moment_decide_the_state(either_store: Store, offers: tuple[str, ...]) -> None:
    number = a_sending(
        either_store,
        0,
        addresses=[
            "fine@a.example",
            "full@a.example",
            "nobody@a.example",
            "spam@a.example",
            "later@a.example",
            "last@a.example",
        ],
    )
    script = Script(
        offers=offers,
        rcpt=lambda r: {"full": "452 4.2.2 over quota", "nobody": "550 5.1.1 unknown"}.get(r.split("@")[0], "250 fine"),
        final=lambda r: {"spam": "554 5.7.1 spam", "later": "451 4.3.0 later"}.get(r.split("@")[0], "250 taken"),
    )
    with Scripted(script) as server:
        sent = send(either_store, number, server)
    assert states(either_store, number) == ["accepted", "deferred", "rejected", "rejected", "deferred", "accepted"]
    assert [row.code for row in rows(either_store, number)][1:5] == [
        "452 4.2.2 over quota",
        "550 5.1.1 unknown",
        "554 5.7.1 spam",
        "451 4.3.0 later",
    ]
    assert sent.status == "sending"
    waits = [row.due_at - either_store.clock.now() for row in rows(either_store, number) if row.state == "deferred"]
    assert all(timedelta(seconds=54) <= wait <= timedelta(seconds=66) for wait in waits)
    assert sent.next_due == min(waits) + either_store.clock.now()
    assert script.connections == 1


def test_a_server_that_asks_for_the_message_of_nobody_gets_an_empty_one(store: Store) -> None:
    number = a_sending(store, 0, addresses=["nobody@a.example", "fine@a.example"])
    script = Script(
        rcpt=lambda r: "550 5.1.1 unknown" if r.startswith("nobody") else "250 fine", data=lambda r: "354 go on"
    )
    with Scripted(script) as server:
        send(store, number, server)
    assert states(store, number) == ["rejected", "accepted"]
    assert "RSET" in script.commands


def test_a_deferred_mail_is_tried_again_when_it_is_due_and_given_up_in_the_end(
    store: Store, clock: SimulatedClock
) -> None:
    number = a_sending(store, 1)
    tuning = Tuning(retry=(timedelta(minutes=1), timedelta(minutes=5)))
    script = Script(final=lambda recipient: "451 4.3.0 later")
    with Scripted(script) as server:
        for wait, expected in ((0, "deferred"), (2, "deferred"), (3, "deferred"), (3, "rejected")):
            clock.advance(timedelta(minutes=wait))
            send(store, number, server, tuning=tuning)
            assert states(store, number) == [expected]
    (row,) = rows(store, number)
    assert (row.reason, row.attempts, row.code) == ("gave up", 3, "451 4.3.0 later")
    assert [fact[1] for fact in facts(store)] == ["deferred", "deferred", "rejected"]
    with store.state.read() as connection:
        assert connection.execute(select(sending.c.status)).scalar_one() == "done"


def test_a_connection_lost_before_the_message_defers_and_after_it_is_uncertain(store: Store) -> None:
    number = a_sending(store, 0, addresses=["early@a.example", "late@a.example", "fine@a.example"])
    script = Script(
        data=lambda r: None if r.startswith("early") else "354 go on",
        final=lambda r: None if r.startswith("late") else "250 taken",
    )
    with Scripted(script) as server:
        send(store, number, server)
    assert states(store, number) == ["deferred", "uncertain", "accepted"]
    assert rows(store, number)[1].reason == "no reply"


def test_421_ends_the_connection_and_is_no_try_of_the_recipient(store: Store) -> None:
    number = a_sending(store, 0, addresses=["busy@a.example", "fine@a.example"])
    script = Script(rcpt=lambda r: "421 4.7.0 too many" if r.startswith("busy") else "250 fine")
    with Scripted(script) as server:
        send(store, number, server)
    assert states(store, number) == ["deferred", "accepted"]
    assert [row.attempts for row in rows(store, number)] == [0, 1]
    assert script.connections == 2


def test_a_server_that_wants_a_login_pauses_the_sending(store: Store) -> None:
    number = a_sending(store, 5)
    with Scripted(Script(mail="530 5.7.0 Authentication required")) as server:
        sent = send(store, number, server)
    assert sent.status == "paused"
    assert sorted(states(store, number)) == ["deferred", *["planned"] * 4]
    with store.state.read() as connection:
        assert "Authentication required" in connection.execute(select(sending.c.status_reason)).scalar_one()


def test_connections_that_keep_failing_pause_the_sending(store: Store) -> None:
    number = a_sending(store, 5)
    with Scripted(Script(greeting="554 no service")) as server:
        sent = send(store, number, server, tuning=Tuning(reconnect=(0.0, 0.0), most_failures=4))
    assert sent.status == "paused"
    assert states(store, number) == ["planned"] * 5


def test_too_many_rejections_pause_the_sending(store: Store) -> None:
    number = a_sending(store, 40)
    with Scripted(Script(rcpt=lambda recipient: "550 5.1.1 unknown")) as server:
        sent = send(store, number, server, tuning=Tuning(most_rejected=9))
    assert (sent.status, sent.rejected) == ("paused", 10)


def test_who_unsubscribed_since_the_freeze_gets_nothing(either_store: Store) -> None:
    number = a_sending(either_store, 3)
    Suppressions(either_store).add("person1@example.org", "unsubscribed", "test")
    script = Script()
    with Scripted(script) as server:
        sent = send(either_store, number, server)
    assert (sent.accepted, sent.skipped, sent.status) == (2, 1, "done")
    assert states(either_store, number) == ["accepted", "skipped", "accepted"]
    assert rows(either_store, number)[1].reason == "unsubscribed"


def test_a_sending_of_none_but_suppressed_people_is_done(store: Store) -> None:
    number = a_sending(store, 3)
    for n in range(3):
        Suppressions(store).add(f"person{n}@example.org", "manual", "test")
    with Scripted(Script()) as server:
        assert send(store, number, server).status == "done"


def test_pausing_stops_before_the_next_mail_and_resuming_goes_on(either_store: Store, model: EntityModel) -> None:
    number = a_sending(either_store, 120)
    sendings = Sendings(either_store, model)
    script = Script()

    def pause_at_ten(recipient: str) -> None:
        if len(script.messages) == 9:
            sendings.pause(number, "lunch")

    script.before_final = pause_at_ten
    with Scripted(script) as server:
        sent = send(either_store, number, server)
        assert (sent.status, sent.accepted) == ("paused", 10)
        assert sorted(set(states(either_store, number))) == ["accepted", "planned"]
        assert send(either_store, number, server).handled == 0
        sendings.resume(number)
        assert send(either_store, number, server).status == "done"
    assert len(script.messages) == 120


def test_cancelling_skips_everybody_who_has_no_mail_yet(either_store: Store, model: EntityModel) -> None:
    number = a_sending(either_store, 120)
    sendings = Sendings(either_store, model)
    script = Script()

    def cancel_at_ten(recipient: str) -> None:
        if len(script.messages) == 9:
            sendings.cancel(number)

    script.before_final = cancel_at_ten
    with Scripted(script) as server:
        sent = send(either_store, number, server)
    assert (sent.status, sent.accepted) == ("cancelled", 10)
    found = rows(either_store, number)
    assert [row.state for row in found].count("skipped") == 110
    assert {row.reason for row in found if row.state == "skipped"} == {"cancelled"}
    assert sendings.get(number).finished_at is not None
    with pytest.raises(DeliveryError, match="cancelled"):
        sendings.resume(number)


def test_stop_lets_the_mails_under_way_come_to_their_end(store: Store) -> None:
    number = a_sending(store, 120)
    stop = threading.Event()
    script = Script()

    def stop_at_ten(recipient: str) -> None:
        if len(script.messages) >= 9:
            stop.set()

    script.before_final = stop_at_ten
    with Scripted(script) as server:
        sent = send(store, number, server, connections=3, stop=stop)
        found = states(store, number)
        assert sent.status == "sending"
        assert sorted(set(found)) == ["accepted", "planned"]
        assert found.count("accepted") == len(script.messages) < 120
        assert send(store, number, server).status == "done"
    assert len(script.messages) == 120


def test_a_limit_is_kept_exactly(store: Store) -> None:
    number = a_sending(store, 120)
    with Scripted(Script()) as server:
        assert send(store, number, server, connections=3, limit=7).accepted == 7
        assert send(store, number, server, limit=105).accepted == 105
        assert states(store, number).count("planned") == 8


def test_a_former_senders_rows_are_settled_at_the_start(either_store: Store) -> None:
    number = a_sending(either_store, 4)
    first = rows(either_store, number)[0].id
    with either_store.state.write() as connection:
        for n, state in enumerate(("leased", "handed")):
            connection.execute(
                update(delivery).where(delivery.c.id == first + n).values(state=state, lease_owner="dead")
            )
    script = Script()
    with Scripted(script) as server:
        send(either_store, number, server)
    assert states(either_store, number) == ["accepted", "uncertain", "accepted", "accepted"]
    assert (first + 1, "uncertain", "interrupted") in facts(either_store)


def test_a_sender_that_lost_its_row_does_not_send_it(store: Store) -> None:
    """It slept too long, say; another process took over meanwhile."""
    number = a_sending(store, 2)
    script = Script()

    def take_over(recipient: str) -> None:
        if not script.messages:
            reclaim(store)

    script.before_final = take_over
    with Scripted(script) as server:
        send(store, number, server)
    first, second = rows(store, number)
    told = [fact for fact in facts(store) if fact[0] == first.id]
    assert told == [(first.id, "uncertain", "interrupted"), (first.id, "accepted", None)], "the reply told the truth"
    assert (first.state, second.state) == ("accepted", "accepted")
    assert [recipient for recipient, _ in script.messages] == [first.address, second.address]


def test_one_sender_at_a_time(store: Store) -> None:
    number = a_sending(store, 2)
    with (
        Scripted(Script()) as server,
        store.leases.hold(SENDER_LEASE, timedelta(seconds=5)),
        pytest.raises(SenderBusy, match="Another process"),
    ):
        send(store, number, server)


def test_uncertain_mails_are_sent_again_only_when_a_person_says_so(store: Store, model: EntityModel) -> None:
    number = a_sending(store, 2)
    script = Script(final=lambda r: None if r.startswith("person0") and not script.messages else "250 taken")
    sendings = Sendings(store, model)
    with Scripted(script) as server:
        assert send(store, number, server).status == "done"
        assert send(store, number, server).handled == 0
        before = rows(store, number)
        assert [row.state for row in before] == ["uncertain", "accepted"]
        assert sendings.release_uncertain([row.id for row in before]) == 1
        assert sendings.get(number).status == "sending"
        assert send(store, number, server).status == "done"
    after = rows(store, number)
    assert [row.state for row in after] == ["accepted", "accepted"]
    assert [row.message_id for row in after] == [row.message_id for row in before]
    assert before[0].message_id.encode() in script.messages[-1][1]


def test_links_are_known_before_anybody_can_click(store: Store) -> None:
    number = a_sending(store, 2)
    seen: list[int] = []

    def look(recipient: str) -> None:
        with store.state.read() as connection:
            seen.append(len(connection.execute(select(link)).all()))

    script = Script(before_final=look)
    plan = PlainPlan(constant_links={7: "https://shop.example.com/"}, personal=True)
    with Scripted(script) as server:
        send(store, number, server, plan=plan)
    assert seen == [2, 3]
    with store.state.read() as connection:
        kept = connection.execute(select(link.c.delivery_id, link.c.number, link.c.url)).all()
    ids = [row.id for row in rows(store, number)]
    assert sorted(kept) == [
        (0, 7, "https://shop.example.com/"),
        *((i, 1, f"https://shop.example.com/{i}") for i in ids),
    ]


def test_a_row_that_cannot_be_rendered_is_skipped_with_the_reason(store: Store) -> None:
    class Broken(PlainPlan):
        def render(self, row: Row) -> Any:
            if row.entity_key == "1":
                raise TemplateError("entity.total is 'x', which is no money.")
            return super().render(row)

    number = a_sending(store, 3)
    with Scripted(Script()) as server:
        assert send(store, number, server, plan=Broken()).status == "done"
    row = rows(store, number)[1]
    assert (row.state, row.reason) == ("skipped", "cannot be rendered")
    assert "no money" in row.code


@pytest.mark.parametrize(
    ("offers", "address", "size", "code"),
    [
        (("SIZE 100",), "a@a.example", 300, "552"),
        (("PIPELINING",), "grüße@a.example", 300, "550 5.6.7"),
    ],
)
def test_what_a_server_cannot_take_is_rejected_without_asking(
    store: Store, offers: tuple[str, ...], address: str, size: int, code: str
) -> None:
    number = a_sending(store, 0, addresses=[address])
    script = Script(offers=offers)
    with Scripted(script) as server:
        send(store, number, server, plan=PlainPlan(size))
    (row,) = rows(store, number)
    assert row.state == "rejected"
    assert row.code.startswith(code)
    assert not [command for command in script.commands if command.startswith("MAIL")]


def test_an_address_beyond_ascii_is_sent_with_smtputf8(store: Store) -> None:
    number = a_sending(store, 0, addresses=["grüße@a.example"])
    script = Script()
    with Scripted(script) as server:
        send(store, number, server)
    assert states(store, number) == ["accepted"]
    (mail,) = [command for command in script.commands if command.startswith("MAIL")]
    assert mail.endswith("SMTPUTF8")
    assert "SIZE=" in mail


def test_a_hard_bounce_and_a_complaint_are_facts_and_suppress(either_store: Store) -> None:
    number = a_sending(either_store, 4)
    with Scripted(Script()) as server:
        send(either_store, number, server)
    ids = [row.id for row in rows(either_store, number)]
    assert record_bounce(either_store, ids[0], "hard", "5.1.1 unknown")
    assert not record_bounce(either_store, ids[0], "hard", "5.1.1 unknown")
    assert record_bounce(either_store, ids[1], "soft", "4.2.2 full")
    assert record_complaint(either_store, ids[2])
    assert states(either_store, number) == ["bounced", "bounced", "complained", "accepted"]
    assert facts(either_store)[4:] == [
        (ids[0], "bounced", "hard"),
        (ids[1], "bounced", "soft"),
        (ids[2], "complained", None),
    ]
    reasons = Suppressions(either_store).reasons([f"person{n}@example.org" for n in range(4)])
    assert reasons == {"person0@example.org": "hard_bounce", "person2@example.org": "complaint"}


def test_an_uncertain_mail_that_bounces_had_been_accepted(store: Store) -> None:
    number = a_sending(store, 1)
    with Scripted(Script(final=lambda recipient: None)) as server:
        send(store, number, server)
    (row,) = rows(store, number)
    assert record_bounce(store, row.id, "soft")
    assert [fact[1] for fact in facts(store)] == ["uncertain", "accepted", "bounced"]
