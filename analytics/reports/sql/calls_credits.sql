-- One row per order credited to a call that reached the person: the last one before it within the window, or the first.
-- Calls before and after the period compete as well; only orders of calls in the period are left.
create table _call_credit as
with reached as (
    select
        call_id,
        call_campaign_id,
        person,
        c.at as called_at,
        ($since is null or c.at >= $since) and ($until is null or c.at < $until) as is_counted
    from calls c
    where is_reached and ($low is null or c.at >= $low)
),
chosen as (
    select
        o.id,
        o.customer_user_id,
        o.currency,
        o.amount,
        o.base,
        case
            when $is_first then arg_min(r, (r.called_at, r.call_id))
            else arg_max(r, (r.called_at, r.call_id))
        end as touch
    from _valued_order o
    join _person p on p.customer_user_id = o.customer_user_id
    join reached r on r.person = p.person
    where not o.is_return and r.called_at <= o.created_at and o.created_at < r.called_at + to_days($window_days)
    group by o.id, o.customer_user_id, o.currency, o.amount, o.base
)
select id, customer_user_id, currency, amount, base, touch.call_campaign_id as call_campaign_id, touch.person as person
from chosen
where touch.is_counted
