-- One row per open, click or unsubscription since $low, with its latest verdict.
-- Opens of sendings the report does not count are left out; their clicks compete for orders and stay.
create or replace table _mail as
select
    cast(e.kind as _mail_kind) as kind,
    case when e.kind = 'click' then e.event_id end as event_id,
    e.delivery_id,
    cast(e.link_number as integer) as link_number,
    e.occurred_at,
    coalesce(v.verdict = 'human', false) as is_human,
    coalesce(v.verdict = 'machine', false) as is_machine,
    v.rules
from events e
left join _verdict v on v.event_id = e.event_id
where (e.kind = 'click' or e.kind in ('open', 'unsubscribe')
        and e.delivery_id between $first_delivery and $last_delivery)
    and e.delivery_id is not null
    and ($low is null or e.received_at >= $low)
