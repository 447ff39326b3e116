"""Marketing campaigns on screen: what they are, what belongs to them, how links are tagged for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from analytics.calls import CallCampaign
from analytics.campaigns import EmailCampaign, MarketingCampaign
from analytics.services import Services


@dataclass(frozen=True)
class Line:
    """One row of the overview. `status` is planned, running or ended."""

    id: int
    name: str
    code: str
    status: str
    start: date | None
    end: date | None
    budget: Decimal | None
    email_campaigns: int


@dataclass(frozen=True)
class Website:
    """A tracking website that counts for the campaign."""

    id: int
    name: str


@dataclass(frozen=True)
class Detail:
    """One marketing campaign with what belongs to it. `spent` is the cost entered for its mails and calls."""

    campaign: MarketingCampaign
    status: str
    email_campaigns: tuple[EmailCampaign, ...]
    call_campaigns: tuple[CallCampaign, ...]
    websites: tuple[Website, ...]
    spent: Decimal | None

    @property
    def former_codes(self) -> tuple[str, ...]:
        """Codes the campaign had before, which count for it as long as it lives."""
        return self.campaign.codes[1:]


def overview(services: Services) -> tuple[Line, ...]:
    """Return every marketing campaign, the latest start first."""
    counts: dict[int, int] = {}
    for email in services.email_campaigns.all():
        if email.marketing_campaign_id is not None:
            counts[email.marketing_campaign_id] = counts.get(email.marketing_campaign_id, 0) + 1
    today = _today(services)
    return tuple(
        Line(c.id, c.name, c.code, status(c, today), c.start_date, c.end_date, c.budget, counts.get(c.id, 0))
        for c in services.marketing_campaigns.all()
    )


def detail(services: Services, number: int) -> Detail:
    """Return one marketing campaign; raises NotFound."""
    campaign = services.marketing_campaigns.get(number)
    emails = tuple(e for e in services.email_campaigns.all() if e.marketing_campaign_id == campaign.id)
    calls = tuple(c for c in services.calls.all() if c.marketing_campaign_id == campaign.id)
    costs = [cost for cost in (*(e.cost for e in emails), *(c.cost for c in calls)) if cost is not None]
    return Detail(
        campaign=campaign,
        status=status(campaign, _today(services)),
        email_campaigns=emails,
        call_campaigns=calls,
        websites=tuple(Website(w.id, w.name) for w in services.websites.of_campaign(campaign.id)),
        spent=sum(costs, Decimal(0)) if costs else None,
    )


def status(campaign: MarketingCampaign, today: date) -> str:
    """Return whether a campaign is planned, running or ended on a day; without dates it runs."""
    if campaign.start_date is not None and campaign.start_date > today:
        return "planned"
    if campaign.end_date is not None and campaign.end_date < today:
        return "ended"
    return "running"


def tag(code: str, source: str, medium: str) -> str:
    """Return the text to add to a link published elsewhere, so that its visits count for the campaign."""
    return "?" + urlencode({"utm_source": source, "utm_medium": medium, "utm_campaign": code})


def _today(services: Services) -> date:
    store = services.store
    return store.clock.now().astimezone(ZoneInfo(store.settings.timezone)).date()
