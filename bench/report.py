"""The efficiency report against SQL an analyst would write by hand, on the same DuckDB over the same files.

Both sides answer the same question: per email campaign recipients, sent, delivered, persons who opened and clicked
(all and human), unsubscribed, visits, visitors, and orders and revenue by last touch in seven days. The hand-written side
answers nothing else; ours also makes totals, days, funnel, links and machine traffic. 1% of the events were judged
twice, so the latest verdict has to be found. The results are compared before anything is timed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from analytics.engine import Engine
from analytics.model.entity import EntityModel
from analytics.reports import EfficiencyReport, efficiency
from analytics.store import Store
from bench.measure import Measure, side_by_side
from bench.reportdata import make

EVENTS, QUICK = 10_000_000, 1_000_000
_FIGURES = (
    *("recipients", "sent", "delivered", "opens_all", "opens_human", "clicks_all", "clicks_human", "unsubscribes"),
    *("visits", "visitors", "orders", "revenue"),
)

# One statement, common table expressions, no knowledge of our tables: what the definitions say, said once in SQL.
HAND_WRITTEN = """
with verdict as (
    select event_id, arg_max(verdict, (decided_at, verdict = 'machine')) as verdict from verdicts group by event_id
),
event as (
    select e.*, v.verdict from events e left join verdict v using (event_id)
),
mailed as (
    select
        delivery_id, any_value(email_campaign_id) as campaign, any_value(sending_id) as sending_id,
        any_value(person) as person, bool_or(state not in ('held_out', 'skipped')) as is_recipient,
        bool_or(state = 'accepted') as is_sent, bool_or(state = 'bounced') as is_bounced
    from deliveries group by delivery_id
),
sent as (
    select campaign, count(*) filter (where is_recipient) as recipients, count(*) filter (where is_sent) as sent,
        count(*) filter (where is_sent and not is_bounced) as delivered
    from mailed group by campaign
),
reaction as (
    select
        m.campaign,
        count(distinct (m.sending_id, m.person)) filter (where e.kind = 'open') as opens_all,
        count(distinct (m.sending_id, m.person)) filter (where e.kind = 'open' and e.verdict = 'human') as opens_human,
        count(distinct (m.sending_id, m.person)) filter (where e.kind = 'click') as clicks_all,
        count(distinct (m.sending_id, m.person)) filter (where e.kind = 'click' and e.verdict = 'human') as clicks_human,
        count(distinct (m.sending_id, m.person)) filter (where e.kind = 'unsubscribe') as unsubscribes
    from event e join mailed m using (delivery_id)
    where e.kind in ('open', 'click', 'unsubscribe')
    group by m.campaign
),
hit as (
    select *, coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) as device
    from event where endpoint in ('matomo', 'oro')
),
marked as (
    select *,
        lag(occurred_at) over w as before, lag(delivery_id ignore nulls) over w as token_before,
        lag(campaign_code ignore nulls) over w as code_before
    from hit window w as (partition by website, device order by occurred_at, event_id)
),
numbered as (
    select *, count(*) filter (
        where before is null or occurred_at > before + interval 30 minutes
            or delivery_id is not null and delivery_id is distinct from token_before
            or campaign_code is not null and campaign_code is distinct from code_before
        ) over (partition by website, device order by occurred_at, event_id) as number
    from marked
),
visit as (
    select
        website, device, min(occurred_at) as started_at, arg_min(event_id, (occurred_at, event_id)) as event_id,
        min(delivery_id) as delivery_id, min(campaign_code) as code
    from numbered
    group by website, device, number
    having not bool_and(coalesce(verdict = 'machine', false))
),
visited as (
    select m.campaign, count(*) as visits, count(distinct m.person) as visitors
    from visit v join mailed m using (delivery_id) group by m.campaign
),
click as (
    select e.event_id, e.occurred_at as touched_at, m.campaign, m.person, e.delivery_id
    from event e join mailed m using (delivery_id) where e.kind = 'click' and e.verdict = 'human'
),
landed as (
    select v.event_id, max(c.touched_at) as touched_at, arg_max(c.event_id, (c.touched_at, c.event_id)) as click_id
    from visit v join click c using (delivery_id)
    where c.touched_at <= v.started_at and v.started_at <= c.touched_at + interval 30 minutes
    group by v.event_id
),
visit_touch as (
    select
        coalesce(l.click_id, v.event_id) as event_id, coalesce(l.touched_at, v.started_at) as touched_at, m.campaign,
        m.person, v.device
    from visit v left join mailed m using (delivery_id) left join landed l on l.event_id = v.event_id
    where m.delivery_id is not null or v.code in (select code from codes)
),
touch as (
    select 'p' || person as key, event_id, touched_at, campaign from click
    union all
    select 'p' || person, event_id, touched_at, campaign from visit_touch where person is not null
    union all
    select 'd' || device, event_id, touched_at, campaign from visit_touch
),
purchase as (
    select id, identifier, created_at, 'p' || lower(trim(u.email)) as key, o.total - coalesce(o.refunded, 0) as amount
    from (select * from "order" where internal_status <> 'cancelled' and not is_return) o
    join (select id as customer_user_id, email from customer_user) u using (customer_user_id)
),
order_key as (
    select id, created_at, amount, key from purchase
    union all
    select p.id, p.created_at, p.amount, 'd' || h.device
    from purchase p join hit h on h.order_number = p.identifier
    where h.kind = 'order' and coalesce(h.verdict, '') <> 'machine'
),
credit as (
    select o.id, any_value(o.amount) as amount, arg_max(t.campaign, (t.touched_at, t.event_id)) as campaign,
        arg_max(t.campaign is null, (t.touched_at, t.event_id)) as is_code
    from order_key o join touch t using (key)
    where t.touched_at <= o.created_at and o.created_at < t.touched_at + interval 7 days
    group by o.id
),
earned as (
    select campaign, count(*) as orders, sum(amount) as revenue from credit where not is_code group by campaign
)
select campaign, recipients, sent, delivered, opens_all, opens_human, clicks_all, clicks_human, unsubscribes,
    coalesce(visits, 0), coalesce(visitors, 0), coalesce(orders, 0), coalesce(revenue, 0)
from sent
left join reaction using (campaign) left join visited using (campaign) left join earned using (campaign)
order by campaign
"""


def run(quick: bool) -> list[Measure]:
    """Return the seconds of both sides, for all time and for one month of ten."""
    folder = Path(tempfile.mkdtemp(prefix="shelduck-bench-report-"))
    try:
        store, model = make(folder / "shop", QUICK if quick else EVENTS)
        with store:
            return _measures(store, model, quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measures(store: Store, model: EntityModel, quick: bool) -> list[Measure]:
    events = QUICK if quick else EVENTS
    _same(efficiency(store, model), hand_written(store))
    ours, theirs = side_by_side(lambda: efficiency(store, model), lambda: hand_written(store), rounds=3)
    return [Measure.of(f"efficiency report, {events:,} events", ours, theirs, "s")]


def hand_written(store: Store) -> list[tuple[Any, ...]]:
    """Return a row per email campaign, by the statement above on an engine of its own, as ours has."""
    with Engine(store.snapshot(), store.settings) as engine:
        engine.rows("create table codes as select 'mc' || i as code from range(1, 6) t(i)")
        return engine.rows(HAND_WRITTEN)


def _same(report: EfficiencyReport, rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise AssertionError where the two sides differ: a time for another answer says nothing."""
    ours = {row.id: [row[name] for name in _FIGURES] for row in report.email_campaigns}
    theirs = {number: [Decimal(v) if isinstance(v, Decimal) else v for v in values] for number, *values in rows}
    assert ours == theirs, f"The two sides differ: {ours} and {theirs}."
