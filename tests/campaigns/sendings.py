"""A sending of an email campaign, as delivery would make it."""

from __future__ import annotations

from sqlalchemy import insert

from analytics.store import Store
from analytics.store.tables import sending


def queue(store: Store, email_campaign_id: int) -> None:
    now = store.clock.now()
    with store.state.write() as connection:
        connection.execute(
            insert(sending).values(
                email_campaign_id=email_campaign_id,
                request_key=f"k{email_campaign_id}",
                status="scheduled",
                scheduled_for=now,
                settings={},
                frozen_rows=0,
                created_at=now,
            )
        )
