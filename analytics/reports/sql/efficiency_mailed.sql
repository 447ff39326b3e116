-- One row per delivery that a click or a visit came from, whatever sending it belongs to.
create table _mailed as
select
    d.delivery_id,
    any_value(d.person) as person,
    any_value(d.sending_id) as sending_id,
    coalesce(any_value(t.reader), d.delivery_id) as reader
from deliveries d
left join _twin t on t.delivery_id = d.delivery_id
where d.delivery_id in (
    select delivery_id from _mail where kind = 'click' and is_human
    union all
    select delivery_id from _visit where delivery_id is not null
)
group by d.delivery_id
