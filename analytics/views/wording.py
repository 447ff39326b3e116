"""How numbers, times and states are put into words on every screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

NOTHING = "–"
REASON_WORDS = {
    "complaint": "Complained",
    "hard_bounce": "Address does not exist",
    "unsubscribed": "Unsubscribed",
    "manual": "By hand",
    "do_not_call": "Not to be called",
    "domain_blocked": "Domain blocked",
    "topic_declined": "Declined the topic",
    "no_consent": "Never asked for the topic",
    "cancelled": "Sending cancelled",
}
"""Why somebody gets no mail."""


def number(value: float | Decimal | None, digits: int = 0) -> str:
    """Return 1234567 as "1,234,567"; None as a dash."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(value: float | Decimal | None, digits: int = 1) -> str:
    """Return the share 0.1234 as "12.3 %"; None as a dash."""
    return NOTHING if value is None else f"{float(value) * 100:,.{digits}f} %"


def money(value: float | Decimal | None, currency: str, digits: int = 2) -> str:
    """Return an amount with its currency, "1,234.50 EUR"; None as a dash."""
    return NOTHING if value is None else f"{value:,.{digits}f} {currency}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return "1 list" or "2,000 lists"; `many` is the plural where it is not `one` + s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def joined(words: Sequence[str], last: str = "and") -> str:
    """Return ["a", "b", "c"] as "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def local(at: datetime | None, zone: str) -> datetime | None:
    """Return a moment on the wall clocks of `zone`, naive, as tables show it."""
    return None if at is None else at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def moment(at: datetime | None, zone: str) -> str:
    """Return a moment on the wall clocks of `zone`: "24 Nov 2026, 14:05"; None as a dash."""
    if at is None:
        return NOTHING
    there = at.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%b %Y, %H:%M}"


def day(at: datetime | None, zone: str) -> str:
    """Return the day of a moment in `zone`: "24 Nov 2026"."""
    if at is None:
        return NOTHING
    there = at.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%b %Y}"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was: "just now", "5 minutes ago", "3 days ago"."""
    if at is None:
        return "never"
    past = now - at
    if past < timedelta(seconds=60):
        return "just now"
    if past < timedelta(minutes=2):
        return "a minute ago"
    return f"{duration(past)} ago"


def duration(span: timedelta | float | None) -> str:
    """Return a span (timedelta, or seconds) in its largest fitting unit: "40 seconds", "5 minutes", "2 hours"."""
    if span is None:
        return NOTHING
    seconds = max(0, round(span.total_seconds() if isinstance(span, timedelta) else span))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size or (seconds >= size and size > 60):
            return counted(round(seconds / size), unit)
    return counted(seconds, "second")


def visible(value: object) -> str:
    """Return a value that came from outside as one line of printable text."""
    text = NOTHING if value is None else str(value)
    return "".join(ch if ch.isprintable() else "·" for ch in text)


def reason(name: str | None) -> str:
    """Return why somebody gets no mail, in words; one without own words (a bounce's class) as it is."""
    return NOTHING if not name else REASON_WORDS.get(name, name.replace("_", " ").capitalize())
