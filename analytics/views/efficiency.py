"""The efficiency report on screen: filters out of an address, a verdict in a sentence, rows for tables and charts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from analytics.reports.metrics import METRICS, Rate, percent, shown, wilson
from analytics.reports.outcome import CampaignRow, EfficiencyReport, Level
from analytics.reports.query import MODELS, EfficiencyQuery
from analytics.services import Services
from analytics.views.wording import counted, money, number, visible

PERIODS = {"all": "All time", "7": "Last 7 days", "30": "Last 30 days", "90": "Last 90 days", "365": "Last 365 days"}
"""Periods by name: days back from today, or all of it. "custom" is the one with dates of its own."""

CUSTOM = "custom"
_MOST_DAYS = 100
HEADLINE = (
    "recipients",
    "delivery_rate",
    "open_rate",
    "click_rate",
    "unsubscribe_rate",
    "orders",
    "revenue",
    "revenue_per_recipient",
)
Reaction = Literal["clicks", "opens"]


@dataclass(frozen=True)
class Filters:
    """What the reader asks for, as the address holds it. `campaign` is a code, `email` an email campaign's number."""

    period: str = "all"
    since: date | None = None
    until: date | None = None
    campaign: str | None = None
    email: int | None = None
    model: str | None = None
    window: int | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Filters:
        """Return the filters in query parameters; what makes no sense there is left out."""
        since, until = _day(parameters.get("since")), _day(parameters.get("until"))
        period = parameters.get("period", "")
        if since or until:
            period = CUSTOM
        email, window = parameters.get("email", ""), parameters.get("window", "")
        return cls(
            period=period if period in PERIODS or period == CUSTOM else "all",
            since=since,
            until=until,
            campaign=parameters.get("campaign") or None,
            email=_whole(email),
            model=parameters["model"] if parameters.get("model") in MODELS else None,
            window=_whole(window),
        )

    @property
    def parameters(self) -> dict[str, str | None]:
        """The query parameters of these filters; None for those that are not needed."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.period in (CUSTOM, "all"):
            values["period"] = None
        if self.period != CUSTOM:
            values["since"] = values["until"] = None
        return {name: None if value is None else str(value) for name, value in values.items()}

    def query(self, today: date) -> EfficiencyQuery:
        """Return the query these filters mean on a day."""
        since, until = self.since, self.until
        if self.period in PERIODS:
            since = None if self.period == "all" else today - timedelta(days=int(self.period))
            until = None
        elif until is not None:
            until += timedelta(days=1)  # people mean the last day included
        return EfficiencyQuery(
            since=since,
            until=until,
            model=self.model,  # type: ignore[arg-type]  # one of MODELS
            window_days=self.window,
            marketing_campaign=self.campaign,
            email_campaign=self.email,
        )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 10 else None


@dataclass(frozen=True)
class Choice:
    """Something to filter by."""

    value: str
    label: str


@dataclass(frozen=True)
class Figure:
    """A headline figure: its name in words, its value, its interval if it has one, its formula."""

    label: str
    value: str
    interval: str | None
    formula: str


@dataclass(frozen=True)
class Day:
    """One day of the curve, or one week under its Monday."""

    day: date
    human: int
    machine: int
    unknown: int = 0


@dataclass(frozen=True)
class Step:
    """One step of the funnel; `share` of the first."""

    label: str
    count: int
    share: float | None


@dataclass(frozen=True)
class Estimate:
    """A campaign's rate with its interval."""

    label: str
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Rule:
    """A rule that took hits for a machine's."""

    label: str
    hits: int


@dataclass(frozen=True)
class View:
    """Everything the page shows of a report."""

    report: EfficiencyReport
    verdict: str
    figures: tuple[Figure, ...]
    funnel: tuple[Step, ...]
    doubts: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report on yet."""
        return not self.report.email_campaigns and not self.report.marketing_campaigns

    @property
    def is_weekly(self) -> bool:
        """Whether the curve is too long to tell its days apart."""
        days = [row.day for row in self.report.daily]
        return bool(days) and (max(days) - min(days)).days > _MOST_DAYS

    def days(self, reaction: Reaction) -> tuple[Day, ...]:
        """Return the curve of a reaction by day, a long one by week: people, and what machines did beside them."""
        sums: dict[date, tuple[int, int]] = {}
        for row in self.report.daily:
            human, every = int(row[f"{reaction}_human"]), int(row[f"{reaction}_all"])
            at = row.day - timedelta(days=row.day.weekday()) if self.is_weekly else row.day
            people, machines = sums.get(at, (0, 0))
            sums[at] = (people + human, machines + max(0, every - human))
        return tuple(Day(at, people, machines) for at, (people, machines) in sorted(sums.items()))

    def estimates(self, metric: str = "click_rate") -> tuple[Estimate, ...]:
        """Return a rate of every email campaign with its interval, the newest first, at most twelve."""
        rows = [(row.name, row.rate(metric)) for row in self.report.email_campaigns[:12]]
        return tuple(Estimate(visible(name), rate.value, rate.low, rate.high) for name, rate in rows)

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules that found machines, by the hits they found."""
        found: dict[str, int] = {}
        for row in self.report.machines:
            if row.verdict == "machine" and row.rule is not None:
                found[row.rule] = found.get(row.rule, 0) + row.hits
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Rule(name.replace("_", " "), hits) for name, hits in ordered)


def load(services: Services, filters: Filters) -> View:
    """Return the report these filters ask for; raises ReportError, NotFound."""
    store = services.store
    today = store.clock.now().astimezone(ZoneInfo(store.settings.timezone)).date()
    return view_of(services.reports.efficiency(filters.query(today)))


def view_of(report: EfficiencyReport) -> View:
    """Return what the page shows of a report."""
    return View(
        report=report,
        verdict=verdict(report),
        figures=tuple(figure(name, report.total, report.currency) for name in HEADLINE),
        funnel=tuple(Step(s.label, s.count, s.of_first.value) for s in report.funnel),
        doubts=_doubts(report),
    )


def campaign_choices(services: Services) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """Return what there is to filter by: marketing campaigns by code, email campaigns by number."""
    marketing = tuple(Choice(c.code, c.label) for c in services.marketing_campaigns.all())
    emails = tuple(Choice(str(c.id), c.name) for c in services.email_campaigns.all())
    return marketing, emails


def verdict(report: EfficiencyReport) -> str:
    """Return what came of it in one sentence, its rates with their intervals."""
    total = report.total
    recipients = _int(total, "recipients")
    if not recipients:
        return "Nothing was sent in this period yet."
    delivered, clicked = total.rate("delivery_rate"), total.rate("click_rate")
    if delivered.value is None:
        return f"{counted(recipients, 'recipient')} are waiting; nothing has left yet."
    reached = (
        f"Of {counted(recipients, 'recipient')}, {percent(wilson(_int(total, 'delivered'), recipients))} got the mail"
    )
    reacted = (
        f"{percent(clicked, interval=True)} of those clicked" if clicked.value is not None else "nobody clicked yet"
    )
    orders, revenue = _int(total, "orders"), total["revenue"]
    days = counted(report.scope.window_days, "day")
    bought = (
        f"{counted(orders, 'order')} worth {money(_amount(revenue), report.currency)} followed within {days}"
        if orders
        else f"no order followed within {days}"
    )
    return f"{reached}, {reacted}, and {bought}."


def _int(row: CampaignRow, name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def _amount(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def figure(name: str, row: CampaignRow, currency: str) -> Figure:
    """Return a figure of a row as a tile shows it."""
    metric, value = METRICS[name], row[name]
    interval = None
    if isinstance(value, Rate) and value.low is not None and value.high is not None:
        interval = f"{value.low * 100:.1f} – {value.high * 100:.1f} %"
    note = f" {metric.note}" if metric.note else ""
    formula = metric.formula.replace("_", " ")
    return Figure(metric.label, shown(name, value, currency), interval, f"{formula}.{note}")


def _doubts(report: EfficiencyReport) -> tuple[str, ...]:
    """Return what keeps the numbers from being final."""
    total, found = report.total, []
    if uncertain := _int(total, "uncertain"):
        found.append(f"{counted(uncertain, 'recipient')} may or may not have got the mail (uncertain).")
    if waiting := _int(total, "waiting"):
        found.append(f"{counted(waiting, 'recipient')} are still waiting: numbers will rise.")
    share = report.machine_share()
    if share.value:
        found.append(f"Bot filtering is on: {percent(share)} of all hits were machines and count for nobody.")
    for row in report.currencies[:3]:
        found.append(
            f"{money(row.amount, visible(row.currency))} of {number(row.orders)} orders is not in revenue: no rate."
        )
    return tuple(found)


def rows_of(campaigns: Sequence[CampaignRow]) -> list[dict[str, Any]]:
    """Return campaigns as rows of a table; rates are shares of 1, their interval is text."""
    made = []
    for row in campaigns:
        click = row.rate("click_rate")
        made.append(
            {
                "name": row.name,
                "code": row.code,
                "sent": row.first_sent_at,
                "recipients": row["recipients"],
                "delivered": row.rate("delivery_rate").value,
                "opened": row.rate("open_rate").value,
                "clicked": click.value,
                "interval": "" if click.low is None or click.high is None else _interval(click.low, click.high),
                "unsubscribed": row.rate("unsubscribe_rate").value,
                "orders": row["orders"],
                "revenue": row["revenue"],
                "per_recipient": row["revenue_per_recipient"],
                "uncertain": row["uncertain"],
                "cost": row["cost"],
                "roi": row["roi"],
            }
        )
    return made


def _interval(low: float, high: float) -> str:
    return f"{low * 100:.1f} – {high * 100:.1f} %"


def csv(report: EfficiencyReport, level: Level) -> bytes:
    """Return one level of a report as the CSV file the command line writes."""
    with tempfile.TemporaryDirectory() as folder:
        return report.csv(Path(folder) / "efficiency.csv", level).read_bytes()
