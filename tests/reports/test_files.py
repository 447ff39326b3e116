"""The same numbers as frame, as CSV and as rows; files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.errors import ReportError
from analytics.reports import EfficiencyReport
from analytics.reports.metrics import METRICS, Rate
from analytics.reports.outcome import LEVELS
from analytics.reports.tidy import cell
from tests.reports.world import DAY, HOUR, NOON, World


@pytest.fixture
def report(world: World) -> EfficiencyReport:
    world.website()
    spring = world.marketing_campaign("Spring, early\n2026", "spring26")
    world.email_campaign('=HYPERLINK("http://evil.example")', spring)
    world.sending(1)
    world.link(1, 1, "@SUM(1+1)")
    for name in ("ada", "bob", "cyd"):
        world.user(name)
        delivery = world.deliver(1, name)
        world.open(delivery, verdict="machine" if name == "cyd" else "human")
        world.click(delivery, NOON + HOUR)
        world.order(name, NOON + DAY, "19.90", currency="USD" if name == "cyd" else "EUR")
    world.hit("a1", NOON, code="spring26")
    return world.report()


def test_frame_and_csv_have_the_numbers_of_the_rows(report: EfficiencyReport, tmp_path: Path) -> None:
    (row,) = report.email_campaigns
    frame = report.df("email campaign").iloc[0]
    (line,) = _read(report.csv(tmp_path / "out.csv"))
    for name in METRICS:
        figure = row[name]
        if isinstance(figure, Rate):
            for end in ("", "_low", "_high"):
                value = getattr(figure, end.removeprefix("_") or "value")
                assert frame[f"{name}{end}"] == value
                written = line[f"{name}{end}"]
                assert written == "" if value is None else float(written) == pytest.approx(value, abs=5e-7)
        elif figure is None:
            assert (frame[name], line[name]) == (None, "")
        else:
            assert frame[name] == figure
            assert Decimal(line[name]) == figure


def test_every_level_is_a_table_with_a_header_that_stays(
    world: World, report: EfficiencyReport, tmp_path: Path
) -> None:
    empty = world.report(since="2030-01-01")
    for level in LEVELS:
        header, rows = report.table(level)
        assert rows, level
        assert list(report.df(level).columns) == list(header) == list(empty.table(level)[0])
        read = _read(report.csv(tmp_path / "out.csv", level))
        assert list(read[0]) == list(header)
        assert len(read) == len(rows)


def test_text_that_is_a_formula_is_written_as_text(report: EfficiencyReport, tmp_path: Path) -> None:
    (line,) = _read(report.csv(tmp_path / "out.csv"))
    assert line["name"] == '\'=HYPERLINK("http://evil.example")'
    assert line["marketing_campaign"] == "Spring, early\n2026"
    (link,) = _read(report.csv(tmp_path / "links.csv", "links"))
    assert link["url"] == "'@SUM(1+1)"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "＝1"])
def test_every_way_to_begin_a_formula_is_quoted(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_numbers_below_zero_stay_numbers() -> None:
    assert (cell(-5), cell(Decimal("-0.2500")), cell(None), cell(0.5)) == ("-5", "-0.2500", "", "0.500000")


def test_the_footer_lies_beside_the_file(report: EfficiencyReport, tmp_path: Path) -> None:
    report.csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv.txt").read_text("utf-8").splitlines() == list(report.footer)
    assert sorted(p.name for p in tmp_path.glob("*out*")) == ["out.csv", "out.csv.txt"]


def test_a_file_that_cannot_be_written_is_named(report: EfficiencyReport, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"nowhere.*out\.csv cannot be written: No such file or directory"):
        report.csv(tmp_path / "nowhere" / "out.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReportError, match="folder cannot be written"):
        report.csv(tmp_path / "folder")
    assert not list(tmp_path.glob(".folder*"))


def test_an_unknown_level_is_named_with_those_there_are(report: EfficiencyReport) -> None:
    with pytest.raises(ReportError, match=r"'weekly'; there are email campaign, marketing campaign"):
        report.table("weekly")  # type: ignore[arg-type]


def test_the_sql_that_was_run_is_kept_with_its_values(report: EfficiencyReport) -> None:
    assert "-- $window_days = 7" in report.sql
    for name in ("efficiency_visits", "efficiency_credits", "efficiency_mail"):
        assert f"-- {name}\n" in report.sql


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))
