"""Tracking websites on screen: what comes in from each, and the snippet that makes it come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.services import Services
from analytics.store.addresses import address_of
from analytics.tracking import Website

FLAVOURS = {"matomo": "Matomo's snippet", "oro": "Oro's snippet"}


@dataclass(frozen=True)
class Line:
    """One row of the overview. `hits` and `visitors` are of all time, `last_at` is when the newest hit came."""

    website: Website
    hits: int
    visitors: int
    last_at: datetime | None
    campaigns: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """A parsed hit. Everything but the time came from outside."""

    at: datetime
    kind: str
    url: str | None
    title: str | None
    campaign: str | None
    visitor: str | None
    verdict: str | None
    agent: str | None


@dataclass(frozen=True)
class Campaign:
    """A marketing campaign a website may count for."""

    id: int
    label: str


def overview(services: Services) -> tuple[Line, ...]:
    """Return every website by name, with what came from it."""
    names = {c.id: c.name for c in services.marketing_campaigns.all()}
    with services.engine() as engine:
        rows = engine.rows(
            "select website, count(*), count(distinct visitor), max(received_at) from events"
            " where website is not null group by website"
        )
    seen = {row[0]: row[1:] for row in rows}
    lines = []
    for website in services.websites.all():
        count, visitors, last_at = seen.get(website.identifier, (0, 0, None))
        linked = tuple(names[c] for c in website.campaign_ids if c in names)
        lines.append(Line(website, count, visitors, last_at, linked))
    return tuple(lines)


def hits(services: Services, website: Website, limit: int = 50) -> tuple[Hit, ...]:
    """Return the newest hits from a website, newest first, each with the latest verdict on it."""
    with services.engine() as engine:
        rows = engine.rows(
            """
            with newest as (
                select event_id, received_at, kind, url, title, campaign_code, visitor, user_agent from events
                where website = $1 order by received_at desc, event_id limit $2
            )
            select n.received_at, n.kind, n.url, n.title, n.campaign_code, n.visitor,
                (select arg_max(v.verdict, v.decided_at) from verdicts as v where v.event_id = n.event_id),
                n.user_agent
            from newest as n order by n.received_at desc, n.event_id
            """,
            [website.identifier, limit],
        )
    return tuple(Hit(*row) for row in rows)


def collector_url(services: Services) -> str:
    """Return where clients send their hits: the public address, else where the collector listens on this machine."""
    return services.store.settings.public_url or address_of(services.store, "collector")


def snippet(services: Services, website: Website, flavour: str) -> str:
    """Return the text to paste into every page of a website."""
    return services.websites.snippet(website.id, collector_url(services), flavour)


def campaigns(services: Services) -> tuple[Campaign, ...]:
    """Return the marketing campaigns a website may count for."""
    return tuple(Campaign(c.id, c.label) for c in services.marketing_campaigns.all())


def save(
    services: Services,
    number: int | None,
    *,
    name: str,
    identifier: str,
    url: str,
    order_field: str,
    campaigns: Sequence[int],
) -> Website:
    """Add a website, or change one; raises TrackingError, NotFound."""
    if number is None:
        return services.websites.create(name, identifier, url, order_field=order_field, campaigns=campaigns)
    return services.websites.update(
        number, name=name, identifier=identifier, url=url, order_field=order_field, campaigns=campaigns
    )
