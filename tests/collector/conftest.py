"""A workspace with one sending whose rows are written directly, and the collector serving it on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from analytics.collector import background
from analytics.model.clock import SimulatedClock
from analytics.model.token import Purpose, Signer
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import (
    delivery,
    email_campaign,
    link,
    list_state,
    marketing_list,
    sending,
    suppression,
    template,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONSTANT = "https://shop.example/sale?colour=blue#top"
PERSONAL = "https://shop.example/basket/{}?q=Grüße"


@dataclass
class Shop:
    """A workspace with a sending of deliveries 101 to 103: link 1 is the same for all, link 2 each one's own."""

    store: Store
    deliveries: tuple[int, ...] = (101, 102, 103)
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = Signer(*self.store.keys.signing())
        with self.store.state.write() as connection:
            times = {"created_at": NOW, "updated_at": NOW}
            connection.execute(
                marketing_list.insert().values(
                    id=5, name="Buyers", entity="customer_user", kind="dynamic", channel="email", contact="email",
                    definition={}, version=1, **times,
                )
            )  # fmt: skip
            connection.execute(template.insert().values(id=6, name="Sale", subject="Sale", html="", version=1, **times))
            connection.execute(
                email_campaign.insert().values(
                    id=7, name="Spring", list_id=5, template_id=6, sender_email="shop@example.com", **times
                )
            )
            connection.execute(
                sending.insert().values(
                    id=8, email_campaign_id=7, request_key="first", status="sending", scheduled_for=NOW,
                    settings={"campaign_code": "spring-26"}, first_delivery_id=self.deliveries[0],
                    last_delivery_id=self.deliveries[-1], created_at=NOW,
                )
            )  # fmt: skip
            for number in self.deliveries:
                connection.execute(
                    delivery.insert().values(
                        id=number, sending_id=8, address_key=f"c{number}@example.com", entity_key=f"k{number}",
                        address=f"C{number}@example.com", person=f"c{number}@example.com", state="accepted",
                        due_at=NOW, message_id=f"<{number}@example.com>", values={}, updated_at=NOW,
                    )
                )  # fmt: skip
                connection.execute(
                    link.insert().values(sending_id=8, delivery_id=number, number=2, url=PERSONAL.format(number))
                )
            connection.execute(link.insert().values(sending_id=8, delivery_id=0, number=1, url=CONSTANT))

    def token(self, purpose: Purpose, delivery_id: int = 101, number: int = 0) -> str:
        return self.signer.sign(purpose, delivery_id, number)

    def hits(self, kind: str = "hits") -> list[dict[str, Any]]:
        """Every line of the spool, oldest file first."""
        lines = []
        for path in self.store.spool.files(kind):  # type: ignore[arg-type]
            lines += [json.loads(line) for line in self.store.spool.read(path, 0)[0]]
        return lines

    def suppressed(self) -> dict[str, str]:
        """Address keys with the source of their suppression."""
        with self.store.state.read() as connection:
            rows = connection.execute(select(suppression).where(suppression.c.reason == "unsubscribed"))
            return {row.address_key: row.source for row in rows}

    def states(self) -> dict[int, str]:
        """Where each delivery stands."""
        with self.store.state.read() as connection:
            return {row.id: row.state for row in connection.execute(select(delivery))}

    def unsubscribed(self) -> set[str]:
        """Keys of the rows of the list that are unsubscribed from it."""
        with self.store.state.read() as connection:
            rows = connection.execute(select(list_state).where(list_state.c.unsubscribed_at.is_not(None)))
            return {row.entity_key for row in rows if row.list_id == 5}


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Jürgen's shop #1"


@pytest.fixture
def shop(folder: Path, clock: SimulatedClock) -> Iterator[Shop]:
    with Store.create(folder, Settings.of({"name": "Shop & <Söhne>"}), clock) as store:
        yield Shop(store)


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with background(shop.store) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, follow_redirects=False, trust_env=False) as client:
        yield client


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once `holds()` is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
