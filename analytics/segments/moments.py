"""Dates as conditions name them: written out, or relative to now, turned into spans of time.

Every value stands for a span: a day for its 24 hours, `2026-11-24 14:30` for that minute, `this month` for the month,
`now` for one microsecond. Operators compare with the span's ends, so `equals` means inside it and `after` beyond it.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.engine import Engine
from analytics.settings import Settings

_MICROSECOND = timedelta(microseconds=1)

UNITS = {
    "minute": ("minute", "minutes", "min"),
    "hour": ("hour", "hours", "h"),
    "day": ("day", "days", "d"),
    "week": ("week", "weeks", "w"),
    "month": ("month", "months", "mo"),
    "quarter": ("quarter", "quarters", "q"),
    "year": ("year", "years", "y"),
}
_UNIT_OF = {word: unit for unit, words in UNITS.items() for word in words}
_CALENDAR = ("week", "month", "quarter", "year")
_EXACT = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
EXAMPLES = (
    "a date (2026-11-24), a time (2026-11-24 14:30) or one relative to now such as today, now - 3h, today - 90d, "
    "start of month, this week - 1"
)

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d{1,6})?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_BASE = re.compile(r"(?P<base>now|today|(?P<form>start of|this)\s+(?P<unit>[a-z]+))(?=\s|[+-]|$)", re.IGNORECASE)
_DURATION = re.compile(r"(?P<count>\d{1,6})\s*(?P<unit>[a-z]+)", re.IGNORECASE)
_STEP = re.compile(r"\s*(?P<sign>[+-])\s*(?P<count>\d{1,6})\s*(?P<unit>[a-z]*)", re.IGNORECASE)

_AWAY = re.compile(r"(?P<base>today|now)\s*(?P<sign>[+-])\s*(?P<away>\d{1,6}\s*(?P<unit>[a-z]+))")


class BadMoment(ValueError):
    """A text that is no date, time or relative expression; the message says why."""


@dataclass(frozen=True)
class Moment:
    """What relative dates are relative to: a time (aware), a time zone, and where weeks and years begin.

    `week_start` is 0 = Monday to 6 = Sunday; `year_start` the month years and quarters begin with, 1 = January.
    """

    now: datetime
    zone: str
    week_start: int = 0
    year_start: int = 1

    @classmethod
    def of(cls, engine: Engine) -> Moment:
        """Return the moment of an engine: its `now`, or the moment it reads as of, in the workspace's time zone."""
        return replace(cls.at(engine.now, engine.settings), zone=engine.zone)

    @classmethod
    def at(cls, now: datetime, settings: Settings) -> Moment:
        """Return the moment `now` in a workspace with these settings."""
        return cls(now, settings.timezone, settings.week_start_number, settings.fiscal_year_start)

    @property
    def local(self) -> datetime:
        """The wall clock time, without zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)

    def instant(self, local: datetime) -> datetime:
        """Return the UTC time of a wall clock time; one that comes twice is its first, a skipped one the later."""
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True)
class Span:
    """From `start` up to but without `end`: wall clock times for whole days, UTC (aware) for anything finer."""

    start: datetime
    end: datetime

    @property
    def is_days(self) -> bool:
        """Whether the span consists of whole days of the calendar."""
        return self.start.tzinfo is None

    def instants(self, moment: Moment) -> tuple[datetime, datetime]:
        """Return start and end in UTC."""
        if self.is_days:
            return moment.instant(self.start), moment.instant(self.end)
        return self.start, self.end

    def days(self, moment: Moment) -> tuple[date, date]:
        """Return first day and the day after the last one, in the time zone of `moment`."""
        if self.is_days:
            return self.start.date(), self.end.date()
        zone = ZoneInfo(moment.zone)
        first, last = self.start.astimezone(zone).date(), (self.end - _MICROSECOND).astimezone(zone).date()
        return first, last + timedelta(days=1)


def parse_span(text: str, moment: Moment) -> Span:
    """Return the span a text names at `moment`; raises BadMoment saying what is wrong.

    `now`, `today`, `start of UNIT` (its first day), `this UNIT` (all of it), each followed by any number of
    `+ 3 UNIT` or `- 3 UNIT`. Without a unit the number counts days, after `this UNIT` that unit. Days, weeks, months
    and years move along the calendar, hours and minutes by the clock; the 31st becomes the last day of a shorter month.
    """
    text = text.strip()
    try:
        written = _written(text, moment)
        return written if written is not None else _relative(text, moment)
    except OverflowError:
        raise BadMoment(f"{text!r} is beyond the years 1 to 9999") from None


def exact_duration(text: str) -> timedelta | None:
    """Return a duration in minutes, hours, days (24 hours) or weeks such as 7d; None for any other text."""
    match = _DURATION.fullmatch(text.strip())
    unit = None if match is None else _EXACT.get(_UNIT_OF.get(match["unit"].lower(), ""))
    return None if match is None or unit is None else int(match["count"]) * unit


def duration_words(text: str) -> str:
    """Return a duration for people: "30 days" for 30d; any other text as it is."""
    match = _DURATION.fullmatch(text.strip())
    unit = None if match is None else _UNIT_OF.get(match["unit"].lower())
    if match is None or unit is None:
        return text
    count = int(match["count"])
    return f"{count} {unit}{'' if count == 1 else 's'}"


def moment_words(text: str) -> str:
    """Return a relative date for people: "90 days ago" for today - 90d; any other text as it is."""
    match = _AWAY.fullmatch(text.strip())
    if match is None or match["unit"] not in _UNIT_OF:
        return text
    away, is_past = duration_words(match["away"]), match["sign"] == "-"
    if (match["base"], away) == ("today", "1 day"):
        return "yesterday" if is_past else "tomorrow"
    return f"{away} ago" if is_past else f"in {away}"


def _written(text: str, moment: Moment) -> Span | None:
    try:
        if _ISO_DAY.fullmatch(text):
            start = datetime.combine(date.fromisoformat(text), time())
            return Span(start, start + timedelta(days=1))
        match = _ISO_TIME.fullmatch(text)
        if match is None:
            return None
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMoment(f"{text!r} is no date of the calendar ({error})") from None
    start = read.astimezone(UTC) if read.tzinfo is not None else moment.instant(read)
    length = _MICROSECOND if match["fraction"] else timedelta(seconds=1) if match["seconds"] else timedelta(minutes=1)
    return Span(start, start + length)


def _relative(text: str, moment: Moment) -> Span:
    match = _BASE.match(text)
    if match is None:
        raise BadMoment(f"{text!r} is not {EXAMPLES}")
    form, unit = (match["form"] or "").lower(), None
    if match["unit"] is not None:
        unit = _UNIT_OF.get(match["unit"].lower())
        if unit not in ("day", *_CALENDAR):
            raise BadMoment(f"{match['unit']!r} in {text!r} is none of day, {', '.join(_CALENDAR)}")
    base = match["base"].lower()
    local = moment.local if base == "now" else _floor(moment.local, unit or "day", moment)
    by_clock = timedelta()
    position, was_clocked, was_moved = match.end(), base == "now", base != "now"
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise BadMoment(f"{text[position:].strip()!r} in {text!r} is no step such as - 30d")
        count = int(step["count"]) * (-1 if step["sign"] == "-" else 1)
        stepped = _unit_of_step(step["unit"], unit if form == "this" else "day", text)
        if stepped in ("minute", "hour"):
            by_clock += timedelta(**{f"{stepped}s": count})
            was_clocked = True
        else:
            local, was_moved = add(local, count, stepped), True
        position = step.end()
    if was_clocked:
        # An hour that comes twice has one wall clock time: unmoved, now is taken as it is.
        start = (moment.instant(local) if was_moved else moment.now.astimezone(UTC)) + by_clock
        return Span(start, start + _MICROSECOND)
    if form == "this" and unit is not None:
        start = _floor(local, unit, moment)
        return Span(start, add(start, 1, unit))
    return Span(local, local + timedelta(days=1))


def _unit_of_step(word: str, default: str | None, text: str) -> str:
    if not word:
        return default or "day"
    unit = _UNIT_OF.get(word.lower())
    if unit is None:
        hint = "; m could be minutes or months: write min or mo" if word.lower() == "m" else ""
        raise BadMoment(f"{word!r} in {text!r} is no unit of {', '.join(UNITS)}{hint}")
    return unit


def add(local: datetime, count: int, unit: str) -> datetime:
    """Return a wall clock time moved by `count` days, weeks, months, quarters or years along the calendar."""
    if unit == "day":
        return local + timedelta(days=count)
    if unit == "week":
        return local + timedelta(weeks=count)
    months = local.year * 12 + local.month - 1 + count * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return local.replace(year=year, month=month + 1, day=min(local.day, calendar.monthrange(year, month + 1)[1]))


def _floor(local: datetime, unit: str, moment: Moment) -> datetime:
    """Return the first moment of the day, week, month, quarter or year a wall clock time is in."""
    day = datetime.combine(local.date(), time())
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=(day.weekday() - moment.week_start) % 7)
    first = day.replace(day=1)
    if unit == "month":
        return first
    past = (first.month - moment.year_start) % (3 if unit == "quarter" else 12)
    return add(first, -past, "month")
