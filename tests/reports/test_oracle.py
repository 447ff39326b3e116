"""The report equals what plain loops over the same records count, on random small worlds."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.reports.metrics import BASE
from analytics.store import Store
from tests.reports.oracle import Oracle
from tests.reports.world import DAY, HOUR, MINUTE, NOON, World

WORLDS = 400 if os.environ.get("SHELDUCK_SOAK") else 10
_STATES = (
    *(("planned", "accepted"),) * 12,
    ("planned", "accepted", "bounced"),
    ("planned", "accepted", "complained"),
    ("planned", "accepted", "unsubscribed"),
    ("planned", "rejected"),
    ("planned", "uncertain"),
    ("planned",),
    ("planned", "skipped"),
    ("skipped",),
    ("held_out",),
)
_PEOPLE = ("ada", "bob", "cyd", "dan", "eve")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_report_equals_plain_counting(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    with Store.create(tmp_path / "shop", clock=SimulatedClock(NOON + 100 * DAY)) as store:
        world = World(store, load_model(None))
        fill(world, dice)
        for filters in ({}, _filters(world, dice)):
            _compare(world, filters)


def _compare(world: World, filters: dict[str, Any]) -> None:
    report = world.report(**filters)
    names = {"email_campaign": "email", "marketing_campaign": "marketing"}
    oracle = Oracle(world, **{names.get(name, name): value for name, value in filters.items()})
    levels = {
        "email": {row.id: row for row in report.email_campaigns},
        "marketing": {row.id: row for row in report.marketing_campaigns},
        "total": {None: report.total},
    }
    for level, rows in levels.items():
        expected = {key: metrics for key, metrics in oracle.count(level).items() if any(metrics.values())}
        found = {key: {name: row[name] for name in BASE if name != "cost" and row[name]} for key, row in rows.items()}
        wanted = {key: {name: value for name, value in metrics.items() if value} for key, metrics in expected.items()}
        assert {k: v for k, v in found.items() if v} == wanted, (level, filters)


def fill(world: World, dice: random.Random) -> None:
    """Make a random small shop whose mails are read, clicked, forwarded, bought from, by people and machines."""
    for n in range(dice.randint(1, 3)):
        former = (f"Old{n}",) if dice.random() < 0.5 else ()
        world.marketing_campaign(f"M{n}", f"m{n}", *former)
    for n in range(dice.randint(1, 4)):
        world.email_campaign(f"E{n}", dice.choice([None, *range(1, len(world.marketing) + 1)]))
    world.website("shop")
    world.website("outlet", dice.choice(["identifier", "po_number"]))
    for name in _PEOPLE:
        world.user(name, dice.choice([None, f" {name.upper()}@example.com"]))
    deliveries = _send(world, dice)
    _react(world, dice, deliveries)
    _visit(world, dice, deliveries)
    _buy(world, dice)


def _send(world: World, dice: random.Random) -> list[int]:
    deliveries = []
    for _ in range(dice.randint(1, 5)):
        sending = world.sending(dice.randint(1, len(world.emails)), NOON + dice.randint(0, 20) * DAY)
        for person in dice.choices(_PEOPLE, k=dice.randint(1, 6)):
            deliveries.append(world.deliver(sending, person, *dice.choice(_STATES)))
    return deliveries


def _react(world: World, dice: random.Random, deliveries: list[int]) -> None:
    for _ in range(dice.randint(0, 40)):
        delivery = dice.choice(deliveries)
        act: Callable[..., str] = dice.choice([world.open, world.click, world.click])
        event = act(
            delivery,
            _after(world, delivery, _moment(dice)),
            dice.choice(["human", "human", "machine", "unknown", None]),
        )
        if dice.random() < 0.2:
            world.judge(event, dice.choice(["human", "machine"]), NOON + dice.randint(0, 60) * DAY, ruleset=2)
        if dice.random() < 0.05:
            world.mail("unsubscribe", delivery, _after(world, delivery, _moment(dice)))


def _visit(world: World, dice: random.Random, deliveries: list[int]) -> None:
    codes = [None, "unknown", *(c["code"].lower() for c in world.codes)]
    for _ in range(dice.randint(0, 30)):
        visitor = dice.choice(["v1", "v2", "v3", "v4", "v5", "v6", None])
        at = _moment(dice)
        token = dice.choice(deliveries) if dice.random() < 0.3 else None
        if token is not None:
            at = _after(world, token, at) + 31 * MINUTE
            if dice.random() < 0.5:
                world.click(token, at - dice.choice([0, 1, 30, 31]) * MINUTE)
        for n in range(dice.randint(1, 3)):
            world.hit(
                visitor,
                at + n * dice.choice([1, 20, 30, 31]) * MINUTE,
                code=dice.choice(codes),
                token=token if n == 0 else None,
                # The person a token names is the mailed one; somebody signed in is another matter.
                person=dice.choice(_PEOPLE) if (n or token is None) and dice.random() < 0.3 else None,
                verdict=dice.choice(["human", "human", "unknown", "machine", None]),
                website=dice.choice(["shop", "shop", "shop", "outlet"]),
            )


def _buy(world: World, dice: random.Random) -> None:
    for _ in range(dice.randint(0, 25)):
        at, currency = _moment(dice), dice.choice(["EUR", "EUR", "EUR", "USD"])
        more: dict[str, Any] = {"currency": currency}
        if currency == "USD" and dice.random() < 0.5:
            more["total_base"] = 80
        if dice.random() < 0.2:
            more["refunded"] = "12.34"
        more["internal_status"] = dice.choice(["open", "closed", "closed", "cancelled"])
        more["is_return"] = dice.random() < 0.1
        more["website"] = dice.choice([None, "shop", "outlet", "elsewhere"])
        more["po_number"] = f"P{len(world.orders)}"
        number = world.order(dice.choice([*_PEOPLE, None]), at, 100 + len(world.orders), **more)
        if dice.random() < 0.5:
            known_as = dice.choice([f"N{number}", more["po_number"], "T-9"])
            _tracked(world, dice, at, known_as)
    for n in range(dice.randint(0, 4)):
        _tracked(world, dice, _moment(dice), f"T-{n}")


def _tracked(world: World, dice: random.Random, at: datetime, number: str) -> None:
    person = dice.choice([None, None, *_PEOPLE])
    visitor = dice.choice(["v1", "v2", "v3", "v4", "v5", "v6", None])
    verdict, website = dice.choice(["human", "human", "machine"]), dice.choice(["shop", "outlet"])
    currency = dice.choice([None, "EUR", "USD"])
    world.order_hit(
        visitor, at, number, Decimal(50), person=person, verdict=verdict, website=website, currency=currency
    )


def _moment(dice: random.Random) -> datetime:
    """Return a time on a coarse grid, so that touches and orders often meet at the very edges."""
    return NOON + dice.randint(0, 30) * DAY + dice.choice([0, 0, 1, 2]) * HOUR + dice.choice([0, 0, 10]) * MINUTE


def _after(world: World, delivery: int, at: datetime) -> datetime:
    """Return `at`, or the moment the mail went out if that is later."""
    return max(at, min(f["at"] for f in world.facts if f["delivery_id"] == delivery))


def _filters(world: World, dice: random.Random) -> dict[str, Any]:
    filters: dict[str, Any] = {"window_days": dice.choice([1, 3, 7, 14])}
    filters["model"] = dice.choice(["last touch", "first touch"])
    start = NOON + dice.randint(0, 12) * DAY
    if dice.random() < 0.6:
        filters["since"] = start
    if dice.random() < 0.4:
        filters["until"] = start + timedelta(days=dice.randint(1, 10))
    which = dice.random()
    if which < 0.3:
        filters["email_campaign"] = dice.randint(1, len(world.emails))
    elif which < 0.5:
        filters["marketing_campaign"] = dice.randint(1, len(world.marketing))
    return filters
