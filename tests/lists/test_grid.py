"""The members grid: sorted and searched inside the database, marked one by one or all at once, suppression counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import insert

from analytics.engine import Engine
from analytics.errors import ListError
from analytics.lists import Lists, Suppressions
from analytics.lists.marks import mark
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import domain_block
from tests.lists.test_lists import COMPANIES, GOLD, PEOPLE, keys, user
from tests.segments.shop import NOW, ZONE, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": PEOPLE, "company": COMPANIES, "grp": [{"id": "g", "name": "Metal"}]})
        yield store


@pytest.fixture
def everybody(lists: Lists) -> None:
    columns = [{"field": "tier", "label": "Rank"}, {"field": "logins"}, {"field": "company.name", "label": "Firm"}]
    lists.create("All", user(columns=columns), contact="email")


def contact(lists: Lists, store: Store, name: str, times: dict[str, int]) -> None:
    number = lists.get(name).id
    for key, count in times.items():
        for n in range(count):
            with store.state.write() as connection:
                lists.contacted(connection, number, [key], NOW - timedelta(days=n + 1))


# --- order and search ---


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(
    ("column", "descending", "expected"),
    [
        ("entity_key", True, "edcba"),
        ("Rank", False, "eacdb"),
        ("logins", True, "bcade"),
        ("firm", False, "abcde"),
        ("address", False, "dabec"),
        ("Contacted", True, "cabde"),
        ("last_contacted_at", False, "acbde"),
        ("is_subscribed", False, "bacde"),
    ],
)
def test_members_are_sorted_by_any_column_those_without_a_value_last(
    lists: Lists, store: Store, engine: Engine, column: str, descending: bool, expected: str
) -> None:
    contact(lists, store, "All", {"a": 1, "c": 3})
    lists.unsubscribe("All", ["b"])
    assert "".join(keys(lists, engine, "All", sort=(column, descending))) == expected
    pages = [keys(lists, engine, "All", sort=(column, descending), limit=2, offset=n) for n in (0, 2, 4)]
    assert "".join(key for page in pages for key in page) == expected


@pytest.mark.usefixtures("everybody")
def test_a_column_a_list_does_not_show_is_refused(lists: Lists, engine: Engine) -> None:
    with pytest.raises(ListError, match="'tail' is no column of the list 'All'; there are Key, Title, Email"):
        lists.members(engine, "All", sort=("tail", False))


@pytest.mark.usefixtures("everybody")
def test_a_search_looks_into_text_columns_too(lists: Lists, engine: Engine) -> None:
    assert keys(lists, engine, "All", search="xenon") == ["a"]
    assert keys(lists, engine, "All", search="gOLd", sort=("logins", True)) == ["c", "a", "d"]
    assert lists.members(engine, "All", search="gold", limit=1).total == 3


def test_members_of_a_static_list_are_sorted_and_paged_too(lists: Lists, engine: Engine) -> None:
    lists.create("Still", user(sort=["first name"]), contact="email", kind="static", engine=engine)
    assert keys(lists, engine, "Still") == list("bacde")
    assert keys(lists, engine, "Still", sort=("entity_key", True), limit=2, offset=1) == ["d", "c"]


# --- marks ---


@pytest.mark.usefixtures("everybody")
def test_all_that_match_a_search_are_marked_and_marked_back(lists: Lists, engine: Engine) -> None:
    lists.remove("All", ["c"])
    removed = lists.mark_all(engine, "All", "remove", "gold")
    assert (removed.count, keys(lists, engine, "All")) == (2, ["b", "e"])
    assert keys(lists, engine, "All", removed=True) == ["a", "c", "d"]
    assert lists.undo(removed) == 2
    assert keys(lists, engine, "All", removed=True) == ["c"]
    assert lists.mark_all(engine, "All", "restore").count == 1
    silenced = lists.mark_all(engine, "All", "unsubscribe")
    assert (silenced.count, lists.counts(engine, "All").reachable) == (5, 0)
    assert lists.mark_all(engine, "All", "unsubscribe").count == 0
    assert lists.mark_all(engine, "All", "resubscribe", "bob@").count == 1
    assert lists.undo(silenced) == 4


@pytest.mark.usefixtures("everybody")
def test_a_mark_keeps_its_first_time_and_what_was_counted(lists: Lists, store: Store, engine: Engine) -> None:
    contact(lists, store, "All", {"a": 2})
    lists.remove("All", ["a"])
    lists.unsubscribe("All", ["a"])
    lists.restore("All", ["a"])
    row = lists.members(engine, "All", search="ada@example.com").rows.to_pylist()[0]
    assert (row["contacted_times"], row["is_subscribed"]) == (2, False)
    with pytest.raises(ListError, match="'forget' is nothing to do with members"):
        mark(store, lists.get("All"), "forget", ["a"])  # type: ignore[arg-type]


@pytest.mark.usefixtures("everybody")
def test_more_members_than_a_write_takes_are_marked_in_chunks(lists: Lists, store: Store) -> None:
    seen: list[tuple[int, int | None]] = []
    many = pa.chunked_array([[f"k{n}" for n in range(45_000)]])
    done = mark(store, lists.get("All"), "remove", many, lambda at, of, what: seen.append((at, of)))
    assert done.count == 45_000
    assert seen == [(20_000, 45_000), (40_000, 45_000), (45_000, 45_000)]
    assert lists.undo(done) == 45_000


# --- suppression ---


def test_suppressed_members_are_counted_by_address_key_and_domain(
    lists: Lists, suppressions: Suppressions, store: Store, engine: Engine
) -> None:
    lists.create("All", user(), contact="email")
    assert (lists.counts(engine, "All").suppressed, lists.counts(engine, "All").reachable) == (0, 4)
    suppressions.add("ada@example.com")
    counts = lists.counts(engine, "All")
    assert (counts.members, counts.suppressed, counts.without_contact, counts.reachable) == (5, 2, 1, 2)
    lists.unsubscribe("All", ["a"])
    counts = lists.counts(engine, "All")
    assert (counts.suppressed, counts.unsubscribed, counts.reachable) == (2, 1, 2)
    with store.state.write() as connection:
        connection.execute(insert(domain_block).values(domain="example.com", source="test", created_at=NOW))
    assert lists.counts(engine, "All").suppressed == 3


def test_addresses_that_need_their_exact_key_are_found_suppressed(
    lists: Lists, suppressions: Suppressions, store: Store
) -> None:
    fill(
        store,
        {
            "user": [
                {"id": "u", "email": "Jörg@Bücher.example"},
                {"id": "v", "email": "x@mail.shop.example"},
                {"id": "w", "email": "x@othershop.example"},
            ]
        },
    )
    lists.create("All", user({"field": "email", "is": "ends_with", "value": ".example"}), contact="email")
    suppressions.add("jörg@xn--bcher-kva.example")
    with store.state.write() as connection:
        connection.execute(insert(domain_block).values(domain="shop.example", source="test", created_at=NOW))
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        counts = lists.counts(engine, "All")
    assert (counts.members, counts.suppressed, counts.reachable) == (3, 2, 1)


# --- keep previously contacted ---


def demoted(store: Store) -> Engine:
    """The shop after Ada, Cy and Dora lost their rank."""
    fill(store, {"user": [{**person, "tier": "Bronze"} for person in PEOPLE if person["id"] in "acd"]})
    return Engine(store.snapshot(), store.settings, now=NOW)


def test_rows_contacted_through_the_list_stay_on_it_until_removed(lists: Lists, store: Store) -> None:
    lists.create("Keeps", user(GOLD), contact="email", keeps_contacted=True)
    lists.create("Drops", user(GOLD), contact="email")
    for name in ("Keeps", "Drops"):
        contact(lists, store, name, {"a": 1, "c": 1})
    with demoted(store) as engine:
        assert keys(lists, engine, "Drops") == []
        assert keys(lists, engine, "Keeps") == ["a", "c"]
        assert lists.counts(engine, "Keeps").members == 2
        assert lists.audience(engine, "Keeps").column("entity_key").to_pylist() == ["a", "c"]
        assert lists.find(engine, "Keeps", "a") == "a"
        lists.remove("Keeps", ["a"])
        assert keys(lists, engine, "Keeps") == ["c"]
        assert lists.audience(engine, "Keeps").column("entity_key").to_pylist() == ["c"]
        assert lists.update("Keeps", keeps_contacted=False).version == 2
        assert keys(lists, engine, "Keeps") == []


def test_conditions_on_a_list_and_refreshes_keep_contacted_rows_too(lists: Lists, store: Store, engine: Engine) -> None:
    lists.create("Keeps", user(GOLD), contact="email", keeps_contacted=True)
    lists.create("Still", user(GOLD), contact="email", kind="static", keeps_contacted=True, engine=engine)
    lists.create("On", user({"list": "Keeps"}), contact="email")
    lists.create("Off", user({"not": {"list": "Keeps"}}), contact="email")
    for name in ("Keeps", "Still"):
        contact(lists, store, name, {"c": 1})
    with demoted(store) as later:
        assert keys(lists, later, "On") == ["c"]
        assert keys(lists, later, "Off") == ["a", "b", "d", "e"]
        assert lists.preview_refresh("Still", later).left == ("a", "d")
        lists.refresh("Still", later)
        assert keys(lists, later, "Still") == ["c"]


def test_a_contacted_row_stays_although_a_limit_ends_before_it(lists: Lists, store: Store, engine: Engine) -> None:
    top = user(sort=[{"field": "logins", "direction": "descending"}], limit=1)
    lists.create("Top", top, contact="email", keeps_contacted=True)
    contact(lists, store, "Top", {"d": 1})
    assert keys(lists, engine, "Top") == ["b", "d"]
    assert keys(lists, engine, "Top", sort=("entity_key", True)) == ["d", "b"]


def test_a_list_that_is_deleted_leaves_no_members_to_the_next_one(lists: Lists, engine: Engine) -> None:
    for where, expected in (
        (GOLD, ["a", "c", "d"]),
        ({"not": GOLD}, ["b", "e"]),
    ):
        made = lists.create("Still", user(where), contact="email", kind="static", engine=engine)
        assert keys(lists, engine, "Still") == expected
        lists.delete(made)
    assert lists.create("Empty", Definition("order"), contact="email").kind_label == "dynamic"
