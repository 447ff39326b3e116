-- One row per email campaign, marketing campaign, currency and kind of order: orders credited and their money. Amounts
-- with a base value stand under the base currency, others under their own; they are never added.
select
    email_campaign_id,
    marketing_campaign_id,
    is_confirmed,
    case when base is not null or amount is null then $base_currency else currency end as currency,
    count(*) as orders,
    cast(coalesce(sum(coalesce(base, amount)), 0) as decimal(38, 4)) as amount
from _credit
group by all
order by email_campaign_id nulls first, marketing_campaign_id nulls first, is_confirmed desc, currency
