-- One row per local day and figure with anything to count: how many, and money for orders. A person's reaction counts
-- on the day it was first seen.
with sent as (
    select sent_at, bounced_at from _delivery where sent_at is not null
),
reaction as (
    select r.* from _reaction r where r.reader in (select delivery_id from _delivery)
),
seen as (
    select 'sent' as what, sent_at as seen_at, null as money from sent
    union all
    select 'delivered', sent_at, null from sent where bounced_at is null
    union all
    select 'opens_all', opened_at, null from reaction
    union all
    select 'opens_human', human_opened_at, null from reaction
    union all
    select 'clicks_all', clicked_at, null from reaction
    union all
    select 'clicks_human', human_clicked_at, null from reaction
    union all
    select 'unsubscribes', unsubscribed_at, null from reaction
    union all
    select 'visits', started_at, null from _campaign_visit where is_counted
    union all
    select 'orders', ordered_at, base from _credit where is_confirmed
),
quarter as (
    -- Local days begin on a quarter of an hour in every time zone; converting each time alone is ten times slower.
    select what, epoch_us(seen_at) // 900000000 as quarter, count(*) as n, sum(money) as money
    from seen
    where seen_at is not null
    group by all
)
select
    cast(timezone($zone, to_timestamp(quarter * 900)) as date) as day,
    what,
    cast(sum(n) as bigint) as n,
    cast(sum(money) as decimal(38, 4)) as money
from quarter
group by all
order by day, what
