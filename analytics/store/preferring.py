"""What somebody saves on the preference page, carried out in the state, by whoever comes to do it.

As with unsubscribing, the collector does it before it answers and `apply_control` does it again from the spool, perhaps
later and in another order. So each wish bears its time: the newest by time wins, and repeating one changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from analytics.store.suppressing import Unsubscribe, came_back, unsubscribe_all
from analytics.store.tables import consent, delivery, email_campaign, list_state, sending, suppression, topic

SOURCE = "preference page"


@dataclass(frozen=True)
class Choice:
    """One box of the page: its topic, the words beside it, whether it is ticked for who never said anything (the
    topic's policy as it was shown), and whether it was ticked when the page was saved."""

    topic_id: int
    wording: str
    default: bool
    wanted: bool


@dataclass(frozen=True)
class Preferences:
    """A saved page: by which delivery it was reached, when, the boxes, and the one that ends all marketing mail.

    `stop` whether that one was ticked, `was_stopped` whether it was when the page was shown, `stop_wording` the words
    beside it.
    """

    delivery_id: int
    at: datetime
    choices: tuple[Choice, ...]
    stop: bool
    was_stopped: bool
    stop_wording: str
    client_address: str | None = None
    user_agent: str | None = None


def prefer_all(connection: Connection, wishes: Sequence[Preferences]) -> int:
    """Carry out saved pages inside a write transaction, the oldest first; returns how many named a known delivery.

    A box that differs from where the address stood at that time becomes a consent with the words beside it; one that
    was left as it was becomes none, for nobody said anything. Ticking "no marketing mail" unsubscribes and leaves the
    topics as they are; taking that back ends a suppression for `unsubscribed`, never one for another reason.
    """
    return sum(_prefer(connection, wish) for wish in sorted(wishes, key=lambda wish: wish.at))


def _prefer(connection: Connection, wish: Preferences) -> bool:
    key = connection.execute(select(delivery.c.address_key).where(delivery.c.id == wish.delivery_id)).scalar()
    if key is None:
        return False
    if wish.stop:
        if not (wish.was_stopped and _stays_stopped(connection, key, wish.at)):
            made = Unsubscribe(
                wish.delivery_id, SOURCE, wish.at, wish.stop_wording, wish.client_address, wish.user_agent
            )
            unsubscribe_all(connection, [made])
        return True
    if wish.was_stopped:
        _resubscribe(connection, key, wish)
    there = set(connection.execute(select(topic.c.id)).scalars())
    for choice in wish.choices:
        if choice.topic_id in there and _standing(connection, key, choice, wish.at) is not choice.wanted:
            note(connection, key, choice.topic_id, choice.wanted, choice.wording, wish)
    return True


def _stays_stopped(connection: Connection, key: str, at: datetime) -> bool:
    """Return whether a page that shows the address as stopped is right, or old: another may have taken it back."""
    own = suppression.c.address_key == key, suppression.c.reason == "unsubscribed"
    is_stopped = connection.execute(select(suppression.c.reason).where(*own)).first() is not None
    return is_stopped or came_back(connection, key, at)


def _standing(connection: Connection, key: str, choice: Choice, at: datetime) -> bool:
    """Return whether the topic was wanted just before a moment, or at it."""
    query = (
        select(consent.c.granted)
        .where(consent.c.address_key == key, consent.c.topic_id == choice.topic_id, consent.c.at <= at)
        .order_by(consent.c.at.desc(), consent.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return choice.default if found is None else bool(found)


def note(
    connection: Connection, key: str, topic_id: int | None, granted: bool, wording: str, wish: Preferences
) -> None:
    """Add a yes or no to the log, unless this very one is in it."""
    row: dict[str, Any] = {"address_key": key, "topic_id": topic_id, "granted": granted, "at": wish.at}
    about = consent.c.topic_id.is_(None) if topic_id is None else consent.c.topic_id == topic_id
    same = select(consent.c.id).where(
        consent.c.address_key == key, about, consent.c.granted == granted, consent.c.at == wish.at
    )
    if connection.execute(same).first() is None:
        row |= {"wording": wording, "source": SOURCE, "delivery_id": wish.delivery_id}
        row |= {"client_address": wish.client_address, "user_agent": wish.user_agent}
        connection.execute(insert(consent).values(row))


def _resubscribe(connection: Connection, key: str, wish: Preferences) -> None:
    """Take back that the address unsubscribed before, unless it unsubscribed again since."""
    note(connection, key, None, True, f"{wish.stop_wording}: taken back", wish)
    later = select(consent.c.id).where(
        consent.c.address_key == key, consent.c.topic_id.is_(None), consent.c.granted.is_(False), consent.c.at > wish.at
    )
    if connection.execute(later).first() is not None:
        return
    connection.execute(
        delete(suppression).where(
            suppression.c.address_key == key,
            suppression.c.reason == "unsubscribed",
            suppression.c.created_at <= wish.at,
        )
    )
    for list_id, entity_key in connection.execute(_mailed_as(key)).all():
        connection.execute(
            update(list_state)
            .where(
                list_state.c.list_id == list_id,
                list_state.c.entity_key == entity_key,
                list_state.c.unsubscribed_at <= wish.at,
            )
            .values(unsubscribed_at=None)
        )


def _mailed_as(key: str) -> Any:
    """Return the query of the lists and rows an address was mailed through; by sending, as the index has it."""
    return (
        select(email_campaign.c.list_id, delivery.c.entity_key)
        .join(sending, sending.c.id == delivery.c.sending_id)
        .join(email_campaign, email_campaign.c.id == sending.c.email_campaign_id)
        .where(delivery.c.sending_id.in_(select(sending.c.id)), delivery.c.address_key == key)
        .distinct()
    )
