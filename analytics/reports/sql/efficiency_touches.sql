-- One row per touch and way to find it again: the person who was mailed or signed in, or the device.
-- A touch is a human click or a visit that carries a campaign. A click and its landing visit are one touch, the
-- click's: the visit's ways lead to the click.
create table _touch as
with click as materialized (
    select
        m.event_id, m.occurred_at as touched_at, d.delivery_id, d.reader, d.sending_id, d.person,
        s.email_campaign_id, s.marketing_campaign_id, s.is_counted
    from _mail m
    join _mailed d on d.delivery_id = m.delivery_id
    join _sending s on s.sending_id = d.sending_id
    where m.kind = 'click' and m.is_human
),
landing as (
    select v.event_id, max(c.touched_at) as touched_at, arg_max(c.event_id, (c.touched_at, c.event_id)) as click_id
    from _campaign_visit v
    join click c on c.delivery_id = v.delivery_id
    where c.touched_at <= v.started_at and v.started_at <= c.touched_at + interval 30 minutes
    group by v.event_id
),
visit as materialized (
    select
        coalesce(l.click_id, v.event_id) as event_id, coalesce(l.touched_at, v.started_at) as touched_at, v.reader,
        v.sending_id, v.person, v.device, v.email_campaign_id, v.marketing_campaign_id, v.is_counted
    from _campaign_visit v
    left join landing l on l.event_id = v.event_id
),
way as (
    select false as is_device, person as key, event_id, touched_at, reader, sending_id, email_campaign_id,
        marketing_campaign_id, is_counted
    from click
    union all
    select false, person, event_id, touched_at, reader, sending_id, email_campaign_id, marketing_campaign_id, is_counted
    from visit
    where person is not null
    union all
    select true, device, event_id, touched_at, reader, sending_id, email_campaign_id, marketing_campaign_id, is_counted
    from visit
)
select * from way
