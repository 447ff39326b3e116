-- One row per sending: when its audience was frozen (its first fact), what it belongs to, and whether the report counts
-- it. The period selects sendings; what follows from a counted one counts whenever it happens.
create table _sending as
select
    f.sending_id,
    f.email_campaign_id,
    -- The campaign may have been moved since: its present marketing campaign counts, the fact's one if it is unknown.
    case when c.id is null then f.marketing_campaign_id else c.marketing_campaign_id end as marketing_campaign_id,
    f.begun_at,
    f.first_delivery_id,
    f.last_delivery_id,
    ($since is null or f.begun_at >= $since)
        and ($until is null or f.begun_at < $until)
        and ($email_campaign is null or f.email_campaign_id = $email_campaign)
        and ($marketing_campaign is null
            or case when c.id is null then f.marketing_campaign_id else c.marketing_campaign_id end
                = $marketing_campaign) is true as is_counted
from (
    select
        sending_id,
        any_value(email_campaign_id) as email_campaign_id,
        any_value(marketing_campaign_id) as marketing_campaign_id,
        min("at") as begun_at,
        min(delivery_id) as first_delivery_id,
        max(delivery_id) as last_delivery_id
    from deliveries
    where coalesce(channel, 'email') = 'email'
    group by sending_id
) f
left join _email_campaign c on c.id = f.email_campaign_id
