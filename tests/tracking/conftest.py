"""A store whose clock stands at a fixed moment, and one with a sending of ten deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from analytics.model.clock import SimulatedClock
from analytics.store import Store
from analytics.store.tables import delivery, email_campaign, marketing_list, sending, template
from tests.tracking.lines import NOW


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW + timedelta(hours=1))


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[Store]:
    with Store.create(tmp_path / "Jürgen's shop #1", clock=clock) as store:
        yield store


@pytest.fixture
def sent(store: Store) -> Store:
    """The store with sending 1 of email campaign 1: deliveries 101 to 110, accepted an hour before NOW."""
    add_sending(store)
    return store


def add_sending(store: Store, first: int = 101, count: int = 10, number: int = 1) -> None:
    stamps = {"created_at": NOW, "updated_at": NOW}
    with store.state.write() as connection:
        if number == 1:
            connection.execute(
                marketing_list.insert().values(
                    id=1, name="list", entity="customer_user", kind="dynamic", channel="email", contact="email",
                    definition={}, version=1, **stamps,
                )
            )  # fmt: skip
            connection.execute(
                template.insert().values(id=1, name="template", subject="s", html="h", version=1, **stamps)
            )
        connection.execute(
            email_campaign.insert().values(
                id=number,
                name=f"campaign {number}",
                list_id=1,
                template_id=1,
                sender_email="shop@example.com",
                **stamps,
            )
        )
        connection.execute(
            sending.insert().values(
                id=number, email_campaign_id=number, request_key=f"key {number}", status="done", scheduled_for=NOW,
                settings={}, first_delivery_id=first, last_delivery_id=first + count - 1, created_at=NOW,
            )
        )  # fmt: skip
        accepted = NOW - timedelta(hours=1)
        connection.execute(
            delivery.insert(),
            [
                {
                    "id": n, "sending_id": number, "address_key": f"c{n}@example.com", "address": f"c{n}@example.com",
                    "person": f"c{n}@example.com", "entity_key": str(n), "state": "accepted", "due_at": NOW,
                    "message_id": f"<{n}@example.com>", "values": {}, "accepted_at": accepted, "updated_at": accepted,
                }
                for n in range(first, first + count)
            ],
        )  # fmt: skip
