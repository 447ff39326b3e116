"""Lift: what those who were mailed spent beyond those held out, with an interval.

The difference of two means with Welch's interval (B. L. Welch, "The generalization of 'Student's' problem when several
different population variances are involved", Biometrika 34, 1947), over everybody assigned, by person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import exp, lgamma, log, log1p, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.engine import Engine, read
from analytics.model.entity import EntityModel
from analytics.reports.cutoff import CutOff, cut_off
from analytics.reports.dimensions import read_dimensions
from analytics.reports.efficiency import make_deliveries
from analytics.reports.metrics import CONFIDENCE
from analytics.reports.query import EfficiencyQuery, Scope, scope_of
from analytics.reports.running import Run, make_persons
from analytics.reports.sources import make_sources
from analytics.reports.tidy import write_csv
from analytics.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Arm:
    """People assigned alike: how many, how many ordered, the sum of what they spent and of its squares."""

    persons: int
    buyers: int
    revenue: Decimal
    squares: float

    @property
    def mean(self) -> float | None:
        """What one person spent, in base currency; None without anybody."""
        return float(self.revenue) / self.persons if self.persons else None

    @property
    def variance(self) -> float | None:
        """The sample variance of what one person spent; None below two persons."""
        if self.persons < 2:
            return None
        total = float(self.revenue)
        return max(0.0, (self.squares - total * total / self.persons) / (self.persons - 1))


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its 95 % interval; all None where an arm has fewer than two persons."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class LiftRow:
    """One email campaign with a holdout: both arms and the difference of revenue per person, mailed less held out."""

    email_campaign_id: int
    email_campaign: str
    mailed: Arm
    held_out: Arm
    per_person: Difference

    @property
    def incremental(self) -> Difference:
        """The difference times the persons mailed: revenue that would not be there without the mail."""
        values = (self.per_person.value, self.per_person.low, self.per_person.high)
        return Difference(*(None if v is None else v * self.mailed.persons for v in values))


@dataclass(frozen=True)
class LiftReport:
    """Lift per email campaign that held people out."""

    rows: tuple[LiftRow, ...]
    scope: Scope
    cut_off: CutOff
    currency: str
    versions: Mapping[str, int]
    sql: str
    query_hash: str

    def df(self) -> pd.DataFrame:
        """Return a row per email campaign."""
        import pandas as pd  # most readers of a report want no frame

        header, rows = self.table()
        return pd.DataFrame([list(row) for row in rows], columns=list(header))

    def csv(self, path: Path | str) -> Path:
        """Write the rows to a CSV file and the footer to `<path>.txt`; raises ReportError when it cannot be."""
        header, rows = self.table()
        return write_csv(path, header, rows, self.footer)

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return (header, rows)."""
        header = (
            *("email_campaign_id", "email_campaign", "persons_mailed", "persons_held_out"),
            *("revenue_mailed", "revenue_held_out", "buyers_mailed", "buyers_held_out"),
            *("lift_per_person", "lift_per_person_low", "lift_per_person_high"),
            *("incremental_revenue", "incremental_revenue_low", "incremental_revenue_high", "is_decided"),
        )
        return header, [
            (
                *(r.email_campaign_id, r.email_campaign, r.mailed.persons, r.held_out.persons),
                *(r.mailed.revenue, r.held_out.revenue, r.mailed.buyers, r.held_out.buyers),
                *(r.per_person.value, r.per_person.low, r.per_person.high),
                *(r.incremental.value, r.incremental.low, r.incremental.high, r.per_person.is_decided),
            )
            for r in self.rows
        ]

    @property
    def footer(self) -> tuple[str, ...]:
        """The lines that belong below the numbers."""
        return (
            f"Complete until {self.cut_off.moment:%Y-%m-%d %H:%M:%S} UTC.",
            f"Everybody assigned, by person; orders and returns within {self.scope.window_days} days after the freeze, "
            f"in {self.currency}; other currencies without a base value are left out.",
            "Lift = mean revenue per person mailed - mean revenue per person held out, Welch 95 % interval.",
            f"Snapshot: {', '.join(f'{name} {version}' for name, version in sorted(self.versions.items()))}.",
            f"Query: {self.query_hash}.",
        )


def lift(store: Store, model: EntityModel, query: EfficiencyQuery | None = None) -> LiftReport:
    """How much did a mail earn beyond what the same people would have spent without it?

    Returns a row per email campaign that held people out. The query's attribution model plays no part, its window is
    the days after the freeze that count. Raises ReportError and NotFound as the efficiency report does.
    """
    with store.state.read() as connection:
        scope = scope_of(query or EfficiencyQuery(), store.settings, connection)
    marks = cut_off(store, scope.as_of)
    return read(store, lambda engine: _compute(store, model, engine, scope, marks), as_of=scope.as_of)


def _compute(store: Store, model: EntityModel, engine: Engine, scope: Scope, marks: CutOff) -> LiftReport:
    dimensions = read_dimensions(store.state)
    run = Run(engine, scope, store.settings)
    make_sources(run.statement, engine, model, dimensions)
    make_deliveries(run)
    run.make("efficiency_valued_orders")
    make_persons(run)
    arms: dict[int, dict[bool, Arm]] = {}
    for row in run.ask("lift"):
        arm = Arm(row["persons"], row["buyers"], row["revenue"], row["squares"])
        arms.setdefault(row["email_campaign_id"], {})[row["is_held_out"]] = arm
    nobody = Arm(0, 0, Decimal(0), 0.0)
    rows = []
    for number, both in arms.items():
        facts = dimensions.email_campaigns.get(number)
        mailed, held_out = both.get(False, nobody), both.get(True, nobody)
        name = facts.name if facts else f"Email campaign {number}"
        rows.append(LiftRow(number, name, mailed, held_out, welch(mailed, held_out)))
    return LiftReport(
        rows=tuple(rows),
        scope=scope,
        cut_off=marks,
        currency=store.settings.base_currency,
        versions=run.versions,
        sql=run.sql,
        query_hash=run.digest,
    )


def welch(one: Arm, other: Arm) -> Difference:
    """Return the difference of the arms' means, `one` less `other`, with Welch's 95 % interval.

    d ± t(df) · sqrt(s1²/n1 + s2²/n2), df by Welch and Satterthwaite.
    """
    if one.mean is None or other.mean is None or one.variance is None or other.variance is None:
        return Difference(None, None, None)
    difference = one.mean - other.mean
    parts = (one.variance / one.persons, other.variance / other.persons)
    error = sqrt(sum(parts))
    if error == 0:
        return Difference(difference, difference, difference)
    below = sum(part**2 / (arm.persons - 1) for part, arm in zip(parts, (one, other), strict=True))
    spread = t_quantile(0.5 + CONFIDENCE / 2, sum(parts) ** 2 / below) * error
    return Difference(difference, difference - spread, difference + spread)


def t_quantile(p: float, freedom: float) -> float:
    """Return the quantile of Student's t for 0.5 <= p < 1, found by halving until it no longer moves."""
    low, high = 0.0, 1.0
    while _t_below(high, freedom) < p:
        high *= 2
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _t_below(middle, freedom) < p else (low, middle)
    return high


def _t_below(t: float, freedom: float) -> float:
    """Return P(T <= t), t >= 0: 1 - I_x(v/2, 1/2) / 2 with x = v / (v + t²) (DLMF 8.17)."""
    return 1 - _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front * _continued(_beta_terms(x, a, b))


def _beta_terms(x: float, a: float, b: float) -> Sequence[float]:
    terms = [1.0]
    for m in range(400):
        if m:
            terms.append(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)))
        terms.append(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)))
    return terms


def _continued(numerators: Sequence[float]) -> float:
    """Return n0 / (1 + n1 / (1 + n2 / (1 + ...))), from the last term backwards."""
    value = 1.0
    for numerator in reversed(numerators[1:]):
        value = 1 + numerator / value
    return numerators[0] / value
