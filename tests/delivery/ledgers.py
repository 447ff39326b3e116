"""Sendings put into the ledger directly, and mails made by hand: what the sender's tests start from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from analytics.delivery.identity import message_id, message_namespace
from analytics.delivery.records import Row
from analytics.store import Store
from analytics.store.tables import (
    FIRST_OF_INSTANCE,
    delivery,
    email_campaign,
    marketing_list,
    same_address,
    sending,
    template,
)

SENDER = "shop@example.com"


@dataclass(frozen=True)
class PlainMail:
    """A mail with nothing but what it says."""

    message: bytes
    sha256: bytes
    links: Mapping[int, str] = field(default_factory=dict)


class PlainPlan:
    """Writes the delivery's number into a mail of about `size` bytes."""

    def __init__(
        self, size: int = 300, constant_links: Mapping[int, str] | None = None, personal: bool = False
    ) -> None:
        self.constant_links = constant_links or {}
        self._personal = personal
        self._filler = b"." + b"Lorem ipsum dolor sit amet, consectetur adipisici elit.\r\n" * (size // 57)

    def render(self, row: Row) -> PlainMail:
        name = json.loads(row.values).get("name", "")
        head = (
            f"From: {SENDER}\r\nTo: {row.address}\r\nSubject: Hello {name}\r\n"
            f"Message-ID: {row.message_id}\r\nX-Delivery: {row.id}\r\n\r\n"
        )
        message = head.encode() + self._filler
        links = {1: f"https://shop.example.com/{row.id}"} if self._personal else {}
        return PlainMail(message, hashlib.sha256(message).digest(), links)


def a_sending(
    store: Store,
    count: int,
    *,
    domain: str = "example.org",
    shared: Mapping[int, Sequence[str]] | None = None,
    addresses: Sequence[str] | None = None,
) -> int:
    """Put a sending with `count` planned rows into the ledger and return its id; `shared` are more keys by row."""
    now = store.clock.now()
    stamps = {"created_at": now, "updated_at": now}
    addresses = addresses or [f"person{n}@{domain}" for n in range(count)]
    with store.state.write() as connection:

        def add(table: Any, **values: Any) -> int:
            made = connection.execute(insert(table).values(**values).returning(table.c.id))
            return int(made.scalar_one())

        tail = hashlib.sha256(str(datetime.now(UTC)).encode()).hexdigest()[:8]
        list_id = add(
            marketing_list,
            name=f"list {tail}",
            entity="customer_user",
            kind="dynamic",
            channel="email",
            contact="email",
            definition={},
            **stamps,
        )
        template_id = add(template, name=f"template {tail}", subject="Hello", html="<p>Hello</p>", **stamps)
        campaign = add(
            email_campaign,
            name=f"campaign {tail}",
            list_id=list_id,
            template_id=template_id,
            sender_email=SENDER,
            **stamps,
        )
        number = add(
            sending,
            email_campaign_id=campaign,
            request_key=tail,
            status="sending",
            scheduled_for=now,
            settings={
                "list": {"id": list_id, "entity": "customer_user"},
                "campaign_name": f"campaign {tail}",
                "sender_email": SENDER,
                "marketing_campaign_id": 7,
            },
            snapshot={"frozen_at": now.isoformat()},
            frozen_at=now,
            created_at=now,
        )
        first = store.instance * FIRST_OF_INSTANCE + number * 1_000_000 + 1
        namespace = message_namespace(store.workspace_id, tail)
        rows = [
            {
                "id": first + n,
                "sending_id": number,
                "address_key": address.lower(),
                "address": address,
                "person": address.lower(),
                "entity_key": str(n),
                "state": "planned",
                "attempts": 0,
                "due_at": now,
                "message_id": message_id(namespace, address.lower(), SENDER),
                "values": {"name": f"Person {n}"},
                "updated_at": now,
            }
            for n, address in enumerate(addresses)
        ]
        connection.execute(insert(delivery), rows)
        connection.execute(
            sending.update()
            .where(sending.c.id == number)
            .values(first_delivery_id=first, last_delivery_id=first + len(rows) - 1)
        )
        extra = [
            {"delivery_id": first + n, "entity_key": key, "sending_id": number}
            for n, keys in (shared or {}).items()
            for key in keys
        ]
        if extra:
            connection.execute(insert(same_address), extra)
    return number
