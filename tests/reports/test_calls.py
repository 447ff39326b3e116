"""The call report: against a slow evaluator written from the documented meaning, and by hand where it matters."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from analytics.errors import NotFound, ReportError
from analytics.lists import Suppressions
from analytics.model.calls import OUTCOMES
from analytics.reports import CallReport, Reports
from analytics.reports.calls import FORMULAS
from analytics.store.tables import call_campaign, marketing_list
from tests.reports.world import DAY, HOUR, NOON, World, table_of

Call = dict[str, Any]


def campaigns(world: World, *names: str, **more: Any) -> None:
    """Put call campaigns to one telephone list into the state."""
    definition = {"entity": "customer_user"}
    listing = {"entity": "customer_user", "kind": "dynamic", "channel": "phone", "contact": "phone"}
    stamps = {"created_at": NOON, "updated_at": NOON}
    with world.store.state.write() as connection:
        connection.execute(
            insert(marketing_list).values(id=7, name="Phones", definition=definition, **listing, **stamps)
        )
        for n, name in enumerate(names, 1):
            row = {"id": n, "name": name, "list_id": 7, "script": "Hi", "most_attempts": 3}
            connection.execute(insert(call_campaign).values(**row, **more, **stamps))


def put(world: World, calls: Iterable[Call]) -> None:
    rows = [
        {
            "call_id": n,
            "entity": "customer_user",
            "entity_key": "x",
            "list_id": 7,
            "is_reached": OUTCOMES[one["outcome"]].is_reached,
            "ingested_at": one["at"],
            **one,
        }
        for n, one in enumerate(calls, 1)
    ]
    world.write()
    if rows:
        world.store.lake.append("calls", table_of(world.store, "calls", rows), app_id="calls", version=len(rows))


def call(person: str, outcome: str, at: datetime, campaign: int = 1, phone: str | None = None) -> Call:
    number = phone or f"+44207946{int.from_bytes(person.encode()) % 10_000:04}"
    return {
        "call_campaign_id": campaign,
        "person": f"{person}@example.com",
        "phone_key": number,
        "outcome": outcome,
        "at": at,
    }


def report(world: World, **filters: Any) -> CallReport:
    return Reports(world.store, world.model).calls(**filters)


def test_orders_are_those_of_people_who_were_reached_within_the_window(world: World) -> None:
    campaigns(world, "Spring", cost=Decimal("10"))
    for name in ("ada", "bob", "cyd", "dan"):
        world.user(name)
    world.order("ada", NOON + 2 * DAY, "30")
    world.order("ada", NOON + 7 * DAY, "999")  # the window is past
    world.order("ada", NOON - HOUR, "999")  # before the call
    world.order("bob", NOON + DAY, "999")  # nobody answered
    world.order("cyd", NOON + 7 * DAY - HOUR, "20", refunded="5")
    world.order("cyd", NOON + DAY, "7", currency="USD")
    world.order("dan", NOON + DAY, "999", internal_status="cancelled")
    put(
        world,
        [
            call("ada", "ordered", NOON),
            call("bob", "voicemail", NOON),
            call("cyd", "no_answer", NOON - DAY),
            call("cyd", "interested", NOON),
            call("dan", "do_not_call", NOON),
        ],
    )
    (row,) = report(world).rows
    assert (row.calls, row.called, row.reached, row.do_not_call) == (5, 4, 3, 1)
    assert dict(row.outcomes) == {"ordered": 1, "voicemail": 1, "interested": 1, "do_not_call": 1}
    assert (row.orders, row.buyers, row.revenue, dict(row.apart)) == (3, 2, Decimal("45"), {"USD": Decimal("7")})
    assert (row.roi, row.reach_rate.value) == (Decimal("3.5"), 0.75)
    # Wilson's interval of 3 in 4, from the tables.
    assert row.reach_rate.low == pytest.approx(0.3006, abs=1e-4)
    assert row.reach_rate.high == pytest.approx(0.9544, abs=1e-4)


@pytest.mark.parametrize("model", ["last touch", "first touch"])
@pytest.mark.parametrize("seed", range(6))
def test_it_says_what_a_slow_evaluator_finds(world: World, seed: int, model: str) -> None:
    rng = random.Random(seed)
    campaigns(world, "One", "Two", "Three")
    people = [f"p{n}" for n in range(8)]
    for name in people:
        world.user(name)
    calls = [
        call(
            rng.choice([*people, "stranger"]),
            rng.choice(list(OUTCOMES)),
            NOON + rng.randrange(0, 60) * 6 * HOUR,
            rng.randint(1, 3),
        )
        for _ in range(60)
    ]
    for _ in range(50):
        more: dict[str, Any] = rng.choice(
            [{}, {}, {"currency": "USD"}, {"internal_status": "cancelled"}, {"is_return": True}, {"refunded": "3"}]
        )
        world.order(rng.choice([*people, None]), NOON + rng.randrange(-40, 400) * HOUR, rng.randint(5, 90), **more)
    put(world, calls)
    since, until = NOON + 2 * DAY, NOON + 11 * DAY
    found = report(world, since=since, until=until, model=model, window_days=3)
    for row in found.rows:
        expected = _slowly(world, calls, row.id, since, until, model, timedelta(days=3))
        apart = row.apart.get("USD", Decimal(0))
        assert (
            row.calls, row.called, row.reached, dict(row.outcomes), row.orders, row.buyers, row.revenue, apart
        ) == expected  # fmt: skip
    assert sum(row.orders for row in found.rows) > 0


def _slowly(
    world: World, calls: list[Call], campaign: int, since: datetime, until: datetime, model: str, window: timedelta
) -> tuple[Any, ...]:
    numbered = [{**one, "id": n} for n, one in enumerate(calls, 1)]
    own = [c for c in numbered if c["call_campaign_id"] == campaign and since <= c["at"] < until]
    last: dict[str, str] = {}
    for one in sorted(own, key=lambda c: (c["at"], c["id"])):
        last[one["phone_key"]] = one["outcome"]
    outcomes: dict[str, int] = {}
    for outcome in last.values():
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    orders, buyers, money = 0, set(), {"EUR": Decimal(0), "USD": Decimal(0)}
    for order in world.orders:
        if order["customer_user_id"] is None or order["internal_status"] == "cancelled" or order.get("is_return"):
            continue
        person = f"{order['customer_user_id']}@example.com"
        touches = [
            c
            for c in numbered
            if OUTCOMES[c["outcome"]].is_reached
            and c["person"] == person
            and timedelta(0) <= order["created_at"] - c["at"] < window
        ]
        if not touches:
            continue
        touch = (max if model == "last touch" else min)(touches, key=lambda c: (c["at"], c["id"]))
        if touch["call_campaign_id"] != campaign or not since <= touch["at"] < until:
            continue
        orders += 1
        buyers.add(person)
        money[order["currency"]] += order["total"] - order.get("refunded", Decimal(0))
    reached = {c["phone_key"] for c in own if OUTCOMES[c["outcome"]].is_reached}
    return len(own), len(last), len(reached), outcomes, orders, len(buyers), money["EUR"], money["USD"]


def test_every_figure_is_documented_with_its_formula() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "calling.md").read_text("utf-8")
    for name, formula in FORMULAS.items():
        assert f"| `{name}` | {formula} |" in text


def test_members_and_callable_numbers_are_those_of_the_list_now(world: World) -> None:
    campaigns(world, "Spring")
    for n, phone in enumerate(["+44 20 7946 0101", "+442079460101", "+442079460102", "+442079460103", "12", None]):
        world.user(f"u{n}")
        world.users[-1]["phone"] = phone
    put(world, [])
    Suppressions(world.store).add("+442079460103", "do_not_call")
    (row,) = report(world).rows
    assert (row.members, row.callable, row.called, row.reach_rate.value) == (6, 2, 0, None)


def test_filters_footer_and_file(world: World, tmp_path: Path) -> None:
    spring = world.marketing_campaign("Spring", "spring26")
    world.write()
    campaigns(world, "=One", "Two", marketing_campaign_id=spring)
    put(world, [call("ada", "ordered", NOON), call("bob", "busy", NOON + DAY, 2)])
    both = report(world, marketing_campaign="spring26", until=NOON + HOUR)
    assert [(r.name, r.calls) for r in both.rows] == [("=One", 1), ("Two", 0)]
    one = report(world, call_campaign="Two")
    assert [(r.name, r.calls) for r in one.rows] == [("Two", 1)]
    text = "\n".join(one.footer)
    assert "call campaign Two" in text and "reach_rate = reached / called" in text and "Complete until" in text
    assert "calls_made" in one.sql and one.query_hash in text
    with (both.csv(tmp_path / "calls.csv")).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert (lines[0]["name"], lines[0]["ordered"], lines[1]["calls"]) == ("'=One", "1", "0")
    assert len(both.df()) == 2
    with pytest.raises(NotFound, match="There are: =One, Two"):
        report(world, call_campaign="Three")
    with pytest.raises(ReportError, match="no filter 'email_campaign'"):
        Reports(world.store, world.model).report("calls", email_campaign="x")
    assert report(world, as_of=NOON + HOUR).rows[1].calls == 0
