-- One row per order with a touch inside the window: the touch it is credited to, the last one or the first one.
-- The touch came before the order, or with it, and less than the window ago.
create table _credit as
with way as (
    select p.purchase_id, p.ordered_at, false as is_device, c.person as key
    from _purchase p
    join _person c on c.customer_user_id = p.customer_user_id
    union all
    select p.purchase_id, p.ordered_at, w.is_device, w.key
    from _purchase p
    join (
        select coalesce(m.order_id, h.order_number) as number, m.order_id is not null as is_confirmed,
            case when m.order_id is null then h.website end as website, w.is_device, w.key
        from _order_hit h
        left join _match m on m.website is not distinct from h.website and m.order_number = h.order_number
        join (
            select event_id, true as is_device, device as key from _order_hit
            union all
            select event_id, false, person from _order_hit where person is not null
        ) w on w.event_id = h.event_id
    ) w on w.number = p.number and w.is_confirmed = p.is_confirmed and w.website is not distinct from p.website
),
chosen as (
    select
        w.purchase_id,
        -- In order of time, ties by event id.
        case
            when $is_first then arg_min(t, (t.touched_at, t.event_id))
            else arg_max(t, (t.touched_at, t.event_id))
        end as touch
    from way w
    join _touch t on t.is_device = w.is_device and t.key = w.key
    where t.touched_at <= w.ordered_at and w.ordered_at < t.touched_at + to_days($window_days)
    group by w.purchase_id
)
select
    p.*,
    c.touch.reader as reader,
    c.touch.sending_id as sending_id,
    c.touch.email_campaign_id as email_campaign_id,
    c.touch.marketing_campaign_id as marketing_campaign_id
from chosen c
join _purchase p on p.purchase_id = c.purchase_id
where c.touch.is_counted
