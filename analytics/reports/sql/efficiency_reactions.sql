-- One row per person and sending with any reaction: when each kind was first seen, null for never. `reader` is the
-- first delivery of the person in the sending, so that two addresses of one person count once.
create table _reaction as
select
    coalesce(t.reader, h.delivery_id) as reader,
    min(h.seen_at) filter (where h.kind = 'open') as opened_at,
    min(h.seen_at) filter (where h.kind = 'open' and h.is_human) as human_opened_at,
    min(h.seen_at) filter (where h.kind = 'click') as clicked_at,
    min(h.seen_at) filter (where h.kind = 'click' and h.is_human) as human_clicked_at,
    min(h.seen_at) filter (where h.kind = 'unsubscribe') as unsubscribed_at,
    min(h.seen_at) filter (where h.kind = 'complaint') as complained_at
from (
    select kind, delivery_id, occurred_at as seen_at, is_human from _mail
    union all
    -- An unsubscription acts at once; its fact may be here before the log is read, or the other way round.
    select cast('unsubscribe' as _mail_kind), delivery_id, unsubscribed_at, true
    from _delivery where unsubscribed_at is not null
    union all
    select cast('complaint' as _mail_kind), delivery_id, complained_at, true
    from _delivery where complained_at is not null
) h
left join _twin t on t.delivery_id = h.delivery_id
group by 1
