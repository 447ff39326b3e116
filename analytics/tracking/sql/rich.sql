-- One row per tracking request that is more than a page view: its kind, its numbers and times, and as JSON the
-- parameters whose value did not fit their column or that do not belong to this kind.
create or replace temp table rich_hit as
with sent as (
    select no, part, moment, unnest(rich) from hit where rich is not null
),
decoded as (
    select no, part, moment, decode_value(columns(* exclude (no, part, moment))) from sent
),
typed as (
    select
        *,
        finite(try_cast(e_v as double)) as event_value,
        finite(try_cast(search_count as double)) as result_count,
        try_cast(revenue as decimal(19, 4)) as amount,
        case when json_valid(ec_items) then ec_items end as items,
        case when regexp_full_match(currency, '[A-Za-z]{3}') then upper(currency) end as code,
        epoch_us(case
            when try_cast(cdt as double) between 0 and 1e11 then to_timestamp(try_cast(cdt as double))
            else coalesce(try_cast(cdt || '+00' as timestamptz), try_cast(cdt as timestamptz))
        end) as sent_time,
        -- Matomo's rule: a time of the client's own is believed for 24 hours back.
        case when moment - sent_time between 0 and 86400000000 then sent_time end as own_time,
        case
            when ping is not null and ping <> '0' then 'ping'
            when idgoal = '0' then if(ec_id is null, 'cart', 'order')
            when idgoal is not null then 'goal'
            when coalesce(e_c, e_a, e_n) is not null then 'event'
            when c_n is not null then 'content'
            when search is not null then 'search'
            when download is not null then 'download'
            when link is not null then 'outlink'
            when ca = '1' then 'event'
            else 'page_view'
        end as kind
    from decoded
)
select
    no, part, kind, own_time,
    if(kind = 'search', search_cat, e_c) as category,
    if(kind = 'content', coalesce(c_i, 'impression'), e_a) as action,
    case kind
        when 'event' then e_n
        when 'search' then search
        when 'content' then c_n
        when 'download' then download
        when 'outlink' then link
        when 'goal' then idgoal
    end as name,
    if(kind = 'search', result_count, event_value) as value,
    if(kind = 'order', ec_id, null) as order_number,
    amount as revenue,
    code as currency,
    items,
    nullif(concat_ws(',',
        case when own_time is null then kept('cdt', cdt) end,
        case when amount is null then kept('revenue', revenue) end,
        case when items is null then kept('ec_items', ec_items) end,
        case when code is null then kept('currency', currency) end,
        case when event_value is null or kind = 'search' then kept('e_v', e_v) end,
        case when kind <> 'event' then kept('e_n', e_n) end,
        case when kind not in ('cart', 'order', 'goal') then kept('idgoal', idgoal) end,
        case when kind <> 'order' then kept('ec_id', ec_id) end,
        case when kind <> 'search' then kept('search', search) end,
        case when kind <> 'search' then kept('search_cat', search_cat) end,
        case when kind <> 'search' or result_count is null then kept('search_count', search_count) end,
        case when kind <> 'content' then kept('c_n', c_n) end,
        case when kind <> 'content' then kept('c_i', c_i) end,
        case when kind <> 'download' then kept('download', download) end,
        case when kind <> 'outlink' then kept('link', link) end
    ), '') as pairs
from typed
