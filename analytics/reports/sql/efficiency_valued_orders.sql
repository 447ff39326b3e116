-- One row per imported order that was not cancelled: its money less refunds, in its currency (`amount`) and in base
-- currency (`base`, null where that is not known). Returns are negative.
create table _valued_order as
select
    id,
    customer_user_id,
    created_at,
    currency,
    is_return,
    case when is_return then -abs(amount) else amount end as amount,
    case when is_return then -abs(base) else base end as base
from (
    select
        o.id,
        o.customer_user_id,
        o.created_at,
        coalesce(o.currency, $base_currency) as currency,
        coalesce(o.is_return, false) as is_return,
        o.total - coalesce(o.refunded, 0) as amount,
        cast(case
            when coalesce(o.currency, $base_currency) = $base_currency
                then coalesce(o.total_base, o.total) - coalesce(o.refunded, 0)
            when coalesce(o.refunded, 0) = 0 then o.total_base
            -- A refund is in the order's currency; the order's own two totals tell the rate.
            when o.total <> 0 then round(o.total_base - o.refunded * o.total_base / o.total, 4)
        end as decimal(19, 4)) as base
    from _order o
    where lower(coalesce(o.internal_status, '')) not in ('cancelled', 'canceled')
        and o.created_at is not null
        and ($since is null or o.created_at >= $since)
)
