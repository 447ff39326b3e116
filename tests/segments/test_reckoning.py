"""How a workspace reckons time: its zone, where weeks and years begin, and what happens on the edges of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.engine import Engine
from analytics.errors import SettingsError
from analytics.model.clock import SimulatedClock
from analytics.segments import Segments, parse_text
from analytics.segments.comparisons import part_of
from analytics.segments.moments import Moment, parse_span
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, fill

ZONE = "America/New_York"
FORWARD, BACK = date(2026, 3, 8), date(2026, 11, 1)  # the days there on which clocks change


def quarter_of(month: int, start: int) -> tuple[int, int]:
    """Return (number of the quarter, its first month), counted out month by month."""
    months = [(start + n - 1) % 12 + 1 for n in range(12)]
    at = months.index(month)
    return at // 3 + 1, months[at // 3 * 3]


@pytest.mark.parametrize("start", range(1, 13))
def test_quarters_and_years_begin_with_the_month_of_the_setting(start: int) -> None:
    for month in range(1, 13):
        for day in (1, 28):
            now = datetime(2026, month, day, 12, tzinfo=UTC)
            moment = Moment.at(now, Settings.of({"fiscal_year_start": start}))
            number, first = quarter_of(month, start)
            span = parse_span("this quarter", moment)
            begins, ends = span.days(moment)
            assert (begins.month, begins.day) == (first, 1)
            assert begins <= now.date() < ends
            assert (ends.year * 12 + ends.month) - (begins.year * 12 + begins.month) == 3
            assert part_of(now.date(), "quarter", start, moment, span) == number
            begins, ends = parse_span("this year", moment).days(moment)
            assert begins == date(2026 if month >= start else 2025, start, 1)
            assert ends == date(begins.year + 1, start, 1)
            assert parse_span("start of year", moment).days(moment)[0] == begins
            before = parse_span("this quarter - 1", moment).days(moment)
            assert before[1] == parse_span("start of quarter", moment).days(moment)[0]


@pytest.mark.parametrize("value", [0, 13, "april"])
def test_no_other_month_begins_a_year(value: Any) -> None:
    with pytest.raises(SettingsError, match="fiscal_year_start"):
        Settings.of({"fiscal_year_start": value})


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Segments, Store, dict[str, datetime]]]:
    """An order in every half hour of the days around both changes of clocks, and on the edges of quarters."""
    folder: Path = tmp_path_factory.mktemp("hours") / "s"
    zone = ZoneInfo(ZONE)
    times: dict[str, datetime] = {}
    for day in (FORWARD, BACK):
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) - timedelta(hours=3)
        for n in range(62):
            times[f"{day}.{n:02}"] = midnight + timedelta(minutes=30 * n)
    for month in range(1, 13):
        first = datetime(2026, month, 1, tzinfo=zone).astimezone(UTC)
        times[f"edge{month:02}a"], times[f"edge{month:02}b"] = first - timedelta(microseconds=1), first
    settings = Settings.of({"timezone": ZONE, "week_start": "sunday", "fiscal_year_start": 4, "threads": 1})
    with Store.create(folder, settings, SimulatedClock(datetime(2026, 11, 2, 3, tzinfo=UTC))) as store:
        fill(store, {"order": [{"id": key, "created_at": at} for key, at in times.items()]})
        yield Segments(store, MODEL), store, times


def asked(hours: tuple[Segments, Store, dict[str, datetime]], condition: str) -> set[str]:
    segments, store, _ = hours
    with Engine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
        return set(segments.keys(parse_text(f"order where {condition}"), engine).column("key").to_pylist())


@pytest.mark.parametrize("hour", range(24))
def test_hours_are_those_of_the_wall_clock_where_the_shop_is(
    hours: tuple[Segments, Store, dict[str, datetime]], hour: int
) -> None:
    expected = {key for key, at in hours[2].items() if at.astimezone(ZoneInfo(ZONE)).hour == hour}
    assert asked(hours, f"hour(created_at) = {hour}") == expected
    if hour == 2:
        assert not any(key.startswith(str(FORWARD)) and key in expected for key in list(hours[2])[6:50])
    if hour == 1:
        assert len([key for key in expected if key.startswith(str(BACK))]) == 6  # it comes twice, then the next day's


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("created_at = 2026-03-08", lambda at: at.date() == FORWARD),
        ("created_at = 2026-11-01", lambda at: at.date() == BACK),
        ("day_and_month(created_at) = 03-08", lambda at: (at.month, at.day) == (3, 8)),
        ("day_of_week(created_at) = 7", lambda at: at.isoweekday() == 7),
        ("month(created_at) = start of quarter", lambda at: at.month == 10),
        ("day_and_month(created_at) = start of quarter", lambda at: (at.month, at.day) == (10, 1)),
        ("day_of_year(created_at) = start of quarter", lambda at: (at.month, at.day) == (10, 1)),
        ("quarter(created_at) = 1", lambda at: at.month in (4, 5, 6)),
        ("quarter(created_at) = 4", lambda at: at.month in (1, 2, 3)),
        ("quarter(created_at) = today", lambda at: at.month in (10, 11, 12)),
        ("quarter(created_at) between 4 and 1", lambda at: at.month < 7),
        ("created_at = this quarter", lambda at: date(2026, 10, 1) <= at.date() < date(2027, 1, 1)),
        ("created_at = this quarter - 3", lambda at: date(2026, 1, 1) <= at.date() < date(2026, 4, 1)),
        ("created_at = this year", lambda at: at.date() >= date(2026, 4, 1)),
        ("created_at = this year - 1", lambda at: date(2025, 4, 1) <= at.date() < date(2026, 4, 1)),
        ("year(created_at) = 2025", lambda at: at.year == 2025),
        # Now is 22:00 on Sunday the 1st of November there: the week began this morning.
        ("created_at = this week", lambda at: date(2026, 11, 1) <= at.date() < date(2026, 11, 8)),
        ("created_at >= start of week - 1d", lambda at: at.date() >= date(2026, 10, 31)),
        ("created_at > now - 3h", lambda at: at.astimezone(UTC) > datetime(2026, 11, 2, 0, tzinfo=UTC)),
        # 24 hours by the clock end an hour later than the same time of the day before.
        ("created_at < now - 24h", lambda at: at.astimezone(UTC) < datetime(2026, 11, 1, 3, tzinfo=UTC)),
        ("created_at < now - 1d", lambda at: at.astimezone(UTC) < datetime(2026, 11, 1, 2, tzinfo=UTC)),
        ("hour(created_at) between 22 and 1", lambda at: at.hour in (22, 23, 0, 1)),
    ],
)
def test_days_weeks_quarters_and_years_begin_when_they_do_where_the_shop_is(
    hours: tuple[Segments, Store, dict[str, datetime]], condition: str, holds: Any
) -> None:
    expected = {key for key, at in hours[2].items() if holds(at.astimezone(ZoneInfo(ZONE)))}
    assert asked(hours, condition) == expected
    assert 0 < len(expected) < len(hours[2])


def test_birthdays_on_the_29th_of_february_are_between_the_28th_and_the_1st_of_march(tmp_path: Path) -> None:
    with Store.create(tmp_path / "s", Settings.of({}), SimulatedClock(datetime(2026, 2, 28, tzinfo=UTC))) as store:
        days = {
            "leap": date(2000, 2, 29),
            "before": date(1999, 2, 28),
            "after": date(1999, 3, 1),
            "late": date(1999, 3, 2),
        }
        fill(store, {"user": [{"id": key, "birthday": day} for key, day in days.items()]})
        segments = Segments(store, MODEL)
        for text, keys in [
            ("user where day_and_month(birthday) = today", {"before"}),
            ("user where day_and_month(birthday) between today and today + 1d", {"before", "leap", "after"}),
        ]:
            with Engine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
                assert set(segments.keys(parse_text(text), engine).column("key").to_pylist()) == keys
