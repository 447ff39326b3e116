"""Tags: put on rows and taken off, counted, seen by segments and by whoever asks why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.cli.main import app
from analytics.engine import read
from analytics.entities.importing import ImportOptions, import_file
from analytics.errors import ListError, ModelError, SegmentError
from analytics.segments import parse_text
from analytics.workspace import Workspace

_LINES = (f"u{n},u{n}@example.com,c{n % 2},Company {n % 2}\n" for n in range(6))
PEOPLE = "id,email,customer.id,customer.name\n" + "".join(_LINES)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    with Workspace.create(tmp_path / "shop") as made:
        services = made.services
        import_file(services.store, services.model, people, entity="customer_user", mapping=(), options=ImportOptions())
        yield made


def test_tags_are_counted_and_keep_the_spelling_they_were_first_given(workspace: Workspace) -> None:
    tags = workspace.services.tags
    assert tags.add("customer_user", " VIP ", ["u1", "u2", "u1"]) == 2
    assert tags.add("customer_user", "vip", ["u2", "u3"]) == 1
    assert tags.add("customer", "vip", ["c1"]) == 1
    assert tags.add("customer_user", "late", []) == 0
    assert [(t.entity, t.name, t.rows) for t in tags.all()] == [("customer", "vip", 1), ("customer_user", "VIP", 3)]
    assert tags.of("customer_user", "u2") == ("VIP",)
    assert tags.remove("customer_user", "Vip", ["u2", "u5"]) == 1
    assert tags.remove("customer_user", "VIP") == 2
    assert tags.all("customer_user") == ()


def test_what_is_no_tag_is_refused_with_what_would_be_right(workspace: Workspace) -> None:
    tags = workspace.services.tags
    tags.add("customer_user", "late", ["u1"])
    with pytest.raises(ListError, match="'' is no name for a tag"):
        tags.add("customer_user", "  ", ["u1"])
    with pytest.raises(ListError, match="No tag 'x' of customer_user; there are: late"):
        tags.remove("customer_user", "x", ["u1"])
    with pytest.raises(ModelError, match="No entity 'nothing'"):
        tags.add("nothing", "x", ["u1"])


def test_segments_see_tags_of_the_row_and_of_related_rows(workspace: Workspace) -> None:
    tags = workspace.services.tags
    tags.add("customer_user", "VIP", ["u1", "u2"])
    tags.add("customer_user", "late", ["u2", "gone"])
    tags.add("customer", "Key account", ["c1"])
    for text, keys in [
        ('customer_user where tag in ("vip")', ["u1", "u2"]),
        ('customer_user where tag in ("VIP", "late", "never given")', ["u1", "u2"]),
        ('customer_user where tag not in ("vip")', ["u0", "u3", "u4", "u5"]),
        ('customer_user where tag in ("vip") and not tag in ("late")', ["u1"]),
        ('customer_user where some customer where (tag in ("key account"))', ["u1", "u3", "u5"]),
        ('customer where count(users where tag in ("VIP")) >= 1', ["c0", "c1"]),
    ]:
        assert list(workspace.segment(text).df()["Id"]) == keys, text
    explained = workspace.segment('customer_user where tag not in ("vip")').explain("u2@example.com")
    assert not explained.is_member
    assert explained.conditions is not None and explained.conditions.values == ("VIP", "late")
    assert "vip" not in workspace.segment('customer_user where tag in ("vip")').sql.split("--")[0]


def test_a_row_is_found_by_key_or_address(workspace: Workspace) -> None:
    segments, store = workspace.services.segments, workspace.services.store
    assert read(store, lambda e: segments.find("customer_user", e, "U3@example.com")) == "u3"
    assert read(store, lambda e: segments.find("customer", e, "c1")) == "c1"
    with pytest.raises(SegmentError, match=r"no customer user with the key or address 'nobody@example.com'"):
        read(store, lambda e: segments.find("customer_user", e, "nobody@example.com"))


def test_the_command_line_tags_rows_and_segments(workspace: Workspace) -> None:
    folder = str(workspace.services.store.folder.root)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["-w", folder, "tag", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "No tags yet" in run("list")
    assert "2 tagged VIP, 0 were already" in run("add", "VIP", "u1", "u2@example.com")
    assert "3 tagged VIP, 1 were already" in run(
        "add", "VIP", "--segment", 'customer_user where id in ("u1","u3","u4","u5")'
    )
    assert "VIP" in run("list", "u4@example.com")
    assert "5" in run("list", "--entity", "customer_user")
    assert "taken off 1" in run("remove", "vip", "u1")
    assert "taken off 4" in run("remove", "vip", "--everywhere")
    assert "No tags." in run("list", "u4")
    with pytest.raises(ListError, match="Say which rows"):
        CliRunner().invoke(app, ["-w", folder, "tag", "add", "VIP"], catch_exceptions=False)


def test_definitions_say_what_is_wrong_with_a_tag_condition() -> None:
    with pytest.raises(SegmentError, match=r"where\.tag: 'equals' is not one of any_of, none_of"):
        workspace_free({"tag": "equals", "value": ["VIP"]})
    with pytest.raises(SegmentError, match=r"where\.value: 'VIP' is not a list of tags such as \[VIP\]"):
        workspace_free({"tag": "any_of", "value": "VIP"})
    with pytest.raises(SegmentError, match="expected in, found '='"):
        parse_text('customer_user where tag = "VIP"')


def workspace_free(where: dict[str, object]) -> None:
    from analytics.segments import Definition

    Definition.from_document({"entity": "customer_user", "where": where})
