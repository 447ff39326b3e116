"""Unsubscribes from the spool reach the state once, whatever happened before."""

from __future__ import annotations

import itertools
import json
import random
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from analytics.store import Store
from analytics.store.suppressing import Unsubscribe, unsubscribe_all
from analytics.store.tables import consent, delivery, delivery_fact, list_state, suppression, topic
from analytics.tracking import apply_control
from tests.tracking.lines import NOW, microseconds, spool

FILE = "20261123-0710-300-host-1-0000.control.jsonl"


def wish(number: int, after: float = 0, **fields: Any) -> dict[str, Any]:
    at = microseconds(NOW + timedelta(seconds=after))
    return {"id": f"{number:032x}", "at": at, "kind": "unsubscribe", "d": number, "source": "one-click", **fields}


def state(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.state.read() as connection:
        found = {
            "suppression": select(suppression.c.address_key, suppression.c.reason, suppression.c.created_at),
            "list": select(list_state.c.entity_key, list_state.c.unsubscribed_at),
            "delivery": select(delivery.c.id, delivery.c.state).where(delivery.c.state != "accepted"),
            "fact": select(delivery_fact.c.delivery_id, delivery_fact.c.state, delivery_fact.c.at),
        }
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in found.items()}


def test_a_wish_is_carried_out_once(sent: Store) -> None:
    spool(sent, [wish(101)], FILE)
    assert apply_control(sent) == 1
    assert apply_control(sent) == 0
    assert state(sent) == {
        "suppression": [("c101@example.com", "unsubscribed", NOW)],
        "list": [("101", NOW)],
        "delivery": [(101, "unsubscribed")],
        "fact": [(101, "unsubscribed", NOW)],
    }


def test_what_the_collector_did_already_stays_as_it_is(sent: Store) -> None:
    with sent.state.write() as connection:
        assert unsubscribe_all(connection, [Unsubscribe(101, "unsubscribe page", NOW)]) == 1
    before = state(sent)
    spool(sent, [wish(101, after=1), wish(101, after=2)], FILE)
    apply_control(sent)
    assert state(sent) == before


def test_the_first_of_several_wishes_counts(sent: Store) -> None:
    spool(sent, [wish(101, after=9), wish(101, after=3)], FILE)
    apply_control(sent)
    assert state(sent)["fact"] == [(101, "unsubscribed", NOW + timedelta(seconds=3))]


def test_only_an_accepted_delivery_changes_its_state(sent: Store) -> None:
    with sent.state.write() as connection:
        connection.execute(delivery.update().where(delivery.c.id == 101).values(state="bounced"))
    spool(sent, [wish(101)], FILE)
    apply_control(sent)
    assert state(sent)["delivery"] == [(101, "bounced")]
    assert state(sent)["suppression"] and not state(sent)["fact"]


def test_bad_lines_do_not_hold_up_the_others(sent: Store) -> None:
    bad: list[Any] = [b"nonsense\n", wish(1, kind="resubscribe"), wish(1, d="x"), wish(1, at=-1), wish(4711)]
    spool(sent, [*bad, wish(102), json.dumps(wish(103)).encode()], FILE)
    assert apply_control(sent) == 1
    spool(sent, [b"\n"], FILE)
    assert apply_control(sent) == 1, "a torn line counts when its end has come"
    entries = [json.loads(line) for line in (sent.folder.quarantine / FILE).read_text().splitlines()]
    assert [(entry["line"], entry["reason"]) for entry in entries] == [
        (1, "it is no JSON object"),
        (2, 'its "kind" is neither "unsubscribe" nor "preferences"'),
        (3, 'its "d" is no delivery'),
        (4, 'its "at" is not a number of microseconds since 1970'),
    ]


def saved(number: int, after: float = 0, **fields: Any) -> dict[str, Any]:
    return (
        wish(
            number,
            after,
            kind="preferences",
            source="preference page",
            stop=False,
            was=False,
            words="No mail",
            choices=[],
        )
        | fields
    )


def consents(store: Store) -> list[tuple[Any, ...]]:
    with store.state.read() as connection:
        query = select(consent.c.address_key, consent.c.topic_id, consent.c.granted, consent.c.at)
        return sorted(tuple(row) for row in connection.execute(query.order_by(consent.c.at)))


def test_leaving_and_coming_back_end_as_the_newest_wish_says_in_any_order(sent: Store) -> None:
    lines = [wish(101), saved(101, 1, was=True), wish(101, 2), saved(101, 3, was=True), saved(102, 1, stop=True)]
    for order in random.Random(3).sample(list(itertools.permutations(range(5))), 24):
        with sent.state.write() as connection:
            for table in (suppression, consent, list_state):
                connection.execute(table.delete())
        for place, n in enumerate(order):
            spool(sent, [lines[n]], f"20261123-0710-300-host-{''.join(map(str, order))}-{place:04d}.control.jsonl")
        apply_control(sent)
        found = state(sent)
        assert [row[0] for row in found["suppression"]] == ["c102@example.com"], order
        assert [key for key, at in found["list"] if at is not None] == ["102"], order
        assert len(consents(sent)) == 5


def test_boxes_of_a_page_saved_while_the_state_was_away_become_consents(sent: Store) -> None:
    with sent.state.write() as connection:
        stamps = {"created_at": NOW, "updated_at": NOW}
        connection.execute(topic.insert().values(id=7, name="News", policy="opt_out", position=0, **stamps))
    boxes = [[7, "Do you want news?", True, False], [8, "Gone", True, False]]
    spool(sent, [saved(101, choices=boxes, ip="192.0.2.1", ua="Reader"), saved(101, choices=boxes)], FILE)
    assert apply_control(sent) == 2
    with sent.state.read() as connection:
        [row] = connection.execute(select(consent)).all()
    assert (row.address_key, row.topic_id, row.granted, row.at) == ("c101@example.com", 7, False, NOW)
    assert (row.wording, row.client_address, row.user_agent, row.delivery_id) == (
        "Do you want news?",
        "192.0.2.1",
        "Reader",
        101,
    )


def test_a_saved_page_that_cannot_be_read_is_put_aside(sent: Store) -> None:
    bad = [saved(101, choices=None), saved(101, choices=[[1, "x", True]]), saved(101, choices=[["1", "x", True, True]])]
    spool(sent, [*bad, saved(102, stop=True)], FILE)
    assert apply_control(sent) == 1
    entries = [json.loads(line) for line in (sent.folder.quarantine / FILE).read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [1, 2, 3] and "choices" in entries[0]["reason"]


def test_many_wishes_in_pieces(sent: Store) -> None:
    spool(sent, [wish(101 + n % 10, after=n) for n in range(5000)], FILE)
    apply_control(sent)
    assert len(state(sent)["suppression"]) == len(state(sent)["fact"]) == 10
