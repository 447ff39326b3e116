"""What comes back after a mail was accepted: bounces and complaints, each a change of the delivery and a fact."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import select, update

from analytics.delivery.ledger import note_facts
from analytics.delivery.statements import micros
from analytics.errors import NotFound
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import delivery, suppression

BounceClass = Literal["hard", "soft", "block"]

# A mail of which nobody knew what became bounced: so it had been taken.
_BOUNCES_FROM = ("accepted", "uncertain", "handed")
_COMPLAINS_FROM = (*_BOUNCES_FROM, "unsubscribed")


def record_bounce(
    store: Store, delivery_id: int, bounce_class: BounceClass, code: str | None = None, at: datetime | None = None
) -> bool:
    """Note that a mail came back; False when the delivery had no mail that could have, or it is known already.

    `code` is what the report said (RFC 3463 status and text). A hard bounce suppresses the address. Raises NotFound.
    """
    reason = "hard_bounce" if bounce_class == "hard" else None
    return _record(store, delivery_id, "bounced", _BOUNCES_FROM, bounce_class, code, reason, at)


def record_complaint(store: Store, delivery_id: int, code: str | None = None, at: datetime | None = None) -> bool:
    """Note that the recipient called the mail unwanted, and suppress the address; False if that is known already.

    Raises NotFound.
    """
    return _record(store, delivery_id, "complained", _COMPLAINS_FROM, None, code, "complaint", at)


def _record(
    store: Store,
    delivery_id: int,
    state: str,
    before: tuple[str, ...],
    reason: str | None,
    code: str | None,
    suppressed: str | None,
    at: datetime | None,
) -> bool:
    with store.state.write() as connection:
        now = at or store.clock.now()
        facts: list[tuple[int, str, str | None, str | None]]
        row = connection.execute(
            select(delivery.c.sending_id, delivery.c.address_key, delivery.c.state).where(delivery.c.id == delivery_id)
        ).first()
        if row is None:
            raise NotFound("delivery", delivery_id)
        if row.state not in before:
            return False
        values: dict[str, object] = {"state": state, "reason": reason, "updated_at": now}
        if code is not None:
            values["code"] = code
        facts = [(delivery_id, state, reason, code)]
        if row.state in ("uncertain", "handed"):
            facts.insert(0, (delivery_id, "accepted", state, None))  # what comes back had been taken
            values["accepted_at"] = now
        connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(values))
        note_facts(connection, row.sending_id, facts, micros(now))
        if suppressed is not None:
            source = "bounce" if state == "bounced" else "complaint"
            upsert(
                connection,
                suppression,
                [
                    {
                        "address_key": row.address_key,
                        "reason": suppressed,
                        "source": source,
                        "delivery_id": delivery_id,
                        "created_at": now,
                    }
                ],
                ["address_key", "reason"],
            )
    return True
