"""Calls on screen: the campaigns, who is on the line, what time it is there, how far a campaign is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from analytics.calls import Call, CallCampaign, NextCall, Progress
from analytics.model.calls import OUTCOMES, Outcome
from analytics.reports.metrics import percent
from analytics.services import Services
from analytics.views.wording import counted, moment, money

_TIME_FORMAT = "%a %H:%M"


@dataclass(frozen=True)
class Choice:
    """Something the form offers."""

    id: int
    label: str


@dataclass(frozen=True)
class Line:
    """One row of the overview."""

    id: int
    name: str
    list_name: str
    numbers: int
    called: int
    reached: int
    ready: int
    waiting: int


@dataclass(frozen=True)
class Clock:
    """What to say about the local time; `tone` is good, bad or doubt."""

    text: str
    detail: str
    tone: str


@dataclass(frozen=True)
class Results:
    """What calls brought, as texts: rate with interval, orders, money, cost; `footer` says how they came."""

    reach_rate: str
    orders: int
    revenue: str
    cost: str
    footer: tuple[str, ...]


def overview(services: Services) -> tuple[Line, ...]:
    """Return every call campaign with how far it is, the newest first."""
    with services.engine() as engine:
        return tuple(_line(c, services.calls.progress(engine, c.id)) for c in services.calls.all())


def _line(campaign: CallCampaign, p: Progress) -> Line:
    return Line(campaign.id, campaign.name, campaign.list_name, p.numbers, p.called, p.reached, p.ready, p.waiting)


def phone_lists(services: Services) -> tuple[Choice, ...]:
    """Return the telephone lists."""
    return tuple(Choice(m.id, m.name) for m in services.lists.all() if m.channel == "phone")


def marketing(services: Services) -> tuple[Choice, ...]:
    """Return the marketing campaigns."""
    return tuple(Choice(c.id, c.label) for c in services.marketing_campaigns.all())


def save(services: Services, number: int | None, values: Mapping[str, Any]) -> CallCampaign:
    """Make a call campaign, or change one; raises CampaignError, TemplateError, NotFound."""
    given = dict(values)
    if isinstance(given.get("cost"), float):
        given["cost"] = Decimal(str(round(given["cost"], 4)))
    if number is not None:
        return services.calls.update(number, **given)
    return services.calls.create(given.pop("name"), **given)


def next_call(services: Services, campaign: int, caller: str, owner: str, any_hour: bool) -> NextCall | None:
    """Return the person a caller's session has, or the next one."""
    with services.engine() as engine:
        return services.calls.next(engine, campaign, caller, owner=owner, any_hour=any_hour)


def note(services: Services, found: NextCall, outcome: str, key: str, caller: str, **more: Any) -> Call:
    """Write down what came of a call."""
    with services.engine() as engine:
        return services.calls.note(
            engine, found.campaign.id, found.line.phone_key, outcome, request_key=key, caller=caller, **more
        )


def progress(services: Services, campaign: int) -> Progress:
    """Return where a campaign stands."""
    with services.engine() as engine:
        return services.calls.progress(engine, campaign)


def results(services: Services, campaign: int) -> Results | None:
    """Return what a campaign's calls brought, as far as the lake knows; None before the first call."""
    report = services.reports.calls(call_campaign=campaign)
    row = report.rows[0]
    if not row.calls:
        return None
    return Results(
        percent(row.reach_rate, interval=True),
        row.orders,
        money(row.revenue, report.currency),
        money(row.cost, report.currency),
        report.summary,
    )


def clock(found: NextCall) -> Clock:
    """Return what to say about the time where the number is."""
    local = found.local
    if local.earliest is None or local.latest is None:
        return Clock("Local time unknown", "The number does not tell where it is.", "doubt")
    here = f"{local.earliest:{_TIME_FORMAT}}"
    there = f"{local.latest:{_TIME_FORMAT}}"
    if here == there:
        zones = local.zones[0].replace("_", " ") if len(local.zones) == 1 else f"one of {len(local.zones)} places"
        text = f"{here} there"
        detail = zones
    else:
        text = f"{here} to {there} there"
        detail = f"The number may be in any of {len(local.zones)} places"
    if local.is_calling_time is None:
        return Clock(text, f"{detail}. Calling hours depend on where it is.", "doubt")
    if local.is_calling_time:
        return Clock(text, f"{detail}. Within calling hours.", "good")
    return Clock(text, f"{detail}. Outside calling hours.", "bad")


def agreed_zone(found: NextCall, workspace: str) -> str:
    """Return the time zone an agreed time is meant in: the person's where it is known, else the workspace's."""
    return found.local.zones[0] if len(found.local.zones) == 1 else workspace


def agreed(day: date, at: time, zone: str) -> datetime:
    """Return the moment people agreed on."""
    return datetime.combine(day, at, ZoneInfo(zone))


def noted(call: Call, zone: str) -> str:
    """Return the sentence after noting a call."""
    label = OUTCOMES[call.outcome].label
    if call.next_call_at is not None:
        return f"Noted: {label}. Next call {moment(call.next_call_at, zone)}."
    return f"Noted: {label}."


def outcomes() -> tuple[Outcome, ...]:
    """Return the outcomes a caller chooses from."""
    return tuple(OUTCOMES.values())


def label(outcome: str) -> str:
    """Return an outcome in words."""
    return OUTCOMES[outcome].label


def rest(p: Progress, zone: str) -> str:
    """Return why nobody is to be called now."""
    if p.ready:
        some = counted(p.ready, "person", "people")
        return f"{some} could be called, but others have them or it is no calling time there."
    if p.waiting:
        some = counted(p.waiting, "person", "people")
        return f"{some} to be called later, the first at {moment(p.next_at, zone)}."
    return "Everybody on the list has been dealt with."
