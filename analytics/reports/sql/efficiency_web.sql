-- One row per email campaign and marketing campaign, per marketing campaign, and in all (`level` says which): visits,
-- and visitors, who are counted anew on each level.
select
    case grouping(email_campaign_id, marketing_campaign_id) when 0 then 'email campaign' when 2 then 'marketing campaign'
        else 'total' end as level,
    email_campaign_id,
    marketing_campaign_id,
    count(*) as visits,
    count(distinct who) as visitors,
    count(distinct reader) as visited
from _campaign_visit
where is_counted
group by grouping sets ((email_campaign_id, marketing_campaign_id), (marketing_campaign_id), ())
order by level, email_campaign_id nulls first, marketing_campaign_id nulls first
