"""Explanations: every node true or false for one row, as the naive evaluator says, with the values it saw."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import SegmentError
from analytics.segments import Definition, Explanation, Segments
from analytics.store import Store
from tests.segments.generate import Generator
from tests.segments.oracle import Oracle
from tests.segments.shop import MODEL, NOW, ZONE, make_rows
from tests.segments.stories import make_stories


@pytest.fixture
def segments(quiet_store: Store) -> Segments:
    return Segments(quiet_store, MODEL)


def _nodes(explained: Explanation) -> list[Explanation]:
    return [explained, *(n for below in explained.nodes for n in _nodes(below))]


def test_every_node_is_true_or_false_as_the_naive_evaluator_says(segments: Segments, quiet_engine: Engine) -> None:
    data = {**make_rows(1), **make_stories(1, NOW)}
    oracle = Oracle(MODEL, data, NOW, ZONE)
    for seed in range(40):
        document = Generator(seed + 5_000).definition()
        rows = data[document["entity"]]
        row = rows[seed % len(rows)]
        membership = segments.explain(Definition.from_document(document), quiet_engine, row["id"])
        assert membership.is_member == (row["id"] in oracle.keys(document)), document
        assert membership.conditions is not None
        for node in _nodes(membership.conditions):
            assert node.holds == oracle.holds(node.document, row, document["entity"]), (node.place, document)


def test_values_are_those_the_row_has(segments: Segments, quiet_engine: Engine) -> None:
    data = make_rows(1)
    user = next(u for u in data["user"] if sum(o["user_id"] == u["id"] for o in data["order"]) > 2)
    totals = [o["total"] for o in data["order"] if o["user_id"] == user["id"]]
    where: list[Any] = [
        {"field": "logins", "is": "empty"},
        {"field": "orders.total", "is": "at_least", "value": 1},
        {"related": "orders", "is": "at_least", "value": 1},
        {"related": "orders", "measure": "sum", "field": "total", "is": "at_least", "value": 1},
        {
            "related": "orders",
            "measure": "max",
            "field": "lines",
            "is": "at_least",
            "value": 99,
            "where": {"field": "id", "is": "empty"},
        },
        {"sample": 50},
    ]
    membership = segments.explain(
        Definition.from_document({"entity": "user", "where": {"all": where}}), quiet_engine, user["id"]
    )
    assert membership.conditions is not None
    logins, each, count, total, none, sample = membership.conditions.nodes
    assert logins.values == (user["logins"],)
    assert set(each.values or ()) == set(totals)
    assert count.values == (len(totals),)
    assert total.values == (sum((t for t in totals if t is not None), Decimal()),)
    assert none.values == (None,)
    assert (sample.values, membership.conditions.values) == (None, None)
    assert none.place == "where.all[4]" and none.document == where[4]


def test_conditions_of_one_related_row_are_also_asked_alone(segments: Segments, quiet_engine: Engine) -> None:
    data = make_rows(1)

    def statuses(user: str) -> list[str]:
        return [o["status"] for o in data["order"] if o["user_id"] == user and o["status"] and o["total"] is not None]

    user = next(u["id"] for u in data["user"] if {"closed", "cancelled"} <= {s.lower() for s in statuses(u["id"])})
    totals = {o["status"]: o["total"] for o in data["order"] if o["user_id"] == user and o["total"] is not None}
    where = {
        "same": "orders",
        "where": {
            "all": [
                {"field": "status", "is": "equals", "value": "closed"},
                {"field": "total", "is": "equals", "value": str(totals["closed"])},
                {"not": {"field": "items.sku", "is": "equals", "value": "nothing has it"}},
            ]
        },
    }
    explained = segments.explain(Definition.from_document({"entity": "user", "where": where}), quiet_engine, user)
    node = explained.conditions
    assert node is not None and node.holds
    fitting = {
        o["id"]
        for o in data["order"]
        if o["user_id"] == user and (o["status"] or "").lower() == "closed" and o["total"] == totals["closed"]
    }
    assert set(node.values or ()) == fitting
    assert [n.place for n in node.nodes] == ["where.where.all[0]", "where.where.all[1]", "where.where.all[2]"]
    assert {s for s in node.nodes[0].values or () if s} == {
        o["status"] for o in data["order"] if o["user_id"] == user and o["status"]
    }
    assert node.nodes[1].document == {"same": "orders", "where": where["where"]["all"][1]}


def test_a_limit_may_leave_out_who_fulfils_everything(segments: Segments, quiet_engine: Engine) -> None:
    first = Definition.from_document({"entity": "user", "where": {"field": "id", "is": "not_empty"}, "limit": 1})
    membership = segments.explain(first, quiet_engine, "u05")
    assert membership.conditions is not None
    assert (membership.is_member, membership.conditions.holds) == (False, True)
    assert segments.explain(Definition("user"), quiet_engine, "u05").is_member
    with pytest.raises(SegmentError, match="no user with the key or address 'nobody'"):
        segments.explain(first, quiet_engine, "nobody")
