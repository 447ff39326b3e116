-- One row per call campaign with credited orders: how many persons bought.
select call_campaign_id, count(distinct person) as buyers
from _call_credit
group by call_campaign_id
order by call_campaign_id
