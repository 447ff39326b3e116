"""Random mails, website events, verdicts and consents about the people of the small shop: small domains, with nulls."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import insert

from analytics.model.streams import STREAMS
from analytics.store import Store
from analytics.store.arrow import arrow_schema
from analytics.store.tables import consent, email_campaign, marketing_list, template, topic

Row = dict[str, Any]

CAMPAIGNS = ("Winter", "Spring")
TOPICS = ("News", "Offers")
PEOPLE = ["a@example.com", "b@example.com", "c@example.com", "z@example.net", "d@xn--bcher-kva.example"]
URLS = ["https://shop.example/Sale", "https://shop.example/", "https://shop.example/hats?sale=1", ""]
KINDS = ["page_view", "page_view", "event", "cart", "order", "search", "download", "outlink", "goal", "ping", "content"]
SOURCES = ["newsletter", "Newsletter", "ads"]


def make_stories(seed: int, now: datetime) -> dict[str, list[Row]]:
    """Return rows of `audience`, `deliveries`, `events`, `verdicts` and `consent` (topic by number from 1)."""
    r = random.Random(seed)

    def maybe(value: Any, nothing: float = 0.2) -> Any:
        return None if r.random() < nothing else value

    def when() -> datetime:  # few different times, so that some are the same
        return now - timedelta(hours=12 * r.randrange(60), seconds=r.choice([0, 0, 1]))

    audience, deliveries, events, verdicts = [], [], [], []
    for number in range(1, 15):
        address, campaign = r.choice(PEOPLE), r.randrange(1, 3)
        for _ in range(r.randrange(1, 3)):
            entity = r.choice(["user", "user", "order", "person"])
            key = {"user": f"u{r.randrange(13):02}", "order": f"o{r.randrange(24):02}", "person": f"p{r.randrange(6)}"}
            audience.append(
                {
                    "sending_id": campaign, "position": len(audience), "entity": entity, "entity_key": key[entity],
                    "address_key": maybe(address, 0.1), "delivery_id": number, "status": "delivery",
                }
            )  # fmt: skip
        for state in ["planned", *r.sample(["accepted", "accepted", "bounced", "unsubscribed", "deferred"], 2)]:
            deliveries.append(
                {
                    "seq": len(deliveries), "delivery_id": number, "sending_id": campaign,
                    "email_campaign_id": campaign, "address_key": address, "state": state, "at": when(),
                }
            )  # fmt: skip
        for _ in range(r.randrange(4)):
            events.append(
                {
                    "kind": r.choice(["open", "click"]), "endpoint": r.choice("oc"), "delivery_id": number,
                    "email_campaign_id": campaign, "person": address, "occurred_at": when(),
                }
            )  # fmt: skip
    for _ in range(70):
        events.append(
            {
                "kind": r.choice(KINDS), "endpoint": r.choice(["matomo", "matomo", "oro"]),
                "website": maybe(r.choice(["shop", "blog"])), "visitor": maybe(r.choice(["v1", "v2", "v3", "v4"])),
                "user_id": maybe(r.choice(["7", "8"]), 0.7), "person": maybe(r.choice(PEOPLE), 0.5),
                "campaign_source": maybe(r.choice(SOURCES), 0.4), "campaign_medium": maybe("email", 0.5),
                "campaign_code": maybe(r.choice(["x1", "x2"]), 0.5), "url": maybe(r.choice(URLS)),
                "title": maybe(r.choice(["Sale", "Hats"])), "category": maybe(r.choice(["Video", "form"])),
                "action": maybe("Play"), "name": maybe(r.choice(["A", "b"])), "occurred_at": when(),
            }
        )  # fmt: skip
    for n, event in enumerate(events):
        for name in ("website", "visitor", "user_id"):
            event.setdefault(name, None)
        event |= {"event_id": f"e{n:03}", "received_at": event["occurred_at"]}
        for ruleset in range(r.choice([0, 1, 1, 1, 1, 2])):
            verdicts.append(
                {
                    "event_id": event["event_id"], "ruleset": ruleset, "decided_at": when(),
                    "verdict": r.choice(["human", "human", "human", "machine", "unknown"]),
                }
            )  # fmt: skip
    said = [
        {"address_key": r.choice(PEOPLE), "topic_id": maybe(r.randrange(1, 3), 0.1), "granted": r.random() < 0.5}
        for _ in range(14)
    ]
    said = [{**row, "id": n, "at": when() + timedelta(days=r.choice([0, 0, 0, 9]))} for n, row in enumerate(said, 1)]
    return {
        "audience": audience,
        "deliveries": deliveries,
        "events": events,
        "verdicts": verdicts,
        "consent": said,
    }


def tell(store: Store, data: Mapping[str, Sequence[Row]], now: datetime) -> None:
    """Write stories to the lake and the state, the campaigns and topics they name too."""
    for schema in STREAMS:
        rows = data.get(schema.name, ())
        if rows:
            names = [c.name for c in schema.columns]
            full = [{name: row.get(name) for name in names} for row in rows]
            table = pa.Table.from_pylist(full, schema=arrow_schema(schema))
            store.lake.append(schema.name, table, app_id="stories", version=1)
    made = {"version": 1, "created_at": now, "updated_at": now}
    times = {"created_at": now, "updated_at": now}
    told_list = {"name": "Told", "entity": "user", "kind": "dynamic", "channel": "email", "contact": "email"}
    with store.state.write() as connection:
        given = {"id": 1, **told_list, "definition": {"entity": "user"}, "generation": 0, **made}
        connection.execute(insert(marketing_list).values(**given))
        connection.execute(insert(template).values(id=1, name="Told", subject="s", html="h", **made))
        for number, name in enumerate(CAMPAIGNS, 1):
            sent = {"list_id": 1, "template_id": 1, "sender_email": "s@example.com", "holdout_percent": 0}
            connection.execute(insert(email_campaign).values(id=number, name=name, **sent, **times))
        for number, name in enumerate(TOPICS, 1):
            connection.execute(insert(topic).values(id=number, name=name, policy="opt_in", position=number, **times))
        for row in data.get("consent", ()):
            connection.execute(insert(consent).values(**row, wording="w", source="test"))
