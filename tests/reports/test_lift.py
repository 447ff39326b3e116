"""Lift: what those who were mailed spent beyond those held out."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from math import sqrt
from pathlib import Path
from statistics import mean, variance

import pytest

from analytics.errors import NotFound, ReportError
from analytics.reports import LiftReport, Reports, lift
from analytics.reports.lift import Arm, t_quantile, welch
from tests.reports.world import DAY, MINUTE, NOON, World


@pytest.mark.parametrize(
    ("p", "freedom", "quantile"),
    # Tables of Student's t distribution (Fisher and Yates, table III), one of them the normal's.
    [
        *((0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 10, 2.228), (0.975, 30, 2.042), (0.975, 120, 1.980)),
        *((0.95, 5, 2.015), (0.995, 20, 2.845), (0.975, 1e7, 1.95996), (0.5, 7, 0.0)),
    ],
)
def test_quantiles_of_student_are_those_of_the_tables(p: float, freedom: float, quantile: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(quantile, abs=6e-4)


def test_the_interval_is_that_of_welch() -> None:
    """Six values beside ten of another spread: between 6 and 7 degrees of freedom, by the formula of Satterthwaite."""
    one, other = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2]
    found = welch(_arm(one), _arm(other))
    a, b = variance(one) / 6, variance(other) / 10
    assert 6 < (a + b) ** 2 / (a**2 / 5 + b**2 / 9) < 7
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(mean(one) - mean(other))
    half = (found.high - found.low) / 2
    assert found.value == pytest.approx((found.high + found.low) / 2)
    assert 2.365 * sqrt(a + b) < half < 2.447 * sqrt(a + b)  # the tables' t of 0.975 at 7 and at 6 degrees
    assert not found.is_decided


def test_everybody_assigned_counts_by_person_and_orders_without_a_click(world: World) -> None:
    world.email_campaign("Hello")
    world.sending(1)
    spent = {"ada": 30, "bob": 10, "cyd": 4, "dan": 0}
    states = {"ada": ("planned", "accepted"), "bob": ("planned", "skipped"), "cyd": ("held_out",), "dan": ("held_out",)}
    for name, total in spent.items():
        world.user(name)
        world.deliver(1, name, *states[name])
        if total:
            world.order(name, NOON + DAY, total)
    world.deliver(1, "never", "skipped")
    world.order("ada", NOON + 2 * DAY, 5, is_return=True)
    world.order("ada", NOON - MINUTE, 999)
    world.order("ada", NOON + 7 * DAY, 999)
    world.order("bob", NOON + DAY, 999, internal_status="cancelled")
    world.order("bob", NOON + DAY, 999, currency="USD")
    (row,) = _lift(world).rows
    assert (row.mailed.persons, row.mailed.revenue, row.mailed.buyers) == (2, Decimal(35), 2)
    assert (row.held_out.persons, row.held_out.revenue, row.held_out.buyers) == (2, Decimal(4), 1)
    assert row.per_person.value == pytest.approx(35 / 2 - 4 / 2)
    assert row.incremental.value == pytest.approx(31)


def test_a_mail_without_a_holdout_has_no_lift(world: World) -> None:
    world.email_campaign("Hello")
    world.sending(1)
    world.deliver(1, "ada")
    assert _lift(world).rows == ()


def test_the_lift_of_hillstrom_is_the_published_one(world: World, shared: Path) -> None:
    """64,000 customers, mailed or not at random (MineThatData, 2008): spend in two weeks per group as published."""
    with gzip.open(shared / "hillstrom" / "hillstrom.csv.gz", "rt") as file:
        people = list(csv.DictReader(file))
    groups = {"Mens E-Mail": 1, "Womens E-Mail": 2}
    for name in groups:
        world.sending(world.email_campaign(name))
    for n, row in enumerate(people):
        for group, sending in groups.items():
            if row["segment"] in (group, "No E-Mail"):
                states = ("planned",) if row["segment"] == group else ("held_out",)
                world.fact(sending * 100_000 + n, sending, f"p{n}@example.com", states[0], NOON)
        if float(row["spend"]) > 0:
            world.user(f"u{n}", f"p{n}@example.com")
            world.order(f"u{n}", NOON + DAY, row["spend"])
    rows = {row.email_campaign: row for row in _lift(world, window_days=14).rows}
    mens, womens = rows["Mens E-Mail"], rows["Womens E-Mail"]
    assert (mens.mailed.persons, womens.mailed.persons, mens.held_out.persons) == (21307, 21387, 21306)
    assert (mens.mailed.buyers, womens.mailed.buyers, mens.held_out.buyers) == (267, 189, 122)
    sums = [arm.revenue for arm in (mens.mailed, womens.mailed, mens.held_out)]
    assert [round(total, 2) for total in sums] == [Decimal("30311.69"), Decimal("23038.11"), Decimal("13908.33")]
    for row, group in ((mens, "Mens E-Mail"), (womens, "Womens E-Mail")):
        one, other = ([float(p["spend"]) for p in people if p["segment"] == g] for g in (group, "No E-Mail"))
        half = 1.95996 * sqrt(variance(one) / len(one) + variance(other) / len(other))
        assert row.per_person.value == pytest.approx(mean(one) - mean(other))
        assert row.per_person.high == pytest.approx(mean(one) - mean(other) + half, rel=1e-4)
        assert row.per_person.is_decided


def test_reports_are_found_by_name_and_say_which_question_they_answer(world: World) -> None:
    world.write()
    reports = Reports(world.store, world.model)
    assert reports.names() == ("efficiency", "lift", "calls")
    assert all(reports.question(name).endswith("?") for name in reports.names())
    assert reports.report("efficiency", since="2026-01-01").total["sent"] == 0
    with pytest.raises(NotFound, match=r"'cohorts'\. There are: efficiency, lift"):
        reports.report("cohorts")
    with pytest.raises(ReportError, match=r"no filter 'from_day'; there are since, until"):
        reports.report("efficiency", from_day="2026-01-01")


def test_a_lift_report_is_written_like_the_others(world: World, tmp_path: Path) -> None:
    world.email_campaign("Hello")
    world.sending(1)
    world.deliver(1, "ada")
    world.deliver(1, "bob", "held_out")
    report = _lift(world)
    path = report.csv(tmp_path / "lift.csv")
    with path.open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["email_campaign"], line["persons_mailed"], line["lift_per_person_low"]) == ("Hello", "1", "")
    assert list(report.df().columns) == list(line)
    assert (tmp_path / "lift.csv.txt").read_text("utf-8").splitlines() == list(report.footer)


def _lift(world: World, **filters: object) -> LiftReport:
    from analytics.reports import EfficiencyQuery

    world.write()
    return lift(world.store, world.model, EfficiencyQuery(**filters))  # type: ignore[arg-type]


def _arm(values: list[float]) -> Arm:
    return Arm(len(values), sum(v > 0 for v in values), Decimal(str(sum(values))), sum(v * v for v in values))
