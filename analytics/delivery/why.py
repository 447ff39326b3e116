"""Why did we mail this person? What was known of an address when each of its mails was decided upon.

Every answer comes from what was kept: the sending's frozen settings (list, version, definition, topic, template), the
versions of the lake's tables its audience was read from, the delivery's values, the log of consents. Where something
is no longer there, or is known only as it is today, the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from analytics.delivery.again import SentMail, rendered_again
from analytics.engine import Engine, read
from analytics.errors import AnalyticsError, DeliveryError, NotFound
from analytics.lists import Consent, Consents, DomainBlock, Standing, Suppression, Suppressions, Topics
from analytics.model.address import address_key
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Membership, Segments
from analytics.store import SnapshotGone, Store
from analytics.store.past import past_snapshot
from analytics.store.tables import delivery, sending

_OF_TODAY = {
    "list": "other lists",
    "segment": "stored segments",
    "tag": "tags",
    "consent": "consents",
    "contacted": "how often somebody was contacted",
}
"""Kinds of conditions that read the state, which keeps no past, by the word that begins them in a document."""


@dataclass(frozen=True)
class Mailed:
    """One delivery of an address. `decided_at` is when its audience was frozen, `left_at` when the mail left."""

    delivery_id: int
    sending_id: int
    campaign: str
    entity: str
    entity_key: str
    list_name: str
    list_version: int
    state: str
    reason: str | None
    code: str | None
    arm: str | None
    decided_at: datetime
    left_at: datetime | None
    accepted_at: datetime | None


@dataclass(frozen=True)
class Known:
    """Everything known of an address now: its mails (the newest first), what speaks against mailing it, its words."""

    address_key: str
    mails: tuple[Mailed, ...]
    suppressions: tuple[Suppression, ...]
    block: DomainBlock | None
    standings: tuple[Standing, ...]
    consents: tuple[Consent, ...]


@dataclass(frozen=True)
class Change:
    """A value of the person's row that changed since the mail was decided upon."""

    field: str
    old_value: str | None
    new_value: str | None
    changed_at: datetime


@dataclass(frozen=True)
class WhyMailed:
    """Why one delivery came to be.

    contact: the list's contact path. segment: the stored segment the list was built on. definition: who the list meant
    (None: not kept). membership: the conditions for this row as they were; `remarks` are sentences on what could not
    be known, or only as of today. values: what the mail was made with. changes: of the row since. topic: name of the
    campaign's topic, topic_policy its policy then. consent: the newest word on the topic when it was decided last.
    suppressions: those of then that are there today. holdout_percent: how many were held out. mail: rendered again.
    """

    mailed: Mailed
    contact: str
    segment: str | None
    definition: Definition | None
    membership: Membership | None
    remarks: tuple[str, ...]
    values: Mapping[str, Any]
    changes: tuple[Change, ...]
    topic: str | None
    topic_policy: str | None
    consent: Consent | None
    suppressions: tuple[Suppression, ...]
    holdout_percent: str
    mail: SentMail | None


class Why:
    """Answers from what a workspace kept. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model
        self._consents = Consents(store, Topics(store))
        self._suppressions = Suppressions(store)

    def known(self, address: str, campaign: str | None = None) -> Known:
        """Return everything known of an address, its mails of one email campaign (by name) or of all.

        Raises DeliveryError for what is no address.
        """
        key = address_key(address)
        if key is None:
            raise DeliveryError(f"{address!r} is no e-mail address; write ada@example.com.")
        # By sending, as the index over addresses has it.
        query = (
            select(delivery, sending.c.settings, sending.c.snapshot)
            .join(sending, sending.c.id == delivery.c.sending_id)
            .where(delivery.c.sending_id.in_(select(sending.c.id)), delivery.c.address_key == key)
            .order_by(delivery.c.id.desc())
        )
        with self._store.state.read() as connection:
            mails = tuple(_mailed(row) for row in connection.execute(query))
        return Known(
            address_key=key,
            mails=tuple(m for m in mails if campaign is None or m.campaign.casefold() == campaign.strip().casefold()),
            suppressions=self._suppressions.all(key),
            block=self._suppressions.block_of(key),
            standings=self._consents.standings(key),
            consents=self._consents.log(key),
        )

    def of(self, delivery_id: int) -> WhyMailed:
        """Return why a delivery came to be; raises NotFound."""
        with self._store.state.read() as connection:
            query = select(delivery, sending.c.settings, sending.c.snapshot)
            query = query.join(sending, sending.c.id == delivery.c.sending_id).where(delivery.c.id == delivery_id)
            row = connection.execute(query).first()
            if row is None:
                raise NotFound("delivery", delivery_id)
            sent = connection.execute(select(sending).where(sending.c.id == row.sending_id)).one()
        mailed = _mailed(row)
        listed, topic = sent.settings["list"], sent.settings.get("topic")
        definition = Definition.from_document(listed["definition"]) if "definition" in listed else None
        decided = mailed.left_at or mailed.decided_at
        remarks: list[str] = []
        membership = self._membership(mailed, sent, definition, listed.get("kind"), remarks)
        return WhyMailed(
            mailed=mailed,
            contact=listed["contact"],
            segment=listed.get("segment"),
            definition=definition,
            membership=membership,
            remarks=tuple(remarks),
            values=row.values,
            changes=self._changes(mailed),
            topic=None if topic is None else topic["name"],
            topic_policy=None if topic is None else topic["policy"],
            consent=None if topic is None else self._word(mailed, row.address_key, topic["id"], decided),
            suppressions=tuple(s for s in self._suppressions.all(row.address_key) if s.created_at <= decided),
            holdout_percent=sent.settings["holdout_percent"],
            mail=self._mail(sent, row, remarks),
        )

    def _membership(
        self, mailed: Mailed, sent: Row[Any], definition: Definition | None, kind: str | None, remarks: list[str]
    ) -> Membership | None:
        """Return the conditions on the lake as it was, if its files are still there."""
        if definition is None:
            remarks.append("The sending is older than the keeping of definitions, so its conditions are not known.")
            return None
        if kind == "static":
            remarks.append("The list keeps its members until it is refreshed: they may have been chosen earlier.")
        today = sorted({_OF_TODAY[word] for word in _words(definition.to_document().get("where")) if word in _OF_TODAY})
        if today:
            remarks.append(f"Conditions on {', '.join(today)} are answered as of today: no past is kept of them.")
        versions = (sent.snapshot or {}).get("versions")
        try:
            if versions is None:
                raise SnapshotGone("Which data the audience was read from was not noted.")
            snapshot = past_snapshot(self._store, versions, mailed.decided_at)
            with Engine(snapshot, self._store.settings, as_of=sent.as_of, now=mailed.decided_at) as engine:
                return Segments(self._store, self._model).explain(definition, engine, mailed.entity_key)
        except SnapshotGone as gone:
            remarks.append(
                f"The data of then is no longer there ({str(gone).rstrip('.')}), so the conditions cannot be asked "
                f"again. What the mail was made with and the changes of the row since are known."
            )
        except AnalyticsError as error:
            remarks.append(f"The conditions cannot be asked again: {error}")
        return None

    def _changes(self, mailed: Mailed) -> tuple[Change, ...]:
        sql = (
            "select field, old_value, new_value, changed_at from changes "
            "where entity = $entity and entity_key = $key and changed_at > $since order by changed_at desc, field"
        )
        values = {"entity": mailed.entity, "key": mailed.entity_key, "since": mailed.decided_at}
        return tuple(Change(*row) for row in read(self._store, lambda engine: engine.rows(sql, values)))

    def _word(self, mailed: Mailed, key: str, topic_id: int, at: datetime) -> Consent | None:
        return next((one for one in self._consents.log(key, at) if one.topic_id == topic_id), None)

    def _mail(self, sent: Row[Any], row: Row[Any], remarks: list[str]) -> SentMail | None:
        try:
            return rendered_again(self._store, self._model, sent, row)
        except AnalyticsError as error:
            remarks.append(f"The mail cannot be rendered again: {error}")
            return None


def _mailed(row: Row[Any]) -> Mailed:
    settings = row.settings
    return Mailed(
        delivery_id=row.id,
        sending_id=row.sending_id,
        campaign=settings["campaign_name"],
        entity=settings["list"]["entity"],
        entity_key=row.entity_key,
        list_name=settings["list"]["name"],
        list_version=settings["list"]["version"],
        state=row.state,
        reason=row.reason,
        code=row.code,
        arm=row.arm,
        decided_at=datetime.fromisoformat(row.snapshot["frozen_at"]),
        left_at=row.handed_at,
        accepted_at=row.accepted_at,
    )


def _words(document: Any) -> Iterator[str]:
    """Yield every key of a document, at any depth."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield key
            yield from _words(value)
    elif isinstance(document, list):
        for value in document:
            yield from _words(value)
