"""`shelduck report`: numbers on the terminal, files, SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from analytics.cli import report as command
from analytics.errors import NotFound
from tests.reports.world import DAY, NOON, World


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A shop with one mail, its folder the workspace of the command line."""
    world.email_campaign("[b]Hello[/b]", world.marketing_campaign("Spring", "spring26"))
    world.sending(1)
    world.user("ada")
    world.click(world.deliver(1, "ada"))
    world.order("ada", NOON + DAY, 80)
    world.write()
    monkeypatch.setenv("SHELDUCK_HOME", str(world.store.folder.root))
    monkeypatch.setenv("COLUMNS", "240")
    return world


def test_the_report_shows_campaigns_and_how_the_numbers_came(shop: World) -> None:
    shown = _run("efficiency").stdout
    for text in ("[b]Hello[/b]", "Spring", "Total", "80.00 EUR", "Complete until", "0 <= order - touch < 7 days"):
        assert text in shown


def test_filters_reach_the_report(shop: World) -> None:
    shown = _run("efficiency", "--window", "1", "--model", "first touch", "--campaign", "spring26").stdout
    assert "first touch, 0 <= order - touch < 1 days" in shown
    assert "marketing campaign Spring" in shown
    assert "Nothing was sent" in _run("efficiency", "--since", "2026-12-01").stdout


def test_a_csv_is_written_with_its_footer(shop: World, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    said = _run("efficiency", "--csv", str(target), "--level", "marketing campaign").stdout
    assert "1 rows" in said
    assert target.read_text("utf-8").splitlines()[1].startswith("1,Spring,spring26,")
    assert "Formulas:" in (tmp_path / "out.csv.txt").read_text("utf-8")


def test_every_level_is_drawn(shop: World) -> None:
    for level in ("total", "daily", "funnel", "links", "machines", "currencies"):
        assert level.capitalize() in _run("efficiency", "--level", level).stdout


def test_the_sql_is_printed(shop: World) -> None:
    assert "create table _credit as" in _run("efficiency", "--sql").stdout


def test_an_unknown_campaign_is_an_error_with_a_sentence(shop: World) -> None:
    with pytest.raises(NotFound, match=r"'autumn'. There are: Spring \(spring26\)"):
        _run("efficiency", "--campaign", "autumn")


def test_lift_says_when_nobody_was_held_out(shop: World) -> None:
    assert "held anybody out" in _run("lift").stdout


def test_reports_are_listed_with_their_questions(shop: World) -> None:
    shown = _run("names").stdout
    assert "efficiency" in shown
    assert "beyond what the same people" in shown


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result
