-- One row per call campaign and currency: orders credited and their money. Amounts with a base value stand
-- under the base currency, others under their own; they are never added.
select
    call_campaign_id,
    case when base is not null or amount is null then $base_currency else currency end as currency,
    count(*) as orders,
    cast(coalesce(sum(coalesce(base, amount)), 0) as decimal(38, 4)) as amount
from _call_credit
group by all
order by call_campaign_id, currency
