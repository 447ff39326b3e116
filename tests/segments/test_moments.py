"""Dates in words: what each means at a moment, over time zones, short months and clocks that jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from analytics.segments.moments import BadMoment, Moment, moment_words, parse_span

AT = Moment(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), "Europe/Berlin")  # 1 April 00:30 there


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-04-01", "2026-04-01"),
        ("today - 1", "2026-03-31", "2026-03-31"),
        ("TODAY-90d", "2026-01-01", "2026-01-01"),
        ("today + 2 weeks - 1 day", "2026-04-14", "2026-04-14"),
        ("today - 1 month", "2026-03-01", "2026-03-01"),
        ("start of month", "2026-04-01", "2026-04-01"),
        ("start of month - 1d", "2026-03-31", "2026-03-31"),
        ("start of week", "2026-03-30", "2026-03-30"),
        ("start of quarter", "2026-04-01", "2026-04-01"),
        ("start of year", "2026-01-01", "2026-01-01"),
        ("this week", "2026-03-30", "2026-04-05"),
        ("this month", "2026-04-01", "2026-04-30"),
        ("this month - 2", "2026-02-01", "2026-02-28"),
        ("this quarter - 1", "2026-01-01", "2026-03-31"),
        ("this year - 1", "2025-01-01", "2025-12-31"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
    ],
)
def test_whole_days(text: str, first: str, last: str) -> None:
    start, end = parse_span(text, AT).days(AT)
    assert (start, end - timedelta(days=1)) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("now", "2026-03-31T22:30:00+00:00", timedelta(microseconds=1)),
        ("now - 3h", "2026-03-31T19:30:00+00:00", timedelta(microseconds=1)),
        ("now - 90 minutes", "2026-03-31T21:00:00+00:00", timedelta(microseconds=1)),
        # Along the calendar: the same time of day, though the clocks went forward on the 29th.
        ("now - 4d", "2026-03-27T23:30:00+00:00", timedelta(microseconds=1)),
        ("now - 96h", "2026-03-27T22:30:00+00:00", timedelta(microseconds=1)),
        ("now - 1mo", "2026-02-28T23:30:00+00:00", timedelta(microseconds=1)),
        ("today - 1h", "2026-03-31T21:00:00+00:00", timedelta(microseconds=1)),
        ("2026-04-01 00:30", "2026-03-31T22:30:00+00:00", timedelta(minutes=1)),
        ("2026-04-01T00:30:15", "2026-03-31T22:30:15+00:00", timedelta(seconds=1)),
        ("2026-04-01T00:30:15.25", "2026-03-31T22:30:15.25+00:00", timedelta(microseconds=1)),
        ("2026-04-01T00:30Z", "2026-04-01T00:30:00+00:00", timedelta(minutes=1)),
        # The hour that the clocks jump over, and a day that has 23 hours.
        ("2026-03-29 02:30", "2026-03-29T01:30:00+00:00", timedelta(minutes=1)),
        ("2026-03-29", "2026-03-28T23:00:00+00:00", timedelta(hours=23)),
        ("2026-10-25", "2026-10-24T22:00:00+00:00", timedelta(hours=25)),
    ],
)
def test_instants(text: str, start: str, length: timedelta) -> None:
    first, end = parse_span(text, AT).instants(AT)
    assert (first, end - first) == (datetime.fromisoformat(start), length)


def test_weeks_begin_where_the_workspace_says() -> None:
    sunday = Moment(AT.now, AT.zone, week_start=6)
    assert parse_span("this week", sunday).days(sunday) == (date(2026, 3, 29), date(2026, 4, 5))


def test_quarters_follow_the_fiscal_year() -> None:
    fiscal = Moment(AT.now, AT.zone, year_start=2)
    assert parse_span("this quarter", fiscal).days(fiscal) == (date(2026, 2, 1), date(2026, 5, 1))
    assert parse_span("this year", fiscal).days(fiscal) == (date(2026, 2, 1), date(2027, 2, 1))


def test_now_in_an_hour_that_comes_twice_is_now() -> None:
    second = Moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin")
    assert parse_span("now", second).start == second.now
    assert parse_span("now - 1h", second).start == second.now - timedelta(hours=1)


def test_the_31st_becomes_the_last_day_of_a_shorter_month() -> None:
    moment = Moment(datetime(2026, 3, 31, 12, tzinfo=UTC), "UTC")
    assert parse_span("today - 1 month", moment).days(moment)[0] == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a date"),
        ("yesterday", "is not a date"),
        ("today - 3m", "m could be minutes or months"),
        ("today - 3 fortnights", "no unit"),
        ("today - d", "no step"),
        ("today 3d", "no step"),
        ("this hour", "none of day"),
        ("2026-13-01", "no date of the calendar"),
        ("2026-11-24 25:00", "no date of the calendar"),
        ("today - 9999y", "beyond"),
        ("today - 999999999999d", "no step|beyond"),
        ("today'; drop table user; --", "is not a date|no step"),
    ],
)
def test_anything_else_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadMoment, match=says):
        parse_span(text, AT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("today - 90d", "90 days ago"),
        ("today - 1 day", "yesterday"),
        ("today + 1d", "tomorrow"),
        ("today + 2w", "in 2 weeks"),
        ("now - 1h", "1 hour ago"),
        ("now - 1d", "1 day ago"),
        ("today", "today"),
        ("today - 3 fortnights", "today - 3 fortnights"),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_relative_dates_are_said_as_people_say_them(text: str, words: str) -> None:
    assert moment_words(text) == words
