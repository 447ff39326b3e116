"""What a person has had from the shop before: mails that left, and calls of any campaign."""

from __future__ import annotations

from sqlalchemy import select

from analytics.calls.noting import joined
from analytics.calls.records import Contact
from analytics.model.calls import OUTCOMES
from analytics.store import Store
from analytics.store.tables import call, delivery, email_campaign, sending

_LEFT = ("accepted", "bounced", "complained", "unsubscribed")


def contacts_of(store: Store, phone_key: str, person: str, limit: int = 20) -> tuple[Contact, ...]:
    """Return the last contacts of a number and of the person (an address key) behind it, the newest first."""
    mails = (
        select(delivery.c.accepted_at, delivery.c.updated_at, delivery.c.state, email_campaign.c.name)
        .select_from(sending)
        # By sending, each a look-up in the index on (sending, address).
        .join(delivery, (delivery.c.sending_id == sending.c.id) & (delivery.c.address_key == person))
        .join(email_campaign, email_campaign.c.id == sending.c.email_campaign_id)
        .where(delivery.c.state.in_(_LEFT))
        .order_by(delivery.c.updated_at.desc())
        .limit(limit)
    )
    calls = joined().where(call.c.phone_key == phone_key).order_by(call.c.at.desc(), call.c.id.desc()).limit(limit)
    with store.state.read() as connection:
        found = [
            Contact(
                row.accepted_at or row.updated_at, "email", row.name, "sent" if row.state == "accepted" else row.state
            )
            for row in connection.execute(mails)
        ]
        found += [
            Contact(row.at, "phone", row.campaign, OUTCOMES[row.outcome].label, row.note, row.caller)
            for row in connection.execute(calls)
        ]
    return tuple(sorted(found, key=lambda contact: contact.at, reverse=True)[:limit])
