-- One row per order that may be credited, less refunds; `base` is null where the base currency's value is not known.
-- Imported orders are confirmed; tracked ones that no import has, not even as cancelled, are not.
create table _purchase as
select
    row_number() over (order by is_confirmed desc, number, website) as purchase_id,
    *
from (
    select
        true as is_confirmed,
        id as number,
        cast(null as varchar) as website,
        customer_user_id,
        created_at as ordered_at,
        currency,
        amount,
        base
    from _valued_order
    where not is_return
    union all
    select
        false,
        h.order_number,
        h.website,
        null,
        h.ordered_at,
        h.currency,
        h.revenue,
        case when h.currency = $base_currency then h.revenue end
    from _order_hit h
    where not exists (
            select 1 from _match m where m.website is not distinct from h.website and m.order_number = h.order_number
        )
        and ($since is null or h.ordered_at >= $since)
)
