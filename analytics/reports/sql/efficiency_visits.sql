-- One row per visit that carries a landing token or the code of a campaign, and that a machine did not make alone.
-- The visits are those of analytics.tracking (`visits_sql` there, a test compares them): hits of one device on one
-- website at most half an hour apart, another token or code beginning another visit. Here only the devices are looked
-- at that ever carried a campaign.
create table _visit as
with coded as materialized (
    select distinct device
    from _site
    where delivery_id is not null or campaign_code in (select code from _code)
),
hit as materialized (
    select * from _site where device in (select device from coded)
),
earlier as materialized (
    select
        website,
        coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) as device,
        occurred_at,
        event_id,
        case when user_id is not null then person end as declared,
        case when user_id is null then person end as mailed,
        delivery_id,
        campaign_code
    from events
    where $low is not null
        and received_at < $low
        and endpoint in ('matomo', 'oro')
        and (delivery_id is not null or campaign_code is not null or person is not null)
        and coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) in (select device from coded)
),
known as (
    -- A cookie sends a code for months: one that is not new begins no visit, even if it was new before $low.
    select
        website,
        device,
        arg_max(delivery_id, (occurred_at, event_id)) as delivery_id,
        arg_max(campaign_code, (occurred_at, event_id)) as campaign_code
    from earlier
    group by website, device
),
compared as (
    select
        h.*,
        lag(h.occurred_at) over before as previous_at,
        coalesce(lag(h.delivery_id ignore nulls) over before, k.delivery_id) as previous_delivery_id,
        coalesce(lag(h.campaign_code ignore nulls) over before, k.campaign_code) as previous_code
    from hit h
    left join known k on k.website is not distinct from h.website and k.device = h.device
    window before as (partition by h.website, h.device order by h.occurred_at, h.event_id)
),
begun as (
    select
        *,
        previous_at is null
            or occurred_at > previous_at + interval 30 minutes
            or delivery_id is not null and delivery_id is distinct from previous_delivery_id
            or campaign_code is not null and campaign_code is distinct from previous_code as is_first
    from compared
),
numbered as (
    select
        *,
        count(*) filter (where is_first) over (partition by website, device order by occurred_at, event_id) as number
    from begun
),
visit as (
    select
        website,
        device,
        min(occurred_at) as started_at,
        any_value(event_id) filter (where is_first) as event_id,
        -- A visit has one token and one code at most: others would have begun another.
        min(delivery_id) as delivery_id,
        min(campaign_code) as campaign_code,
        arg_max(declared, (occurred_at, event_id)) filter (where declared is not null) as declared,
        arg_min(mailed, (occurred_at, event_id)) filter (where mailed is not null) as mailed
    from numbered
    group by website, device, number
    having not bool_and(is_machine) and not bool_and(is_ping)
),
owner as (
    -- Who signed in on a device last, and whose mail led to it if it was one person's alone; in any period.
    select
        website,
        device,
        arg_max(declared, (occurred_at, event_id)) as declared,
        case when min(mailed) = max(mailed) then min(mailed) end as mailed
    from (
        select website, device, occurred_at, event_id, declared, mailed from hit
        where declared is not null or mailed is not null
        union all
        select website, device, occurred_at, event_id, declared, mailed from earlier
        where declared is not null or mailed is not null
    )
    group by website, device
)
select
    v.website,
    v.device,
    v.started_at,
    v.event_id,
    v.delivery_id,
    v.campaign_code,
    -- Who the visit itself shows, or signed in on the device. That all mail on a device was one person's counts him as
    -- the visitor, but credits him with nothing: mails get forwarded.
    coalesce(v.declared, o.declared, v.mailed) as person,
    coalesce(v.declared, o.declared, v.mailed, o.mailed) as visiting
from visit v
left join owner o on o.website is not distinct from v.website and o.device = v.device
where v.delivery_id is not null or v.campaign_code in (select code from _code)
