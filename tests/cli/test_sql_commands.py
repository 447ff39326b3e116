"""SQL segments on the command line: from a file, as text, explained, stored, as a list; and the tables there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics import Workspace
from analytics.bootstrap import create_services
from analytics.cli.main import run
from tests.segments.shop import fill

Run = Callable[..., tuple[int, str, str]]
SQL = 'select customer_user_id, count(*) as n from "order" group by 1 having count(*) > 1'


@pytest.fixture
def shelduck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    with create_services(tmp_path / "shop") as services:
        users = [{"id": str(n), "email": f"user{n}@example.com"} for n in (1, 2, 3)]
        orders = [
            {"id": f"o{n}", "customer_user_id": who, "created_at": datetime(2026, n + 1, 1, tzinfo=UTC)}
            for n, who in enumerate(["1", "1", "2", "2", "3"])
        ]
        fill(services.store, {"customer_user": users, "order": orders}, services.model)
    (tmp_path / "repeat.sql").write_text(f"-- entity: customer_user\n{SQL}\n")
    (tmp_path / "bare.sql").write_text(SQL)

    def type_in(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            run(["--workspace", str(tmp_path / "shop"), *words])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return type_in


@pytest.mark.parametrize(
    "words",
    [("repeat.sql",), ("bare.sql", "--entity", "customer_user"), ("--entity", "customer_user", SQL)],
)
def test_sql_is_counted_from_a_file_and_as_text(shelduck: Run, words: tuple[str, ...]) -> None:
    code, out, _ = shelduck("segment", *words)
    assert code == 0 and out.startswith("2 customer users\n") and "user2@example.com" in out


def test_as_of_hides_what_the_query_would_find_later(shelduck: Run) -> None:
    assert shelduck("segment", "repeat.sql", "--as-of", "2026-03-15", "--sample", "0")[1] == "1 customer user\n"


def test_the_row_of_the_query_is_shown_as_the_reason(shelduck: Run) -> None:
    _, out, _ = shelduck("segment", "repeat.sql", "--sample", "0", "--explain", "user1@example.com")
    assert "1 is in the segment.\nThe query returned this row: customer_user_id = 1, n = 2." in out
    _, out, _ = shelduck("segment", "repeat.sql", "--sample", "0", "--explain", "3")
    assert "3 is not in the segment.\nThe query did not return this row." in out


def test_a_list_is_made_of_a_file_of_sql_and_of_the_stored_segment(shelduck: Run) -> None:
    assert "Stored as Repeat, version 1." in shelduck("segment", "repeat.sql", "--save", "Repeat")[1]
    assert "2 members" in shelduck("list", "create", "From file", "--segment", "repeat.sql")[1]
    assert "2 members" in shelduck("list", "create", "From text", "--segment", SQL, "--entity", "customer_user")[1]
    assert "2 members" in shelduck("list", "create", "On it", "--segment", "Repeat")[1]


def test_a_mistake_is_shown_with_its_place(shelduck: Run) -> None:
    code, _, err = shelduck("segment", "--entity", "customer_user", "select id\nfrom nobody")
    assert code != 0 and "line 2, column 6: No table 'nobody'" in err
    code, _, err = shelduck("segment", "bare.sql")
    assert code != 0 and "-- entity: customer_user" in err


def test_the_tables_and_their_columns_are_listed(shelduck: Run) -> None:
    assert "customer_user" in shelduck("tables")[1]
    _, out, _ = shelduck("tables", "events")
    assert "received_at" in out and "client_address" not in out
    code, _, err = shelduck("tables", "nothing")
    assert code != 0 and "No table 'nothing'" in err


def test_python_takes_sql_with_its_entity(shelduck: Run, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "shop") as workspace:
        assert workspace.segment(SQL, entity="customer_user").count() == 2
        assert workspace.segment(tmp_path / "repeat.sql").df()["Email"].tolist() == [
            "user1@example.com",
            "user2@example.com",
        ]
        assert workspace.segment({"entity": "customer_user", "sql": SQL}).explain("1").row == {
            "customer_user_id": "1",
            "n": 2,
        }
