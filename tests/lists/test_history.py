"""Versions of marketing lists, copies of them, and the test run before one is stored."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import ListError, NotFound, SegmentError
from analytics.lists import ListHistory, Lists
from analytics.segments import Definition, Segments
from analytics.store import Store
from tests.segments.shop import MODEL

GOLD = {"field": "tier", "is": "equals", "value": "Gold"}
SILVER = {"field": "tier", "is": "equals", "value": "Silver"}


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


@pytest.fixture
def history(store: Store, lists: Lists) -> ListHistory:
    return ListHistory(store, MODEL, lists)


def test_every_change_of_who_is_meant_is_a_version(lists: Lists, history: ListHistory, segments: Segments) -> None:
    segments.save("VIP", user(GOLD))
    lists.create("Buyers", user(GOLD), contact="email")
    lists.update("Buyers", name="Buyers of gold")
    lists.update("Buyers of gold", segment="VIP")
    kept = history.versions("Buyers of gold")
    assert [(v.version, v.segment, v.contact) for v in kept] == [(2, "VIP", "email"), (1, None, "email")]
    assert [str(c) for c in history.diff("Buyers of gold", 1, 2).changes] == [
        "Changed: on no segment → on the segment “VIP”",
        "Removed: Tier is Gold",
    ]


def test_an_old_version_of_a_list_comes_back_with_its_segment(
    lists: Lists, history: ListHistory, segments: Segments
) -> None:
    segments.save("VIP", user(GOLD))
    lists.create("Buyers", segment="VIP", contact="email")
    lists.update("Buyers", definition=user(SILVER))
    restored = history.restore("Buyers", 1)
    assert (restored.version, restored.segment) == (3, "VIP")
    assert restored.own == user()
    with pytest.raises(NotFound, match="No version of 'Buyers' 9"):
        history.restore("Buyers", 9)


def test_a_copy_of_a_static_list_has_its_members_and_who_is_off_stays_off(
    lists: Lists, history: ListHistory, segments: Segments, engine: Engine
) -> None:
    made = lists.create("Fixed", user(), contact="email", kind="static", engine=engine)
    first, second, third = lists.members(engine, made, limit=3).rows.column("entity_key").to_pylist()
    lists.remove("Fixed", [first])
    lists.unsubscribe("Fixed", [second])
    lists.update("Fixed", definition=user(SILVER))  # the members stay
    copy = history.clone("Fixed")
    assert (copy.name, copy.version, copy.is_static) == ("Fixed copy", 1, True)
    assert copy.refreshed_at == lists.get("Fixed").refreshed_at
    assert lists.counts(engine, copy) == lists.counts(engine, "Fixed")
    shown = lists.members(engine, copy, limit=3).rows
    assert shown.column("entity_key").to_pylist()[:2] == [second, third]
    assert shown.column("is_subscribed").to_pylist()[0] is False
    lists.restore(copy, [first])
    assert lists.counts(engine, "Fixed").removed == 1
    with pytest.raises(ListError, match="There is a list 'Fixed copy' already"):
        history.clone("Fixed", "FIXED copy")
    assert history.clone("Fixed").name == "Fixed copy 2"


def test_a_list_is_run_before_it_is_stored_with_its_columns_and_order(lists: Lists) -> None:
    with pytest.raises(SegmentError, match=r"columns\[0\]"):
        lists.create("Bad", user(GOLD, columns=[{"field": "orders.total"}]), contact="email")
    with pytest.raises(SegmentError, match=r"sort\[0\]"):
        lists.create("Bad", user(GOLD, sort=[{"field": "nothing"}]), contact="email")
    assert lists.all() == ()


def test_a_dynamic_list_that_would_lead_back_to_itself_is_refused(lists: Lists) -> None:
    lists.create("Buyers", user(GOLD), contact="email")
    with pytest.raises(SegmentError, match="leads back to itself"):
        lists.update("Buyers", definition=user({"any": [SILVER, {"list": "buyers"}]}))
    lists.create("Kept", user(GOLD), contact="email", kind="static")
    lists.update("Kept", definition=user({"any": [SILVER, {"list": "Kept"}]}))  # its members are there already
