-- One row per mail event, in the lake or on its way there, in the time of the mail events of a chunk and a little
-- before and after.
select distinct on (event_id) *
from (
    select event_id, kind, method, received_at, delivery_id, link_number, client_address, user_agent
    from events
    where endpoint in ('c', 'o', 'u')
    union all by name
    select * from pending
)
where received_at between $since and $until
    and event_id not in (select event_id from fresh)
order by event_id
