"""The condition builder: what rows mean, and which definitions it can show."""

from __future__ import annotations

import pytest

from analytics.entities import load_model
from analytics.model.entity import EntityModel
from analytics.segments.definition import Definition
from analytics.views.conditions import (
    Draft,
    FieldRow,
    Group,
    RelatedRow,
    changed_group,
    changed_row,
    definition,
    draft_of,
    field_choices,
    operator_choices,
    starting_row,
)

GOLD = FieldRow("customer.group.name", "any_of", ["Gold", "Silver"])
RECENT = FieldRow("created_at", "within_days", 90)
BUYERS = RelatedRow("orders", "count", None, "at_least", 2, (RECENT,))


@pytest.fixture(scope="module")
def model() -> EntityModel:
    return load_model(None)


def test_a_draft_becomes_the_document_a_file_would_hold() -> None:
    made = definition(Draft("customer_user", "all", (Group("all", (GOLD, BUYERS)),)))
    assert made.to_document() == {
        "entity": "customer_user",
        "where": {
            "all": [
                {"field": "customer.group.name", "is": "any_of", "value": ["Gold", "Silver"]},
                {
                    "related": "orders",
                    "measure": "count",
                    "is": "at_least",
                    "value": 2,
                    "where": {"field": "created_at", "is": "on_or_after", "value": "today - 90d"},
                },
            ]
        },
    }


@pytest.mark.parametrize(
    "draft",
    [
        Draft("order"),
        Draft("customer_user", "all", (Group("any", (GOLD, RECENT)),)),
        Draft("customer_user", "any", (Group("all", (GOLD, BUYERS)), Group("any", (RECENT, GOLD)))),
        Draft("customer_user", "all", (Group("all", (FieldRow("last_login", "older_than_days", 30), GOLD)),)),
    ],
)
def test_a_draft_survives_being_saved_and_opened_again(draft: Draft) -> None:
    assert draft_of(Definition.from_document(definition(draft).to_document())) == draft


@pytest.mark.parametrize(
    "where",
    [
        {"not": {"field": "city", "is": "equals", "value": "Bonn"}},
        {"behaviour": "clicked"},
        {"all": [{"any": [{"all": [{"field": "city", "is": "not_empty"}, {"field": "city", "is": "empty"}]}]}]},
        {"field": "birthday", "is": "equals", "value": 3, "part": "month"},
    ],
)
def test_a_definition_beyond_the_builder_has_no_draft(where: dict[str, object]) -> None:
    assert draft_of(Definition.from_document({"entity": "customer_user", "where": where})) is None


def test_rows_without_a_value_yet_are_left_out() -> None:
    rows = (FieldRow("city", "equals", ""), FieldRow("city", "any_of", []), FieldRow("city", "not_empty"))
    made = definition(Draft("customer_user", "all", (Group("all", rows),)))
    assert made.to_document()["where"] == {"field": "city", "is": "not_empty"}


def test_a_sum_without_a_field_is_left_out() -> None:
    assert definition(Draft("customer_user", "all", (Group("all", (RelatedRow("orders", "sum"),)),))).where is None


def test_fields_of_related_records_are_offered_under_their_path(model: EntityModel) -> None:
    labels = {choice.path: choice.label for choice in field_choices(model, "customer_user")}
    assert labels["customer.group.name"] == "Customer › Group › Name"
    assert "orders.total" not in labels


def test_a_new_condition_begins_with_something_a_marketer_knows(model: EntityModel) -> None:
    assert starting_row(model, "customer_user").path == "email"


def test_dates_offer_days_back_from_today_first() -> None:
    assert [choice.name for choice in operator_choices("datetime")][:2] == ["within_days", "older_than_days"]


def test_taking_out_the_last_group_leaves_an_empty_one() -> None:
    assert changed_group(Draft("order", groups=(Group("any", (GOLD,)),)), 0, None) == Draft("order")


def test_a_row_is_exchanged_or_taken_out() -> None:
    draft = Draft("order", groups=(Group("all", (GOLD, RECENT)),))
    assert changed_row(draft, 0, 0, None).groups[0].rows == (RECENT,)
    assert changed_row(draft, 0, 1, GOLD).groups[0].rows == (GOLD, GOLD)
