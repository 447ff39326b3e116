"""Persons behind rows: one mailbox spelled in many ways, events on websites, their order, and consents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import SegmentError
from analytics.model.address import address_key
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments, outline, parse_text
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill
from tests.segments.stories import tell

Ask = Callable[[str], str]

SPELLED = "ada@xn--bcher-kva.example"
USERS = [
    {"id": "a", "email": "ada@bücher.example"},
    {"id": "b", "email": "\t ADA@Bücher.Example "},
    {"id": "c", "email": SPELLED},
    {"id": "d", "email": "dora@example.com"},
    {"id": "e", "email": "old@example.com"},
    {"id": "f", "email": None},
    {"id": "g", "email": "no address"},
]


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def hit(number: str, days: float, **more: Any) -> dict[str, Any]:
    at = ago(days)
    seen = {"endpoint": "matomo", "kind": "page_view", "website": "shop", "occurred_at": at, "received_at": at}
    return {"event_id": number, **seen, **more}


EVENTS = [
    # Ada's mail led to the device v1; the later hits of it carry nothing.
    hit(
        "e01", 20, visitor="v1", person=SPELLED, delivery_id=1, url="https://shop.example/Sale", campaign_source="Mail"
    ),
    hit("e02", 19, visitor="v1", url="https://shop.example/sale?x=1"),
    hit("e03", 18, visitor="v1", kind="order", name="100"),
    # Dora signed in on v2, and her user id is known from there on v3 too.
    hit("e04", 10, visitor="v2", person="dora@example.com", user_id="7", kind="search", name="hats"),
    hit("e05", 9, visitor="v2", url="https://shop.example/sale"),
    hit("e06", 8, visitor="v3", user_id="7", kind="event", category="Video", action="play", name="Intro"),
    # Two people's mails led to v4: it is nobody's, but each hit with a token is its own person's.
    hit("e07", 7, visitor="v4", person=SPELLED),
    hit("e08", 6, visitor="v4", person="dora@example.com"),
    hit("e09", 5, visitor="v4", kind="goal", name="1"),
    # A machine's, and a click in a mail.
    hit("e10", 4, visitor="v1", kind="download"),
    hit("e11", 21, endpoint="c", kind="click", delivery_id=1, email_campaign_id=1, person=SPELLED, website=None),
]
VERDICTS = [
    {"event_id": e["event_id"], "ruleset": 1, "verdict": "machine" if e["event_id"] == "e10" else "human",
     "decided_at": NOW} for e in EVENTS
]  # fmt: skip
AUDIENCE = [
    # e was mailed at an address it has no more, a at one that c shares.
    {"sending_id": 1, "position": 0, "entity": "user", "entity_key": "a", "address_key": SPELLED, "delivery_id": 1},
    {"sending_id": 1, "position": 1, "entity": "user", "entity_key": "e", "address_key": "e@example.org",
     "delivery_id": 2},
]  # fmt: skip
DELIVERIES = [
    {"seq": n, "delivery_id": n, "sending_id": 1, "email_campaign_id": 1, "state": "accepted", "at": ago(22)}
    for n in (1, 2)
]
CONSENTS = [
    {"id": 1, "address_key": SPELLED, "topic_id": 1, "granted": True, "at": ago(9)},
    {"id": 2, "address_key": SPELLED, "topic_id": 1, "granted": False, "at": ago(3)},
    {"id": 3, "address_key": "dora@example.com", "topic_id": 1, "granted": True, "at": ago(3)},
    {"id": 4, "address_key": "dora@example.com", "topic_id": 2, "granted": False, "at": ago(2)},
    {"id": 5, "address_key": "dora@example.com", "topic_id": None, "granted": False, "at": ago(1)},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("people") / "s"
    with Store.create(folder, Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        orders = [{"id": "o1", "user_id": "b"}, {"id": "o2", "user_id": "d"}, {"id": "o3", "user_id": None}]
        fill(store, {"user": USERS, "order": orders})
        told = {"events": EVENTS, "verdicts": VERDICTS, "audience": AUDIENCE, "deliveries": DELIVERIES}
        tell(store, {**told, "consent": CONSENTS}, NOW)
        yield store


@pytest.fixture(scope="module")
def ask(store: Store) -> Iterator[Ask]:
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:

        def keys(text: str) -> str:
            definition = parse_text(text)
            assert Definition.from_document(definition.to_document()) == definition
            return " ".join(Segments(store, MODEL).keys(definition, engine).column("key").to_pylist())

        yield keys


@pytest.mark.parametrize(
    "address",
    [
        *("ada@example.com", " Ada@Example.COM\t", "\x1fa@example.com\x0b", "ada@bücher.example", "ADA@BÜCHER.EXAMPLE"),
        *("a@straße.de", "é@example.com", "e\u0301@example.com", "\u00a0a@example.com", None, "ä", "İ@example.com"),
        *("x@ÄÖ.example", "a b@ü.example", "ΑΣ@example.com"),
    ],
)
def test_the_database_makes_the_address_keys_there_are(store: Store, address: str | None) -> None:
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        assert engine.value("select address_key($1)", [address]) == address_key(address)


def test_what_happened_by_mail_holds_for_every_row_of_the_address(ask: Ask) -> None:
    assert ask("user where received(any campaign)") == "a b c e"
    assert ask("user where clicked(any campaign)") == "a b c"
    assert ask("user where clicked(any campaign 2 times)") == ""  # one click, by whichever row it is seen
    assert ask("user where not received(any campaign)") == "d f g"
    assert ask("order where received(any campaign)") == "o1"
    assert ask("company where received(any campaign)") == ""


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('did(page_view url contains "/sale")', "a b c d"),
        ('did(page_view url contains "/sale" 2 times)', "a b c"),
        ('did(page_view url contains "/sale" 3 times)', ""),
        ('did(page_view url contains "/sale" exactly 2 times)', "a b c"),
        ('did(page_view url contains "/sale" at most 1 times)', "d e f g"),
        ("did(order exactly 0 times)", "d e f g"),
        ("not did(order)", "d e f g"),
        ("did(order within 19d)", "a b c"),
        ("did(order within 17d)", ""),
        ("did(order when after today - 19d)", "a b c"),
        ("did(order when before today - 19d)", ""),
        ('did(any from source "mail")', "a b c"),
        ('did(any from source "mail" website "blog")', ""),
        ('did(event category = "video" action = "play" name starts with "in")', "d"),  # by the user id
        ("did(search)", "d"),
        ('did(search name != "hats")', ""),
        ('did(page_view name != "hats" url is empty)', "a b c d"),  # e07 and e08, by their own tokens
        ("did(goal)", ""),  # on a device of two people
        ("did(download)", ""),
        ("did(download by all)", "a b c"),
        ("did(any 4 times)", "a b c d"),
        ("did(any 5 times by all)", "a b c"),
    ],
)
def test_websites_know_people_by_sign_in_mail_and_device(ask: Ask, condition: str, expected: str) -> None:
    assert ask(f"user where {condition}") == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sequence(clicked(any campaign) then did(order) within 3d)", "a b c"),
        ("sequence(clicked(any campaign) then did(order) within 71h)", ""),
        ("sequence(did(order) then clicked(any campaign))", ""),
        ("sequence(received(any campaign) then clicked(any campaign) then did(page_view) then did(order))", "a b c"),
        ("sequence(received(any campaign) then clicked(any campaign) then did(order) within 3d)", ""),
        ("sequence(did(order) then did(order))", ""),  # never its own follower
        ("sequence(did(search) then did(event) within 2d)", "d"),
        ("sequence(clicked(any campaign) without did(order) within 2d)", "a b c"),
        ("sequence(clicked(any campaign) without did(order) within 3d)", ""),  # the end of the time belongs to it
        ("sequence(did(search) without did(order) within 10d)", "d"),
        ("sequence(did(search) without did(order) within 11d)", ""),  # not over yet
        ("sequence(clicked(any campaign) then did(page_view) without did(order) within 2d)", ""),
        ("not sequence(did(search) then did(event))", "a b c e f g"),
    ],
)
def test_sequences_are_in_strict_order_and_in_time(ask: Ask, condition: str, expected: str) -> None:
    assert ask(f"user where {condition}") == expected


def test_the_newest_word_on_a_topic_counts(ask: Ask, store: Store) -> None:
    assert ask('user where consent("news") is granted') == "d"
    assert ask('user where consent("News") is withdrawn') == "a b c"
    assert ask('user where consent("News") is none') == "e f g"
    assert ask('user where consent("Offers") is none') == "a b c e f g"
    assert ask('order where consent("News") is withdrawn') == "o1"
    with Engine(store.snapshot(), store.settings, as_of=ago(5)) as engine:
        before = Segments(store, MODEL).keys(parse_text('user where consent("News") is granted'), engine)
        assert before.column("key").to_pylist() == ["a", "b", "c"]


def test_explanations_show_when_it_happened_and_what_was_said(store: Store) -> None:
    text = """user where did(page_view 2 times) and consent("News") is granted
        and sequence(clicked(any campaign) then did(order) without did(search) within 4d)"""
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        explained = Segments(store, MODEL).explain(parse_text(text), engine, "b")
        assert explained.conditions is not None and not explained.is_member
        did, consent, sequence = explained.conditions.nodes
        assert (did.holds, [v.astimezone(UTC) for v in did.values or ()]) == (True, [ago(7), ago(19), ago(20)])
        assert (consent.holds, consent.values) == (False, ("withdrawn 2026-03-26 11:30:00",))
        assert (sequence.holds, [v.astimezone(UTC) for v in sequence.values or ()]) == (True, [ago(18)])
        assert [(n.place, n.holds) for n in sequence.nodes] == [
            ("where.all[2].sequence[0]", True),
            ("where.all[2].sequence[1]", True),
            ("where.all[2].without", False),
        ]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"did": "walk"}, r"where.did: 'walk' is not one of page_view"),
        ({"did": "any", "times": 0}, r"where.times: 0 is not a whole number of times, 1 or more"),
        ({"did": "any", "is": "between"}, r"where.is: 'between' is not one of at_least, at_most, equals"),
        ({"did": "any", "url": "x"}, r"where.url: 'x' is not a mapping"),
        ({"did": "any", "url": {"is": "matches", "value": "("}}, r"where.url.value: '\(' is not a regular expression"),
        (
            {"did": "any", "url": {"is": "after", "value": "today"}},
            r"where.url.is: 'after' is not an operator for text",
        ),
        ({"did": "any", "within": "soon"}, r"where.within: 'soon' is not a duration"),
        ({"did": "any", "at": "today"}, r"where: 'today' needs an operator; add `when`"),
        ({"sequence": [{"did": "any"}]}, r"where.sequence needs two steps, or one and a `without`; this one has 1"),
        ({"sequence": [{"did": "any"}], "without": {"did": "cart"}}, r"where: say in which time .* add `within`"),
        ({"sequence": [{"did": "any"}, {"field": "id"}]}, r"where.sequence\[1\]: .* is not a step"),
        ({"sequence": [{"did": "any", "times": 2}, {"did": "any"}]}, r"where.sequence\[0\].times: a step happens once"),
        ({"sequence": [{"did": "any"}] * 2, "within": "1 month"}, r"where.within: '1 month' is not a duration in min"),
        ({"consent": "News", "is": "yes"}, r"where.is: 'yes' is not one of granted, withdrawn, none"),
        ({"consent": "Letters", "is": "none"}, r"where.consent: no topic 'Letters'; there are News, Offers"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(store: Store, where: Any, says: str) -> None:
    with pytest.raises(SegmentError, match=says):
        Segments(store, MODEL).check(Definition.from_document({"entity": "user", "where": where}))


def test_rows_without_an_address_are_no_persons(store: Store) -> None:
    with pytest.raises(SegmentError, match=r"where: a row of company has no e-mail address.* order, person, user"):
        Segments(store, MODEL).check(parse_text("company where did(any)"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'did(page_view url contains "/sale" 3 times from source "news" within 14d)',
            "Visited a page whose address contains /sale from “news” at least 3 times within 14 days",
        ),
        ("did(any exactly 0 times by all)", "Did anything on a website exactly 0 times, machines included"),
        (
            "sequence(clicked(any campaign) then did(cart) without did(order) within 7d)",
            "Clicked in any email campaign, then changed a cart, and not afterwards: ordered on a website"
            " (within 7 days)",
        ),
        ('consent("News") is none', "Said nothing yet about “News”"),
    ],
)
def test_they_are_said_in_words(text: str, words: str) -> None:
    (line,) = outline(MODEL, parse_text(f"user where {text}"))
    assert line.text == words
