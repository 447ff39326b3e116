"""Unsubscribing in the state: one function for all who do it, so that it means the same everywhere.

The collector calls it before it answers, `apply_control` for wishes the state could not take at that moment. Both may
come for the same wish; repeating it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from analytics.store.state import upsert
from analytics.store.tables import consent, delivery, delivery_fact, email_campaign, list_state, sending, suppression

_AT_ONCE = 500
_WORDS = "Unsubscribe: no more marketing mail to this address"


@dataclass(frozen=True)
class Unsubscribe:
    """Somebody's wish: the delivery it came by, the way it came ('one-click', 'unsubscribe page', 'preference page'),
    when, and the words it was about."""

    delivery_id: int
    source: str
    at: datetime
    wording: str = _WORDS
    client_address: str | None = None
    user_agent: str | None = None


def unsubscribe_all(connection: Connection, wishes: Sequence[Unsubscribe]) -> int:
    """Carry out wishes inside a write transaction; returns how many named a delivery that exists.

    The address is suppressed (reason `unsubscribed`), the row of the list it was mailed from says since when, and a
    delivery that was accepted becomes `unsubscribed`, with a fact for the lake. What is so already stays as it is: the
    first time counts. The wish itself is noted among the consents, as a no to marketing mail altogether; if a yes to it
    came since, the newer wish holds and nothing is suppressed.
    """
    known = 0
    for start in range(0, len(wishes), _AT_ONCE):
        known += _some(connection, wishes[start : start + _AT_ONCE])
    return known


def _some(connection: Connection, wishes: Sequence[Unsubscribe]) -> int:
    in_time = sorted(wishes, key=lambda wish: wish.at)
    last = {wish.delivery_id: wish for wish in in_time}
    first = {wish.delivery_id: wish for wish in reversed(in_time)}
    rows = connection.execute(
        select(
            delivery.c.id, delivery.c.sending_id, delivery.c.address_key, delivery.c.entity_key, delivery.c.state,
            email_campaign.c.list_id,
        )
        .join(sending, sending.c.id == delivery.c.sending_id)
        .join(email_campaign, email_campaign.c.id == sending.c.email_campaign_id)
        .where(delivery.c.id.in_(list(first)))
        .order_by(delivery.c.id)
    ).all()  # fmt: skip
    for row in rows:
        wish = first[row.id]
        _note_word(connection, row.address_key, last[row.id])
        if row.state == "accepted":
            _leave(connection, row.id, row.sending_id, wish.at)
        if came_back(connection, row.address_key, last[row.id].at):
            continue
        upsert(
            connection,
            suppression,
            [
                {
                    "address_key": row.address_key,
                    "reason": "unsubscribed",
                    "source": wish.source,
                    "delivery_id": row.id,
                    "created_at": wish.at,
                }
            ],
            ["address_key", "reason"],
        )
        _note_in_list(connection, row.list_id, row.entity_key, wish.at)
    return len(rows)


def _note_word(connection: Connection, key: str, wish: Unsubscribe) -> None:
    """Add the no to the log of consents, unless this very one is in it."""
    own = consent.c.address_key == key, consent.c.topic_id.is_(None), consent.c.granted.is_(False)
    if connection.execute(select(consent.c.id).where(*own, consent.c.at == wish.at)).first() is None:
        connection.execute(
            insert(consent).values(
                address_key=key,
                granted=False,
                wording=wish.wording,
                source=wish.source,
                client_address=wish.client_address,
                user_agent=wish.user_agent,
                delivery_id=wish.delivery_id,
                at=wish.at,
            )
        )


def came_back(connection: Connection, key: str, at: datetime) -> bool:
    """Return whether the address said yes to marketing mail altogether after a moment."""
    query = select(func.max(consent.c.at)).where(
        consent.c.address_key == key, consent.c.topic_id.is_(None), consent.c.granted.is_(True)
    )
    yes = connection.execute(query).scalar()
    return yes is not None and yes > at


def _note_in_list(connection: Connection, list_id: int, entity_key: str, at: datetime) -> None:
    upsert(
        connection,
        list_state,
        [{"list_id": list_id, "entity_key": entity_key, "contacted_times": 0}],
        ["list_id", "entity_key"],
    )
    connection.execute(
        update(list_state)
        .where(
            list_state.c.list_id == list_id,
            list_state.c.entity_key == entity_key,
            list_state.c.unsubscribed_at.is_(None),
        )
        .values(unsubscribed_at=at)
    )


def _leave(connection: Connection, delivery_id: int, sending_id: int, at: datetime) -> None:
    """Move a delivery from accepted to unsubscribed, once."""
    changed = connection.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "accepted")
        .values(state="unsubscribed", updated_at=at)
    )
    if changed.rowcount == 1:
        connection.execute(
            delivery_fact.insert().values(delivery_id=delivery_id, sending_id=sending_id, state="unsubscribed", at=at)
        )
