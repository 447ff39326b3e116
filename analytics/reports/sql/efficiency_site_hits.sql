-- One row per hit of a website since $low, with its latest verdict. `device` is what hits of one visitor share, as in
-- the visits of analytics.tracking: the visitor id, else the user id, else nothing.
create or replace table _site as
select
    e.event_id,
    e.website,
    coalesce(e.visitor, 'user:' || e.user_id, 'hit:' || e.event_id) as device,
    case when e.user_id is not null then e.person end as declared,
    case when e.user_id is null then e.person end as mailed,
    e.delivery_id,
    e.campaign_code,
    e.occurred_at,
    e.kind = 'ping' as is_ping,
    coalesce(v.verdict = 'human', false) as is_human,
    coalesce(v.verdict = 'machine', false) as is_machine,
    v.rules
from events e
left join _verdict v on v.event_id = e.event_id
where e.endpoint in ('matomo', 'oro')
    and ($low is null or e.received_at >= $low)
