"""Leases: one owner at a time for a named thing, until it gives it back or its time runs out.

The fence is a number that rises with every new owner. Whoever writes under a lease writes the fence with it, so that
an owner whose time ran out while it slept is recognised and refused.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from analytics.errors import ConcurrencyError
from analytics.model.clock import Clock, SystemClock
from analytics.store.state import State, upsert
from analytics.store.tables import lease


@dataclass(frozen=True)
class Lease:
    """A lease as it was granted."""

    name: str
    owner: str
    until: datetime
    fence: int


def this_process() -> str:
    """Return a name for the calling process that no other one bears."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


class Leases:
    """The leases in the state. They run by the machine's time: a simulated clock that stands would never free one."""

    def __init__(self, state: State, clock: Clock | None = None) -> None:
        self._state, self._clock = state, clock or SystemClock()

    def acquire(self, name: str, owner: str, ttl: timedelta) -> Lease | None:
        """Return the lease `name` for `owner`, or None while somebody else holds it.

        An owner that already holds it gets it again, prolonged, with the same fence.
        """
        now = self._clock.now()
        with self._state.write() as connection:
            upsert(connection, lease, [{"name": name, "owner": None, "until": None, "fence": 0}], ["name"])
            row = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).one()
            if row.owner is not None and row.owner != owner and row.until > now:
                return None
            held = row.owner == owner and row.until > now
            fence = row.fence if held else row.fence + 1
            granted = Lease(name, owner, now + ttl, fence)
            connection.execute(
                update(lease).where(lease.c.name == name).values(owner=owner, until=granted.until, fence=fence)
            )
        return granted

    def release(self, held: Lease) -> None:
        """Give the lease back; nothing happens if somebody else holds it by now."""
        with self._state.write() as connection:
            connection.execute(
                update(lease)
                .where(lease.c.name == held.name, lease.c.owner == held.owner, lease.c.fence == held.fence)
                .values(owner=None, until=None)
            )

    def raise_fence(self, held: Lease, fence: int) -> Lease | None:
        """Return the lease with its fence raised to `fence`, or None when it is no longer this owner's.

        Needed where the state was restored from a backup older than what its leases guard.
        """
        with self._state.write() as connection:
            changed = connection.execute(
                update(lease)
                .where(
                    lease.c.name == held.name,
                    lease.c.owner == held.owner,
                    lease.c.fence == held.fence,
                    lease.c.until > self._clock.now(),
                )
                .values(fence=fence)
            )
        return Lease(held.name, held.owner, held.until, fence) if changed.rowcount == 1 else None

    @contextmanager
    def hold(self, name: str, ttl: timedelta, wait: timedelta = timedelta(0)) -> Iterator[Lease]:
        """Hold the lease `name` for the block, waiting up to `wait` for it; ConcurrencyError when it does not come.

        It is prolonged in the background while the block runs: `ttl` is how long a killed holder blocks others.
        """
        owner = this_process()
        deadline = time.monotonic() + wait.total_seconds()
        granted = self.acquire(name, owner, ttl)
        pause = 0.005
        while granted is None:
            if time.monotonic() >= deadline:
                raise ConcurrencyError(
                    f"{name!r} was held by somebody else for {wait.total_seconds():g} seconds; try again later."
                )
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  # jitter, no secret
            pause = min(pause * 1.5, 0.25)
            granted = self.acquire(name, owner, ttl)
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(name, owner, ttl, stop), daemon=True, name=f"lease {name}")
        keeper.start()
        try:
            yield granted
        finally:
            stop.set()
            keeper.join()
            self._give_back(name, owner)

    def _keep(self, name: str, owner: str, ttl: timedelta, stop: threading.Event) -> None:
        """Prolong a lease until told to stop or until it is lost."""
        while not stop.wait(ttl.total_seconds() / 3):
            now = self._clock.now()
            with self._state.write() as connection:
                changed = connection.execute(
                    update(lease).where(lease.c.name == name, lease.c.owner == owner).values(until=now + ttl)
                )
            if changed.rowcount != 1:
                return

    def _give_back(self, name: str, owner: str) -> None:
        with self._state.write() as connection:
            connection.execute(
                update(lease).where(lease.c.name == name, lease.c.owner == owner).values(owner=None, until=None)
            )
