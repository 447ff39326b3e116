"""Lists whose members people name: manual ones in the order of picking, and those made of other lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.engine import Engine
from analytics.errors import ListError, SegmentError
from analytics.lists import Lists
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from tests.lists.test_grid import contact, demoted
from tests.lists.test_lists import COMPANIES, GOLD, PEOPLE, keys, user
from tests.segments.shop import NOW, ZONE, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": PEOPLE, "company": COMPANIES, "grp": [{"id": "g", "name": "Metal"}]})
        yield store


def manual(lists: Lists, name: str = "Hand") -> None:
    lists.create(name, Definition("user"), contact="email", source="picked")


# --- manual ---


def test_a_manual_list_keeps_the_order_its_members_were_picked_in(lists: Lists, engine: Engine) -> None:
    manual(lists)
    assert (lists.get("Hand").kind_label, keys(lists, engine, "Hand")) == ("manual", [])
    done = lists.add(engine, "Hand", ["e", " b ", "e", "zz", "nobody@example.com"])
    assert (done.added, done.restored, done.present, done.unknown) == (2, 0, 0, ("zz", "nobody@example.com"))
    done = lists.add(engine, "Hand", ["b", "c"])
    assert (done.added, done.present) == (1, 1)
    assert keys(lists, engine, "Hand") == ["e", "b", "c"]
    assert lists.audience(engine, "Hand").column("entity_key").to_pylist() == ["e", "b", "c"]


def test_an_address_adds_every_row_that_has_it(lists: Lists, engine: Engine) -> None:
    manual(lists)
    assert lists.add(engine, "Hand", ["ADA@example.com"]).added == 2
    assert keys(lists, engine, "Hand") == ["a", "d"]


def test_what_a_search_finds_is_added_in_its_order(lists: Lists, engine: Engine) -> None:
    manual(lists)
    lists.add(engine, "Hand", ["c"])
    found = user(GOLD, sort=[{"field": "logins", "direction": "descending"}])
    done = lists.add_found(engine, "Hand", found)
    assert (done.added, done.present, keys(lists, engine, "Hand")) == (2, 1, ["c", "a", "d"])
    with pytest.raises(ListError, match="is of user; rows of order cannot be on it"):
        lists.add_found(engine, "Hand", Definition("order"))


def test_a_member_taken_out_of_a_manual_list_comes_back_when_picked_again(lists: Lists, engine: Engine) -> None:
    manual(lists)
    lists.add(engine, "Hand", ["a", "b"])
    lists.remove("Hand", ["a"])
    assert keys(lists, engine, "Hand") == ["b"]
    done = lists.add(engine, "Hand", ["a"])
    assert (done.added, done.restored, done.present) == (0, 1, 0)
    assert keys(lists, engine, "Hand") == ["a", "b"]


def test_a_list_people_name_takes_no_conditions_and_is_not_refreshed(lists: Lists, segments: Segments) -> None:
    manual(lists)
    with pytest.raises(ListError, match="takes no conditions, segment or limit"):
        lists.create("X", user(GOLD), contact="email", source="picked")
    with pytest.raises(ListError, match="takes no conditions, segment or limit"):
        lists.update("Hand", definition=user(GOLD))
    with pytest.raises(ListError, match="keeps whom people put on it"):
        lists.update("Hand", keeps_contacted=True)
    with pytest.raises(ListError, match="is manual: people say who is on it"):
        lists.refresh("Hand")
    with pytest.raises(ListError, match="'post' is nowhere members come from"):
        lists.create("X", user(), contact="email", source="post")
    columns = lists.update("Hand", definition=user(columns=["tier"])).definition.columns
    assert [column.source for column in columns] == ["tier"]


def test_only_a_manual_list_is_added_to_by_hand(lists: Lists, engine: Engine) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    with pytest.raises(ListError, match="is dynamic; only a manual one is added to by hand"):
        lists.add(engine, "Gold", ["a"])


def test_a_manual_list_is_a_condition_as_any_other(lists: Lists, segments: Segments, engine: Engine) -> None:
    manual(lists)
    lists.add(engine, "Hand", ["e", "b"])
    lists.remove("Hand", ["b"])
    assert segments.keys(user({"list": "Hand"}), engine).column("key").to_pylist() == ["e"]


# --- combined ---


@pytest.mark.parametrize(("operation", "expected"), [("union", "abcde"), ("intersection", "a"), ("minus", "cd")])
@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_lists_are_combined(lists: Lists, engine: Engine, operation: str, expected: str, kind: str) -> None:
    lists.create("Gold", user(GOLD, columns=["logins"]), contact="email")
    manual(lists)
    lists.add(engine, "Hand", ["a", "b", "e"])
    made = lists.combine("Both", operation, ["Gold", "Hand"], kind=kind, engine=engine)
    assert (made.kind, made.contact, len(made.definition.columns)) == (kind, "email", 1)
    assert "".join(keys(lists, engine, "Both")) == expected
    lists.remove("Gold", ["c"])
    follows = expected.replace("c", "") if kind == "dynamic" else expected
    assert "".join(keys(lists, engine, "Both")) == follows


def test_what_cannot_be_combined_is_refused(lists: Lists, engine: Engine) -> None:
    lists.create("Gold", user(GOLD), contact="email")
    lists.create("Orders", Definition("order"), contact="email")
    for operation, names, words in (
        ("plus", ["Gold", "Orders"], "'plus' is no way to combine lists; there are union, intersection, minus"),
        ("union", ["Gold", "gold"], "takes two different lists"),
        ("union", ["Gold", "Orders"], "only lists of one entity can be combined"),
    ):
        with pytest.raises(ListError, match=words):
            lists.combine("Both", operation, names)


# --- why ---


def test_a_list_says_why_a_row_is_on_it(lists: Lists, store: Store, engine: Engine) -> None:
    lists.create("Keeps", user(GOLD), contact="email", keeps_contacted=True)
    lists.create("Still", user(GOLD), contact="email", kind="static", engine=engine)
    manual(lists)
    lists.add(engine, "Hand", ["b"])
    contact(lists, store, "Keeps", {"c": 2})
    with demoted(store) as later:
        why = lists.explain(later, "Keeps", "c")
        assert (why.is_member, why.contacted_times) == (True, 2)
        assert "stays because the list contacted it before" in why.sentence
        assert why.fulfils is not None and not why.fulfils.is_member
        assert not lists.explain(later, "Keeps", "a").is_member
        lists.remove("Keeps", ["c"])
        lists.unsubscribe("Keeps", ["c"])
        why = lists.explain(later, "Keeps", "c")
        assert not why.is_member and why.sentence == f"It was removed by hand on {NOW:%Y-%m-%d %H:%M} UTC."
        assert why.unsubscribed_at == NOW
        still = lists.explain(later, "Still", "a")
        assert still.is_member and still.sentence.endswith("it does not fulfil the conditions now.")
        assert lists.explain(later, "Hand", "bob@example.com").sentence == "Somebody picked it."
        assert lists.explain(later, "Hand", "a").fulfils is None
        with pytest.raises(SegmentError, match="no user with the key or address 'zz'"):
            lists.explain(later, "Hand", "zz")
