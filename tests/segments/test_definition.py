"""Documents: what is read, what is refused and how the refusal reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import SegmentError, UnknownField
from analytics.segments import Definition, Segments, load_definition
from analytics.store import Store
from tests.segments.shop import MODEL


@pytest.fixture
def segments(quiet_store: Store) -> Segments:
    return Segments(quiet_store, MODEL)


@pytest.fixture
def engine(quiet_engine: Engine) -> Engine:
    return quiet_engine


def test_norway_stays_norway_and_yes_a_word(tmp_path: Path) -> None:
    file = tmp_path / "norway.yaml"
    file.write_text(
        "entity: user\nwhere:\n  all:\n    - {field: country, is: any_of, value: [NO, DE]}\n"
        "    - {field: enabled, is: yes}\n    - {field: created_at, is: after, value: 2026-01-31}\n"
    )
    document = load_definition(file).to_document()
    assert document["where"]["all"] == [
        {"field": "country", "is": "any_of", "value": ["NO", "DE"]},
        {"field": "enabled", "is": "yes"},
        {"field": "created_at", "is": "after", "value": "2026-01-31"},
    ]


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    document = {"entity": "user", "where": {"field": "logins", "is": "at_least", "value": 2}, "limit": 3}
    (tmp_path / "a.json").write_text(json.dumps(document))
    (tmp_path / "a.yml").write_text("entity: user\nwhere: {field: logins, is: at_least, value: 2}\nlimit: 3\n")
    assert load_definition(tmp_path / "a.json") == load_definition(tmp_path / "a.yml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entity: [", "not YAML"),
        ("entity: user\nentity: order", "not YAML"),
        ("", "the definition: None is not a mapping"),
        ("entity: user\nwhere: {all: 3}", "where.all: 3 is not a list of conditions"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(SegmentError, match=says) as caught:
        load_definition(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_no_definition_is_refused_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SegmentError, match="yaml"):
        load_definition(tmp_path / "a.txt")
    with pytest.raises(SegmentError, match="cannot be read"):
        load_definition(tmp_path / "absent.yaml")


def _of(where: Any, **more: Any) -> dict[str, Any]:
    return {"entity": "user", "where": where, **more}


_F = {"field": "logins"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "has no 'entity'"),
        ({"entity": "user", "wher": {}}, "unknown key 'wher'; there are entity, where"),
        (
            _of({"all": [{"field": "logins", "is": "at_leas", "value": 1}]}),
            r"where\.all\[0\]\.is: 'at_leas' is not one of",
        ),
        (_of({"all": [{}, 1]}), r"where\.all\[0\]: a condition has one of the keys"),
        (_of({"any": []}), r"where\.any is empty"),
        (_of({"not": [1]}), r"where\.not: \[1\] is not a condition"),
        (_of({**_F, "is": "between", "value": [1]}), r"where\.value: \[1\] is not a list of two values"),
        (_of({**_F, "is": "any_of", "value": 1}), r"where\.value: 1 is not a list"),
        (_of({**_F, "is": "any_of", "value": []}), "needs at least one value"),
        (_of({**_F, "is": "any_of", "value": [[1]]}), r"where\.value\[0\]: \[1\] is not a text, a number or a date"),
        (_of({**_F, "is": "equals"}), "where: equals needs a value; add `value`"),
        (_of({**_F, "is": "empty", "value": 1}), "takes no value"),
        (_of({**_F, "is": "equals", "value": float("nan")}), "finite"),
        (_of({**_F, "is": "equals", "value": 1, "part": "fortnight"}), r"where\.part: 'fortnight' is not one of hour"),
        (_of({"related": "orders", "measure": "median", "is": "equals", "value": 1}), r"where\.measure: 'median'"),
        (_of({"related": "orders", "measure": "sum", "is": "equals", "value": 1}), "sum needs a field"),
        (_of({"related": "orders", "field": "total", "is": "equals", "value": 1}), "a count is of rows"),
        (_of({"sample": 120}), r"where\.sample: 120 is not a percentage"),
        (_of({"sample": 60, "from": 50}), "beyond 100"),
        (_of({"behaviour": "read"}), r"where\.behaviour: 'read' is not one of received, opened"),
        (_of({"behaviour": "opened", "times": 0}), r"where\.times"),
        (_of(None, limit=-1), "limit: -1"),
        (_of(None, limit=True), "limit: True"),
        (_of(None, sort=[{"field": "id", "direction": "down"}]), r"sort\[0\]\.direction: 'down'"),
        (_of(None, columns="id"), "columns: 'id' is not a list"),
        (_of(None, columns=[{"label": "x"}]), r"columns\[0\] has no 'field'"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(document: Any, says: str) -> None:
    with pytest.raises(SegmentError, match=says):
        Definition.from_document(document)


def test_groups_may_be_nested_but_not_without_end() -> None:
    node: dict[str, Any] = {"field": "id", "is": "not_empty"}
    for _ in range(30):
        node = {"not": node}
    Definition.from_document(_of(node))
    for _ in range(30):
        node = {"all": [node]}
    with pytest.raises(SegmentError, match="nested more than 40 deep"):
        Definition.from_document(_of(node))


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (
            {"field": "nme", "is": "not_empty"},
            r"where\.field: user has no field or relation 'nme'; there are id, email",
        ),
        ({"field": "company.grup.name", "is": "empty"}, r"company has no field or relation 'grup'; there are group"),
        ({"field": "logins", "is": "contains", "value": "a"}, r"where\.is: 'contains' is not an operator for integer"),
        ({"field": "logins", "is": "equals", "value": "many"}, r"where\.value: 'many' is not a number"),
        ({"field": "logins", "is": "equals", "value": 1.5}, "1.5 is not a whole number"),
        ({"field": "logins", "is": "equals", "value": True}, "True is not a number"),
        ({"field": "credit", "is": "equals", "value": "1.23456"}, "4 after the point"),
        ({"field": "credit", "is": "equals", "value": 10**15}, "15 digits"),
        ({"field": "email", "is": "equals", "value": 5}, "write it in quotes: '5'"),
        ({"field": "email", "is": "matches", "value": "a(b"}, r"where\.value: 'a\(b' is not a regular expression"),
        (
            {"field": "tier", "is": "any_of", "value": ["Gold", "Platin"]},
            r"where\.value\[1\]: 'Platin' is not one of Gold",
        ),
        ({"field": "birthday", "is": "after", "value": "2026-02-30"}, "no date of the calendar"),
        ({"field": "birthday", "is": "after", "value": "soon"}, r"where\.value: 'soon' is not a date"),
        ({"field": "birthday", "is": "equals", "part": "hour", "value": 3}, "a date has no hour"),
        ({"field": "email", "is": "equals", "part": "year", "value": 3}, r"where\.part: only a date or datetime"),
        ({"field": "birthday", "is": "equals", "part": "month", "value": 13}, "13 is not a month, 1 to 12"),
        ({"related": "email", "is": "at_least", "value": 1}, r"where\.related: 'email' is not a path to related rows"),
        ({"related": "ordrs", "is": "at_least", "value": 1}, r"where\.related: user has no field or relation 'ordrs'"),
        (
            {"related": "orders", "measure": "sum", "field": "note", "is": "equals", "value": 1},
            "'note' is not a number",
        ),
        ({"related": "orders", "measure": "max", "field": "is_return", "is": "yes"}, "count the rows where"),
        ({"related": "orders", "is": "empty"}, "a count always has a value"),
        (
            {"related": "orders", "is": "at_least", "value": 1, "where": {"all": [{"field": "x", "is": "empty"}]}},
            r"where\.where\.all\[0\]\.field: order has no field or relation 'x'",
        ),
        ({"related": "orders.items", "measure": "first", "field": "price", "is": "not_empty"}, "no time of its own"),
        ({"segment": "VIP"}, "there is no segment 'VIP'|no segment 'VIP'"),
        ({"changed": "email"}, "no history is kept of 'email'; of user it is of credit"),
        ({"behaviour": "opened", "within": "soon"}, r"where\.within: 'soon' is not a duration"),
        ({"behaviour": "opened", "campaign": "Autumn"}, "no email campaign 'Autumn'"),
        ({"contacted": "times", "is": "at_least", "value": 1, "list": "X"}, "no marketing list 'X'"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_with_its_place(segments: Segments, where: Any, says: str) -> None:
    with pytest.raises((SegmentError, UnknownField), match=says):
        segments.check(Definition.from_document(_of(where)))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"columns": ["orders.total"]}, r"columns\[0\]: 'orders.total' goes over many rows"),
        ({"columns": ["nope"]}, r"columns\[0\]: user has no field"),
        ({"sort": ["company.nope"]}, r"sort\[0\]: company has no field"),
    ],
)
def test_columns_and_sort_are_checked_too(segments: Segments, engine: Engine, more: Any, says: str) -> None:
    definition = Definition.from_document({"entity": "user", **more})
    with pytest.raises(SegmentError, match=says):
        segments.keys(definition, engine)


def test_an_unknown_entity_is_named_beside_the_known_ones(segments: Segments) -> None:
    with pytest.raises(SegmentError, match="entity: 'usr' is not an entity; there are company, grp"):
        segments.check(Definition.from_document({"entity": "usr"}))


def test_the_model_of_the_tests_has_every_type_of_field() -> None:
    types = {f.type for e in MODEL.entities.values() for f in e.fields.values()}
    assert types == {
        "text",
        "integer",
        "number",
        "money",
        "boolean",
        "date",
        "datetime",
        "enum",
        "multi_enum",
        "percent",
    }
