-- One row per call campaign and outcome: how many numbers had it as the last one in the period.
select call_campaign_id, outcome, count(*) as numbers
from (
    select call_campaign_id, phone_key, arg_max(outcome, (c.at, call_id)) as outcome
    from calls c
    where ($since is null or c.at >= $since) and ($until is null or c.at < $until)
    group by call_campaign_id, phone_key
)
group by call_campaign_id, outcome
order by call_campaign_id, outcome
