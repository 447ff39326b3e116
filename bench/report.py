"""The efficiency report against SQL an analyst would write by hand, on the same DuckDB over the same files.

Both sides answer the same questions: per email campaign recipients, sent, delivered, persons who opened and clicked
(all and human), unsubscribed, visits, visitors, orders and revenue by last touch in seven days; human opens and clicks
by day; clicks by link; hits by verdict and rule. The hand-written side knows no more than that: no second address of
one person, no other currency, no tracked-only order, no period or filter. One in a hundred events was judged twice, so
the latest verdict has to be found. The answers are compared before anything is timed.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from analytics.engine import Engine
from analytics.reports import EfficiencyReport, efficiency
from analytics.store import Store
from bench.measure import Measure, side_by_side
from bench.reportdata import make

EVENTS, QUICK = 10_000_000, 1_000_000
_FIGURES = (
    *("recipients", "sent", "delivered", "opens_all", "opens_human", "clicks_all", "clicks_human", "unsubscribes"),
    *("visits", "visitors", "orders", "revenue"),
)

# What the definitions say, said once in SQL: some tables, because four questions share them, and the questions.
TABLES = (
    """
create table event as
select e.event_id, e.kind, e.endpoint, e.delivery_id, e.link_number, e.occurred_at, e.website, e.visitor, e.user_id,
    e.campaign_code, e.order_number, v.verdict, v.rules
from events e left join (
    select event_id, arg_max(verdict, (decided_at, verdict = 'machine')) as verdict,
        arg_max(rules, (decided_at, verdict = 'machine')) as rules
    from verdicts group by event_id
) v using (event_id)
""",
    """
create table mailed as
select
    delivery_id, any_value(email_campaign_id) as campaign, any_value(sending_id) as sending_id,
    any_value(person) as person, bool_or(state not in ('held_out', 'skipped')) as is_recipient,
    bool_or(state = 'accepted') as is_sent, bool_or(state = 'bounced') as is_bounced
from deliveries group by delivery_id
""",
    """
create table reaction as
select m.campaign, m.sending_id, m.person, e.kind, min(e.occurred_at) as first_at,
    min(e.occurred_at) filter (where e.verdict = 'human') as human_at
from event e join mailed m using (delivery_id)
where e.kind in ('open', 'click', 'unsubscribe')
group by all
""",
    """
create table visit as
with hit as (
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
)
select
    website, device, min(occurred_at) as started_at, arg_min(event_id, (occurred_at, event_id)) as event_id,
    min(delivery_id) as delivery_id, min(campaign_code) as code
from numbered
group by website, device, number
having not bool_and(coalesce(verdict = 'machine', false))
""",
    """
create table credit as
with click as (
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
    select p.id, p.created_at, p.amount, 'd' || coalesce(h.visitor, 'user:' || h.user_id, 'hit:' || h.event_id)
    from purchase p join event h on h.order_number = p.identifier
    where h.kind = 'order' and coalesce(h.verdict, '') <> 'machine'
)
select o.id, any_value(o.amount) as amount, arg_max(t.campaign, (t.touched_at, t.event_id)) as campaign,
    arg_max(t.campaign is null, (t.touched_at, t.event_id)) as is_code
from order_key o join touch t using (key)
where t.touched_at <= o.created_at and o.created_at < t.touched_at + interval 7 days
group by o.id
""",
)

ROWS = """
with sent as (
    select campaign, count(*) filter (where is_recipient) as recipients, count(*) filter (where is_sent) as sent,
        count(*) filter (where is_sent and not is_bounced) as delivered
    from mailed group by campaign
),
reacted as (
    select
        campaign,
        count(*) filter (where kind = 'open') as opens_all,
        count(human_at) filter (where kind = 'open') as opens_human,
        count(*) filter (where kind = 'click') as clicks_all,
        count(human_at) filter (where kind = 'click') as clicks_human,
        count(*) filter (where kind = 'unsubscribe') as unsubscribes
    from reaction group by campaign
),
visited as (
    select m.campaign, count(*) as visits, count(distinct m.person) as visitors
    from visit v join mailed m using (delivery_id) group by m.campaign
),
earned as (
    select campaign, count(*) as orders, sum(amount) as revenue from credit where not is_code group by campaign
)
select campaign, recipients, sent, delivered, opens_all, opens_human, clicks_all, clicks_human, unsubscribes,
    coalesce(visits, 0), coalesce(visitors, 0), coalesce(orders, 0), coalesce(revenue, 0)
from sent
left join reacted using (campaign) left join visited using (campaign) left join earned using (campaign)
order by campaign
"""

DAYS = """
select cast(human_at as date) as day, count(*) filter (where kind = 'open'), count(*) filter (where kind = 'click')
from reaction where human_at is not null and kind in ('open', 'click') group by day order by day
"""

LINKS = """
select m.campaign, e.link_number, count(distinct (m.sending_id, m.person)),
    count(distinct (m.sending_id, m.person)) filter (where e.verdict = 'human'), count(*)
from event e join mailed m using (delivery_id) where e.kind = 'click' group by all order by all
"""

MACHINES = """
select if(endpoint in ('matomo', 'oro'), 'website', kind) as kind, coalesce(verdict, 'unknown') as verdict, rule,
    count(*)
from (select kind, endpoint, verdict, unnest(rules) as rule from event) group by all order by all
"""


class Answers(NamedTuple):
    """What both sides are asked for."""

    rows: list[tuple[Any, ...]]
    days: list[tuple[Any, ...]]
    links: list[tuple[Any, ...]]
    machines: list[tuple[Any, ...]]


def run(quick: bool) -> list[Measure]:
    """Return the seconds of both sides."""
    events = QUICK if quick else EVENTS
    folder = Path(tempfile.mkdtemp(prefix="shelduck-bench-report-"))
    try:
        store, model = make(folder / "shop", events)
        with store:
            mine, other = answers(efficiency(store, model)), hand_written(store)
            for name, ours, theirs in zip(Answers._fields, mine, other, strict=True):
                assert ours == theirs, f"The two sides differ in {name}: {ours} and {theirs}."
            both = side_by_side(lambda: efficiency(store, model), lambda: hand_written(store), rounds=3)
            return [Measure.of(f"efficiency report, {events:,} events", *both, "s")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hand_written(store: Store) -> Answers:
    """Return the answers of the SQL above, on an engine of its own, as the report has."""
    with Engine(store.snapshot(), store.settings) as engine:
        engine.rows("create table codes as select 'mc' || i as code from range(1, 6) t(i)")
        for text in TABLES:
            engine.rows(text)
        return Answers(*(engine.rows(text) for text in (ROWS, DAYS, LINKS, MACHINES)))


def answers(report: EfficiencyReport) -> Answers:
    """Return the same answers of a report."""
    links = [(r.email_campaign_id, r.number, r.clicks_all, r.clicks_human, r.hits) for r in report.links]
    days = [(r.day, r["opens_human"], r["clicks_human"]) for r in report.daily]
    return Answers(
        rows=sorted((row.id, *(row[name] for name in _FIGURES)) for row in report.email_campaigns),
        days=[day for day in days if any(day[1:])],
        links=sorted(links),
        machines=sorted((r.kind, r.verdict, r.rule, r.hits) for r in report.machines if r.rule is not None),
    )
