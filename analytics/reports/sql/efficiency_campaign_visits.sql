-- One row per visit that belongs to a campaign, with the campaign and whether the report counts it.
create table _campaign_visit as
select
    v.event_id,
    v.started_at,
    v.device,
    v.person,
    coalesce(v.visiting, v.device) as who,
    d.delivery_id,
    d.reader,
    d.sending_id,
    s.email_campaign_id,
    -- The token is more exact than the code: the mail's campaign counts, even if it belongs to none.
    case when s.sending_id is null then c.marketing_campaign_id else s.marketing_campaign_id end
        as marketing_campaign_id,
    case
        when s.sending_id is not null then s.is_counted
        else ($since is null or v.started_at >= $since)
            and ($until is null or v.started_at < $until)
            and $email_campaign is null
            and ($marketing_campaign is null or c.marketing_campaign_id = $marketing_campaign)
    end as is_counted
from _visit v
left join _mailed d on d.delivery_id = v.delivery_id
left join _sending s on s.sending_id = d.sending_id
left join _code c on c.code = v.campaign_code
where s.sending_id is not null or c.code is not null
