"""Visits, who made them, and whose a visitor is."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from analytics.model.table import Column, TableSchema
from analytics.model.token import Signer
from analytics.store import Store
from analytics.tracking import identities_sql, ingest, visits_sql
from tests.tracking.lines import hit, rows, spool

V1, V2 = "1" * 16, "2" * 16


def view(number: int, after: float, visitor: str | None = V1, **parameters: Any) -> dict[str, Any]:
    fields = {name: parameters.pop(name) for name in ("ua",) if name in parameters}
    sent = {"idsite": "7", "url": "https://s.example.com/", **parameters}
    if visitor is not None:
        sent["_id"] = visitor
    return hit(
        number, "matomo", "&".join(f"{k}={quote(str(v), safe='')}" for k, v in sent.items()), after=after, **fields
    )


def visits(store: Store, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    spool(store, lines)
    ingest(store)
    return rows(store, visits_sql())


def landing(store: Store, delivery: int) -> str:
    return "https://s.example.com/?sdk=" + Signer(*store.keys.signing()).sign("l", delivery)


def test_half_an_hour_of_silence_ends_a_visit(store: Store) -> None:
    found = visits(store, view(1, 0), view(2, 1800), view(3, 3600.1), view(4, 100, V2))
    assert [(v["visitor"], v["pages"]) for v in found] == [(V1, 2), (V2, 1), (V1, 1)]
    assert (found[0]["ended_at"] - found[0]["started_at"]).total_seconds() == 1800


def test_a_new_campaign_code_begins_a_visit_and_a_kept_one_does_not(store: Store) -> None:
    found = visits(
        store, view(1, 0), view(2, 60, _rcn="A"), view(3, 120, _rcn="A"), view(4, 180), view(5, 240, _rcn="B")
    )
    assert [(v["campaign_code"], v["pages"]) for v in found] == [(None, 1), ("a", 3), ("b", 1)]


def test_websites_have_visits_of_their_own(store: Store) -> None:
    assert len(visits(store, view(1, 0), view(2, 1, idsite="8"))) == 2


def test_pings_prolong_a_visit_and_begin_none(store: Store) -> None:
    found = visits(store, view(1, 0), view(2, 900, ping=1), view(3, 2000), view(4, 50_000, ping=1))
    assert [(v["pages"], v["events"]) for v in found] == [(2, 3)]


def test_a_machines_visit_is_not_human(store: Store) -> None:
    found = visits(store, view(1, 0), view(2, 0, V2, ua="Googlebot/2.1 (+http://www.google.com/bot.html)"))
    assert {v["visitor"]: v["is_human"] for v in found} == {V1: True, V2: False}


def test_without_a_visitor_id_the_user_or_else_the_hit_is_the_visitor(store: Store) -> None:
    found = visits(
        store, view(1, 0, None, uid="ada@example.com"), view(2, 9, None, uid="ada@example.com"), view(3, 9, None)
    )
    assert [(v["person"], v["pages"]) for v in found] == [("ada@example.com", 2), (None, 1)]


def test_a_landing_token_gives_visit_and_visitor_their_person(sent: Store) -> None:
    found = visits(sent, view(1, 0, url=landing(sent, 101)), view(2, 60), view(3, 9000))
    assert [(v["delivery_id"], v["sending_id"], v["email_campaign_id"], v["person"]) for v in found] == [
        (101, 1, 1, "c101@example.com"),
        (None, None, None, "c101@example.com"),
    ]


def test_a_forwarded_mail_never_merges_two_people(sent: Store) -> None:
    found = visits(
        sent,
        view(1, 0, url=landing(sent, 101)),
        view(2, 9000, url=landing(sent, 102)),
        view(3, 18_000),
        view(4, 60, V2),
    )
    assert [(v["visitor"], v["person"]) for v in found] == [
        (V1, "c101@example.com"),
        (V2, None),
        (V1, "c102@example.com"),
        (V1, None),
    ]
    identities = rows(sent, identities_sql())
    assert not [row for row in identities if row["kind"] == "visitor"]
    assert [(row["value"], row["strength"]) for row in identities if row["kind"] == "delivery"] == [
        ("101", 2),
        ("102", 2),
    ]


def test_declared_identity_is_above_a_mails_token(sent: Store) -> None:
    found = visits(sent, view(1, 0, url=landing(sent, 101)), view(2, 60, uid="Ada@Example.com"))
    assert [v["person"] for v in found] == ["ada@example.com"]
    strengths = {(row["kind"], row["value"], row["person"]): row["strength"] for row in rows(sent, identities_sql())}
    assert strengths["visitor", V1, "ada@example.com"] == 3
    assert strengths["user", "Ada@Example.com", "ada@example.com"] == 3


CUSTOMER_USER = TableSchema(
    "customer_user", "entity", (Column("id", "text"), Column("email", "text", personal=True)), key="id"
)


@pytest.mark.parametrize(
    ("user_id", "person"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("42", "bob@example.com"),
        ("id=42; email=anna@example.com; visitor-id=51", "anna@example.com"),
        ("id=42; visitor-id=51", "bob@example.com"),
        ("id=guest; visitor-id=51", None),
        ("id=guest", None),
        ("id=4711", None),
        ("no@address@at.all", None),
    ],
)
def test_what_a_user_id_says(store: Store, user_id: str, person: str | None) -> None:
    store.lake.ensure(CUSTOMER_USER)
    store.lake.merge("customer_user", pa.table({"id": ["42", "43"], "email": ["Bob@example.com", "none"]}))
    for n, name in enumerate(("uid", "_uid")):
        spool(store, [view(n, n, None, **{name: user_id})])
    ingest(store)
    found = rows(store, "select user_id, person from events")
    assert found == [{"user_id": user_id, "person": person}] * 2
