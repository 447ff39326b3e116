-- One row per email campaign and arm of a counted sending with a holdout: how many persons were assigned, and the sums
-- of what each spent within the window after the audience was frozen. Everybody assigned counts, whatever came later;
-- orders count by person, never by click; returns are negative. `last` 1 is held out, as in efficiency_deliveries.
with arm as (
    select s.email_campaign_id, d.person, min(s.begun_at) as begun_at, bool_or(d.last = 1) as is_held_out
    from _delivery d
    join _sending s on s.sending_id = d.sending_id
    where (d.is_recipient or d.last = 1)
        and s.email_campaign_id in (
            select c.email_campaign_id
            from _delivery h
            join _sending c on c.sending_id = h.sending_id
            where h.last = 1
        )
    group by s.email_campaign_id, d.person
),
spent as (
    select
        a.email_campaign_id,
        a.person,
        sum(o.base) as revenue,
        count(*) filter (where not o.is_return) as orders
    from arm a
    join _person p on p.person = a.person
    join _valued_order o on o.customer_user_id = p.customer_user_id
    where o.base is not null
        and o.created_at >= a.begun_at
        and o.created_at < a.begun_at + to_days($window_days)
    group by a.email_campaign_id, a.person
)
select
    a.email_campaign_id,
    a.is_held_out,
    count(*) as persons,
    count(s.person) filter (where s.orders > 0) as buyers,
    coalesce(sum(s.revenue), 0) as revenue,
    coalesce(sum(cast(s.revenue as double) * cast(s.revenue as double)), 0) as squares
from arm a
left join spent s on s.email_campaign_id = a.email_campaign_id and s.person = a.person
group by a.email_campaign_id, a.is_held_out
order by a.email_campaign_id, a.is_held_out
