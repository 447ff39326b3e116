"""The commands of calling, run as a person types them, and the sheet on paper and back."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analytics.bootstrap import create_services
from analytics.cli.main import run
from analytics.segments import Definition
from tests.calls.conftest import SCRIPT, put, user

Run = Callable[..., tuple[int, str, str]]
ZONELESS = ("+80012345001", "+80012345002", "+80012345003")  # of no country, so the hour of the test does not matter


@pytest.fixture
def shelduck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "kim")
    with create_services(tmp_path / "shop", settings={"name": "Test shop"}) as services:
        people = [
            user(f"u{n}", f"p{n}@example.com", name, ZONELESS[n], None) for n, name in enumerate(["Ada", "=Bob", "<b>"])
        ]
        put(services, "customer_user", [*people, user("u9", None, "Dee", "12", None)])
        definition = Definition.from_document({"entity": "customer_user", "sort": [{"field": "id"}]})
        services.lists.create("Phones", definition, contact="phone")

    def type_in(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            run(["--workspace", str(tmp_path / "shop"), *words])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    (tmp_path / "script.txt").write_text(SCRIPT)
    assert type_in("call", "create", "Spring", "--list", "Phones", "--script", "@script.txt")[0] == 0
    yield type_in


def test_a_campaign_is_made_called_and_noted(shelduck: Run) -> None:
    code, out, _ = shelduck("call", "show", "Spring")
    assert code == 0
    assert "3 numbers of 4 members; 3 to call now" in out and "cannot be called, no country: 1" in out
    out = shelduck("call", "next", "Spring")[1]
    assert (
        "+800 1234 5001  Ada" in out and "Hello Ada, this is kim of Test shop." in out and "local time unknown" in out
    )
    assert "=Bob" in shelduck("call", "next", "Spring", "--as", "Lou")[1]
    out = shelduck("call", "note", "Spring", ZONELESS[0], "no_answer", "--note", "rang", "--key", "k")[1]
    assert out.startswith("+80012345001: no_answer. Next call ")
    assert shelduck("call", "note", "Spring", ZONELESS[0], "no_answer", "--key", "k")[1] == out
    code, _, err = shelduck("call", "note", "Spring", ZONELESS[0], "asleep")
    assert code == 1 and "'asleep' is no outcome of a call" in err
    out = shelduck("call", "sheet", "Spring", "--limit", "2")[1]
    assert out.index("+80012345002") < out.index("+80012345003") and "1 more." in out
    assert "Spring" in shelduck("call", "all")[1]
    assert shelduck("ingest")[0] == 0
    assert "Spring" in shelduck("report", "calls")[1]


def test_a_sheet_is_taken_along_and_its_outcomes_come_back_once(shelduck: Run, tmp_path: Path) -> None:
    code, out, _ = shelduck("call", "export", "Spring", "sheet.csv", "--as", "Kim", "--limit", "2")
    assert (code, out) == (0, "sheet.csv: 2 people, held for 12 hours.\n")
    assert "<b>" in shelduck("call", "next", "Spring", "--as", "Lou")[1]  # nobody else gets those two
    with (tmp_path / "sheet.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == ["Ada", "'=Bob"]
    assert rows[0]["script"] == "Hello Ada, this is Kim of Test shop."
    rows[0] |= {"outcome": "Ordered", "note": "two\x00 of them", "called_at": "2026-01-05T10:00"}
    rows.append({**rows[1], "number": "12", "outcome": "busy", "request_key": "x"})
    with (tmp_path / "back.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for _ in range(2):
        code, out, err = shelduck("call", "import", "Spring", "back.csv", "--as", "Kim")
        assert (code, out) == (1, "1 calls noted, 1 lines without an outcome.\n")
        assert "Line 4: '+12' is no telephone number" in err
    assert "1 called, 1 reached" in shelduck("call", "show", "Spring")[1]
    assert "has no column 'number'" in shelduck("call", "import", "Spring", "script.txt")[2]


def test_a_sheet_to_print_holds_names_as_text(shelduck: Run, tmp_path: Path) -> None:
    assert shelduck("call", "export", "Spring", "sheet.html")[0] == 0
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert "&lt;b&gt;" in page and "<b>" not in page and "+800 1234 5003" in page and "&#9744; Do not call" in page
    assert "ending in .csv, or in .html" in shelduck("call", "export", "Spring", "sheet.doc")[2]
