-- One row per delivery that a click or a visit came from, whatever sending it belongs to.
create table _mailed as
with wanted as materialized (
    select delivery_id from _mail where kind = 'click' and is_human
    union
    select delivery_id from _visit where delivery_id is not null
),
other as (
    -- Of sendings the report does not count; none without filters.
    select delivery_id, any_value(person) as person, any_value(sending_id) as sending_id
    from deliveries
    where sending_id in (select sending_id from _sending where not is_counted)
        and delivery_id in (select delivery_id from wanted)
    group by delivery_id
)
select d.delivery_id, d.person, d.sending_id, coalesce(t.reader, d.delivery_id) as reader
from _delivery d
left join _twin t on t.delivery_id = d.delivery_id
where d.delivery_id in (select delivery_id from wanted)
union all
select delivery_id, person, sending_id, delivery_id from other
