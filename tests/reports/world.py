"""A small shop of events, deliveries and orders, kept as plain records and written straight into the lake."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import insert

from analytics.model.entity import EntityModel
from analytics.reports import EfficiencyQuery, EfficiencyReport, efficiency
from analytics.store import Store
from analytics.store.arrow import arrow_schema
from analytics.store.tables import (
    campaign_code,
    email_campaign,
    link,
    marketing_campaign,
    marketing_list,
    sending,
    template,
    tracking_website,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday noon: when things begin unless a test says otherwise."""

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

Record = dict[str, Any]


@dataclass
class World:
    """Records as lists of dictionaries; `write()` puts what is new into the store."""

    store: Store
    model: EntityModel
    marketing: list[Record] = field(default_factory=list)
    codes: list[Record] = field(default_factory=list)
    emails: list[Record] = field(default_factory=list)
    websites: list[Record] = field(default_factory=list)
    sendings: list[Record] = field(default_factory=list)
    links: list[Record] = field(default_factory=list)
    facts: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    verdicts: list[Record] = field(default_factory=list)
    users: list[Record] = field(default_factory=list)
    orders: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._number = itertools.count(1)
        self._commit = itertools.count(1)
        self._written: dict[str, int] = {}

    # --- who and what ---

    def marketing_campaign(self, name: str, code: str, *former: str, budget: Decimal | None = None) -> int:
        number = len(self.marketing) + 1
        self.marketing.append({"id": number, "name": name, "code": code, "budget": budget, **_stamps()})
        for each in (code, *former):
            self.codes.append({"code": each, "marketing_campaign_id": number, "since": NOON})
        return number

    def email_campaign(self, name: str, marketing: int | None = None, cost: Decimal | None = None) -> int:
        number = len(self.emails) + 1
        row = {"id": number, "name": name, "marketing_campaign_id": marketing, "cost": cost}
        shared = {"list_id": 1, "template_id": 1, "sender_email": "shop@example.com", "holdout_percent": Decimal(0)}
        self.emails.append({**row, **shared, **_stamps()})
        return number

    def website(self, identifier: str = "shop", order_field: str = "identifier") -> str:
        row = {"id": len(self.websites) + 1, "name": identifier, "identifier": identifier, "order_field": order_field}
        self.websites.append({**row, "url": f"https://{identifier}.example.com", **_stamps()})
        return identifier

    def user(self, name: str, email: str | None = None) -> str:
        self.users.append({"id": name, "email": email or f"{name}@example.com", "created_at": NOON - 100 * DAY})
        return name

    def order(self, user: str | None, at: datetime, total: Any = 100, **more: Any) -> str:
        number = str(next(self._number))
        money = {k: Decimal(str(more.pop(k))) for k in ("total_base", "refunded") if k in more}
        row = {"id": number, "identifier": f"N{number}", "customer_user_id": user, "created_at": at, "currency": "EUR"}
        self.orders.append({**row, "total": Decimal(str(total)), "internal_status": "open", **money, **more})
        return number

    # --- sending ---

    def sending(self, campaign: int, begun_at: datetime = NOON) -> int:
        number = len(self.sendings) + 1
        marketing = next(e["marketing_campaign_id"] for e in self.emails if e["id"] == campaign)
        self.sendings.append(
            {"id": number, "campaign": campaign, "marketing": marketing, "begun_at": begun_at, "deliveries": 0}
        )
        return number

    def link(self, sending_id: int, number: int, url: str) -> None:
        self.links.append({"sending_id": sending_id, "delivery_id": 0, "number": number, "url": url})

    def deliver(
        self, sending_id: int, person: str, *states: str, at: datetime | None = None, address: str | None = None
    ) -> int:
        """Add a delivery with the facts of these states, a minute apart; the first one falls on the freeze."""
        row = self.sendings[sending_id - 1]
        row["deliveries"] += 1
        delivery = sending_id * 10_000 + row["deliveries"]
        moment = at or row["begun_at"]
        for n, state in enumerate(states or ("planned", "accepted")):
            self.fact(delivery, sending_id, _address(person), state, moment + n * MINUTE, address)
        return delivery

    def fact(
        self, delivery: int, sending_id: int, person: str, state: str, at: datetime, address: str | None = None
    ) -> None:
        row = self.sendings[sending_id - 1]
        self.facts.append(
            {
                "seq": len(self.facts) + 1,
                "delivery_id": delivery,
                "sending_id": sending_id,
                "email_campaign_id": row["campaign"],
                "marketing_campaign_id": row["marketing"],
                "channel": "email",
                "address_key": address or person,
                "person": person,
                "state": state,
                "at": at,
                "ingested_at": at,
            }
        )

    # --- events ---

    def mail(
        self, kind: str, delivery: int, at: datetime, verdict: str | None = "human", link_number: int | None = None
    ) -> str:
        endpoint = {"open": "o", "click": "c", "unsubscribe": "u"}[kind]
        return self.event(kind, endpoint, at, verdict, delivery_id=delivery, link_number=link_number, method="GET")

    def open(self, delivery: int, at: datetime = NOON + HOUR, verdict: str | None = "human") -> str:
        return self.mail("open", delivery, at, verdict)

    def click(
        self, delivery: int, at: datetime = NOON + HOUR, verdict: str | None = "human", link_number: int = 1
    ) -> str:
        return self.mail("click", delivery, at, verdict, link_number)

    def hit(
        self,
        visitor: str | None,
        at: datetime = NOON + HOUR,
        *,
        code: str | None = None,
        token: int | None = None,
        person: str | None = None,
        verdict: str | None = "human",
        kind: str = "page_view",
        website: str = "shop",
        **more: Any,
    ) -> str:
        """Add a hit of a website; with a landing token it names whom the mail went to unless `person` signed in."""
        mailed = next((f["person"] for f in self.facts if f["delivery_id"] == token), None)
        return self.event(
            kind,
            "matomo",
            at,
            verdict,
            currency=more.pop("currency", None),
            website=website,
            visitor=visitor,
            campaign_code=code,
            delivery_id=token,
            user_id=_address(person) if person else None,
            person=_address(person) if person else mailed,
            **more,
        )

    def order_hit(self, visitor: str | None, at: datetime, number: str, revenue: Any = 100, **more: Any) -> str:
        return self.hit(visitor, at, kind="order", order_number=number, revenue=Decimal(str(revenue)), **more)

    def event(self, kind: str, endpoint: str, at: datetime, verdict: str | None, **more: Any) -> str:
        event_id = more.pop("event_id", None) or str(uuid.uuid5(uuid.NAMESPACE_OID, f"event {len(self.events)}"))
        times = {"received_at": at, "occurred_at": at, "ingested_at": at}
        self.events.append({"event_id": event_id, "kind": kind, "endpoint": endpoint, **times, **more})
        if verdict is not None:
            self.judge(event_id, verdict, at)
        return event_id

    def judge(self, event_id: str, verdict: str, at: datetime, ruleset: int = 1) -> None:
        rules = {"machine": ["known robot"], "unknown": ["no user agent"]}.get(verdict, [])
        self.verdicts.append(
            {"event_id": event_id, "ruleset": ruleset, "verdict": verdict, "rules": rules, "decided_at": at}
        )

    # --- the report ---

    def report(self, **filters: Any) -> EfficiencyReport:
        self.write()
        return efficiency(self.store, self.model, EfficiencyQuery(**filters))

    def write(self) -> None:
        for name in ("customer_user", "order"):
            self.store.lake.ensure(self.model.entity(name).schema)
        self._state()
        for name, records in (("deliveries", self.facts), ("events", self.events), ("verdicts", self.verdicts)):
            self._put(name, records, lambda n, t: self.store.lake.append(n, t, app_id="t", version=next(self._commit)))
        for name, records in (("customer_user", self.users), ("order", self.orders)):
            self._put(name, records, self.store.lake.merge)

    def _put(self, name: str, records: list[Record], put: Callable[[str, pa.Table], object]) -> None:
        done, self._written[name] = self._written.get(name, 0), len(records)
        if len(records) > done:
            put(name, table_of(self.store, name, records[done:]))

    def _state(self) -> None:
        sendings = [
            {
                "id": s["id"],
                "email_campaign_id": s["campaign"],
                "request_key": f"key {s['id']}",
                "status": "done",
                "scheduled_for": s["begun_at"],
                "settings": {},
                "created_at": s["begun_at"],
            }
            for s in self.sendings
        ]
        listing = {"entity": "customer_user", "kind": "dynamic", "channel": "email", "contact": "email"}
        fixed = [
            (marketing_list, [{"id": 1, "name": "all", **listing, "definition": {}, **_stamps()}]),
            (template, [{"id": 1, "name": "plain", "subject": "s", "html": "h", **_stamps()}]),
        ]
        rest = [
            (marketing_campaign, self.marketing),
            (campaign_code, self.codes),
            (email_campaign, self.emails),
            (tracking_website, self.websites),
            (sending, sendings),
            (link, self.links),
        ]
        with self.store.state.write() as connection:
            for table, records in [*fixed, *rest]:
                done, self._written[table.name] = self._written.get(table.name, 0), len(records)
                if len(records) > done:
                    connection.execute(insert(table), records[done:])


def table_of(store: Store, name: str, records: list[Record]) -> pa.Table:
    """Return records as an Arrow table in the schema of a lake table; what a record lacks is null."""
    schema = arrow_schema(store.lake.schema(name))
    return pa.table({f.name: pa.array([r.get(f.name) for r in records], f.type) for f in schema}, schema=schema)


def _address(person: str) -> str:
    return person if "@" in person else f"{person}@example.com"


def _stamps() -> Record:
    return {"created_at": NOON, "updated_at": NOON}
