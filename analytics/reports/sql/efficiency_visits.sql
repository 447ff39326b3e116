-- One row per visit that carries a landing token or the code of a campaign: hits of one visitor on one website, no two
-- neighbours more than half an hour apart. Another token or code begins a new visit, as in Matomo.
-- Hits of machines are left out, and so are visitors that never carried a campaign.
create table _visit as
with coded as (
    select distinct coalesce(visitor, person, event_id) as device
    from _site
    where not is_machine and (delivery_id is not null or campaign_code in (select code from _code))
),
hit as (
    -- Without a visitor id (server-side clients) the person is the device; without both each hit is a visit.
    select *, coalesce(visitor, person, event_id) as device
    from _site
    where not is_machine and coalesce(visitor, person, event_id) in (select device from coded)
),
compared as (
    select
        *,
        lag(occurred_at) over before as previous_at,
        lag(delivery_id ignore nulls) over before as previous_delivery_id,
        lag(campaign_code ignore nulls) over before as previous_code
    from hit
    window before as (partition by website, device order by occurred_at, event_id)
),
numbered as (
    select
        *,
        count(*) filter (
            where previous_at is null
                or occurred_at > previous_at + interval 30 minutes
                or delivery_id <> previous_delivery_id
                or campaign_code <> previous_code
        ) over (partition by website, device order by occurred_at, event_id) as number
    from compared
),
visit as (
    select
        website,
        device,
        any_value(visitor) as visitor,
        min(occurred_at) as started_at,
        arg_min(event_id, (occurred_at, event_id)) as event_id,
        arg_min(delivery_id, (occurred_at, event_id)) filter (where delivery_id is not null) as delivery_id,
        arg_min(campaign_code, (occurred_at, event_id)) filter (where campaign_code in (select code from _code))
            as campaign_code,
        -- A hit with a token names the person the mail went to, which proves a device only: mails get forwarded.
        arg_min(person, (occurred_at, event_id)) filter (where person is not null and delivery_id is null) as person
    from numbered
    group by website, device, number
),
owner as (
    -- A device on which one person alone ever signed in is that person's, before the sign-in too.
    select website, device, min(person) as person
    from hit
    where person is not null and delivery_id is null
    group by website, device
    having min(person) = max(person)
)
select v.* exclude (person), coalesce(v.person, o.person) as person
from visit v
left join owner o on o.website is not distinct from v.website and o.device = v.device
where v.delivery_id is not null or v.campaign_code is not null
