"""Metrics: one definition each, intervals as published, described in the documentation."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.reports.metrics import BASE, DIVIDED, METRICS, Rate, figures, percent, shown, wilson

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reports.md"


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3 (Wilson's score method without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(numerator: int, denominator: int, low: float, high: float) -> None:
    rate = wilson(numerator, denominator)
    assert rate.value == numerator / denominator
    assert (rate.low, rate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_an_interval_holds_its_value_and_stays_within_0_and_1() -> None:
    dice = random.Random(1)
    for _ in range(2000):
        denominator = dice.choice([1, 2, 3, dice.randint(1, 100), dice.randint(1, 10**9)])
        numerator = dice.choice([0, denominator, dice.randint(0, denominator)])
        rate = wilson(numerator, denominator)
        assert rate.low is not None
        assert rate.value is not None
        assert rate.high is not None
        assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_a_rate_without_a_denominator_has_no_value() -> None:
    assert wilson(0, 0) == Rate(0, 0, None, None, None)


def test_more_than_the_whole_has_a_value_and_no_interval() -> None:
    assert wilson(3, 2) == Rate(3, 2, 1.5, None, None)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="-1 in 2"):
        wilson(-1, 2)


def test_every_metric_has_a_value_when_empty() -> None:
    empty = figures({})
    assert list(empty) == list(METRICS)
    assert empty["sent"] == 0
    assert empty["revenue"] == Decimal(0)
    assert empty["cost"] is empty["roi"] is empty["revenue_per_recipient"] is None
    assert percent(empty["open_rate"]) == "–"  # type: ignore[arg-type]


def test_counted_and_divided_metrics_are_all_metrics() -> None:
    assert sorted([*BASE, *DIVIDED]) == sorted(METRICS)
    for metric in METRICS.values():
        for part in (metric.numerator, metric.denominator):
            assert part is None or part in BASE


def test_divided_metrics_follow_their_formulas() -> None:
    counted = {
        "recipients": 8,
        "sent": 8,
        "delivered": 7,
        "clicks_human": 2,
        "revenue": Decimal(30),
        "cost": Decimal(20),
    }
    row = figures(counted)
    assert row["roi"] == Decimal("0.5")
    assert row["revenue_per_recipient"] == Decimal("3.75")
    assert row["click_rate"] == wilson(2, 7)
    assert row["delivery_rate"] == wilson(7, 8)


def test_a_cost_of_nothing_has_no_return() -> None:
    assert figures({"revenue": Decimal(5), "cost": Decimal(0)})["roi"] is None


def test_figures_are_shown_as_people_write_them() -> None:
    assert shown("sent", 1234567) == "1,234,567"
    assert shown("revenue", Decimal("1234.5000"), "EUR") == "1,234.50 EUR"
    assert shown("roi", Decimal("-0.2512")) == "-25 %"
    assert shown("cost", None, "EUR") == "–"
    assert percent(wilson(81, 263), interval=True) == "30.8 % (25.5-36.6)"


def test_every_metric_and_its_formula_is_in_the_documentation() -> None:
    text = DOCS.read_text("utf-8")
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.label} | {metric.formula} |" in text
