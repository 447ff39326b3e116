-- One row per delivery that is not its person's only one in its sending, with the first of them as `reader`: opens and
-- clicks count persons, and a person may be mailed at two addresses. Suspects are found by number, proved by text.
create table _twin as
select delivery_id, reader
from (
    select
        delivery_id,
        min(delivery_id) over of_person as reader,
        count(*) over of_person as deliveries
    from _delivery
    where (sending_id, hash(person)) in (
        select (sending_id, hash(person)) from _delivery group by sending_id, hash(person) having count(*) > 1
    )
    window of_person as (partition by sending_id, person)
)
where deliveries > 1
