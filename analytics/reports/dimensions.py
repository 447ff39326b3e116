"""What the state database knows about campaigns, codes, websites and links, read in one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from analytics.store.state import State
from analytics.store.tables import campaign_code, email_campaign, link, marketing_campaign, tracking_website


@dataclass(frozen=True)
class EmailCampaignFacts:
    """An email campaign as reports need it; `cost` in base currency."""

    id: int
    name: str
    marketing_campaign_id: int | None
    cost: Decimal | None


@dataclass(frozen=True)
class MarketingCampaignFacts:
    """A marketing campaign as reports need it; `budget` in base currency."""

    id: int
    name: str
    code: str
    budget: Decimal | None


@dataclass(frozen=True)
class Dimensions:
    """`codes`: every code a campaign ever had, lower case; `websites`: identifier to the order field its hits name."""

    email_campaigns: Mapping[int, EmailCampaignFacts]
    marketing_campaigns: Mapping[int, MarketingCampaignFacts]
    codes: Mapping[str, int]
    websites: Mapping[str, str]
    links: tuple[tuple[int, int, str], ...]  # (sending, number, address) of links alike for everybody


def read_dimensions(state: State) -> Dimensions:
    """Return the dimensions as they are now."""
    with state.read() as connection:
        e, m, w = email_campaign.c, marketing_campaign.c, tracking_website.c
        emails = connection.execute(select(e.id, e.name, e.marketing_campaign_id, e.cost)).all()
        marketing = connection.execute(select(m.id, m.name, m.code, m.budget)).all()
        codes = connection.execute(
            select(campaign_code.c.code, campaign_code.c.marketing_campaign_id).order_by(campaign_code.c.since.desc())
        ).all()
        websites = connection.execute(select(w.identifier, w.order_field)).all()
        links = connection.execute(
            select(link.c.sending_id, link.c.number, link.c.url).where(link.c.delivery_id == 0)
        ).all()
    # The first owner of a code keeps it, should two codes differ in case alone; the present code is one of them all.
    owners = {row.code.lower(): row.id for row in marketing} | {r.code.lower(): r.marketing_campaign_id for r in codes}
    return Dimensions(
        email_campaigns={row.id: EmailCampaignFacts(*row) for row in emails},
        marketing_campaigns={row.id: MarketingCampaignFacts(*row) for row in marketing},
        codes=owners,
        websites={row.identifier: row.order_field for row in websites},
        links=tuple((row.sending_id, row.number, row.url) for row in links),
    )
