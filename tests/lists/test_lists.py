"""Marketing lists: contacts enforced, members and their state, refreshes that show at once, audiences, exports."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from analytics.engine import Engine
from analytics.errors import ListError, NotFound, SegmentError
from analytics.lists import Lists
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import list_member
from tests.segments.shop import NOW, ZONE, fill

PEOPLE = [
    {
        "id": "a",
        "email": "Ada@Example.com",
        "first name": "Ada",
        "tier": "Gold",
        "company_id": "x",
        "logins": 3,
        "credit": Decimal("1.50"),
    },
    {"id": "b", "email": "bob@example.com", "first name": "=1+1", "tier": "Silver", "logins": 9},
    {"id": "c", "email": None, "first name": "Cy", "tier": "Gold", "logins": 5},
    {"id": "d", "email": " ada@example.COM ", "first name": "Dora", "tier": "Gold", "logins": 1},
    {"id": "e", "email": "no address", "first name": "Eve", "tier": "Bronze"},
]
COMPANIES = [{"id": "x", "name": "Xenon", "group_id": "g"}]
GOLD = {"field": "tier", "is": "equals", "value": "Gold"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": PEOPLE, "company": COMPANIES, "grp": [{"id": "g", "name": "Metal"}]})
        yield store


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


def keys(lists: Lists, engine: Engine, name: str, **more: Any) -> list[str]:
    return lists.members(engine, name, **more).rows.column("entity_key").to_pylist()


# --- making and changing ---


def test_a_list_without_a_contact_of_its_entity_is_refused(lists: Lists) -> None:
    with pytest.raises(
        ListError, match=r"needs a contact; it has email \(email, email\), phone \(phone, person.phone\)"
    ):
        lists.create("A", user())
    with pytest.raises(ListError, match="user has no contact 'fax'; it has email"):
        lists.create("A", user(), contact="fax")
    with pytest.raises(ListError, match="user has no email contact 'phone'"):
        lists.create("A", user(), contact="phone", channel="email")
    with pytest.raises(ListError, match=r"'product' has no contact.*there are order, person, user"):
        lists.create("A", Definition("product"), contact="email")
    assert lists.all() == ()


def test_names_are_unique_whatever_their_case(lists: Lists) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    with pytest.raises(ListError, match="There is a list 'Gold' already"):
        lists.create("gOLD", user(), contact="email")
    other = lists.create("Other", user(), contact="email")
    with pytest.raises(ListError, match="already"):
        lists.update(other, name="GOLD")
    assert lists.update(other, name="OTHER").name == "OTHER"
    with pytest.raises(ListError, match="no kind of list"):
        lists.create("X", user(), contact="email", kind="manual")
    with pytest.raises(ListError, match="needs a definition"):
        lists.create("X", contact="email")


def test_a_change_of_who_is_meant_raises_the_version(lists: Lists) -> None:
    made = lists.create("Gold", user(GOLD), contact="email", description="d")
    assert (made.version, lists.update(made, name="Au", description="e").version) == (1, 1)
    assert lists.update("au", definition=user()).version == 2
    changed = lists.update("Au", contact="phone")
    assert (changed.version, changed.channel, changed.description) == (3, "phone", "e")
    with pytest.raises(ListError, match="is of user and cannot become one of order"):
        lists.update("Au", definition=Definition("order"))
    with pytest.raises(SegmentError, match=r"where\.field"):
        lists.update("Au", definition=user({"field": "nope", "is": "empty"}))


def test_a_list_on_a_segment_follows_it(lists: Lists, segments: Segments, engine: Engine) -> None:
    segments.save("Golden", user(GOLD, sort=[{"field": "logins", "direction": "descending"}]))
    made = lists.create("L", user({"field": "email", "is": "not_empty"}), segment="golden", contact="email")
    assert (made.segment, keys(lists, engine, "L")) == ("Golden", ["a", "d"])
    segments.save("Golden", user({"field": "tier", "is": "not_equals", "value": "Gold"}))
    assert keys(lists, engine, "L") == ["b", "e"]
    with pytest.raises(SegmentError, match="the list 'L' is built on"):
        segments.delete("Golden")
    with pytest.raises(SegmentError, match="cannot change from user to order"):
        segments.save("Golden", Definition("order"))
    lists.update("L", definition=user(GOLD))
    segments.delete("Golden")


def test_an_unknown_list_is_not_found(lists: Lists) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    with pytest.raises(NotFound, match="There are: Gold"):
        lists.get("Silver")
    lists.delete("gold")
    assert lists.all() == ()


def test_a_list_that_conditions_name_keeps_its_name_and_stays(lists: Lists, segments: Segments) -> None:
    for name in ("One", "Two"):
        lists.create(name, Definition("user"), contact="email")
    lists.combine("Both", "union", ["One", "Two"])
    segments.save("New", user({"not": {"list": "TWO"}}))
    for refused in (lambda: lists.delete("Two"), lambda: lists.update("Two", name="Second")):
        with pytest.raises(ListError, match="'Two' is named by the segment 'New', the list 'Both'; change that first"):
            refused()
    assert lists.update("Two", name="two").name == "two", "names are matched whatever their case"
    lists.delete("Both")
    segments.delete("New")
    lists.delete("two")


# --- members and their state ---


def test_removed_members_are_hidden_and_unsubscribed_ones_shown(lists: Lists, engine: Engine) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    assert lists.remove("Gold", ["a", "a"]) == 1
    assert lists.remove("Gold", ["a"]) == 0
    assert lists.unsubscribe("Gold", ["d"]) == 1
    page = lists.members(engine, "Gold")
    assert page.total == 2
    assert [(r["entity_key"], r["is_subscribed"]) for r in page.rows.to_pylist()] == [("c", True), ("d", False)]
    assert keys(lists, engine, "Gold", removed=True) == ["a"]
    counts = lists.counts(engine, "Gold")
    assert (counts.members, counts.removed, counts.unsubscribed, counts.without_contact, counts.reachable) == (
        2,
        1,
        1,
        1,
        0,
    )
    assert (lists.restore("Gold", ["a", "b"]), lists.resubscribe("Gold", ["d"])) == (1, 1)
    assert keys(lists, engine, "Gold") == ["a", "c", "d"]
    assert lists.audience(engine, "Gold").column("entity_key").to_pylist() == ["a", "c", "d"]


def test_members_come_in_pages_and_are_searched(lists: Lists, engine: Engine) -> None:
    lists.create(
        "All", user(sort=["first name"], columns=[{"field": "company.name", "label": "Firm"}]), contact="email"
    )
    page = lists.members(engine, "All", limit=2, offset=1)
    assert (page.rows.column("entity_key").to_pylist(), page.total) == (["a", "c"], 5)
    assert list(page.df.columns) == ["Key", "Title", "Email", "Contacted", "Last contacted", "Subscribed", "Firm"]
    assert keys(lists, engine, "All", search="ADA@") == ["a", "d"]
    assert lists.members(engine, "All", search="%").total == 0


def test_a_member_is_found_by_key_and_by_address(lists: Lists, engine: Engine) -> None:
    lists.create("All", user(), contact="email")
    assert lists.find(engine, "All", "b") == "b"
    assert lists.find(engine, "All", "ADA@example.com") == "a"
    with pytest.raises(NotFound, match=r"eve@example\.com"):
        lists.find(engine, "All", "eve@example.com")


def test_contacts_are_counted_and_segments_see_them(
    lists: Lists, segments: Segments, engine: Engine, store: Store
) -> None:
    made = lists.create("Gold", user(GOLD), contact="email")
    for day, who in ((1, ["a", "c"]), (9, ["a"]), (5, ["a"])):
        with store.state.write() as connection:
            lists.contacted(connection, made.id, who, NOW - timedelta(days=30 - day))
    rows = {r["entity_key"]: r for r in lists.members(engine, "Gold").rows.to_pylist()}
    assert [rows[k]["contacted_times"] for k in "acd"] == [3, 1, 0]
    assert rows["a"]["last_contacted_at"] == NOW - timedelta(days=21)
    for where, expected in (
        ({"contacted": "times", "is": "less_than", "value": 2}, ["b", "c", "d", "e"]),
        ({"contacted": "times", "is": "at_least", "value": 3, "list": "gold"}, ["a"]),
        ({"contacted": "times", "is": "equals", "value": 0}, ["b", "d", "e"]),
        ({"contacted": "last", "is": "before", "value": "today - 25d"}, ["c"]),
        ({"contacted": "last", "is": "empty"}, ["b", "d", "e"]),
        ({"not": {"contacted": "last", "is": "after", "value": "today - 25d"}}, ["b", "c", "d", "e"]),
    ):
        assert segments.keys(user(where), engine).column("key").to_pylist() == expected, where


def test_lists_are_conditions_too(lists: Lists, segments: Segments, engine: Engine) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    lists.create("Still", user(GOLD), contact="email", kind="static", engine=engine)
    lists.remove("Gold", ["a"])
    lists.remove("Still", ["d"])
    assert segments.keys(user({"list": "gold"}), engine).column("key").to_pylist() == ["c", "d"]
    assert segments.keys(user({"list": "Still"}), engine).column("key").to_pylist() == ["a", "c"]
    assert segments.count(user({"all": [{"not": {"list": "Gold"}}, {"not": {"list": "Still"}}]}), engine) == 2
    lists.create("Shiny", user({"list": "Gold"}), contact="email")
    with pytest.raises(SegmentError, match="list Shiny -> list Gold -> list Shiny"):
        lists.update("Gold", definition=user({"list": "Shiny"}))


# --- static lists ---


def test_a_static_list_keeps_its_members_until_it_is_refreshed(lists: Lists, store: Store, engine: Engine) -> None:
    made = lists.create(
        "Still", user(GOLD, sort=[{"field": "logins", "direction": "descending"}]), contact="email", kind="static"
    )
    assert made.refreshed_at == NOW
    assert keys(lists, engine, "Still") == ["c", "a", "d"]
    fill(store, {"user": [{**PEOPLE[1], "tier": "Gold"}, {**PEOPLE[0], "tier": "Silver"}]})
    with Engine(store.snapshot(), store.settings, now=NOW) as later:
        assert keys(lists, later, "Still") == ["c", "a", "d"]
        change = lists.preview_refresh("Still", later)
        assert (change.entered, change.left, change.total) == (("b",), ("a",), 3)
        assert keys(lists, later, "Still") == ["c", "a", "d"]
        assert lists.refresh("Still", later) == change
        assert keys(lists, later, "Still") == ["b", "c", "d"]
        assert lists.refresh("Still", later).entered == ()
    with store.state.read() as connection:
        assert connection.execute(select(func.count()).select_from(list_member)).scalar() == 3
    lists.create("Moving", user(), contact="email")
    with pytest.raises(ListError, match="is dynamic"):
        lists.refresh("Moving")


def test_what_a_killed_refresh_left_is_never_seen(lists: Lists, store: Store, engine: Engine) -> None:
    made = lists.create("Still", user(GOLD), contact="email", kind="static")
    with store.state.write() as connection:
        connection.execute(insert(list_member).values(list_id=made.id, generation=2, entity_key="b", position=0))
    assert keys(lists, engine, "Still") == ["a", "c", "d"]
    fill(store, {"user": [{**PEOPLE[2], "tier": None}]})
    lists.refresh("Still")
    with Engine(store.snapshot(), store.settings, now=NOW) as later:
        assert keys(lists, later, "Still") == ["a", "d"]
    with store.state.read() as connection:
        assert connection.execute(select(func.count()).select_from(list_member)).scalar() == 2


# --- audiences ---


def test_an_audience_has_addresses_keys_and_variables_in_order(lists: Lists, engine: Engine) -> None:
    lists.create("All", user(sort=[{"field": "logins", "direction": "descending"}]), contact="email")
    audience = lists.audience(engine, "All", ["first name", "company.group.name", "credit", "company.group.name"])
    assert audience.column_names == [
        "position",
        "entity_key",
        "address",
        "address_key",
        "title",
        "first name",
        "company.group.name",
        "credit",
    ]
    assert audience.select(["position", "entity_key", "address", "address_key"]).to_pylist() == [
        {"position": 0, "entity_key": "b", "address": "bob@example.com", "address_key": "bob@example.com"},
        {"position": 1, "entity_key": "c", "address": None, "address_key": None},
        {"position": 2, "entity_key": "a", "address": "Ada@Example.com", "address_key": "ada@example.com"},
        {"position": 3, "entity_key": "d", "address": " ada@example.COM ", "address_key": "ada@example.com"},
        {"position": 4, "entity_key": "e", "address": "no address", "address_key": None},
    ]
    assert audience.column("company.group.name").to_pylist() == [None, None, "Metal", None, None]
    assert audience.column("credit").to_pylist()[2] == Decimal("1.5000")


def test_an_audience_of_orders_is_reached_through_its_people(lists: Lists, store: Store) -> None:
    orders = [
        {"id": f"o{n}", "user_id": who, "created_at": datetime(2026, 1, n, tzinfo=UTC)}
        for n, who in ((1, "a"), (2, "a"), (3, None), (4, "zz"))
    ]
    fill(store, {"order": orders})
    lists.create("Orders", Definition("order"), contact="email")
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        audience = lists.audience(engine, "Orders", ["user.first name", "user.company.name"])
        assert audience.column("address_key").to_pylist() == ["ada@example.com", "ada@example.com", None, None]
        assert audience.column("user.company.name").to_pylist() == ["Xenon", "Xenon", None, None]
    with Engine(store.snapshot(), store.settings, as_of=datetime(2026, 1, 2, tzinfo=UTC)) as engine:
        assert lists.audience(engine, "Orders").num_rows == 2


def test_a_limit_counts_before_removed_members_are_left_out(lists: Lists, engine: Engine) -> None:
    lists.create("Top", user(sort=[{"field": "logins", "direction": "descending"}], limit=2), contact="email")
    lists.remove("Top", ["b"])
    assert lists.audience(engine, "Top").column("entity_key").to_pylist() == ["c"]
    assert lists.counts(engine, "Top").members == 1


def test_a_telephone_list_has_numbers(lists: Lists, store: Store) -> None:
    fill(store, {"person": [{"id": "p1", "email": "bob@example.com", "phone": "+49 30 901820"}]})
    lists.create("Calls", user(), contact="phone")
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        audience = lists.audience(engine, "Calls")
    assert audience.column("address_key").to_pylist() == [None, "+4930901820", None, None, None]


def test_variables_called_like_fixed_columns_are_refused(lists: Lists, engine: Engine) -> None:
    lists.create("All", user(), contact="email")
    with pytest.raises(ListError, match="called like a column every audience has"):
        lists.audience(engine, "All", ["address"])
    with pytest.raises(SegmentError, match="goes over many rows"):
        lists.audience(engine, "All", ["orders.total"])


# --- export ---


def test_members_are_exported_to_csv(lists: Lists, engine: Engine, tmp_path: Path) -> None:
    lists.create("All", user(columns=["first name", "logins"]), contact="email")
    lists.remove("All", ["d"])
    lists.unsubscribe("All", ["e"])
    assert lists.export(engine, "All", tmp_path / "all.csv") == 4
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["Key"] for r in rows] == ["a", "b", "c", "e"]
    assert (rows[1]["First name"], rows[1]["Logins"], rows[3]["Subscribed"]) == ("'=1+1", "9", "no")
    with pytest.raises(ListError, match="cannot be written"):
        lists.export(engine, "All", tmp_path / "absent" / "all.csv")
    assert [p.name for p in tmp_path.glob("*.csv*")] == ["all.csv"]
