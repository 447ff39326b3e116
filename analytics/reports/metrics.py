"""Every figure a report shows, defined once: what it counts, its formula, its value when empty, its format.

Reports count (`BASE` figures, from SQL); everything divided is computed here and nowhere else. A rate is a proportion
and carries its Wilson 95 % interval (E. B. Wilson, "Probable inference, the law of succession, and statistical
inference", JASA 22, 1927).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from math import sqrt
from statistics import NormalDist
from typing import Literal

Format = Literal["count", "rate", "money", "ratio"]
Good = Literal["up", "down", "neither"]

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
_CENT = Decimal("0.0001")  # the lake's money has four decimals


@dataclass(frozen=True)
class Metric:
    """One figure.

    `format`: count (whole number), rate (share of a whole, with interval), money (base currency), ratio (a quotient
    that may be negative or above 1). `numerator` and `denominator` name other metrics; `empty` is the value without
    anything to count (None is shown as a dash). `good` says which direction a marketer wants.
    """

    name: str
    label: str
    formula: str
    format: Format
    good: Good = "neither"
    numerator: str | None = None
    denominator: str | None = None
    empty: int | None = 0
    note: str = ""

    @property
    def is_counted(self) -> bool:
        """Whether the figure is counted in SQL rather than computed from others."""
        return self.denominator is None


@dataclass(frozen=True)
class Rate:
    """A proportion with its Wilson interval; `value` is None without a denominator.

    `low` and `high` are None for a numerator above the denominator: that is no proportion.
    """

    numerator: int
    denominator: int
    value: float | None
    low: float | None
    high: float | None


Figure = int | Decimal | Rate | None
Figures = Mapping[str, Figure]


def _count(name: str, label: str, formula: str, good: Good = "neither", note: str = "") -> Metric:
    return Metric(name, label, formula, "count", good, note=note)


def _rate(name: str, label: str, numerator: str, denominator: str, good: Good, note: str = "") -> Metric:
    formula = f"{numerator} / {denominator}"
    return Metric(name, label, formula, "rate", good, numerator, denominator, empty=None, note=note)


_ALL = (
    _count(
        "recipients",
        "Recipients",
        "deliveries assigned and not held out",
        note="Rows that were not eligible when the audience was frozen were never assigned; they are in skipped alone.",
    ),
    _count("sent", "Sent", "deliveries ever accepted by the mail server", "up"),
    _count("delivered", "Delivered", "sent - bounced", "up"),
    _count("bounced", "Bounced", "sent deliveries that came back later", "down"),
    _count("rejected", "Rejected", "deliveries the mail server refused for good", "down"),
    _count(
        "uncertain",
        "Uncertain",
        "deliveries whose outcome nobody knows",
        "down",
        note="Handed to the mail server without an answer; never sent again unless a person says so.",
    ),
    _count("waiting", "Waiting", "recipients - sent - rejected - uncertain - skipped after assignment", "down"),
    _count(
        "skipped",
        "Skipped",
        "deliveries not sent for a reason of ours",
        note="Suppressed, unsubscribed or capped, when the audience was frozen or when the row was taken.",
    ),
    _count("held_out", "Held out", "deliveries assigned to the holdout"),
    _count("opens_all", "Opens (all)", "persons with an open, machines included", note="Once per sending."),
    _count(
        "opens_human",
        "Opens",
        "persons with an open by a person",
        "up",
        note="Once per sending. Mail programs that load images ahead make opens unreliable.",
    ),
    _count("clicks_all", "Clicks (all)", "persons with a click, machines included", note="Once per sending."),
    _count("clicks_human", "Clicks", "persons with a click by a person", "up", note="Once per sending."),
    _count("unsubscribes", "Unsubscribes", "persons who unsubscribed by the mail", "down", note="Once per sending."),
    _count("complaints", "Complaints", "persons who reported the mail as spam", "down", note="Once per sending."),
    _count(
        "visits",
        "Visits",
        "visits by people with a campaign code or landing token",
        "up",
        note="A visit whose every hit is a machine's does not count.",
    ),
    _count(
        "visitors",
        "Visitors",
        "persons of these visits, else their devices",
        "up",
        note="Counted anew on every level, so the rows do not add up to the total.",
    ),
    _count("buyers", "Buyers", "persons whose delivery was credited with an order", "up", note="Once per sending."),
    _count(
        "orders",
        "Orders",
        "imported orders credited to the campaign",
        "up",
        note="Cancelled orders and returns are out; an order is credited to one touch; all currencies.",
    ),
    Metric(
        "revenue",
        "Revenue",
        "sum of order totals less refunds, in base currency",
        "money",
        "up",
        note="Orders in another currency without a base value are shown apart and never added.",
    ),
    _count(
        "unconfirmed_orders",
        "Unconfirmed orders",
        "tracked orders that no import confirms, credited the same way",
        note="Not part of orders.",
    ),
    Metric(
        "unconfirmed_revenue",
        "Unconfirmed revenue",
        "sum of the revenue these hits name, in base currency",
        "money",
        note="Not part of revenue.",
    ),
    Metric(
        "cost",
        "Cost",
        "costs entered for the email campaigns",
        "money",
        "down",
        empty=None,
        note="Empty when no cost was entered.",
    ),
    Metric("roi", "ROI", "(revenue - cost) / cost", "ratio", "up", "revenue", "cost", None),
    Metric(
        "revenue_per_recipient",
        "Revenue per recipient",
        "revenue / recipients",
        "money",
        "up",
        "revenue",
        "recipients",
        None,
    ),
    _rate("delivery_rate", "Delivery rate", "delivered", "sent", "up"),
    _rate("bounce_rate", "Bounce rate", "bounced", "sent", "down"),
    _rate("open_rate_all", "Open rate (all)", "opens_all", "delivered", "neither"),
    _rate("open_rate", "Open rate", "opens_human", "delivered", "up"),
    _rate("click_rate_all", "Click rate (all)", "clicks_all", "delivered", "neither"),
    _rate("click_rate", "Click rate", "clicks_human", "delivered", "up"),
    _rate(
        "click_to_open",
        "Click-to-open rate",
        "clicks_human",
        "opens_human",
        "up",
        note="Above 100 % where readers click without loading images; it has no interval then.",
    ),
    _rate("unsubscribe_rate", "Unsubscribe rate", "unsubscribes", "delivered", "down"),
    _rate("complaint_rate", "Complaint rate", "complaints", "delivered", "down"),
    _rate("conversion_rate", "Conversion rate", "buyers", "delivered", "up", note="Buyers, not orders: a share."),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric by name, in the order reports show them."""

BASE = tuple(m.name for m in _ALL if m.is_counted)
"""The figures a report counts in SQL."""

DIVIDED = tuple(m.name for m in _ALL if not m.is_counted)
"""The figures computed from others."""


def figures(counted: Mapping[str, int | Decimal | None]) -> dict[str, Figure]:
    """Return every metric, in order, from the counted ones; a missing count has its empty value."""
    known: dict[str, Figure] = {}
    for name in BASE:
        value = counted.get(name)
        known[name] = _empty(METRICS[name]) if value is None else value
    for name in DIVIDED:
        known[name] = _divided(METRICS[name], known)
    return {name: known[name] for name in METRICS}


def wilson(numerator: int, denominator: int) -> Rate:
    """Return the proportion with its Wilson score interval at 95 %.

    (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), Wilson 1927. Without a denominator there is no value; a
    numerator above the denominator has a value and no interval. Raises ValueError for negative numbers.
    """
    if numerator < 0 or denominator < 0:
        raise ValueError(f"A proportion of {numerator} in {denominator} cannot be: counts are not negative.")
    if denominator == 0:
        return Rate(numerator, denominator, None, None, None)
    p = numerator / denominator
    if numerator > denominator:
        return Rate(numerator, denominator, p, None, None)
    spread = _Z * sqrt(p * (1 - p) / denominator + _Z**2 / (4 * denominator**2))
    scale = 1 + _Z**2 / denominator
    centre = p + _Z**2 / (2 * denominator)
    # At the ends the bound is exactly 0 or 1; rounding would leave 1e-17.
    low = 0.0 if numerator == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if numerator == denominator else min(1.0, (centre + spread) / scale)
    return Rate(numerator, denominator, p, low, high)


def shown(name: str, figure: Figure, currency: str = "") -> str:
    """Return a figure as text for people: 1,234 · 12.3 % · 1,234.50 EUR · +45 %; a dash for none."""
    metric = METRICS[name]
    if isinstance(figure, Rate):
        return percent(figure)
    if figure is None:
        return "–"
    if metric.format == "money":
        return f"{figure:,.2f} {currency}".rstrip()
    if metric.format == "ratio":
        return f"{figure * 100:+,.0f} %"
    return f"{figure:,}"


def percent(rate: Rate, interval: bool = False) -> str:
    """Return "12.3 %", with the interval "12.3 % (10.1-14.9)"; a dash without a value."""
    if rate.value is None:
        return "–"
    text = f"{rate.value * 100:.1f} %"
    if not interval or rate.low is None or rate.high is None:
        return text
    return f"{text} ({rate.low * 100:.1f}-{rate.high * 100:.1f})"


def formulas() -> tuple[str, ...]:
    """Return one line per metric: its name and formula."""
    return tuple(f"{m.name} = {m.formula}" for m in METRICS.values())


def _empty(metric: Metric) -> Figure:
    if metric.empty is None:
        return None
    return Decimal(metric.empty) if metric.format == "money" else metric.empty


def _divided(metric: Metric, known: Mapping[str, Figure]) -> Figure:
    top, bottom = known[metric.numerator or ""], known[metric.denominator or ""]
    if metric.format == "rate":
        assert isinstance(top, int)
        assert isinstance(bottom, int)
        return wilson(top, bottom)
    if not isinstance(top, int | Decimal) or not isinstance(bottom, int | Decimal) or not bottom:
        return None
    above = Decimal(top) - Decimal(bottom) if metric.name == "roi" else Decimal(top)
    return (above / Decimal(bottom)).quantize(_CENT, ROUND_HALF_EVEN)
