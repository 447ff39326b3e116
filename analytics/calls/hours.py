"""What time it is where a telephone number is, by phonenumbers' table of zones, and whether people may be called."""

from __future__ import annotations

from datetime import datetime
from datetime import time as TimeOfDay  # noqa: N812  # the class beside datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone

from analytics.calls.records import LocalTime

_UNKNOWN = "Etc/Unknown"


def local_time(phone_key: str, now: datetime, window: tuple[TimeOfDay, TimeOfDay]) -> LocalTime:
    """Return the local time at a number; people may be called from `window[0]` on until before `window[1]`."""
    zones = zones_of(phone_key)
    if not zones:
        return LocalTime((), None, None, None)
    clocks = sorted((now.astimezone(ZoneInfo(zone)) for zone in zones), key=lambda at: at.replace(tzinfo=None))
    allowed = {window[0] <= at.time() < window[1] for at in clocks}
    return LocalTime(zones, clocks[0], clocks[-1], allowed.pop() if len(allowed) == 1 else None)


@lru_cache(maxsize=10_000)
def zones_of(phone_key: str) -> tuple[str, ...]:
    """Return the time zones a number in E.164 form may be in; empty where the table knows none."""
    found = timezone.time_zones_for_number(phonenumbers.parse(phone_key))
    return tuple(zone for zone in found if zone != _UNKNOWN and _is_known(zone))


@lru_cache(maxsize=500)
def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False  # a name newer than this machine's time zones
    return True


def international(phone_key: str) -> str:
    """Return a number as people write it across borders: +44 20 7946 0123."""
    return str(phonenumbers.format_number(phonenumbers.parse(phone_key), phonenumbers.PhoneNumberFormat.INTERNATIONAL))
