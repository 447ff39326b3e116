-- One row per call campaign with a call in the period: calls, numbers called and reached, when the first and last were.
select
    call_campaign_id,
    count(*) as calls,
    count(distinct phone_key) as called,
    count(distinct phone_key) filter (where is_reached) as reached,
    min(c.at) as first_at,
    max(c.at) as last_at
from calls c
where ($since is null or c.at >= $since) and ($until is null or c.at < $until)
group by call_campaign_id
order by call_campaign_id
