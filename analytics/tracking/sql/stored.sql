-- One row per mail event received in some time.
select event_id, kind, method, received_at, delivery_id, link_number, client_address, user_agent
from events
where endpoint in ('c', 'o', 'u') and received_at between $since and $until
order by received_at, event_id
