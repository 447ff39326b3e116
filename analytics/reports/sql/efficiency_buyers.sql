-- One row per email campaign with credited imported orders: the persons, each once per sending, whose mail it was.
select email_campaign_id, count(distinct reader) as buyers
from _credit
where is_confirmed and email_campaign_id is not null
group by email_campaign_id
order by email_campaign_id
