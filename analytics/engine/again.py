"""Reading that survives a vacuum: a query whose files went away runs once more, on a new snapshot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from analytics.engine.duck import Engine
from analytics.store import SnapshotGone, Store

T = TypeVar("T")


def read(store: Store, work: Callable[[Engine], T], *, as_of: datetime | None = None) -> T:
    """Return `work(engine)` on the newest snapshot; once more on a newer one if its files were vacuumed meanwhile.

    `work` may so be called twice and must keep nothing from the first time. Raises SnapshotGone the second time.
    """
    try:
        return _once(store, work, as_of)
    except SnapshotGone:
        return _once(store, work, as_of)


def _once(store: Store, work: Callable[[Engine], T], as_of: datetime | None) -> T:
    with Engine(store.snapshot(), store.settings, as_of=as_of, now=store.clock.now()) as engine:
        return work(engine)
