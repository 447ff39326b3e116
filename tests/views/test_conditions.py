"""What the builder offers: fields by relation, comparisons by type, moments, and conditions as text."""

from __future__ import annotations

import pytest

from analytics.entities import load_model
from analytics.model.entity import EntityModel
from analytics.segments.definition import FieldCondition
from analytics.segments.operators import BY_TYPE
from analytics.views import conditions as c
from analytics.views import fragments


@pytest.fixture(scope="module")
def model() -> EntityModel:
    return load_model(None)


def test_fields_are_offered_by_relation_own_ones_first(model: EntityModel) -> None:
    offered = c.condition_choices(model, "customer_user")
    labels = {choice.path: choice.words for choice in offered}
    assert labels["customer.group.name"] == "Customer › Group › Name · text"
    assert labels["orders.items.quantity"] == "Orders › Items › Quantity · number"
    assert labels["customer"] == "Customer · record"
    depths = [choice.path.count(".") > 0 for choice in offered]
    assert depths == sorted(depths)
    assert len(labels) == len(offered)


def test_every_field_that_is_offered_leads_somewhere(model: EntityModel) -> None:
    for entity in model.targetable():
        for choice in c.condition_choices(model, entity.name):
            assert c.field_choice(model, entity.name, choice.path) == choice
            assert c.operator_choices(choice)


def test_a_path_of_any_length_can_be_typed(model: EntityModel) -> None:
    found = c.field_choice(model, "customer_user", "customer.parent.parent.group.name")
    assert found is not None and found.label == "Customer › Parent › Parent › Group › Name"
    assert c.field_choice(model, "customer_user", "customer.nothing") is None


def test_a_typed_label_means_its_field(model: EntityModel) -> None:
    known = {choice.path: choice for choice in c.condition_choices(model, "customer_user")}
    assert c.typed_field("City", known) == "city"
    assert c.typed_field("customer › group › name", known) == "customer.group.name"
    assert c.typed_field("no such field", known) is None


def test_over_related_rows_a_comparison_says_one_or_none(model: EntityModel) -> None:
    choice = c.field_choice(model, "customer_user", "orders.total")
    assert choice is not None and choice.is_to_many
    labels = {o.name: o.label for o in c.operator_choices(choice)}
    assert (labels["equals"], labels["not_equals"], labels["empty"]) == ("one is", "none is", "none has a value")


@pytest.mark.parametrize("kind", list(BY_TYPE))
def test_every_comparison_of_a_type_is_offered(kind: str) -> None:
    offered = {o.name for o in c.operator_choices(c.FieldChoice("x", "X", kind))}
    assert set(BY_TYPE[kind]) <= offered


def test_dates_offer_days_from_today_first() -> None:
    names = [o.name for o in c.operator_choices(c.FieldChoice("x", "X", "date"))]
    assert names[:3] == ["within_days", "older_than_days", "in_coming_days"]


@pytest.mark.parametrize(
    ("operator", "value", "shown"),
    [
        ("on_or_after", "today - 30d", ("within_days", 30)),
        ("before", "today - 7d", ("older_than_days", 7)),
        ("between", ("today", "today + 14d"), ("in_coming_days", 14)),
        ("after", "today - 30d", ("after", "today - 30d")),
        ("between", ("today", "today"), ("between", ["today", "today"])),
        ("any_of", ("a", "b"), ("any_of", ["a", "b"])),
    ],
)
def test_days_from_today_are_shown_as_a_number_and_kept_as_they_are_written(
    operator: str, value: object, shown: tuple[str, object]
) -> None:
    assert c.seen(operator, value) == shown  # type: ignore[arg-type]
    assert c.compared(*shown) == (operator, value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("45", "today - 45d"),
        ("45 days ago", "today - 45d"),
        (" today - 2w ", "today - 2w"),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_a_number_typed_as_a_moment_counts_days_back(typed: str, meant: str) -> None:
    assert c.typed_moment(typed) == meant


def test_sums_are_of_numbers_and_first_and_last_of_anything(model: EntityModel) -> None:
    assert not c.measure_fields(model, "order", "count")
    assert {f.type for f in c.measure_fields(model, "order", "sum")} <= {"integer", "number", "money", "percent"}
    assert "internal_status" in {f.path for f in c.measure_fields(model, "order", "last")}


def test_a_count_always_has_a_value_and_asks_for_at_least_first() -> None:
    names = [o.name for o in c.measured_operators(c.measured(None, "count"), "count")]
    assert names[0] == "at_least" and "empty" not in names


def test_a_new_condition_begins_with_something_a_marketer_knows(model: EntityModel) -> None:
    assert c.starting_field(model, "customer_user") == FieldCondition("email", "equals")


def test_related_rows_are_offered_through_other_records(model: EntityModel) -> None:
    labels = {r.path: r.label for r in c.related_choices(model, "customer_user")}
    assert (labels["orders"], labels["orders.items"], labels["customer.orders"]) == (
        "Orders",
        "Orders › Items",
        "Customer › Orders",
    )


def test_a_condition_is_written_and_read_as_text() -> None:
    text = "count(orders where total > 100) >= 2"
    assert fragments.text_of(fragments.read(text)) == text


@pytest.mark.parametrize(
    ("text", "position"),
    [("city = Bonn", 7), ("", 0), ('city = "Bonn" limit 3', 0), ("count(orders) >= 2 and", 22)],
)
def test_a_text_that_is_no_condition_is_marked_at_the_character(text: str, position: int) -> None:
    with pytest.raises(fragments.FragmentError) as caught:
        fragments.read(text)
    assert caught.value.position == position
    assert str(caught.value).splitlines()[-1] == " " * position + "^"
