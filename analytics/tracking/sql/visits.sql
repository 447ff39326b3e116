-- One row per visit: hits of one visitor on one website with at most 30 minutes between them; another campaign code
-- or landing token begins a new one. Pings prolong a visit and begin none. Without a visitor id a hit with a user id
-- belongs to that user's visits, and one with neither is a visit of its own.
--
--   visit_id           id of its first event
--   website            identifier of the tracking website, as sent
--   visitor            what its hits have in common: visitor id, else "user:" and the user id, else "hit:" and the id
--   person             address key, null if not known: see the CTE `identified`
--   started_at, ended_at  times of its first and last event
--   pages              page views
--   events             all events
--   campaign_code, email_campaign_id, sending_id, delivery_id  the first each that one of its events carries
--   is_human           whether a person made at least one of its events
with latest_verdicts as (
    /* latest */
),
hits as (
    select
        event_id, occurred_at, website, kind, campaign_code, delivery_id, sending_id, email_campaign_id, user_id, person,
        coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) as visitor
    from events
    where endpoint in ('matomo', 'oro')
),
-- A campaign code stays on a visitor's later hits (a cookie keeps it for months): only a changed one says something.
seen as (
    select
        *,
        lag(occurred_at) over visitor_hits as before,
        last_value(campaign_code ignore nulls) over earlier as code_before,
        last_value(delivery_id ignore nulls) over earlier as delivery_before
    from hits
    window
        visitor_hits as (partition by website, visitor order by occurred_at, event_id),
        earlier as (partition by website, visitor order by occurred_at, event_id
            rows between unbounded preceding and 1 preceding)
),
numbered as (
    select
        * exclude (before, code_before, delivery_before),
        count(*) filter (where before is null
            or occurred_at > before + interval 30 minutes
            or (campaign_code is not null and code_before is distinct from campaign_code)
            or (delivery_id is not null and delivery_before is distinct from delivery_id)
        ) over (partition by website, visitor order by occurred_at, event_id rows unbounded preceding) as number
    from seen
),
-- Declared identity (user id or e-mail) above mail token above device. A mail may be forwarded, so tokens name a
-- visitor only while all of them name the same person; else each visit keeps the person of its own token.
identified as (
    select
        website, visitor,
        arg_max(person, (occurred_at, event_id)) filter (where user_id is not null) as declared,
        case when count(distinct person) filter (where user_id is null) = 1 then min(person) filter (where user_id is null) end as mailed
    from hits
    where person is not null
    group by all
),
visits as (
    select
        website, visitor, number,
        arg_min(event_id, (occurred_at, event_id)) as visit_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) filter (where kind = 'page_view') as pages,
        count(*) as events,
        arg_min(campaign_code, (occurred_at, event_id)) filter (where campaign_code is not null) as campaign_code,
        arg_min(email_campaign_id, (occurred_at, event_id)) filter (where email_campaign_id is not null) as email_campaign_id,
        arg_min(sending_id, (occurred_at, event_id)) filter (where sending_id is not null) as sending_id,
        arg_min(delivery_id, (occurred_at, event_id)) filter (where delivery_id is not null) as delivery_id,
        arg_max(person, (occurred_at, event_id)) filter (where user_id is not null) as own_declared,
        arg_min(person, (occurred_at, event_id)) filter (where user_id is null and person is not null) as own_mailed,
        bool_or(verdict = 'human') as is_human
    from numbered
    left join latest_verdicts using (event_id)
    group by all
    having bool_or(kind <> 'ping')
)
select
    visit_id,
    visits.website,
    visits.visitor,
    coalesce(own_declared, declared, own_mailed, mailed) as person,
    started_at,
    ended_at,
    pages,
    events,
    campaign_code,
    email_campaign_id,
    sending_id,
    delivery_id,
    coalesce(is_human, false) as is_human
from visits
left join identified
    on identified.website is not distinct from visits.website and identified.visitor = visits.visitor
order by started_at, visit_id
