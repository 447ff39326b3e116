"""From the answers of the efficiency queries to the rows people read: names, sums over levels, metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.reports import metrics
from analytics.reports.dimensions import Dimensions
from analytics.reports.outcome import DAILY, CampaignRow, CurrencyRow, DailyRow, LinkRow, MachineRow, Stage

Row = Mapping[str, Any]
Answers = Mapping[str, Sequence[Row]]

NO_MARKETING_CAMPAIGN = "(no marketing campaign)"
_MAIL = (
    "recipients",
    "sent",
    "delivered",
    "bounced",
    "rejected",
    "uncertain",
    "waiting",
    "skipped",
    "held_out",
    "opens_all",
    "opens_human",
    "clicks_all",
    "clicks_human",
    "unsubscribes",
    "complaints",
)
_FUNNEL = (
    ("recipients", "Recipients"),
    ("delivered", "Delivered"),
    ("opens_human", "Opened"),
    ("clicks_human", "Clicked"),
    ("visited", "Visited"),
    ("buyers", "Ordered"),
)


class Assembled:
    """The rows of an efficiency report, from the answers of its queries (by file name) in a base currency."""

    def __init__(self, dimensions: Dimensions, answers: Answers, currency: str) -> None:
        self._dimensions, self._answers, self._currency = dimensions, answers, currency
        self._parts = self._collected()

    def email_campaigns(self) -> tuple[CampaignRow, ...]:
        """Return a row per email campaign, the newest first."""
        rows = []
        for (email, marketing), part in self._parts.items():
            if email is not None:
                web, belongs_to = self._web("email campaign", email, marketing), self._marketing_name(marketing)
                rows.append(self._row(email, self._email_name(email), None, belongs_to, [part], web))
        return _newest_first(rows)

    def marketing_campaigns(self) -> tuple[CampaignRow, ...]:
        """Return a row per marketing campaign, the newest first, and one for what belongs to none if there is any."""
        grouped = defaultdict(list)
        for (_, marketing), part in self._parts.items():
            grouped[marketing].append(part)
        rows = []
        for marketing, parts in grouped.items():
            facts = self._dimensions.marketing_campaigns.get(marketing) if marketing is not None else None
            name = self._marketing_name(marketing) or NO_MARKETING_CAMPAIGN
            web = self._web("marketing campaign", None, marketing)
            code, budget = (facts.code, facts.budget) if facts else (None, None)
            rows.append(self._row(marketing, name, code, None, parts, web, budget))
        return _newest_first(rows)

    def total(self) -> CampaignRow:
        """Return the row of everything the report counts."""
        return self._row(None, "Total", None, None, list(self._parts.values()), self._web("total", None, None))

    def funnel(self) -> tuple[Stage, ...]:
        """Return the persons mailed, step by step, down to those who ordered."""
        figures = self.total().figures
        counts = {**figures, "visited": self._web("total", None, None).get("visited", 0)}
        stages, first, previous = [], None, None
        for name, label in _FUNNEL:
            count = counts[name]
            assert isinstance(count, int)
            first = count if first is None else first
            share = metrics.wilson(count, count if previous is None else previous)
            stages.append(Stage(name, label, count, metrics.wilson(count, first), share))
            previous = count
        return tuple(stages)

    def links(self) -> tuple[LinkRow, ...]:
        """Return a row per email campaign and link, the most clicked first."""
        return tuple(
            LinkRow(
                email_campaign_id=r["email_campaign_id"],
                email_campaign=self._email_name(r["email_campaign_id"]),
                number=r["link_number"],
                url=r["url"],
                clicks_all=r["clicks_all"],
                clicks_human=r["clicks_human"],
                hits=r["hits"],
            )
            for r in self._answers["efficiency_links"]
        )

    def currencies(self) -> tuple[CurrencyRow, ...]:
        """Return the credited money that has no value in base currency."""
        return tuple(
            CurrencyRow(
                email_campaign=self._email_name(r["email_campaign_id"]) if r["email_campaign_id"] is not None else None,
                marketing_campaign=self._marketing_name(r["marketing_campaign_id"]),
                is_confirmed=r["is_confirmed"],
                currency=r["currency"],
                orders=r["orders"],
                amount=r["amount"],
            )
            for r in self._answers["efficiency_sales"]
            if r["currency"] != self._currency
        )

    def _collected(self) -> dict[tuple[int | None, int | None], _Part]:
        """Return what adds up, by (email campaign, marketing campaign)."""
        parts: defaultdict[tuple[int | None, int | None], _Part] = defaultdict(_Part.empty)
        for row in self._answers["efficiency_mail"]:
            part = parts[row["email_campaign_id"], row["marketing_campaign_id"]]
            part.begun_at, part.first_sent_at = row["begun_at"], row["first_sent_at"]
            for name in _MAIL:
                part.add(name, row[name])
            facts = self._dimensions.email_campaigns.get(row["email_campaign_id"])
            if facts is not None and facts.cost is not None:
                part.add("cost", facts.cost)
        for row in self._answers["efficiency_web"]:
            if row["level"] == "email campaign":
                parts[row["email_campaign_id"], row["marketing_campaign_id"]].add("visits", row["visits"])
        for row in self._answers["efficiency_sales"]:
            part = parts[row["email_campaign_id"], row["marketing_campaign_id"]]
            kind = "" if row["is_confirmed"] else "unconfirmed_"
            part.add(f"{kind}orders", row["orders"])
            if row["currency"] == self._currency:
                part.add(f"{kind}revenue", row["amount"])
        buyers = {row["email_campaign_id"]: row["buyers"] for row in self._answers["efficiency_buyers"]}
        for (email, _), part in parts.items():
            if email in buyers:
                part.add("buyers", buyers[email])
        return dict(parts)

    def _web(self, level: str, email: int | None, marketing: int | None) -> Row:
        for row in self._answers["efficiency_web"]:
            if (row["level"], row["email_campaign_id"], row["marketing_campaign_id"]) == (level, email, marketing):
                return row
        return {}

    def _row(
        self,
        number: int | None,
        name: str,
        code: str | None,
        marketing: str | None,
        parts: Sequence[_Part],
        web: Row,
        budget: Decimal | None = None,
    ) -> CampaignRow:
        counted = _Part.empty()
        for part in parts:
            for metric, value in part.counted.items():
                counted.add(metric, value)
        figures = metrics.figures({**counted.counted, "visitors": web.get("visitors", 0)})
        return CampaignRow(
            id=number,
            name=name,
            code=code,
            marketing_campaign=marketing,
            begun_at=min((p.begun_at for p in parts if p.begun_at is not None), default=None),
            first_sent_at=min((p.first_sent_at for p in parts if p.first_sent_at is not None), default=None),
            budget=budget,
            figures=figures,
        )

    def _email_name(self, number: int) -> str:
        facts = self._dimensions.email_campaigns.get(number)
        return facts.name if facts else f"Email campaign {number}"

    def _marketing_name(self, number: int | None) -> str | None:
        if number is None:
            return None
        facts = self._dimensions.marketing_campaigns.get(number)
        return facts.name if facts else f"Marketing campaign {number}"


@dataclass
class _Part:
    """Figures that add up, while they are gathered."""

    counted: dict[str, int | Decimal]
    begun_at: datetime | None = None
    first_sent_at: datetime | None = None

    @classmethod
    def empty(cls) -> _Part:
        return cls({})

    def add(self, name: str, value: int | Decimal) -> None:
        self.counted[name] = self.counted.get(name, 0) + value


def daily_rows(answer: Sequence[Row]) -> tuple[DailyRow, ...]:
    """Return a row per day from the first to the last with anything to count, days without anything included."""
    days: dict[date, dict[str, int | Decimal]] = {}
    for row in answer:
        figures = days.setdefault(row["day"], _blank())
        figures[row["what"]] = row["n"]
        if row["what"] == "orders":
            figures["revenue"] = row["money"] or Decimal(0)
    return tuple(DailyRow(day, days.get(day, _blank())) for day in _days(days))


def _blank() -> dict[str, int | Decimal]:
    return {name: Decimal(0) if metrics.METRICS[name].format == "money" else 0 for name in DAILY}


def _days(days: Iterable[date]) -> list[date]:
    known = sorted(days)
    if not known:
        return []
    return [known[0] + timedelta(days=n) for n in range((known[-1] - known[0]).days + 1)]


def machine_rows(answer: Sequence[Row]) -> tuple[MachineRow, ...]:
    """Return the machine traffic with the share each row has of its kind's hits."""
    totals: defaultdict[str, int] = defaultdict(int)
    for row in answer:
        if row["rule"] is None:
            totals[row["kind"]] += row["hits"]
    return tuple(
        MachineRow(r["kind"], r["verdict"], r["rule"], r["hits"], metrics.wilson(r["hits"], totals[r["kind"]]))
        for r in answer
    )


def _newest_first(rows: Iterable[CampaignRow]) -> tuple[CampaignRow, ...]:
    def order(row: CampaignRow) -> tuple[bool, float, int]:
        begun = row.begun_at.timestamp() if row.begun_at else 0.0
        return row.id is None, -begun, row.id or 0

    return tuple(sorted(rows, key=order))
