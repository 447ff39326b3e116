"""How the workspace as a whole stands: what every page says at its top."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from analytics.services import Services
from analytics.store.meta import get_meta

WORKER_SILENCE = timedelta(seconds=30)
"""A worker beats every five seconds; after this long without one it counts as not running."""


@dataclass(frozen=True)
class Standing:
    """`sink` is the folder mails land in while no mail server is set, else None."""

    name: str
    is_demo: bool
    sink: str | None
    worker_runs: bool
    zone: str
    currency: str


def standing(services: Services, now: datetime | None = None) -> Standing:
    """Return how the workspace stands; `now` (aware) is machine time, by default read here."""
    store = services.store
    settings = store.settings
    return Standing(
        name=settings.name,
        is_demo=bool(get_meta(store.state, "demo")),
        sink=None if settings.smtp else str(store.folder.root / "sink"),
        worker_runs=_runs(get_meta(store.state, "worker_seen"), now or datetime.now(UTC)),
        zone=settings.timezone,
        currency=settings.base_currency,
    )


def _runs(seen: object, now: datetime) -> bool:
    if not isinstance(seen, str):
        return False
    try:
        beat = datetime.fromisoformat(seen)
    except ValueError:
        return False
    return now - beat.astimezone(UTC) < WORKER_SILENCE
