"""The call report: whom each call campaign reached, what they said, what they bought, and for how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from analytics.engine import Engine, read
from analytics.errors import NotFound
from analytics.lists import Lists, Suppressions
from analytics.model.calls import OUTCOMES
from analytics.model.entity import EntityModel
from analytics.reports.dimensions import read_dimensions
from analytics.reports.metrics import Rate, wilson
from analytics.reports.query import EfficiencyQuery, Model, Scope, When, scope_of
from analytics.reports.running import Run, make_persons
from analytics.reports.sources import make_sources
from analytics.reports.tidy import write_csv
from analytics.segments import Segments
from analytics.store import Store
from analytics.store.tables import call, call_campaign, marketing_campaign

if TYPE_CHECKING:
    import pandas as pd

FORMULAS: Mapping[str, str] = {
    "members": "rows on the campaign's list now, removed and unsubscribed ones left out",
    "callable": "numbers of members that can be dialled and are not under do-not-call now, shared ones once",
    "calls": "calls made or tried in the period",
    "called": "numbers with a call in the period",
    "reached": "numbers where the person spoke with the caller in the period",
    "reach_rate": "reached / called, with Wilson's 95 % interval",
    "outcomes": "numbers by the outcome of their last call in the period",
    "do_not_call": "numbers whose last call in the period ended with do not call",
    "buyers": "persons with an order credited",
    "orders": "orders credited to a call that reached the person",
    "revenue": "money of these orders less refunds, in the base currency",
    "order_rate": "buyers / reached, with Wilson's 95 % interval",
    "roi": "(revenue - cost) / cost",
}
"""Every figure of the report: what it counts."""

_APP_ID = "calls"  # under which the calls are exported
_CENT = Decimal("0.0001")


@dataclass(frozen=True)
class CallsQuery:
    """The filters of a call report: the period of the calls (`until` not included), how orders are credited, one
    marketing campaign or call campaign alone, and `as_of`, after which nothing counts. As in EfficiencyQuery."""

    since: When | None = None
    until: When | None = None
    model: Model | None = None
    window_days: int | None = None
    marketing_campaign: int | str | None = None
    call_campaign: int | str | None = None
    as_of: When | None = None


@dataclass(frozen=True)
class CallRow:
    """One call campaign. Money is in the base currency; `apart` is revenue in others, by currency."""

    id: int
    name: str
    marketing_campaign_id: int | None
    marketing_campaign: str | None
    members: int
    callable: int
    calls: int
    called: int
    reached: int
    outcomes: Mapping[str, int]
    buyers: int
    orders: int
    revenue: Decimal
    apart: Mapping[str, Decimal]
    cost: Decimal | None
    first_at: datetime | None
    last_at: datetime | None

    @property
    def reach_rate(self) -> Rate:
        """Reached of called."""
        return wilson(self.reached, self.called)

    @property
    def order_rate(self) -> Rate:
        """Buyers of reached. Somebody may buy for whom several numbers were reached, never the other way round."""
        return wilson(self.buyers, self.reached)

    @property
    def do_not_call(self) -> int:
        """Numbers that asked not to be called."""
        return self.outcomes.get("do_not_call", 0)

    @property
    def roi(self) -> Decimal | None:
        """Return on the cost; None without one."""
        if not self.cost:
            return None
        return ((self.revenue - self.cost) / self.cost).quantize(_CENT, ROUND_HALF_EVEN)


@dataclass(frozen=True)
class CallReport:
    """The call campaigns of a query, by name."""

    rows: tuple[CallRow, ...]
    scope: Scope
    call_campaign: str | None
    complete_until: datetime
    taken_at: datetime
    currency: str
    zone: str
    versions: Mapping[str, int]
    sql: str
    query_hash: str

    def df(self) -> pd.DataFrame:
        """Return a row per call campaign."""
        import pandas as pd  # most readers of a report want no frame

        header, rows = self.table()
        return pd.DataFrame([list(row) for row in rows], columns=list(header))

    def csv(self, path: Path | str) -> Path:
        """Write the rows to a CSV file and the footer to `<path>.txt`; raises ReportError when it cannot be."""
        header, rows = self.table()
        return write_csv(path, header, rows, self.footer)

    def table(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return (header, rows), an own column for every outcome."""
        header = (
            *("id", "name", "marketing_campaign", "first_at", "last_at"),
            *("members", "callable", "calls", "called", "reached"),
            *("reach_rate", "reach_rate_low", "reach_rate_high"),
            *OUTCOMES,
            *("buyers", "orders", "revenue", "order_rate", "order_rate_low", "order_rate_high", "cost", "roi"),
        )
        return header, [
            (
                *(r.id, r.name, r.marketing_campaign, r.first_at, r.last_at),
                *(r.members, r.callable, r.calls, r.called, r.reached),
                *(r.reach_rate.value, r.reach_rate.low, r.reach_rate.high),
                *(r.outcomes.get(name, 0) for name in OUTCOMES),
                *(r.buyers, r.orders, r.revenue),
                *(r.order_rate.value, r.order_rate.low, r.order_rate.high, r.cost, r.roi),
            )
            for r in self.rows
        ]

    @property
    def footer(self) -> tuple[str, ...]:
        """The lines that belong below the numbers: cut-off, period, filters, crediting, snapshot, formulas."""
        return (*self.summary, "Formulas:", *(f"  {name} = {formula}" for name, formula in FORMULAS.items()))

    @property
    def summary(self) -> tuple[str, ...]:
        """The footer without the formulas."""
        scope = self.scope
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        return (
            f"Complete until {self._time(self.complete_until)}; computed {self._time(self.taken_at)}, {self.zone}.",
            f"Period: calls from {self._time(scope.since) if scope.since else 'the beginning'} "
            f"until {self._time(scope.until) if scope.until else 'now'}, and orders that followed from them"
            + (f" up to {self._time(scope.as_of)}." if scope.as_of else "."),
            f"Filters: marketing campaign {scope.marketing_campaign or 'any'}; "
            f"call campaign {self.call_campaign or 'any'}.",
            f"Orders: {scope.model} of calls that reached the person, 0 <= order - call < {scope.window_days} days; "
            f"money in {self.currency}. The efficiency report credits mails and visits on its own.",
            *(
                f"Not in revenue of {row.name}, for want of a value in {self.currency}: {amount:,.2f} {currency}."
                for row in self.rows
                for currency, amount in sorted(row.apart.items())
            ),
            f"Snapshot: {versions}.",
            f"Query: {self.query_hash}.",
        )

    def _time(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"


def calls(store: Store, model: EntityModel, query: CallsQuery | None = None) -> CallReport:
    """Whom did calls reach, what did they say, and what did they buy, for each call campaign?

    Returns a row per call campaign of the query. Raises ReportError for a query that makes no sense, NotFound for an
    unknown campaign.
    """
    asked = query or CallsQuery()
    shared = EfficiencyQuery(
        asked.since, asked.until, asked.model, asked.window_days, asked.marketing_campaign, None, asked.as_of
    )
    with store.state.read() as connection:
        scope = scope_of(shared, store.settings, connection)
    complete = calls_complete_through(store)  # before the snapshot, which then holds at least all it promises
    campaigns = _campaigns(store, asked.call_campaign, scope.marketing_campaign_id)
    named = campaigns[0].name if asked.call_campaign is not None and campaigns else None
    return read(
        store,
        lambda engine: _compute(store, model, engine, scope, campaigns, named, complete),
        as_of=scope.as_of,
    )


def make_call_tables(run: Run) -> None:
    """Make `_call_credit`; `_valued_order` and `_person` have to be there."""
    run.make("calls_credits")


def calls_complete_through(store: Store) -> datetime:
    """Return the time up to which every call noted so far is in the lake.

    A call may be noted long after it was made, from a sheet on paper; such a one is in the lake as soon as it is
    exported.
    """
    done = store.lake.committed("calls", _APP_ID) or 0
    with store.state.read() as connection:
        now = store.clock.now()
        oldest = connection.execute(select(func.min(call.c.at)).where(call.c.id > done)).scalar()
    return now if oldest is None else min(now, oldest - timedelta(microseconds=1))


def _compute(
    store: Store,
    model: EntityModel,
    engine: Engine,
    scope: Scope,
    campaigns: Sequence[Any],
    named: str | None,
    complete: datetime,
) -> CallReport:
    run = Run(engine, scope, store.settings)
    make_sources(run.statement, engine, model, read_dimensions(store.state))
    run.make("efficiency_valued_orders")
    make_persons(run)
    make_call_tables(run)
    made = {row["call_campaign_id"]: row for row in run.ask("calls_made")}
    outcomes: dict[int, dict[str, int]] = {}
    for row in run.ask("calls_outcomes"):
        outcomes.setdefault(row["call_campaign_id"], {})[row["outcome"]] = row["numbers"]
    buyers = {row["call_campaign_id"]: row["buyers"] for row in run.ask("calls_buyers")}
    sales: dict[int, list[Mapping[str, Any]]] = {}
    for row in run.ask("calls_sales"):
        sales.setdefault(row["call_campaign_id"], []).append(row)
    base = store.settings.base_currency
    rows = []
    for one in campaigns:
        members, callable_ = _reachable(store, model, engine, one.list_id)
        figures, sold = made.get(one.id, {}), sales.get(one.id, [])
        rows.append(
            CallRow(
                id=one.id,
                name=one.name,
                marketing_campaign_id=one.marketing_campaign_id,
                marketing_campaign=one.marketing,
                members=members,
                callable=callable_,
                **{name: figures.get(name, 0) for name in ("calls", "called", "reached")},
                outcomes=outcomes.get(one.id, {}),
                buyers=buyers.get(one.id, 0),
                orders=sum(row["orders"] for row in sold),
                revenue=sum((row["amount"] for row in sold if row["currency"] == base), Decimal(0)),
                apart={row["currency"]: row["amount"] for row in sold if row["currency"] != base},
                cost=one.cost,
                first_at=figures.get("first_at"),
                last_at=figures.get("last_at"),
            )
        )
    return CallReport(
        rows=tuple(rows),
        scope=scope,
        call_campaign=named,
        complete_until=complete if scope.as_of is None else min(complete, scope.as_of),
        taken_at=engine.snapshot.taken_at,
        currency=base,
        zone=store.settings.timezone,
        versions=run.versions,
        sql=run.sql,
        query_hash=run.digest,
    )


def _reachable(store: Store, model: EntityModel, engine: Engine, list_id: int) -> tuple[int, int]:
    """Return (rows on a list, numbers of them that may be called)."""
    rows = Lists(store, model, Segments(store, model)).audience(engine, list_id)
    numbers = rows.column("address_key").drop_null().unique().to_pylist()
    return rows.num_rows, len(numbers) - len(Suppressions(store).reasons(numbers))


def _campaigns(store: Store, wanted: int | str | None, marketing: int | None) -> Sequence[Any]:
    t = call_campaign.c
    query = (
        select(t.id, t.name, t.list_id, t.cost, t.marketing_campaign_id, marketing_campaign.c.name.label("marketing"))
        .join(marketing_campaign, marketing_campaign.c.id == t.marketing_campaign_id, isouter=True)
        .order_by(t.name)
    )
    with store.state.read() as connection:
        rows = connection.execute(query).all()
    known = [row.name for row in rows]
    if wanted is not None:
        rows = [row for row in rows if wanted in (row.id, row.name)]
        if not rows:
            raise NotFound("call campaign", wanted, known)
    return [row for row in rows if marketing is None or row.marketing_campaign_id == marketing]
