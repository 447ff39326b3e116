"""Hostile values and names: bound or refused, never part of the SQL."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import AnalyticsError, SegmentError
from analytics.segments import Definition, Segments
from analytics.store import Store
from tests.segments.shop import MODEL


@pytest.fixture
def segments(quiet_store: Store) -> Segments:
    return Segments(quiet_store, MODEL)


@pytest.fixture
def engine(quiet_engine: Engine) -> Engine:
    return quiet_engine


PAYLOADS = [
    '\'; drop table "user"; --',
    '" or 1=1 --',
    "$p1",
    "$1",
    "?",
    "\\",
    "%' escape '",
    "{'a': 1}",
    "${jndi:ldap://x}",
    "select * from read_parquet('/etc/passwd')",
    "/* */",
    "\u202egnitseb",
    "😀" * 50,
    "a" * 100_000,
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("operator", ["equals", "not_contains", "starts_with", "any_of"])
def test_a_hostile_value_is_a_value(segments: Segments, engine: Engine, payload: str, operator: str) -> None:
    value: Any = [payload] * 3 if operator == "any_of" else payload
    definition = Definition.from_document(
        {"entity": "user", "where": {"field": "email", "is": operator, "value": value}, "limit": 1000}
    )
    everybody = segments.count(Definition("user"), engine)
    found = segments.count(definition, engine)
    assert found == (everybody if operator == "not_contains" else 0)
    sql = segments.sql(definition, engine)
    assert payload not in sql.sql or payload == "$p1"
    assert segments.count(Definition("user"), engine) == everybody


@pytest.mark.parametrize("payload", PAYLOADS[:-1])
@pytest.mark.parametrize(
    "document",
    [
        {"entity": "user", "where": {"field": "{}", "is": "not_empty"}},
        {"entity": "user", "where": {"field": "company.{}", "is": "not_empty"}},
        {"entity": "user", "where": {"related": "{}", "is": "at_least", "value": 1}},
        {
            "entity": "user",
            "where": {"related": "orders", "measure": "sum", "field": "{}", "is": "at_least", "value": 1},
        },
        {"entity": "{}", "where": {"field": "id", "is": "not_empty"}},
        {"entity": "user", "columns": [{"field": "{}"}]},
        {"entity": "user", "sort": [{"field": "{}"}]},
        {"entity": "user", "where": {"segment": "{}"}},
        {"entity": "user", "where": {"field": "created_at", "is": "after", "value": "{}"}},
        {"entity": "user", "where": {"field": "logins", "is": "equals", "value": "{}"}},
        {"entity": "user", "where": {"field": "id", "is": "{}", "value": 1}},
    ],
)
def test_a_hostile_name_is_refused(segments: Segments, engine: Engine, document: Any, payload: str) -> None:
    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        if isinstance(part, list):
            return [filled(value) for value in part]
        return part.replace("{}", payload) if isinstance(part, str) else part

    with pytest.raises(AnalyticsError):
        segments.keys(Definition.from_document(filled(document)), engine)


@pytest.mark.parametrize("label", PAYLOADS[:-1])
def test_a_hostile_label_names_a_column_and_nothing_else(segments: Segments, engine: Engine, label: str) -> None:
    definition = Definition.from_document({"entity": "user", "columns": [{"field": "tier", "label": label}]})
    assert label in segments.sample(definition, engine, 1).columns


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\ud800"])
def test_text_that_is_no_text_is_refused(value: str) -> None:
    with pytest.raises(SegmentError, match=r"where\.value"):
        Definition.from_document({"entity": "user", "where": {"field": "email", "is": "equals", "value": value}})


def test_a_field_with_a_blank_in_its_name_is_quoted(segments: Segments, engine: Engine) -> None:
    definition = Definition.from_document(
        {"entity": "user", "where": {"field": "first name", "is": "not_empty"}, "sort": ["first name"]}
    )
    assert segments.count(definition, engine) > 0


def test_a_list_of_ten_thousand_values_is_one_parameter(segments: Segments, engine: Engine) -> None:
    values = [f"u{n:02}" for n in range(10_000)]
    for operator in ("any_of", "none_of"):
        definition = Definition.from_document(
            {"entity": "user", "where": {"field": "id", "is": operator, "value": values}}
        )
        assert segments.count(definition, engine) == (12 if operator == "any_of" else 0)
        assert len(segments.sql(definition, engine).params) == 1
