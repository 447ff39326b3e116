"""RFM groups: fifths of the buyers by how lately, often and for how much they bought, or bounds of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.errors import SegmentError, SettingsError
from analytics.model.clock import SimulatedClock
from analytics.segments import Segments, parse_text
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill

PARTS = ("recency", "frequency", "monetary")


def order(number: int, user: str, days: float, total: Any = 10, **more: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=days)
    return {"id": f"o{number:03}", "user_id": user, "created_at": at, "total": total, "currency": "EUR", **more}


def groups(folder: Path, orders: list[dict[str, Any]], users: list[str], **settings: Any) -> dict[str, tuple[Any, ...]]:
    """Return what explanations show of each user: (recency, frequency, monetary, score), and check counts with it."""
    made = Settings.of({"timezone": ZONE, "threads": 1, **settings})
    with Store.create(folder, made, SimulatedClock(NOW)) as store:
        fill(store, {"order": orders, "user": [{"id": u} for u in users]})
        segments = Segments(store, MODEL)
        found: dict[str, tuple[Any, ...]] = {}
        with Engine(store.snapshot(), store.settings, now=NOW) as engine:
            for user in users:
                values = []
                for part in (*PARTS, "score"):
                    asked = parse_text(f"user where rfm({part}) is not empty")
                    explained = segments.explain(asked, engine, user)
                    assert explained.conditions is not None
                    seen = explained.conditions.values or ()
                    assert explained.is_member == bool(seen)
                    values.append(seen[0] if seen else None)
                found[user] = tuple(values)
            for n, part in enumerate(PARTS):
                for group in range(1, 6):
                    wanted = sum(values[n] == group for values in found.values())
                    assert segments.count(parse_text(f"user where rfm({part}) = {group}"), engine) == wanted
        return found


def test_five_buyers_are_in_five_groups_the_best_in_the_first(tmp_path: Path) -> None:
    users = [f"u{n}" for n in range(1, 6)]
    orders = []
    for n, user in enumerate(users, 1):  # u1 bought last, least often and for least
        orders += [order(10 * n + k, user, n * 10 + k, total=n) for k in range(n)]
    found = groups(tmp_path / "s", orders, [*users, "never"])
    assert found == {
        "u1": (1, 5, 5, "1-5-5"),
        "u2": (2, 4, 4, "2-4-4"),
        "u3": (3, 3, 3, "3-3-3"),
        "u4": (4, 2, 2, "4-2-2"),
        "u5": (5, 1, 1, "5-1-1"),
        "never": (None, None, None, None),
    }


def test_equal_values_are_in_one_group_and_those_most_share_are_the_worst(tmp_path: Path) -> None:
    users = [f"u{n}" for n in range(10)]
    orders = [order(n, user, 5) for n, user in enumerate(users)] + [order(20, "u0", 5), order(21, "u1", 5)]
    found = groups(tmp_path / "s", orders, users)
    assert {found[u][:3] for u in ("u0", "u1")} == {(5, 1, 1)}  # eight of ten are worse
    assert {found[u][:3] for u in users[2:]} == {(5, 5, 5)}


def test_cancelled_orders_returns_and_orders_to_come_count_nowhere_and_refunds_are_taken_off(tmp_path: Path) -> None:
    bounds = {"rfm_recency": [10, 20, 30, 40], "rfm_frequency": [4, 3, 2, 1], "rfm_monetary": [100, 50, 20, 10]}
    orders = [
        order(1, "cancelled", 1, internal_status="cancelled"),
        order(2, "returned", 1, is_return=True),
        order(3, "to come", -1),
        order(4, "undated", 1) | {"created_at": None},
        order(5, "refunded", 15, total=60, refunded=20),
        order(6, "long ago", 366, total=500),
        order(7, "abroad", 1, total=999, currency="USD", total_base=50),
        order(8, "no rate", 1, total=999, currency="USD"),
        order(9, "a year ago", 365, total=500),
        order(10, "returned", 35, total=20),
        order(11, "part abroad", 1, total=200, currency="USD", total_base=100, refunded=120),
    ]
    found = groups(tmp_path / "s", orders, sorted({o["user_id"] for o in orders}), **bounds)
    nothing = (None, None, None, None)
    assert {user: found[user] for user in ("cancelled", "to come", "undated")} == dict.fromkeys(
        ("cancelled", "to come", "undated"), nothing
    )
    assert found["refunded"] == (2, 4, 3, "2-4-3")
    assert found["long ago"] == (5, 5, 5, "5-5-5")
    assert found["a year ago"] == (5, 4, 1, "5-4-1")
    assert found["abroad"] == (1, 4, 2, "1-4-2")
    assert found["no rate"] == (1, 4, 5, "1-4-5")
    assert found["returned"] == (4, 4, 3, "4-4-3")
    assert found["part abroad"] == (1, 4, 3, "1-4-3")  # 100 - 120 * 100 / 200 = 40


def test_the_past_is_seen_as_it_was(tmp_path: Path) -> None:
    orders = [order(1, "a", 100), order(2, "b", 90), order(3, "a", 1)]
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"order": orders, "user": [{"id": u, "created_at": NOW - timedelta(days=400)} for u in "ab"]})
        segments = Segments(store, MODEL)
        best = parse_text("user where rfm(recency) <= 3")
        for now, keys in [(NOW, ["a"]), (NOW - timedelta(days=50), ["b"])]:
            with Engine(store.snapshot(), store.settings, as_of=now) as engine:
                assert segments.keys(best, engine).column("key").to_pylist() == keys
        with Engine(store.snapshot(), store.settings, as_of=NOW - timedelta(days=95)) as engine:
            assert segments.count(parse_text("user where rfm(score) is empty"), engine) == 1


def test_entities_without_orders_are_refused_with_those_that_have_some(tmp_path: Path) -> None:
    model = load_model()
    with Store.create(tmp_path / "s", Settings.of({}), SimulatedClock(NOW)) as store:
        segments = Segments(store, model)
        for entity in ("customer_user", "customer"):
            segments.check(parse_text(f'{entity} where rfm(score) = "1-1-1"'))
        with pytest.raises(SegmentError, match=r"contact has none .*; entities that do: .*customer, customer_user"):
            segments.check(parse_text("contact where rfm(recency) <= 2"))
        segments.check(parse_text("order where some customer_user where (rfm(recency) <= 2)"))
        with pytest.raises(SegmentError, match=r"where\.value: 'best' is not a number"):
            segments.check(parse_text('customer where rfm(recency) = "best"'))
        with pytest.raises(SegmentError, match=r"where\.is: 'contains' is not an operator for integer"):
            segments.check(parse_text('customer where rfm(recency) contains "1"'))


@pytest.mark.parametrize(
    "values",
    [
        {"rfm_recency": [30, 20, 10, 5]},
        {"rfm_frequency": [1, 2, 3, 4]},
        {"rfm_monetary": [1, 2]},
        {"rfm_days": 0},
        {"rfm_monetary": "many"},
    ],
)
def test_bounds_that_make_no_groups_stop_the_start(values: Mapping[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        Settings.of(values)


def test_bounds_may_come_from_the_environment_and_go_into_the_file(tmp_path: Path) -> None:
    read = Settings.load(tmp_path, {"SHELDUCK_RFM_RECENCY": "30, 90, 180, 365"})
    assert read.rfm_recency == (30, 90, 180, 365)
    read.save(tmp_path)
    assert Settings.load(tmp_path, {}) == read
