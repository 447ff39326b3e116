"""Sendings: from a campaign to a queue, and what a person may do with it until it is done."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from sqlalchemy import Connection, Row, delete, func, null, select, update

from analytics.campaigns import EmailCampaign, EmailCampaigns
from analytics.delivery.audience import judged_counts
from analytics.delivery.drain import drain, due_sendings, settle
from analytics.delivery.eligibility import objections
from analytics.delivery.freeze import (
    alone,
    freeze,
    frozen_file,
    half_restored,
    is_half_restored,
    is_undecided,
    undecided,
)
from analytics.delivery.frozen import frozen_settings
from analytics.delivery.identity import holdout_scope
from analytics.delivery.ledger import note_facts, skip_waiting
from analytics.delivery.preflight import Preflight, base_url, blockers, server_name, warnings
from analytics.delivery.records import UNDECIDED, Delivery, Sent, State, Status, Tuning
from analytics.delivery.statements import first, micros, run
from analytics.engine import read
from analytics.errors import AnalyticsError, DeliveryError, NotFound, SenderBusy, SendingBlocked
from analytics.lists import Lists
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Segments
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import delivery, marketing_list, same_address, sending, template
from analytics.templates import compile_template

_CHUNK = 1_000
_RECENT = timedelta(seconds=15)
_UNFINISHED: tuple[Status, ...] = ("scheduled", "freezing", "confirm", "sending", "paused")
_STANDARD = Tuning()


@dataclass(frozen=True)
class Sending:
    """One sending of an email campaign, as the state keeps it."""

    id: int
    email_campaign_id: int
    campaign_name: str
    request_key: str
    status: Status
    status_reason: str | None
    scheduled_for: datetime
    as_of: datetime | None
    expected_count: int | None
    audience_count: int | None
    first_delivery_id: int | None
    last_delivery_id: int | None
    created_at: datetime
    frozen_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    settings: Mapping[str, Any]
    is_undecided: bool  # restored before its audience was frozen: it starts when a person confirms it

    @property
    def is_unfinished(self) -> bool:
        """Whether something is still to be done or decided."""
        return self.status in _UNFINISHED


@dataclass(frozen=True)
class SendingStatus:
    """Where a sending stands. `counts` has every state; `total` are the mails meant to leave, `finished` those with a
    result; `rate` is results a second of late, `seconds_left` from it; `next_due` when a deferred mail is tried again.
    """

    sending_id: int
    status: Status
    reason: str | None
    counts: Mapping[str, int]
    total: int
    finished: int
    rate: float | None
    seconds_left: float | None
    next_due: datetime | None


class Sendings:
    """The sendings of a workspace."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model

    # --- queueing ---

    def preflight(self, campaign: int | str, as_of: datetime | None = None) -> Preflight:
        """Return what a sending of this email campaign would be now; raises NotFound."""
        found = EmailCampaigns(self._store).get(campaign)
        counts = self._counts(found, as_of)
        stopped = [*blockers(self._store.settings), *self._unfit(found)]
        mailable = counts["planned"] + counts["held_out"]
        if not mailable:
            stopped.append(f"Nobody of marketing list {found.list_name!r} can be mailed; look at its addresses.")
        return Preflight(
            campaign_id=found.id,
            campaign_name=found.name,
            list_name=found.list_name,
            count=mailable,
            rows=counts["rows"],
            same_address=counts["same_address"],
            no_address=counts["no_address"] + counts["bad_address"],
            suppressed={k.removeprefix("skipped "): n for k, n in counts.items() if k.startswith("skipped ")},
            held_out=counts["held_out"],
            blockers=tuple(stopped),
            warnings=tuple(warnings(self._store, found)),
            base_url=base_url(self._store),
            server=server_name(self._store.settings),
        )

    def queue(
        self,
        campaign: int | str,
        request_key: str,
        scheduled_for: datetime | None = None,
        expected_count: int | None = None,
        as_of: datetime | None = None,
    ) -> Sending:
        """Queue a sending and return it; the same `request_key` (at most 100 characters) returns the one there is.

        Template, sender, list and addresses are frozen now, the audience when it starts. It starts at
        `scheduled_for` (default: now). If then more than 10 % more or less people than `expected_count` are in it, it
        waits to be confirmed. `as_of` fixes today for the audience. Raises SendingBlocked, NotFound.
        """
        found = EmailCampaigns(self._store).get(campaign)
        known = self._by_key(request_key)
        if known is not None:
            return known
        stopped = [*blockers(self._store.settings), *self._unfit(found)]
        if stopped:
            raise SendingBlocked(f"Campaign {found.name!r} cannot be sent. {' '.join(stopped)}")
        now = self._store.clock.now()
        values = {
            "email_campaign_id": found.id,
            "request_key": request_key,
            "status": "scheduled",
            "scheduled_for": scheduled_for or now,
            "as_of": as_of,
            "expected_count": expected_count,
            "settings": frozen_settings(self._store, self._model, found),
            "created_at": now,
            "frozen_rows": 0,
        }
        with self._store.state.write() as connection:
            upsert(connection, sending, [values], ["request_key"])
        made = self._by_key(request_key)
        assert made is not None, "it was written just now"
        return made

    def _by_key(self, request_key: str) -> Sending | None:
        with self._store.state.read() as connection:
            row = connection.execute(select(sending).where(sending.c.request_key == request_key)).first()
        return None if row is None else _sending(row)

    def _unfit(self, campaign: EmailCampaign) -> list[str]:
        """Return why template and list of a campaign do not make mails (they may have changed since it was made)."""
        with self._store.state.read() as connection:
            mail = connection.execute(select(template).where(template.c.id == campaign.template_id)).one()
            audience = connection.execute(select(marketing_list).where(marketing_list.c.id == campaign.list_id)).one()
        found = []
        if audience.channel != "email":
            found.append(f"Marketing list {audience.name!r} reaches people by {audience.channel}, not by e-mail.")
        if mail.entity is not None and mail.entity != audience.entity:
            found.append(
                f"Template {mail.name!r} is made for {mail.entity}, marketing list {audience.name!r} holds "
                f"{audience.entity}."
            )
            return found
        try:
            compile_template(mail.subject, mail.preheader, mail.html, mail.text, audience.entity, self._model)
        except AnalyticsError as error:
            found.append(f"Template {mail.name!r} cannot be used for {audience.entity}: {error}")
        return found

    def _counts(self, campaign: EmailCampaign, as_of: datetime | None) -> Mapping[str, int]:
        lists = Lists(self._store, self._model, Segments(self._store, self._model))
        against = objections(self._store, campaign.topic_id)

        def work(engine: Any) -> Mapping[str, int]:
            return judged_counts(
                engine,
                lists.audience(engine, lists.get(campaign.list_id), ()),
                against,
                salt=self._store.workspace_id,
                scope=holdout_scope(campaign.marketing_campaign_id, campaign.id),
                holdout_percent=Decimal(campaign.holdout_percent),
            )

        return read(self._store, work, as_of=as_of)

    # --- working ---

    def freeze(self, sending_id: int, progress: Progress = silent) -> Status:
        """Freeze the audience of a sending that is scheduled, or go on with it; return the status it has then."""
        self.get(sending_id)
        return freeze(self._store, self._model, sending_id, progress)

    def drain(
        self,
        sending_id: int,
        progress: Progress = silent,
        limit: int | None = None,
        stop: threading.Event | None = None,
        tuning: Tuning = _STANDARD,
    ) -> Sent:
        """Send what is due of a frozen sending; see `analytics.delivery.drain`."""
        return drain(self._store, self._model, sending_id, progress=progress, limit=limit, stop=stop, tuning=tuning)

    def due(self) -> list[int]:
        """Return the sendings with something to do now, the oldest first."""
        return [number for number, _ in due_sendings(self._store)]

    def work(self, progress: Progress = silent, stop: threading.Event | None = None) -> bool:
        """Freeze and send everything that is due; return whether there was anything to do.

        Before, what a killed sender left is settled, whatever became of its sending since. While another process is
        the sender nothing is done and False returned.
        """
        worked = settle(self._store) > 0
        for sending_id, status in due_sendings(self._store):
            if stop is not None and stop.is_set():
                break
            if status in ("scheduled", "freezing"):
                worked = True
                if self.freeze(sending_id, progress) != "sending":
                    continue
            try:
                sent = self.drain(sending_id, progress, stop=stop)
            except SenderBusy:
                continue
            worked = worked or sent.handled > 0
        return worked

    # --- what a person may do ---

    def pause(self, sending_id: int, reason: str | None = None) -> Sending:
        """Stop a sending for now; mails under way come to their end. Raises DeliveryError when it is over."""
        self._change(sending_id, ("scheduled", "freezing", "confirm", "sending"), "paused", "paused", reason)
        return self.get(sending_id)

    def resume(self, sending_id: int) -> Sending:
        """Go on with a paused sending where it stood.

        Raises DeliveryError when it is not paused, and when it was restored from a backup before its audience was
        frozen: that takes `confirm`.
        """
        with self._store.state.write() as connection:
            row = self._row(connection, sending_id)
            if is_undecided(row):
                raise DeliveryError(undecided(row))
            self._check(row, ("paused",), "resumed")
            if is_half_restored(self._store, row):
                raise DeliveryError(half_restored(sending_id))
            begun = row.first_delivery_id is not None or frozen_file(self._store, sending_id).exists()
            status = "sending" if row.frozen_at is not None else "freezing" if begun else "scheduled"
            connection.execute(
                update(sending).where(sending.c.id == sending_id).values(status=status, status_reason=None)
            )
        return self.get(sending_id)

    def confirm(self, sending_id: int) -> Sending:
        """Agree to the number of people the freeze found, or that a restored sending goes to everybody.

        Raises DeliveryError when nothing waits for it.
        """
        with self._store.state.write() as connection:
            row = self._row(connection, sending_id)
            if is_undecided(row):
                connection.execute(
                    update(sending)
                    .where(sending.c.id == sending_id)
                    .values(status="scheduled", status_reason=None, snapshot=null())
                )
                return _sending(self._row(connection, sending_id))
            self._check(row, ("confirm",), "confirmed")
            connection.execute(
                update(sending)
                .where(sending.c.id == sending_id)
                .values(status="freezing", status_reason=None, expected_count=row.audience_count)
            )
        return self.get(sending_id)

    def cancel(self, sending_id: int) -> Sending:
        """End a sending for good: who has no mail yet gets none. A repeat finishes what a crash interrupted."""
        with self._store.state.read() as connection:
            is_cancelled = self._row(connection, sending_id).status == "cancelled"
        if not is_cancelled:
            self._change(sending_id, _UNFINISHED, "cancelled", "cancelled", None)
        with alone(self._store, sending_id):
            self._undo_freeze(sending_id)
        while skip_waiting(self._store, sending_id):
            pass
        with self._store.state.write() as connection:
            connection.execute(
                update(sending)
                .where(sending.c.id == sending_id, sending.c.finished_at.is_(None))
                .values(finished_at=self._store.clock.now())
            )
        settle(self._store)
        return self.get(sending_id)

    def _undo_freeze(self, sending_id: int) -> None:
        """Take back rows of a freeze that came to no end, unless the lake knows of them already."""
        with self._store.state.read() as connection:
            row = self._row(connection, sending_id)
        frozen_file(self._store, sending_id).unlink(missing_ok=True)
        if row.frozen_at is not None or row.first_delivery_id is None:
            return
        if self._store.lake.committed("audience", f"freeze {row.first_delivery_id}") is not None:
            return
        for table in (delivery, same_address):
            key = delivery.c.id if table is delivery else same_address.c.delivery_id
            some = select(key).where(table.c.sending_id == sending_id).limit(_CHUNK)
            gone = True
            while gone:
                with self._store.state.write() as connection:
                    ids = connection.execute(some).scalars().all()
                    # A restored one may have rows of which nobody knows what became: these stay.
                    known = delete(table).where(key.in_(ids))
                    if table is delivery:
                        known = known.where(delivery.c.state != "uncertain")
                    gone = bool(ids) and connection.execute(known).rowcount > 0

    def release_uncertain(self, delivery_ids: Sequence[int]) -> int:
        """Send these again although they may have arrived: a person says so. Returns how many were uncertain.

        They keep their Message-ID, by which a receiver can tell a double.
        """
        released = 0
        for start in range(0, len(delivery_ids), _CHUNK):
            released += self._release(list(delivery_ids[start : start + _CHUNK]))
        return released

    def _release(self, ids: list[int]) -> int:
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            rows = connection.execute(
                select(delivery.c.id, delivery.c.sending_id)
                .join(sending, sending.c.id == delivery.c.sending_id)
                .where(delivery.c.id.in_(ids), delivery.c.state == "uncertain", sending.c.status != "cancelled")
            ).all()
            if not rows:
                return 0
            connection.execute(
                update(delivery)
                .where(delivery.c.id.in_([row.id for row in rows]))
                .values(state="planned", reason="released", lease_owner=None, due_at=now, updated_at=now)
            )
            for number in {row.sending_id for row in rows}:
                facts = [(row.id, "planned", "released", None) for row in rows if row.sending_id == number]
                note_facts(connection, number, facts, micros(now))
                connection.execute(
                    update(sending)
                    .where(sending.c.id == number, sending.c.status == "done")
                    .values(status="sending", finished_at=None)
                )
        return len(rows)

    # --- looking ---

    def get(self, sending_id: int) -> Sending:
        """Return a sending; raises NotFound."""
        with self._store.state.read() as connection:
            return _sending(self._row(connection, sending_id))

    def all(self, campaign: int | str | None = None) -> tuple[Sending, ...]:
        """Return the sendings, of one email campaign or of all, the newest first."""
        query = select(sending).order_by(sending.c.id.desc())
        if campaign is not None:
            query = query.where(sending.c.email_campaign_id == EmailCampaigns(self._store).get(campaign).id)
        with self._store.state.read() as connection:
            return tuple(map(_sending, connection.execute(query)))

    def status(self, sending_id: int) -> SendingStatus:
        """Return where a sending stands; raises NotFound. Counted in the ledger, so a page may poll it each second.

        What a killed sender left is settled first.
        """
        settle(self._store)
        with self._store.state.read() as connection:
            row = self._row(connection, sending_id)
            counts = dict.fromkeys(get_args(State), 0)
            if row.frozen_at is not None or row.status == "cancelled":
                counts |= dict(
                    connection.execute(
                        select(delivery.c.state, func.count())
                        .where(delivery.c.sending_id == sending_id)
                        .group_by(delivery.c.state)
                    ).all()
                )
            rate = self._rate(connection, sending_id) if row.status == "sending" else None
            due = select(func.min(delivery.c.due_at)).where(
                delivery.c.sending_id == sending_id, delivery.c.state == "deferred"
            )
            next_due = connection.execute(due).scalar() if counts["deferred"] else None
        left = sum(counts[state] for state in UNDECIDED)
        total = sum(counts.values()) - counts["skipped"] - counts["held_out"]
        return SendingStatus(
            sending_id=sending_id,
            status=row.status,
            reason=row.status_reason,
            counts=counts,
            total=total,
            finished=total - left,
            rate=rate,
            seconds_left=left / rate if rate else None,
            next_due=next_due,
        )

    def deliveries(
        self, sending_id: int, state: State | None = None, limit: int = 100, offset: int = 0
    ) -> tuple[Delivery, ...]:
        """Return rows of the ledger in the order of their numbers, in one state or in all."""
        query = select(delivery).where(delivery.c.sending_id == sending_id)
        if state is not None:
            query = query.where(delivery.c.state == state)
        with self._store.state.read() as connection:
            self._row(connection, sending_id)
            rows = connection.execute(query.order_by(delivery.c.id).limit(limit).offset(offset)).all()
        return tuple(Delivery(**{name: row._mapping[name] for name in Delivery.__dataclass_fields__}) for row in rows)

    def _rate(self, connection: Connection, sending_id: int) -> float | None:
        """Return results a second over the last moments, None when there were none."""
        now = self._store.clock.now()
        since = micros(now - _RECENT)
        newest = first(connection, "select max(seq) from delivery_fact") or 0
        row = run(
            connection,
            "select count(*), min(at), max(at) from delivery_fact where seq > ? and sending_id = ? and at >= ?",
            (newest - 50_000, sending_id, since),
        ).fetchone()
        count, begun, ended = row
        if not count:
            return None
        return float(count) / max((micros(now) - begun) / 1e6, (ended - begun) / 1e6, 0.2)

    def _row(self, connection: Connection, sending_id: int) -> Row[Any]:
        row = connection.execute(select(sending).where(sending.c.id == sending_id)).first()
        if row is None:
            known = connection.execute(select(sending.c.id).order_by(sending.c.id.desc()).limit(20)).scalars()
            raise NotFound("sending", sending_id, [str(number) for number in known])
        return row

    def _change(
        self, sending_id: int, allowed: tuple[Status, ...], status: Status, doing: str, reason: str | None
    ) -> None:
        with self._store.state.write() as connection:
            self._check(self._row(connection, sending_id), allowed, doing)
            connection.execute(
                update(sending).where(sending.c.id == sending_id).values(status=status, status_reason=reason)
            )

    def _check(self, row: Row[Any], allowed: tuple[Status, ...], doing: str) -> None:
        if row.status not in allowed:
            raise DeliveryError(
                f"Sending {row.id} is {row.status} and cannot be {doing}; one that is {' or '.join(allowed)} can."
            )


def _sending(row: Row[Any]) -> Sending:
    told = {"campaign_name": row.settings["campaign_name"], "is_undecided": is_undecided(row)}
    return Sending(**told, **{n: row._mapping[n] for n in Sending.__dataclass_fields__ if n not in told})
