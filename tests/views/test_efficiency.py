"""Filters out of an address, and what the report is put into words as."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from analytics.bootstrap import create_services
from analytics.errors import NotFound
from analytics.reports.query import EfficiencyQuery
from analytics.views.efficiency import Filters, load

TODAY = date(2026, 11, 24)


def test_filters_survive_the_address() -> None:
    filters = Filters("custom", date(2026, 1, 1), date(2026, 1, 31), "spring", 7, "first touch", 14)
    given = {name: value for name, value in filters.parameters.items() if value is not None}
    assert Filters.read(given) == filters


@pytest.mark.parametrize(
    "parameters",
    [
        {"period": "forever", "since": "x", "until": "2026-13-01", "email": "-1", "window": "1e9", "model": "magic"},
        {"email": "٣", "window": "999999999999"},
        {},
    ],
)
def test_what_makes_no_sense_in_an_address_is_left_out(parameters: dict[str, str]) -> None:
    assert Filters.read(parameters) == Filters()


def test_a_period_is_days_back_from_today_and_a_last_day_is_included() -> None:
    assert Filters("30").query(TODAY) == EfficiencyQuery(since=date(2026, 10, 25))
    assert Filters("all").query(TODAY) == EfficiencyQuery()
    until = Filters("custom", None, date(2026, 1, 31)).query(TODAY).until
    assert until == date(2026, 2, 1)


def test_nothing_sent_is_said_so(tmp_path: Path) -> None:
    with create_services(tmp_path / "w") as services:
        view = load(services, Filters())
        assert view.is_empty
        assert view.verdict == "Nothing was sent in this period yet."
        with pytest.raises(NotFound):
            load(services, Filters(campaign="nobody"))
