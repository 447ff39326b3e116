"""Stored segments and what they give: versions, nesting, columns, samples, SQL, moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import NotFound, SegmentError
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import NOW, ZONE, fill

USERS = [
    {"id": "a", "email": "ada@example.com", "tier": "Gold", "created_at": datetime(2026, 1, 1, tzinfo=UTC)},
    {"id": "b", "email": "bob@example.com", "tier": None, "created_at": datetime(2026, 2, 1, tzinfo=UTC)},
    {"id": "c", "email": None, "tier": "Silver", "created_at": None, "company_id": "x"},
]
ORDERS = [
    {"id": "1", "user_id": "a", "total": Decimal("10.10"), "created_at": datetime(2026, 1, 5, tzinfo=UTC)},
    {"id": "2", "user_id": "a", "total": Decimal("20.20"), "created_at": datetime(2026, 3, 5, tzinfo=UTC)},
    {"id": "3", "user_id": "b", "total": None, "created_at": datetime(2026, 3, 6, tzinfo=UTC)},
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": USERS, "order": ORDERS, "company": [{"id": "x", "name": "Xenon"}]})
        yield store


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


def keys(segments: Segments, engine: Engine, definition: Definition) -> list[str]:
    return segments.keys(definition, engine).column("key").to_pylist()


def test_a_definition_without_condition_is_everybody(segments: Segments, engine: Engine) -> None:
    assert segments.keys(user(), engine).to_pylist() == [
        {"position": 0, "key": "a"},
        {"position": 1, "key": "b"},
        {"position": 2, "key": "c"},
    ]


def test_negative_operators_keep_rows_without_a_value(segments: Segments, engine: Engine) -> None:
    assert keys(segments, engine, user({"field": "tier", "is": "none_of", "value": ["gold"]})) == ["b", "c"]
    assert keys(segments, engine, user({"field": "company.name", "is": "not_contains", "value": "x"})) == ["a", "b"]
    assert keys(segments, engine, user({"field": "enabled", "is": "no"})) == ["a", "b", "c"]


def test_the_count_and_sum_of_nothing_are_zero(segments: Segments, engine: Engine) -> None:
    none = {"related": "orders", "measure": "sum", "field": "total", "is": "equals", "value": 0}
    assert keys(segments, engine, user(none)) == ["b", "c"]
    assert keys(segments, engine, user({"related": "orders", "is": "at_most", "value": 1})) == ["b", "c"]
    least = {"related": "orders", "measure": "min", "field": "total", "is": "less_than", "value": 1000}
    assert keys(segments, engine, user(least)) == ["a"]


def test_money_is_exact(segments: Segments, engine: Engine) -> None:
    exact = {"related": "orders", "measure": "sum", "field": "total", "is": "equals", "value": "30.30"}
    assert keys(segments, engine, user(exact)) == ["a"]
    mean = {"related": "orders", "measure": "avg", "field": "total", "is": "equals", "value": "15.15"}
    assert keys(segments, engine, user(mean)) == ["a"]


def test_reading_as_of_a_day_hides_what_came_later_and_is_that_today(segments: Segments, store: Store) -> None:
    recent = {
        "related": "orders",
        "is": "at_least",
        "value": 1,
        "where": {"field": "created_at", "is": "after", "value": "today - 30d"},
    }
    with Engine(store.snapshot(), store.settings, as_of=datetime(2026, 1, 10, tzinfo=UTC)) as engine:
        assert keys(segments, engine, user()) == ["a", "c"]
        assert keys(segments, engine, user(recent)) == ["a"]
        assert keys(segments, engine, user({"related": "orders", "is": "equals", "value": 1})) == ["a"]


def test_top_n_by_what_people_spent(segments: Segments, engine: Engine) -> None:
    spent = {"related": "orders", "measure": "sum", "field": "total"}
    top = user(sort=[{**spent, "direction": "descending"}], limit=2)
    assert keys(segments, engine, top) == ["a", "b"]
    assert segments.count(top, engine) == 2


def test_a_sample_shows_title_contacts_and_columns_with_labels(segments: Segments, engine: Engine) -> None:
    shown = segments.sample(
        user(
            columns=["email", {"field": "company.name", "label": "Firm"}, {"related": "orders", "label": "Orders"}],
            sort=["company.name"],
        ),
        engine,
        2,
    )
    assert shown.columns == ("Id", "Email", "phone", "Firm", "Orders")
    assert shown.rows.to_pylist() == [
        {"Id": "c", "Email": None, "phone": None, "Firm": "Xenon", "Orders": 0},
        {"Id": "a", "Email": "ada@example.com", "phone": None, "Firm": None, "Orders": 2},
    ]
    assert list(shown.df.columns) == list(shown.columns)


def test_equal_labels_are_told_apart(segments: Segments, engine: Engine) -> None:
    shown = segments.sample(
        user(columns=[{"field": "tier", "label": "Id"}, {"field": "logins", "label": "Id"}]), engine
    )
    assert shown.columns == ("Id", "Email", "phone", "Id (2)", "Id (3)")


def test_sql_is_shown_with_its_values_apart(segments: Segments) -> None:
    query = segments.sql(user({"field": "email", "is": "equals", "value": "x' or 1=1"}))
    assert "x' or 1=1" not in query.sql
    assert list(query.params.values()) == ["x' or 1=1"]
    assert "$p1" in query.sql and '-- $p1 = "x\' or 1=1"' in str(query)


# --- stored segments ---


def test_saving_again_raises_the_version_only_when_something_changed(segments: Segments) -> None:
    first = segments.save("Gold buyers", user({"field": "tier", "is": "equals", "value": "Gold"}), "good ones")
    same = segments.save("GOLD buyers", first.definition)
    assert (same.id, same.version, same.name, same.description) == (first.id, 1, "GOLD buyers", "good ones")
    changed = segments.save("gold buyers", user())
    assert (changed.id, changed.version) == (first.id, 2)
    assert segments.get("Gold Buyers").definition == user()
    assert segments.get(first.id) == changed == segments.all()[0]


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\nb"])
def test_unusable_names_are_refused(segments: Segments, name: str) -> None:
    with pytest.raises(SegmentError, match="is no name"):
        segments.save(name, user())


def test_a_definition_that_does_not_fit_is_not_stored(segments: Segments) -> None:
    with pytest.raises(SegmentError, match=r"where\.field"):
        segments.save("bad", user({"field": "nope", "is": "empty"}))
    assert segments.all() == ()


def test_an_unknown_segment_is_not_found(segments: Segments) -> None:
    segments.save("A", user())
    with pytest.raises(NotFound, match="There are: A"):
        segments.get("B")
    with pytest.raises(NotFound):
        segments.delete("B")


def test_segments_nest_through_relations_and_with_limits(segments: Segments, engine: Engine) -> None:
    segments.save("Buyers", user({"related": "orders", "is": "at_least", "value": 1}))
    segments.save("Newest", user(sort=[{"field": "created_at", "direction": "descending"}], limit=1))
    assert keys(segments, engine, user({"not": {"segment": "buyers"}})) == ["c"]
    assert keys(segments, engine, user({"segment": "Newest"})) == ["b"]
    assert keys(segments, engine, user({"all": [{"segment": "Buyers"}, {"not": {"segment": "Newest"}}]})) == ["a"]
    orders = Definition.from_document({"entity": "order", "where": {"segment": "newest", "through": "user"}})
    assert keys(segments, engine, orders) == ["3"]
    with pytest.raises(SegmentError, match="is of user, not of order; add `through`: user"):
        segments.check(Definition.from_document({"entity": "order", "where": {"segment": "Buyers"}}))


def test_a_segment_that_leads_back_to_itself_is_refused_with_the_way(segments: Segments) -> None:
    segments.save("A", user())
    segments.save("B", user({"segment": "A"}))
    with pytest.raises(SegmentError, match="leads back to itself"):
        segments.save("A", user({"any": [{"segment": "B"}, {"field": "id", "is": "empty"}]}))
    with pytest.raises(SegmentError, match="leads back to itself"):
        segments.save("C", user({"segment": "c"}))


def test_a_segment_others_are_built_on_stays(segments: Segments) -> None:
    segments.save("A", user())
    segments.save("B", user({"not": {"all": [{"segment": "a"}]}}))
    with pytest.raises(SegmentError, match="named by the segment 'B'"):
        segments.delete("A")
    with pytest.raises(SegmentError, match="named by the segment 'B'"):
        segments.rename("A", "Z")
    segments.delete("B")
    assert segments.rename("A", "Z").name == "Z"
    segments.delete("Z")
    assert segments.all() == ()


def test_two_samples_of_one_salt_split_everybody(segments: Segments, engine: Engine) -> None:
    first = keys(segments, engine, user({"sample": 40, "salt": "s"}))
    second = keys(segments, engine, user({"sample": 60, "from": 40, "salt": "s"}))
    assert sorted(first + second) == ["a", "b", "c"]
