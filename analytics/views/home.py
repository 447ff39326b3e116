"""Home: what goes out now, what the last campaigns brought, how the lists fare, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from analytics.engine.sql import quote
from analytics.reports.outcome import CampaignRow
from analytics.services import Services
from analytics.store.tables import list_state, suppression
from analytics.views import efficiency, email_campaigns
from analytics.views.email_campaigns import Monitor


@dataclass(frozen=True)
class Step:
    """A step on the way to the first campaign. `page` and `parameters` lead there."""

    title: str
    sentence: str
    label: str
    page: str
    parameters: tuple[tuple[str, str], ...]
    done: bool


@dataclass(frozen=True)
class Campaign:
    """One of the last campaigns, as a row; rates are shares of 1."""

    id: int
    name: str
    sent_at: datetime | None
    recipients: int
    delivered: float | None
    clicked: float | None
    low: float | None
    high: float | None
    orders: int
    revenue: float
    per_recipient: float | None


@dataclass(frozen=True)
class Health:
    """How the addresses fare: people who can be mailed, and those who said no."""

    people: int
    suppressed: int
    unsubscribed: int
    complaints: int


@dataclass(frozen=True)
class Home:
    """Everything the page shows."""

    steps: tuple[Step, ...]
    running: tuple[Monitor, ...]
    campaigns: tuple[Campaign, ...]
    verdict: str
    figures: tuple[efficiency.Figure, ...]
    health: Health

    @property
    def next_step(self) -> Step | None:
        """The first step that is not done yet."""
        return next((step for step in self.steps if not step.done), None)


def load(services: Services, report: efficiency.View) -> Home:
    """Return the page for a report over all time."""
    found = report.report
    return Home(
        steps=steps(services),
        running=running(services),
        campaigns=tuple(map(_campaign, found.email_campaigns[:5])),
        verdict=report.verdict,
        figures=tuple(
            efficiency.figure(name, found.total, found.currency)
            for name in ("delivery_rate", "click_rate", "orders", "revenue", "revenue_per_recipient")
        ),
        health=health(services),
    )


def steps(services: Services) -> tuple[Step, ...]:
    """Return the way to the first campaign and how far the workspace is on it."""
    return (
        Step(
            "Bring in your data",
            "Customers and their orders, from a file of your shop.",
            "Import a file",
            "pages/audience/data.py",
            (),
            _has_data(services),
        ),
        Step(
            "Say who you want to reach",
            "A marketing list: conditions on what people are and what they did.",
            "Create a list",
            "pages/audience/lists.py",
            (("list", "new"),),
            bool(services.lists.all()),
        ),
        Step(
            "Write the mail",
            "A template with a preview for every reader.",
            "Create a template",
            "pages/sending/templates.py",
            (("template", "new"),),
            bool(services.templates.all()),
        ),
        Step(
            "Send it",
            "Check, type the number of people, and follow it live.",
            "Create a campaign",
            "pages/sending/email_campaigns.py",
            (("campaign", "new"),),
            bool(services.sendings.all()),
        ),
        Step(
            "Follow visits",
            "One snippet on your website, and reports reach up to the order.",
            "Add a website",
            "pages/tracking/websites.py",
            (("website", "new"),),
            bool(services.websites.all()),
        ),
    )


def _has_data(services: Services) -> bool:
    with services.engine() as engine:
        return any(
            engine.value(f"select 1 from {quote(e.name)} limit 1")  # noqa: S608  # a declared name
            for e in services.model.targetable()
        )


def running(services: Services) -> tuple[Monitor, ...]:
    """Return the sendings somebody has to know of: those not finished, and those with uncertain mails."""
    found = []
    for sending in services.sendings.all():
        if sending.is_unfinished:
            found.append(email_campaigns.monitor(services, sending))
        if len(found) == 5:
            break
    return tuple(found)


def _campaign(row: CampaignRow) -> Campaign:
    click, each = row.rate("click_rate"), row["revenue_per_recipient"]
    return Campaign(
        id=row.id or 0,
        name=row.name,
        sent_at=row.first_sent_at,
        recipients=_whole(row, "recipients"),
        delivered=row.rate("delivery_rate").value,
        clicked=click.value,
        low=click.low,
        high=click.high,
        orders=_whole(row, "orders"),
        revenue=float(row["revenue"] or 0),  # type: ignore[arg-type]  # money is a Decimal or None
        per_recipient=None if each is None else float(each),  # type: ignore[arg-type]
    )


def _whole(row: CampaignRow, name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def health(services: Services) -> Health:
    """Return how many people can be mailed and how many said no."""
    entity = services.model.entities.get("customer_user")
    people = 0
    if entity is not None:
        with services.engine() as engine:
            people = int(engine.value("select count(distinct lower(trim(email))) from customer_user") or 0)
    with services.store.state.read() as connection:
        left = select(func.count()).where(list_state.c.unsubscribed_at.is_not(None))
        unsubscribed = int(connection.execute(left).scalar_one())
        complained = select(func.count()).where(suppression.c.reason == "complaint")
        complaints = int(connection.execute(complained).scalar_one())
    return Health(people, services.suppressions.count(), unsubscribed, complaints)
