"""An unsubscribe in the state: the address is mailed no more, and its row of the list says since when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import delivery, email_campaign, list_state, sending, suppression


def unsubscribe(store: Store, delivery_id: int, source: str, at: datetime) -> None:
    """Suppress the address of a delivery and note it in the list it was mailed from; repeating it changes nothing."""
    with store.state.write() as connection:
        row = connection.execute(
            select(delivery.c.address_key, delivery.c.entity_key, email_campaign.c.list_id)
            .join(sending, sending.c.id == delivery.c.sending_id)
            .join(email_campaign, email_campaign.c.id == sending.c.email_campaign_id)
            .where(delivery.c.id == delivery_id)
        ).first()
        if row is None:
            return
        upsert(
            connection,
            suppression,
            [
                {
                    "address_key": row.address_key,
                    "reason": "unsubscribed",
                    "source": source,
                    "delivery_id": delivery_id,
                    "created_at": at,
                }
            ],
            ["address_key", "reason"],
        )
        upsert(
            connection,
            list_state,
            [{"list_id": row.list_id, "entity_key": row.entity_key, "unsubscribed_at": at, "contacted_times": 0}],
            ["list_id", "entity_key"],
            ["unsubscribed_at"],
        )
