-- One row per delivery of a counted sending: what ever became of it. `last` is the code of its newest fact's state.
-- A row skipped when the audience was frozen was never assigned: it has no fact but `skipped`.
-- States as numbers: millions of rows are added up twice as fast as by comparing texts.
create table _delivery as
select
    delivery_id,
    any_value(sending_id) as sending_id,
    any_value(person) as person,
    max(step) > 2 as is_recipient,
    min(case when step = 5 then "at" end) as sent_at,
    min(case when step = 8 then "at" end) as bounced_at,
    min(case when step = 9 then "at" end) as complained_at,
    min(case when step = 10 then "at" end) as unsubscribed_at,
    max(seq * 16 + step) % 16 as last
from (
    select
        *,
        case state
            when 'held_out' then 1
            when 'skipped' then 2
            when 'planned' then 3
            when 'deferred' then 4
            when 'accepted' then 5
            when 'rejected' then 6
            when 'uncertain' then 7
            when 'bounced' then 8
            when 'complained' then 9
            when 'unsubscribed' then 10
            else 11
        end as step
    from deliveries
    where sending_id in (select sending_id from _sending where is_counted)
)
group by delivery_id
