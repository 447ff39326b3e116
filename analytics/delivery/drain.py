"""Draining a sending: everything between its frozen audience and the last reply of the mail server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from analytics.delivery.audience import topic_of
from analytics.delivery.ledger import SENDER_LEASE, Ledger, leftovers, reclaim
from analytics.delivery.plan import Plan, plan_of
from analytics.delivery.records import UNDECIDED, Sent, Status, Tuning
from analytics.delivery.sender import Sender
from analytics.delivery.sink import LocalSink
from analytics.delivery.statements import first, micros, run
from analytics.errors import ConcurrencyError, NotFound, SenderBusy
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.settings import SmtpSettings
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import delivery, link, sending

_STANDARD = Tuning()


def drain(
    store: Store,
    model: EntityModel,
    sending_id: int,
    *,
    smtp: SmtpSettings | None = None,
    progress: Progress = silent,
    limit: int | None = None,
    stop: threading.Event | None = None,
    tuning: Tuning = _STANDARD,
    plan: Plan | None = None,
) -> Sent:
    """Send what is due of a frozen sending and return what became of it.

    It ends when no row is due any more, after `limit` rows, when the sending is paused or cancelled, or soon after
    `stop` is set, with no mail left half way. Mails go through `smtp`, by default the settings' server, without one
    into the local sink. One sender works at a time: raises SenderBusy while another process does. A sending that has
    another status is left alone. `plan` makes the mails, by default from the sending's frozen template.
    """
    begun = time.monotonic()
    row = _row(store, sending_id)
    counts: Counter[str] = Counter()
    if row.status == "sending":
        with _sender(store, tuning) as owner:
            reclaim(store, owner)
            counts = _send(store, model, row, owner, smtp or store.settings.smtp, progress, limit, stop, tuning, plan)
            finish(store, sending_id)
    with store.state.read() as connection:
        status: Status = connection.execute(select(sending.c.status).where(sending.c.id == sending_id)).scalar_one()
        next_due = _next_due(connection, sending_id) if status == "sending" else None
    return Sent(
        sending_id=sending_id,
        status=status,
        **{state: counts[state] for state in ("accepted", "deferred", "rejected", "uncertain", "skipped")},
        next_due=next_due,
        seconds=time.monotonic() - begun,
    )


def settle(store: Store, tuning: Tuning = _STANDARD) -> int:
    """Settle what a sender that is gone left, of paused and cancelled sendings too; returns how many are uncertain now.

    While a sender is at work, or a killed one's lease has not run out, nothing is done.
    """
    if _is_sending(store) or not leftovers(store):
        return 0
    try:
        with _sender(store, replace(tuning, patience=timedelta(0))) as owner:
            return reclaim(store, owner)
    except SenderBusy:
        return 0


def _is_sending(store: Store) -> bool:
    """Return whether somebody holds the sender's lease; only read, for pages ask each second while mails leave."""
    with store.state.read() as connection:
        held = "select 1 from lease where name = ? and owner is not null and until > ?"
        return first(connection, held, (SENDER_LEASE, micros(datetime.now(UTC)))) is not None


def finish(store: Store, sending_id: int) -> None:
    """Call a sending done when none of its rows is left to work on."""
    with store.state.write() as connection:
        if not _is_undecided(connection, sending_id):
            connection.execute(
                update(sending)
                .where(sending.c.id == sending_id, sending.c.status == "sending")
                .values(status="done", status_reason=None, finished_at=store.clock.now())
            )


@contextmanager
def _sender(store: Store, tuning: Tuning) -> Iterator[str]:
    """Hold the sender's lease; yields its owner."""
    held = store.leases.hold(SENDER_LEASE, tuning.sender_ttl, tuning.patience)
    try:
        lease = held.__enter__()
    except ConcurrencyError:
        raise SenderBusy(
            "Another process is sending, and one at a time does. Wait for it, or stop it; after a crash its lease runs "
            f"out within {tuning.sender_ttl.total_seconds():g} seconds."
        ) from None
    try:
        yield lease.owner
    finally:
        held.__exit__(None, None, None)


def _send(
    store: Store,
    model: EntityModel,
    row: Any,
    owner: str,
    smtp: SmtpSettings | None,
    progress: Progress,
    limit: int | None,
    stop: threading.Event | None,
    tuning: Tuning,
    plan: Plan | None,
) -> Counter[str]:
    plan = plan or plan_of(store, model, row)
    _begin(store, row.id, plan)
    counts: Counter[str] = Counter()
    with _server(store, smtp) as server, store.state.writer() as write:
        list_id, topic_id = row.settings["list"]["id"], topic_of(row.settings)
        ledger = Ledger(store, row.id, owner, list_id, tuning.lease, write, topic_id)
        while True:
            sender = Sender(
                store,
                ledger,
                plan,
                row.settings["sender_email"],
                server,
                tuning=tuning,
                progress=_further(progress, sum(counts.values())),
                total=_undecided(store, row.id),
                limit=None if limit is None else limit - sum(counts.values()),
                stop=stop,
            )
            sender.run()
            counts += sender.counts
            if sender.pause_reason is not None:
                _pause(store, row.id, sender.pause_reason)
            over = sender.status != "sending" or sender.pause_reason is not None
            reached = limit is not None and sum(counts.values()) >= limit
            if over or reached or (stop is not None and stop.is_set()) or not sum(sender.counts.values()):
                return counts  # what was deferred until some later moment is another drain's


def _further(progress: Progress, before: int) -> Progress:
    def note(done: int, total: int | None, what: str) -> None:
        progress(before + done, None if total is None else before + total, what)

    return note


@contextmanager
def _server(store: Store, smtp: SmtpSettings | None) -> Iterator[SmtpSettings]:
    """Yield the mail server to use: the real one, or a sink of our own for as long as we send."""
    if smtp is not None:
        yield smtp
        return
    with LocalSink(store.folder.sink, port=store.settings.sink_port) as sink:
        yield sink.settings


def _begin(store: Store, sending_id: int, plan: Plan) -> None:
    """Make the targets of links known before the first mail leaves."""
    links = [
        {"sending_id": sending_id, "delivery_id": 0, "number": number, "url": url}
        for number, url in plan.constant_links.items()
    ]
    with store.state.write() as connection:
        upsert(connection, link, links, ["sending_id", "delivery_id", "number"])
        connection.execute(
            update(sending)
            .where(sending.c.id == sending_id, sending.c.started_at.is_(None))
            .values(started_at=store.clock.now())
        )


def _pause(store: Store, sending_id: int, reason: str) -> None:
    with store.state.write() as connection:
        connection.execute(
            update(sending)
            .where(sending.c.id == sending_id, sending.c.status == "sending")
            .values(status="paused", status_reason=reason)
        )


def _row(store: Store, sending_id: int) -> Any:
    with store.state.read() as connection:
        row = connection.execute(select(sending).where(sending.c.id == sending_id)).first()
    if row is None:
        raise NotFound("sending", sending_id)
    return row


def _undecided(store: Store, sending_id: int) -> int:
    with store.state.read() as connection:
        return int(
            connection.execute(
                select(func.count())
                .select_from(delivery)
                .where(delivery.c.sending_id == sending_id, delivery.c.state.in_(UNDECIDED))
            ).scalar_one()
        )


def _is_undecided(connection: Connection, sending_id: int) -> bool:
    found = connection.execute(
        select(delivery.c.id).where(delivery.c.sending_id == sending_id, delivery.c.state.in_(UNDECIDED)).limit(1)
    )
    return found.first() is not None


def _next_due(connection: Connection, sending_id: int) -> datetime | None:
    return connection.execute(
        select(func.min(delivery.c.due_at)).where(
            delivery.c.sending_id == sending_id, delivery.c.state.in_(("planned", "deferred"))
        )
    ).scalar()


def due_sendings(store: Store) -> list[tuple[int, Status]]:
    """Return (id, status) of the sendings with something to do now, the oldest first."""
    now = micros(store.clock.now())
    with store.state.read() as connection:
        return [
            (row[0], row[1])
            for row in run(
                connection,
                "select id, status from sending s where status = 'freezing' "
                "or (status = 'scheduled' and scheduled_for <= ?) "
                "or (status = 'sending' and (exists (select 1 from delivery d where d.sending_id = s.id "
                "and d.state in ('planned', 'deferred') and d.due_at <= ?) "
                "or exists (select 1 from delivery d where d.sending_id = s.id and d.state in ('leased', 'handed')))) "
                "order by id",
                (now, now),
            ).fetchall()
        ]
