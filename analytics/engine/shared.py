"""One DuckDB per snapshot, shared by all who read the same one.

Making the views of a snapshot costs some milliseconds and forgets what DuckDB kept of the files. A page that asks ten
questions, or ten people who look at the same page, read one engine until the lake changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from analytics.engine.duck import Engine
from analytics.store import Store


class SharedEngine:
    """Keeps the engine of the newest snapshot; an older one is closed when its last reader leaves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._newest: _Counted | None = None

    @contextmanager
    def take(self, as_of: datetime | None = None) -> Iterator[Engine]:
        """Yield an engine over the newest snapshot; one with `as_of` (aware) is the caller's own."""
        if as_of is not None:
            with Engine(self._store.snapshot(), self._store.settings, as_of=as_of) as engine:
                yield engine
            return
        counted = self._enter()
        try:
            # Relative dates go on while the snapshot stays: `now` is the moment of this block.
            yield counted.engine.at(self._store.clock.now())
        finally:
            self._leave(counted)

    def close(self) -> None:
        """Close the kept engine once nobody reads it."""
        with self._guard:
            kept, self._newest = self._newest, None
        if kept is not None:
            self._leave(kept)

    def _enter(self) -> _Counted:
        snapshot = self._store.snapshot()
        with self._guard:
            kept = self._newest
            if kept is not None and kept.engine.snapshot.versions == snapshot.versions:
                kept.readers += 1
                return kept
        fresh = _Counted(Engine(snapshot, self._store.settings, now=self._store.clock.now()), readers=2)
        with self._guard:
            former, self._newest = self._newest, fresh
        if former is not None:
            self._leave(former)
        return fresh

    def _leave(self, counted: _Counted) -> None:
        with self._guard:
            counted.readers -= 1
            last = counted.readers == 0
        if last:
            counted.engine.close()


class _Counted:
    def __init__(self, engine: Engine, readers: int) -> None:
        self.engine, self.readers = engine, readers
