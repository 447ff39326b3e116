-- One row per order a website tracked: its first hit (a reloaded page sends more). Hits of machines are left out.
create table _order_hit as
select
    h.website,
    h.order_number,
    h.event_id,
    h.device,
    h.person,
    h.occurred_at as ordered_at,
    h.revenue,
    coalesce(h.currency, $base_currency) as currency,
    coalesce(w.order_field, 'identifier') as order_field
from (
    select
        e.website,
        e.order_number,
        min(e.occurred_at) as occurred_at,
        arg_min(e.event_id, (e.occurred_at, e.event_id)) as event_id,
        arg_min(s.device, (e.occurred_at, e.event_id)) as device,
        arg_min(s.declared, (e.occurred_at, e.event_id)) as person,
        arg_min(e.revenue, (e.occurred_at, e.event_id)) filter (where e.revenue is not null) as revenue,
        arg_min(e.currency, (e.occurred_at, e.event_id)) filter (where e.currency is not null) as currency
    from events e
    join _site s on s.event_id = e.event_id
    where e.kind = 'order' and e.order_number is not null and not s.is_machine
        and ($low is null or e.received_at >= $low)
    group by e.website, e.order_number
) h
left join _website w on w.identifier = h.website
