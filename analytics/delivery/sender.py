"""The sender: takes rows of one sending, hands them to a mail server over a few connections, records what became of it.

An event loop renders and speaks SMTP, a thread beside it (the clerk) speaks to the state. What the connections have to
note while the clerk commits waits for its next transaction: the results of the mails before and the marks of the mails
to come. A mail leaves only after the transaction with its mark is on disk, and each connection has one mail at a time
under way, so a killed sender leaves at most as many uncertain rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analytics.delivery.clerk import Clerk, Notes
from analytics.delivery.ledger import Ledger
from analytics.delivery.plan import Plan, Rendered
from analytics.delivery.rate import RateLimit
from analytics.delivery.records import Handed, Outcome, Result, Row, Status, Tuning
from analytics.delivery.smtp import CannotConnect, Connection, RefusedLogin
from analytics.errors import TemplateError
from analytics.model.progress import Progress
from analytics.settings import SmtpSettings
from analytics.store import Store
from analytics.tracking.control import apply_control

_TICK = 0.1
_PROGRESS_EVERY = 0.25
_SECONDS_LEASED = 5  # with a rate limit no more rows are leased than leave in about this time


class Sender:
    """Sends the rows of one sending once; make a new one for every run."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        plan: Plan,
        sender_email: str,
        smtp: SmtpSettings,
        *,
        tuning: Tuning,
        progress: Progress,
        total: int,
        limit: int | None,
        stop: threading.Event | None,
    ) -> None:
        self._store, self._ledger, self._plan, self._from = store, ledger, plan, sender_email
        self._smtp, self._tuning, self._progress, self._total = smtp, tuning, progress, total
        self._left = limit
        self._stop_from_outside = stop
        self._ready: deque[Row] = deque()
        self._failure: BaseException | None = None
        self._refilling: asyncio.Task[None] | None = None
        self._is_exhausted = False
        self._control: list[tuple[str, int]] = []
        self._failures = 0
        self._connections: set[Connection] = set()
        self.counts: Counter[str] = Counter()
        self.status: Status = "sending"
        self.pause_reason: str | None = None

    def run(self) -> None:
        """Send until no row is due, the limit is reached, the sending is paused or cancelled, or `stop` is set."""
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(self._run())

    # --- the whole ---

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        rate = self._smtp.rate_per_minute
        self._limit = None if rate is None else RateLimit(rate)
        self._batch = (
            self._tuning.batch if rate is None else max(1, min(self._tuning.batch, rate * _SECONDS_LEASED // 60))
        )
        self._clerk = Clerk(self._loop)
        self._notes = Notes(self._clerk, self._ledger.commit, lambda: len(self._connections), self._give_up)
        watch = asyncio.create_task(self._watch())
        workers = [asyncio.create_task(self._work()) for _ in range(self._smtp.connections)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            self._stopping.set()
            await asyncio.wait(workers)
            if self._refilling is not None:
                await asyncio.wait([self._refilling])
        finally:
            watch.cancel()
            self._clerk.close()
        failed = [error for worker in workers if (error := worker.exception()) is not None]
        if self._failure is not None:
            failed.insert(0, self._failure)
        self._ledger.commit([], self._notes.take_results())
        self._ledger.release(self._ready)
        self._show_progress()
        if failed:
            raise failed[0]

    async def _watch(self) -> None:
        """Hear the stop from outside, end what waits too long, show progress."""
        shown = time.monotonic()
        while True:
            self._hear_stop()
            now = time.monotonic()
            for connection in list(self._connections):
                since = connection.wire.waits_since
                if since is not None and now - since > connection.patience:
                    connection.wire.abort(f"no reply within {connection.patience:g} seconds")
            if now - shown >= _PROGRESS_EVERY:
                shown = now
                self._show_progress()
            await asyncio.sleep(_TICK)

    def _hear_stop(self) -> None:
        if self._stop_from_outside is not None and self._stop_from_outside.is_set():
            self._stopping.set()

    def _show_progress(self) -> None:
        done = sum(self.counts.values())
        self._progress(done, max(self._total, done), "mails")

    # --- one connection ---

    async def _work(self) -> None:
        connection: Connection | None = None
        try:
            while (row := await self._next()) is not None:
                rendered = self._rendered(row)
                if rendered is None:
                    continue
                connection = await self._connected(connection)
                if connection is None or not await self._may_leave():
                    self._ready.appendleft(row)
                    return
                if not await self._notes.mark(Handed(row.id, rendered.sha256, rendered.links)):
                    await self._refused(row)
                    continue
                outcome = await connection.deliver(self._from, row.address, rendered.message)
                self._note(row, outcome)
                await self._after(connection, outcome)
        finally:
            if connection is not None:
                await connection.quit()
                self._connections.discard(connection)

    def _rendered(self, row: Row) -> Rendered | None:
        try:
            return self._plan.render(row)
        except TemplateError as error:
            self._put(Result(row, "skipped", str(error)[:500], "cannot be rendered", row.attempts))
            return None

    async def _connected(self, connection: Connection | None) -> Connection | None:
        """Return an open connection, the same or a new one; None when the sender is to stop."""
        if connection is not None:
            if connection.is_open:
                return connection
            self._connections.discard(connection)
            await connection.wire.end()
        first, longest = self._tuning.reconnect
        tried = 0
        while not self._stopping.is_set():
            try:
                made = await Connection.open(self._smtp, self._local_name, self._tuning)
            except RefusedLogin as error:
                self._pause(str(error))
            except CannotConnect as error:
                self._failed(str(error))
                await self._sleep(min(longest, first * 2**tried))
                tried += 1
            else:
                self._connections.add(made)
                return made
        return None

    async def _may_leave(self) -> bool:
        """Wait for the rate limit; False when the sender is to stop before."""
        if self._limit is not None:
            await self._unless_stopped(self._limit.take())
        return not self._stopping.is_set()

    async def _after(self, connection: Connection, outcome: Outcome) -> None:
        """Draw conclusions for the connection and for the whole sending."""
        if outcome.state == "accepted":
            self._failures = 0
        if outcome.fatal:
            self._pause(f"The mail server refuses us: {outcome.code}. Check smtp.username and smtp.password.")
        elif not connection.is_open:
            self._failed(outcome.code)
            if outcome.code.startswith("421"):
                await self._sleep(self._tuning.reconnect[0] * 2 ** min(self._failures, 6))
        elif outcome.state == "rejected":
            self._check_rejections(outcome.code)

    def _check_rejections(self, last: str) -> None:
        decided = self.counts["accepted"] + self.counts["rejected"]
        rejected = self.counts["rejected"]
        if decided <= self._tuning.first_checked and rejected > self._tuning.most_rejected:
            self._pause(
                f"{rejected} of the first {decided} mails were rejected, the last with: {last}. "
                f"Look at the rejected deliveries; resume to go on."
            )

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures >= self._tuning.most_failures:
            self._pause(f"{self._failures} connections failed in a row, the last with: {why}")

    def _give_up(self, error: BaseException) -> None:
        """Stop for something that is no mail's fault; `run` raises it."""
        self._failure = self._failure or error
        self._stopping.set()

    def _pause(self, reason: str) -> None:
        """Pause the sending by ourselves, for a reason people read."""
        if self.pause_reason is None:
            self.pause_reason = reason
        self._stopping.set()

    # --- rows ---

    async def _next(self) -> Row | None:
        """Return the next row to send, None when there is none or the sender is to stop."""
        while self._left != 0:
            self._hear_stop()
            if self._stopping.is_set():
                return None
            if len(self._ready) <= self._batch // 2 and self._refilling is None and not self._is_exhausted:
                self._refilling = asyncio.create_task(self._refill())
            if self._ready:
                if self._left is not None:
                    self._left -= 1
                return self._ready.popleft()
            if self._refilling is None:
                return None
            await asyncio.shield(self._refilling)
        return None

    async def _refused(self, row: Row) -> None:
        """Look why a row may not leave; it is given back with the others if the sending was paused."""
        self.status = await self._clerk.call(self._ledger.status)
        if self.status != "sending":
            self._ready.appendleft(row)
            self._stopping.set()

    async def _refill(self) -> None:
        """Lease a batch, after taking in who unsubscribed while the state was away."""
        try:
            wanted = self._batch if self._left is None else min(self._batch, self._left - len(self._ready))
            if wanted <= 0:
                self._is_exhausted = True
                return
            self.status, rows, skipped = await self._clerk.call(lambda: self._lease(wanted))
            self.counts["skipped"] += len(skipped)
            self._ready.extend(rows)
            self._is_exhausted = not rows and not skipped
            if self.status != "sending":
                self._stopping.set()
        finally:
            self._refilling = None

    def _lease(self, count: int) -> tuple[Status, list[Row], list[tuple[Row, str]]]:
        """Lease rows, in the clerk's thread."""
        # Carrying out is a transaction or two; whether there is anything new is told by the files' sizes.
        files = _sizes(self._store.spool.files("control"))
        if files != self._control:
            apply_control(self._store)
            self._control = files
        return self._ledger.lease(count)

    # --- notes ---

    def _note(self, row: Row, outcome: Outcome) -> None:
        """Put the outcome of a handed row among the waiting notes."""
        attempts = row.attempts + outcome.counts
        if outcome.state != "deferred":
            reason = "no reply" if outcome.state == "uncertain" else None
            self._put(Result(row, outcome.state, outcome.code, reason, attempts))
        elif attempts > len(self._tuning.retry):
            self._put(Result(row, "rejected", outcome.code, "gave up", attempts))
        else:
            self._put(Result(row, "deferred", outcome.code, None, attempts, self._due_again(row, attempts)))

    def _put(self, result: Result) -> None:
        self.counts[result.state] += 1
        self._notes.note(result)

    def _due_again(self, row: Row, attempts: int) -> datetime:
        """Return when a deferred row may be tried again: a growing wait, spread by a hash so that not all come back."""
        wait = self._tuning.retry[max(0, attempts - 1)]
        digest = hashlib.sha256(f"{row.id}:{attempts}".encode()).digest()
        return self._store.clock.now() + wait * (0.9 + 0.2 * digest[0] / 255)

    # --- waiting ---

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await self._unless_stopped(asyncio.sleep(seconds))

    async def _unless_stopped(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for `work` or for the stop, whichever comes first."""
        tasks = [asyncio.create_task(work), asyncio.create_task(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _local_name(self) -> str:
        """The name we greet with (RFC 5321 4.1.1.1): the host of our public address, else a literal."""
        host = urlsplit(self._store.settings.public_url or "").hostname
        return host or "[127.0.0.1]"


def _sizes(files: list[Path]) -> list[tuple[str, int]]:
    found = []
    for path in files:
        with suppress(FileNotFoundError):  # it was carried out and tidied away
            found.append((path.name, path.stat().st_size))
    return found


def _new_loop() -> asyncio.AbstractEventLoop:
    if os.name == "nt":
        return asyncio.new_event_loop()
    import uvloop  # no wheel for Windows

    return uvloop.new_event_loop()
