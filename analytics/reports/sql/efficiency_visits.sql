-- One row per visit that carries a landing token or the code of a campaign, and that a machine did not make alone.
-- The visits are those of analytics.tracking (`visits_sql` there, a test compares them): hits of one device on one
-- website at most half an hour apart, another token or code beginning another visit. Here only the devices are looked
-- at that ever carried a campaign.
create table _visit as
with coded as (
    select distinct website, device
    from _site
    where delivery_id is not null or campaign_code in (select code from _code)
),
hit as (
    select s.* from _site s semi join coded c on c.website is not distinct from s.website and c.device = s.device
),
earlier as (
    -- A cookie sends a code for months: one that is not new begins no visit, even if it was new before $low.
    select
        website,
        coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) as device,
        arg_max(delivery_id, (occurred_at, event_id)) as delivery_id,
        arg_max(campaign_code, (occurred_at, event_id)) as campaign_code
    from events
    where $low is not null
        and received_at < $low
        and endpoint in ('matomo', 'oro')
        and (delivery_id is not null or campaign_code is not null)
        and coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) in (select device from coded)
    group by 1, 2
),
compared as (
    select
        h.*,
        lag(h.occurred_at) over before as previous_at,
        coalesce(lag(h.delivery_id ignore nulls) over before, e.delivery_id) as previous_delivery_id,
        coalesce(lag(h.campaign_code ignore nulls) over before, e.campaign_code) as previous_code
    from hit h
    left join earlier e on e.website is not distinct from h.website and e.device = h.device
    window before as (partition by h.website, h.device order by h.occurred_at, h.event_id)
),
numbered as (
    select
        *,
        count(*) filter (
            where previous_at is null
                or occurred_at > previous_at + interval 30 minutes
                or delivery_id is not null and delivery_id is distinct from previous_delivery_id
                or campaign_code is not null and campaign_code is distinct from previous_code
        ) over (partition by website, device order by occurred_at, event_id) as number
    from compared
),
visit as (
    select
        website,
        device,
        min(occurred_at) as started_at,
        arg_min(event_id, (occurred_at, event_id)) as event_id,
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
        coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) as device,
        arg_max(person, (occurred_at, event_id)) filter (where user_id is not null) as declared,
        case
            when min(person) filter (where user_id is null) = max(person) filter (where user_id is null)
                then min(person) filter (where user_id is null)
        end as mailed
    from events
    where endpoint in ('matomo', 'oro')
        and person is not null
        and coalesce(visitor, 'user:' || user_id, 'hit:' || event_id) in (select device from coded)
    group by 1, 2
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
