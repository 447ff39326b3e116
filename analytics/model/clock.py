"""The workspace's clock: every process asks it for the time, so that tests and the demo can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that knows what time it is."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class SimulatedClock:
    """A clock that stands still until it is moved; it never goes back."""

    def __init__(self, at: datetime) -> None:
        self._at = _aware(at)

    def now(self) -> datetime:
        """Return the simulated time in UTC."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Set the time to `at` (aware); raises ValueError if that is in the past of this clock."""
        at = _aware(at)
        if at < self._at:
            raise ValueError(f"A clock does not go back: {at.isoformat()} is before {self._at.isoformat()}.")
        self._at = at

    def advance(self, by: timedelta) -> None:
        """Move the time forward by `by`."""
        self.move_to(self._at + by)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"A clock needs a time with a zone; {at.isoformat()} has none.")
    return at.astimezone(UTC)
