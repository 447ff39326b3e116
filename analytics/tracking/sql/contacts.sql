-- One row per mail event of the chunk, or around it in the lake, that only its neighbours show to be a machine's:
-- the rules that say so, and whether they did before this chunk came. All times are microseconds.
create or replace temp table shown as
with mail as (
    select event_id, kind, epoch_us(received_at) as t, delivery_id, link_number, client_address, user_agent, true as is_new
    from event
    where endpoint in ('c', 'o', 'u') and kind <> 'unsubscribe'
    union all
    select event_id, kind, epoch_us(received_at), delivery_id, link_number, client_address, user_agent, false
    from around
    where kind <> 'unsubscribe'
),
-- One reader follows one link at a time.
clicked as (
    select
        event_id, delivery_id, client_address, t,
        min(link_number) over near <> max(link_number) over near as now_so,
        coalesce(min(link_number) filter (where not is_new) over near
            <> max(link_number) filter (where not is_new) over near, false) and not is_new as so_before
    from mail
    where kind = 'click'
    window near as (
        partition by delivery_id order by t range between $links_within preceding and $links_within following)
),
burst as (
    select delivery_id, client_address, t, so_before from clicked where now_so
),
with_scanner as (
    select mail.event_id, bool_or(burst.so_before and not mail.is_new) as so_before
    from mail
    join burst on mail.delivery_id = burst.delivery_id
        and mail.client_address is not distinct from burst.client_address
        and abs(mail.t - burst.t) <= $scanner_within
    group by mail.event_id
),
-- Addresses that say who is asking: no mailbox's image proxy, and not our own proxy that was not told to forward them.
telling as (
    select mail.*
    from mail
    left join agent on agent.ua = mail.user_agent
    where $addresses_tell and client_address is not null and coalesce(agent.class, '') <> 'proxy'
        and not (starts_with(client_address, '127.') or client_address = '::1')
),
shared as (
    select
        telling.*, delivery.accepted_at,
        count(distinct delivery_id) over near as deliveries,
        count(distinct delivery_id) filter (where not is_new) over near as deliveries_before
    from telling
    left join delivery using (delivery_id)
    where client_address in (select client_address from telling group by all having count(distinct delivery_id) > 1)
    window near as (
        partition by client_address order by t range between $deliveries_within preceding and $deliveries_within following)
),
found as (
    select event_id, 'links-at-once' as rule, so_before from clicked where now_so
    union all
    select event_id, 'with-scanner', so_before from with_scanner
    union all
    select event_id, 'many-deliveries', deliveries_before >= $deliveries and not is_new
    from shared
    where deliveries >= $deliveries
    union all
    select event_id, 'scanned-on-arrival', deliveries_before > 1 and not is_new
    from shared
    where deliveries > 1 and t - accepted_at between 0 and $arrival
)
select event_id, list(rule order by rule) as rules, bool_and(so_before) as so_before
from found
group by event_id
