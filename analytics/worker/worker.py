"""The worker process: five loops over one workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from analytics.errors import AnalyticsError
from analytics.lists.membership import Kind
from analytics.model.progress import Progress
from analytics.services import Services
from analytics.store.jobs import Job, Jobs
from analytics.store.leases import this_process
from analytics.store.meta import set_meta
from analytics.worker.loops import Loop

KEEP_VERSIONS = timedelta(days=7)
"""How long files of the lake that newer ones replaced stay for readers of older snapshots."""

_Work = Callable[[Job, Progress], str]
_BEAT_SECONDS = 5.0
_STOP_SECONDS = 30.0


class Worker:
    """Sends what is due, ingests what arrived, does the jobs people asked for, and keeps the lake tidy."""

    def __init__(self, services: Services) -> None:
        self._services, self._owner = services, this_process()
        self._jobs = Jobs(services.store.state)
        self._stop = threading.Event()
        self._unmeasured: dict[tuple[Kind, int], date] = {}

    def loops(self) -> tuple[Loop, ...]:
        """Return the work, each piece to be run in a thread of its own."""
        return (
            Loop("sending", 1.0, self.send),
            Loop("tracking", 1.0, self.track),
            Loop("jobs", 1.0, self.work_job),
            Loop("upkeep", 600.0, self.keep_up),
            Loop("sizes", 60.0, self.measure),
        )

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then let what is under way come to a clean end."""
        threads = [
            threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True) for loop in self.loops()
        ]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            self.beat()
            stop.wait(_BEAT_SECONDS)
        self._stop.set()
        for thread in threads:
            thread.join(_STOP_SECONDS)
            if thread.is_alive():
                structlog.get_logger().warning("still busy, left behind", part=thread.name)

    def beat(self) -> None:
        """Note that the worker lives; pages warn when the note grows old."""
        set_meta(self._services.store.state, "worker_seen", datetime.now(UTC).isoformat())

    def send(self) -> bool:
        """Freeze and send what is due; returns whether something was sent."""
        return self._services.sendings.work(stop=self._stop)

    def track(self) -> bool:
        """Take in what the collector wrote, export deliveries and calls; returns whether there was anything."""
        from analytics.calls import export_calls
        from analytics.delivery import export_facts
        from analytics.tracking import apply_control, ingest

        store = self._services.store
        return bool(apply_control(store) + ingest(store).lines + export_facts(store) + export_calls(store))

    def work_job(self) -> bool:
        """Do one job somebody asked for; returns whether there was one."""
        job = self._jobs.claim(tuple(self._kinds), self._owner)
        if job is None:
            return False
        try:
            message = self._kinds[job.kind](job, self._progress(job))
        except AnalyticsError as error:
            self._jobs.finish(job.id, self._owner, str(error), failed=True)
        else:
            self._jobs.finish(job.id, self._owner, message)
        return True

    def keep_up(self) -> bool:
        """Compact small files, drop those no reader needs, remove spool files that are long since ingested."""
        from analytics.tracking import clean_spool

        store = self._services.store
        for table in store.lake.tables():
            if store.lake.compact(table):
                store.lake.vacuum(table, KEEP_VERSIONS)
        clean_spool(store)
        return False

    def measure(self) -> bool:
        """Measure some segments and lists that changed or were not measured today; returns whether there are more."""
        sizes, today = self._services.sizes, self._services.store.clock.now().date()
        self._unmeasured = {key: day for key, day in self._unmeasured.items() if day == today}
        done = sizes.measure_due(skip=self._unmeasured.keys(), stop=self._stop.is_set)
        for key, reason in done.failed.items():
            structlog.get_logger().error("not measured", kind=key[0], id=key[1], reason=reason)
            self._unmeasured[key] = today  # it is tried again tomorrow
        return not done.is_complete

    def _progress(self, job: Job) -> Progress:
        last = datetime.min.replace(tzinfo=UTC)

        def note(done: int, total: int | None, what: str) -> None:
            nonlocal last
            now = datetime.now(UTC)
            if (now - last).total_seconds() >= 0.5:  # a page polls once a second; every note is a write
                last = now
                self._jobs.note(job.id, self._owner, done, total, what)

        return note

    @property
    def _kinds(self) -> dict[str, _Work]:
        return {"import": self._import}

    def _import(self, job: Job, progress: Progress) -> str:
        from analytics.entities.importing import ImportOptions, import_file

        given = job.payload
        report = import_file(
            self._services.store,
            self._services.model,
            Path(given["path"]),
            entity=given["entity"],
            mapping=tuple(given.get("mapping", ())),
            options=ImportOptions(**given.get("options", {})),
            progress=progress,
        )
        rejects = f"; {report.rejected:,} lines rejected, see {report.rejects_file}" if report.rejected else ""
        return f"{report.lines:,} lines read, {report.changed:,} rows changed{rejects}."
