"""The jobs table: work a page or command asks for and a worker does, once, even if a worker dies over it.

A job is claimed with a lease that its worker prolongs while it runs. When the lease runs out, the job waits again: its
work has to be repeatable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping, and_, or_, select, update

from analytics.errors import NotFound
from analytics.model.clock import Clock, SystemClock
from analytics.store.state import State, upsert
from analytics.store.tables import job

JobState = Literal["waiting", "running", "done", "failed"]
LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Job:
    """A job as it stands. `total_count` is None until it is known; `message` is the result's sentence."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    state: JobState
    done_count: int
    total_count: int | None
    message: str | None
    created_at: datetime
    finished_at: datetime | None


class Jobs:
    """The jobs of a workspace. Their times are the machine's: a simulated clock that stands would never free one."""

    def __init__(self, state: State, clock: Clock | None = None) -> None:
        self._state, self._clock = state, clock or SystemClock()

    def enqueue(self, kind: str, key: str, payload: Mapping[str, Any]) -> int:
        """Return the id of the job (kind, key), which is made unless it exists: a repeated submit makes no second one.

        `kind` takes at most 60 characters, `key` 200; `payload` is a JSON document.
        """
        now = self._clock.now()
        fresh = {
            "kind": kind,
            "key": key,
            "payload": dict(payload),
            "state": "waiting",
            "next_run": now,
            "done_count": 0,
            "created_at": now,
        }
        with self._state.write() as connection:
            upsert(connection, job, [fresh], ["kind", "key"])
            return int(connection.execute(select(job.c.id).where(job.c.kind == kind, job.c.key == key)).scalar_one())

    def get(self, number: int) -> Job:
        """Return a job; raises NotFound."""
        with self._state.read() as connection:
            row = connection.execute(select(job).where(job.c.id == number)).mappings().first()
        if row is None:
            raise NotFound("job", number)
        return _job(row)

    def recent(self, kind: str | None = None, limit: int = 20) -> list[Job]:
        """Return the newest jobs, newest first."""
        query = select(job).order_by(job.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(job.c.kind == kind)
        with self._state.read() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def claim(self, kinds: Sequence[str], owner: str) -> Job | None:
        """Return the oldest job that waits, or whose worker died, leased to `owner`; None when there is none."""
        now = self._clock.now()
        free = or_(
            and_(job.c.state == "waiting", job.c.next_run <= now),
            and_(job.c.state == "running", job.c.lease_until < now),
        )
        with self._state.write() as connection:
            row = (
                connection.execute(select(job).where(job.c.kind.in_(kinds), free).order_by(job.c.id).limit(1))
                .mappings()
                .first()
            )
            if row is None:
                return None
            connection.execute(
                update(job)
                .where(job.c.id == row["id"])
                .values(state="running", owner=owner, lease_until=now + LEASE, message=None)
            )
        return _job({**row, "state": "running"})

    def note(self, number: int, owner: str, done: int, total: int | None, message: str | None = None) -> bool:
        """Keep how far a job is and prolong its lease; False if it is somebody else's by now."""
        values: dict[str, Any] = {"done_count": done, "total_count": total, "lease_until": self._clock.now() + LEASE}
        if message is not None:
            values["message"] = message
        with self._state.write() as connection:
            changed = connection.execute(
                update(job).where(job.c.id == number, job.c.owner == owner, job.c.state == "running").values(values)
            )
        return changed.rowcount == 1

    def finish(self, number: int, owner: str, message: str, *, failed: bool = False) -> None:
        """End a job with a sentence about its result or failure; nothing happens if it is somebody else's by now."""
        with self._state.write() as connection:
            connection.execute(
                update(job)
                .where(job.c.id == number, job.c.owner == owner, job.c.state == "running")
                .values(
                    state="failed" if failed else "done",
                    message=message,
                    finished_at=self._clock.now(),
                    lease_until=None,
                )
            )


def _job(row: RowMapping | Mapping[str, Any]) -> Job:
    return Job(**{name: row[name] for name in Job.__dataclass_fields__})
