"""The efficiency report as a value: rows, the same numbers as frame and CSV, and the footer that says how they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from analytics.errors import NotFound, ReportError
from analytics.reports import metrics
from analytics.reports.cutoff import CutOff
from analytics.reports.metrics import METRICS, Figure, Figures, Rate
from analytics.reports.query import Scope
from analytics.reports.tidy import write_csv

if TYPE_CHECKING:
    import pandas as pd

Level = Literal["email campaign", "marketing campaign", "total", "daily", "funnel", "links", "machines", "currencies"]
LEVELS: tuple[Level, ...] = (
    "email campaign",
    "marketing campaign",
    "total",
    "daily",
    "funnel",
    "links",
    "machines",
    "currencies",
)

DAILY = (
    "sent",
    "delivered",
    "opens_all",
    "opens_human",
    "clicks_all",
    "clicks_human",
    "unsubscribes",
    "visits",
    "orders",
    "revenue",
)
"""The metrics that have a series by day."""

_LINKS = ("email_campaign_id", "email_campaign", "number", "url", "clicks_all", "clicks_human", "hits")
_CURRENCIES = ("email_campaign", "marketing_campaign", "is_confirmed", "currency", "orders", "amount")


@dataclass(frozen=True)
class CampaignRow:
    """One email campaign, one marketing campaign, or the total. `budget` is of marketing campaigns alone."""

    id: int | None
    name: str
    code: str | None
    marketing_campaign: str | None
    begun_at: datetime | None
    first_sent_at: datetime | None
    budget: Decimal | None
    figures: Figures

    def __getitem__(self, metric: str) -> Figure:
        """Return a figure by the metric's name; NotFound lists the known ones."""
        if metric not in self.figures:
            raise NotFound("metric", metric, list(METRICS))
        return self.figures[metric]

    def rate(self, metric: str) -> Rate:
        """Return a rate with its interval."""
        figure = self[metric]
        if not isinstance(figure, Rate):
            raise ReportError(f"{metric} is a {METRICS[metric].format}, not a rate.")
        return figure


@dataclass(frozen=True)
class DailyRow:
    """One local day; `figures` has the metrics of DAILY."""

    day: date
    figures: Mapping[str, int | Decimal]

    def __getitem__(self, metric: str) -> int | Decimal:
        """Return a figure by the metric's name."""
        return self.figures[metric]


@dataclass(frozen=True)
class Stage:
    """One step of the funnel: how many persons came so far, as a share of the first step and of the one before."""

    name: str
    label: str
    count: int
    of_first: Rate
    of_previous: Rate


@dataclass(frozen=True)
class LinkRow:
    """One link of an email campaign; `url` is None where each recipient had an address of their own."""

    email_campaign_id: int
    email_campaign: str
    number: int | None
    url: str | None
    clicks_all: int
    clicks_human: int
    hits: int


@dataclass(frozen=True)
class MachineRow:
    """Hits of one kind (open, click, unsubscribe, website) and verdict; `rule` None is the verdict in all."""

    kind: str
    verdict: str
    rule: str | None
    hits: int
    share: Rate


@dataclass(frozen=True)
class CurrencyRow:
    """Credited orders whose money has no value in base currency: shown here, added nowhere."""

    email_campaign: str | None
    marketing_campaign: str | None
    is_confirmed: bool
    currency: str
    orders: int
    amount: Decimal


@dataclass(frozen=True)
class EfficiencyReport:
    """What campaigns did. Page, CSV and notebook read these same rows."""

    scope: Scope
    email_campaigns: tuple[CampaignRow, ...]
    marketing_campaigns: tuple[CampaignRow, ...]
    total: CampaignRow
    daily: tuple[DailyRow, ...]
    funnel: tuple[Stage, ...]
    links: tuple[LinkRow, ...]
    machines: tuple[MachineRow, ...]
    currencies: tuple[CurrencyRow, ...]
    cut_off: CutOff
    taken_at: datetime
    currency: str
    zone: str
    versions: Mapping[str, int]
    sql: str
    query_hash: str

    def email_campaign(self, wanted: int | str) -> CampaignRow:
        """Return the row of an email campaign by name or id; NotFound lists those in the report."""
        return _row(self.email_campaigns, wanted, "email campaign in the report")

    def marketing_campaign(self, wanted: int | str) -> CampaignRow:
        """Return the row of a marketing campaign by name, code or id; NotFound lists those in the report."""
        return _row(self.marketing_campaigns, wanted, "marketing campaign in the report")

    def machine_share(self, kind: str | None = None) -> Rate:
        """Return the share of hits a machine made, of one kind or of all."""
        rows = [r for r in self.machines if r.rule is None and kind in (None, r.kind)]
        return metrics.wilson(sum(r.hits for r in rows if r.verdict == "machine"), sum(r.hits for r in rows))

    def df(self, level: Level = "email campaign") -> pd.DataFrame:
        """Return one level as a frame, a column per metric; a rate has two more, `_low` and `_high`."""
        import pandas as pd  # most readers of a report want no frame

        header, rows = self.table(level)
        return pd.DataFrame([list(row) for row in rows], columns=list(header))

    def csv(self, path: Path | str, level: Level = "email campaign") -> Path:
        """Write one level to a CSV file and the footer to `<path>.txt`; returns the path.

        Text that a spreadsheet would take for a formula is written with a leading apostrophe. Raises ReportError when
        the file cannot be written.
        """
        header, rows = self.table(level)
        return write_csv(path, header, rows, self.footer)

    def table(self, level: Level = "email campaign") -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return (header, rows) of one level; ReportError lists the levels there are."""
        match level:
            case "email campaign":
                return _campaigns(self.email_campaigns, level)
            case "marketing campaign":
                return _campaigns(self.marketing_campaigns, level)
            case "total":
                return _campaigns((self.total,), level)
            case "daily":
                return ("day", *DAILY), [(r.day, *(r[name] for name in DAILY)) for r in self.daily]
            case "funnel":
                return _funnel(self.funnel)
            case "links":
                return _plain(_LINKS, self.links)
            case "machines":
                return _machines(self.machines)
            case "currencies":
                return _plain(_CURRENCIES, self.currencies)
        raise ReportError(f"The efficiency report has no level {level!r}; there are {', '.join(LEVELS)}.")

    @property
    def footer(self) -> tuple[str, ...]:
        """The lines that belong below the numbers: cut-off, filters, window, snapshot, query, formulas."""
        return (*self.summary, "Formulas:", *(f"  {line}" for line in metrics.formulas()))

    @property
    def summary(self) -> tuple[str, ...]:
        """The footer without the formulas."""
        scope = self.scope
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        lines = [
            f"Complete until {self._time(self.cut_off.moment)} (events {self._time(self.cut_off.events)}, "
            f"deliveries {self._time(self.cut_off.deliveries)}); computed {self._time(self.taken_at)}, {self.zone}.",
            f"Period: sendings and coded visits from {self._time(scope.since) if scope.since else 'the beginning'} "
            f"until {self._time(scope.until) if scope.until else 'now'}, and all that followed from them"
            + (f" up to {self._time(scope.as_of)}." if scope.as_of else "."),
            f"Filters: marketing campaign {scope.marketing_campaign or 'any'}; "
            f"email campaign {scope.email_campaign or 'any'}.",
            f"Orders: {scope.model}, 0 <= order - touch < {scope.window_days} days; money in {self.currency}.",
            *self._apart(),
            f"Bot filtering: on; {metrics.percent(self.machine_share())} of hits were machines.",
            f"Snapshot: {versions}.",
            f"Query: {self.query_hash}.",
        ]
        return tuple(lines)

    def _apart(self) -> list[str]:
        sums: dict[tuple[str, bool], tuple[int, Decimal]] = {}
        for row in self.currencies:
            orders, amount = sums.get((row.currency, row.is_confirmed), (0, Decimal(0)))
            sums[row.currency, row.is_confirmed] = (orders + row.orders, amount + row.amount)
        return [
            f"Not in revenue, for want of a value in {self.currency}: {amount:,.2f} {currency} of {orders:,} "
            f"{'orders' if confirmed else 'unconfirmed orders'}."
            for (currency, confirmed), (orders, amount) in sorted(sums.items())
        ]

    def _time(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"


def _row(rows: Sequence[CampaignRow], wanted: int | str, kind: str) -> CampaignRow:
    for row in rows:
        if wanted in (row.id, row.name, row.code):
            return row
    raise NotFound(kind, wanted, [row.name for row in rows])


def _campaigns(rows: Sequence[CampaignRow], level: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    own = {
        "email campaign": ("id", "name", "marketing_campaign", "begun_at", "first_sent_at"),
        "marketing campaign": ("id", "name", "code", "begun_at", "first_sent_at", "budget"),
        "total": ("name", "begun_at", "first_sent_at"),
    }[level]
    header = list(own)
    for metric in METRICS.values():
        header.append(metric.name)
        if metric.format == "rate":
            header += [f"{metric.name}_low", f"{metric.name}_high"]
    return tuple(header), [(*(getattr(row, name) for name in own), *_flat(row.figures)) for row in rows]


def _plain(header: tuple[str, ...], rows: Sequence[object]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    return header, [tuple(getattr(row, name) for name in header) for row in rows]


def _flat(figures: Figures) -> list[object]:
    values: list[object] = []
    for name in METRICS:
        figure = figures[name]
        values += [figure.value, figure.low, figure.high] if isinstance(figure, Rate) else [figure]
    return values


def _funnel(stages: Sequence[Stage]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    header = (
        "stage",
        "persons",
        *(f"{of}{end}" for of in ("of_first", "of_previous") for end in ("", "_low", "_high")),
    )
    return header, [
        (s.name, s.count, *(v for r in (s.of_first, s.of_previous) for v in (r.value, r.low, r.high))) for s in stages
    ]


def _machines(rows: Sequence[MachineRow]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    header = ("kind", "verdict", "rule", "hits", "share", "share_low", "share_high")
    return header, [(r.kind, r.verdict, r.rule, r.hits, r.share.value, r.share.low, r.share.high) for r in rows]
