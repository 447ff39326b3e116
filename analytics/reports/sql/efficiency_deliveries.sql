-- One row per delivery of a counted sending: what ever became of it.
-- A row skipped when the audience was frozen was never assigned: it has no fact but `skipped`.
create table _delivery as
select
    delivery_id,
    any_value(sending_id) as sending_id,
    any_value(person) as person,
    bool_or(state not in ('held_out', 'skipped')) as is_recipient,
    bool_or(state = 'held_out') as is_held_out,
    min("at") filter (where state = 'accepted') as sent_at,
    bool_or(state = 'bounced') as is_bounced,
    min("at") filter (where state = 'complained') as complained_at,
    min("at") filter (where state = 'unsubscribed') as unsubscribed_at,
    arg_max(state, seq) as state
from deliveries
where sending_id in (select sending_id from _sending where is_counted)
group by delivery_id
