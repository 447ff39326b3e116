-- One row per hit of a website since $low, with its latest verdict.
create or replace table _site as
select
    e.event_id,
    e.kind,
    e.website,
    e.visitor,
    e.person,
    e.delivery_id,
    lower(e.campaign_code) as campaign_code,
    e.occurred_at,
    coalesce(v.verdict = 'human', false) as is_human,
    coalesce(v.verdict = 'machine', false) as is_machine,
    v.rules
from events e
left join _verdict v on v.event_id = e.event_id
where e.endpoint in ('matomo', 'oro')
    and ($low is null or e.received_at >= $low)
