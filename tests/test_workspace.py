"""The front door: a segment in every form the command line takes, and why a row is in it, by key or address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics import Workspace
from analytics.errors import NotFound, SegmentError
from analytics.segments import Definition, parse_text
from tests.segments.shop import fill

TEXT = "customer_user where count(orders where total > 100) >= 2"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("front") / "shop") as workspace:
        users = [{"id": "1", "email": "Ada@example.com"}, {"id": "2", "email": "bob@example.com"}]
        users += [{"id": n, "email": "desk@example.com"} for n in ("3", "4")]
        users.append({"id": "cy@example.com", "email": "other@example.com"})
        users.append({"id": "5", "email": "cy@example.com"})
        made = datetime(2026, 1, 1, tzinfo=UTC)
        orders = [
            {"id": f"o{n}", "customer_user_id": who, "created_at": made, "total": Decimal(total)}
            for n, (who, total) in enumerate([("1", 101), ("1", 250), ("1", 3), ("2", 500), ("2", 100)])
        ]
        services = workspace.services
        fill(services.store, {"customer_user": users, "order": orders}, services.model)
        services.segments.save("Big buyers", parse_text(TEXT))
        yield workspace


def _forms(folder: Path) -> dict[str, Any]:
    document = parse_text(TEXT).to_document()
    for ending, content in ((".segment", TEXT), (".json", json.dumps(document)), (".yaml", json.dumps(document))):
        (folder / f"big{ending}").write_text(content)
    return {
        "text": TEXT,
        "text over lines": f"\n{TEXT.replace(' where count', chr(10) + 'where count')}\n",
        "definition": Definition.from_document(document),
        "document": document,
        "path": folder / "big.segment",
        **{ending: str(folder / f"big{ending}") for ending in (".segment", ".json", ".yaml")},
        "name": "big BUYERS",
    }


@pytest.mark.parametrize(
    "form",
    ["text", "text over lines", "definition", "document", "path", ".segment", ".json", ".yaml", "name"],
)
def test_a_segment_is_taken_in_every_form(workspace: Workspace, tmp_path: Path, form: str) -> None:
    asked = workspace.segment(_forms(tmp_path)[form])
    assert asked.count() == 1
    assert asked.df()["Email"].tolist() == ["Ada@example.com"]
    assert asked.definition == parse_text(TEXT)


def test_what_is_neither_file_nor_text_is_a_name(workspace: Workspace) -> None:
    for name in ("Nobody", "n" * 5_000, "a\x00b"):
        with pytest.raises(NotFound):
            workspace.segment(name)
    with pytest.raises(SegmentError, match=r"absent\.segment cannot be read"):
        workspace.segment("absent.segment")
    with pytest.raises(SegmentError, match="line 1, column"):
        workspace.segment("customer_user where count(")


def test_a_row_is_explained_by_key_and_by_address(workspace: Workspace) -> None:
    asked = workspace.segment(TEXT)
    by_key = asked.explain("1")
    assert (by_key.key, by_key.is_member) == ("1", True)
    assert by_key.conditions is not None and by_key.conditions.values == (2,)
    assert asked.explain("ada@EXAMPLE.com ") == by_key
    bob = asked.explain("bob@example.com")
    assert (bob.key, bob.is_member) == ("2", False)
    assert bob.conditions is not None and bob.conditions.values == (1,)


def test_a_key_comes_before_an_address(workspace: Workspace) -> None:
    assert workspace.segment(TEXT).explain("cy@example.com").key == "cy@example.com"


def test_an_address_of_nobody_or_of_several_is_refused(workspace: Workspace) -> None:
    asked = workspace.segment(TEXT)
    with pytest.raises(SegmentError, match=r"no customer user with the key or address 'eve@example.com'"):
        asked.explain("eve@example.com")
    with pytest.raises(SegmentError, match=r"2 customer users are reached at desk@example.com; name one by its key"):
        asked.explain("desk@example.com")
    orders = workspace.segment("order where total > 200")
    with pytest.raises(SegmentError, match=r"3 orders are reached at ada@example.com"):
        orders.explain("ada@example.com")
    assert orders.explain("o1").is_member


def test_a_stored_segment_has_a_history_a_written_one_has_none(workspace: Workspace) -> None:
    first, second = workspace.segment("Big buyers").history(), workspace.segment("big buyers").history()
    assert len(second) == len(first) + 1
    assert second[["version", "count"]].iloc[-1].tolist() == [1, 1]
    assert int(second["entered"].iloc[-1]) == 0
    with pytest.raises(SegmentError, match="Only a stored segment has a history"):
        workspace.segment(TEXT).history()
