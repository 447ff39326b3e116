"""The efficiency report: what each campaign sent, who reacted, who came, who bought, and for how much.

A small number of set-based queries over tables made in one private DuckDB on one snapshot of the lake; the files
`sql/efficiency_*.sql` are the definitions. The dimensions (campaigns, codes, websites) come from the state database.
The ledger is never read.
"""

from __future__ import annotations

from analytics.engine import Engine, read
from analytics.model.entity import EntityModel
from analytics.reports.assemble import Assembled, daily_rows, machine_rows
from analytics.reports.cutoff import CutOff, cut_off
from analytics.reports.dimensions import read_dimensions
from analytics.reports.outcome import EfficiencyReport
from analytics.reports.query import EfficiencyQuery, Scope, scope_of
from analytics.reports.running import Run, make_persons
from analytics.reports.sources import make_sources
from analytics.store import Store

ANSWERS = (
    "efficiency_mail",
    "efficiency_web",
    "efficiency_sales",
    "efficiency_buyers",
    "efficiency_daily",
    "efficiency_links",
    "efficiency_machines",
)
"""The queries that are read; the others make tables for them."""


def efficiency(store: Store, model: EntityModel, query: EfficiencyQuery | None = None) -> EfficiencyReport:
    """Did it go out, did people react, did it earn, for each campaign and over time?

    Returns what the campaigns of the query did, as far as the lake knows. Raises ReportError for a query that makes no
    sense, NotFound for an unknown campaign.
    """
    with store.state.read() as connection:
        scope = scope_of(query or EfficiencyQuery(), store.settings, connection)
    marks = cut_off(store, scope.as_of)  # before the snapshot, which then holds at least all they promise
    return read(store, lambda engine: _compute(store, model, engine, scope, marks), as_of=scope.as_of)


def _compute(store: Store, model: EntityModel, engine: Engine, scope: Scope, marks: CutOff) -> EfficiencyReport:
    dimensions = read_dimensions(store.state)
    run = Run(engine, scope, store.settings)
    make_sources(run.statement, engine, model, dimensions)
    make_tables(run)
    answers = {name: run.ask(name) for name in ANSWERS}
    rows = Assembled(dimensions, answers, store.settings.base_currency)
    return EfficiencyReport(
        scope=scope,
        email_campaigns=rows.email_campaigns(),
        marketing_campaigns=rows.marketing_campaigns(),
        total=rows.total(),
        daily=daily_rows(answers["efficiency_daily"]),
        funnel=rows.funnel(),
        links=rows.links(),
        machines=machine_rows(answers["efficiency_machines"]),
        currencies=rows.currencies(),
        cut_off=marks,
        taken_at=engine.snapshot.taken_at,
        currency=store.settings.base_currency,
        zone=store.settings.timezone,
        versions=run.versions,
        sql=run.sql,
        query_hash=run.digest,
    )


def make_tables(run: Run) -> None:
    """Make every table the answers are read from: mails, hits, visits, touches, orders, credits, reactions."""
    make_deliveries(run)
    run.make("efficiency_twins")
    _make_hits(run)
    run.make("efficiency_visits")
    run.make("efficiency_mailed")
    run.make("efficiency_campaign_visits")
    run.make("efficiency_touches")
    run.make("efficiency_order_hits")
    run.make("efficiency_matches")
    run.make("efficiency_valued_orders")
    run.make("efficiency_purchases")
    make_persons(run)
    run.make("efficiency_credits")
    run.make("efficiency_reactions")


def make_deliveries(run: Run) -> None:
    """Make the sendings and the deliveries of those that count."""
    run.make("efficiency_sendings")
    run.make("efficiency_deliveries")


def _make_hits(run: Run) -> None:
    """Make the hits with their latest verdicts.

    Most events are judged once. Where there are no more verdicts than events, that is taken for granted until an event
    shows twice; finding the latest of several takes long.
    """
    first, last = run.engine.rows(
        "select coalesce(min(first_delivery_id), 1), coalesce(max(last_delivery_id), 0) from _sending where is_counted"
    )[0]
    run.values |= {"first_delivery": first, "last_delivery": last}
    if run.engine.value("select (select count(*) from verdicts) > (select count(*) from events)"):
        _compare_verdicts(run)
    _join_verdicts(run)
    hits = run.engine.value("select (select count(*) from _mail) + (select count(*) from _site)")
    if hits != run.ask("efficiency_hits_expected")[0]["hits"]:
        _compare_verdicts(run)
        _join_verdicts(run)


def _compare_verdicts(run: Run) -> None:
    run.make("efficiency_doubted")
    run.make("efficiency_judged_again")


def _join_verdicts(run: Run) -> None:
    run.make("efficiency_mail_hits")
    run.make("efficiency_site_hits")
