-- One row per delivery that is not its person's only one in its sending, with the first of them as `reader`:
-- opens and clicks count persons, and a person may be mailed at two addresses.
create table _twin as
select delivery_id, reader
from (
    select d.delivery_id, min(d.delivery_id) over (partition by d.sending_id, d.person) as reader
    from _delivery d
    where (d.sending_id, d.person) in (
        select (sending_id, person) from _delivery group by sending_id, person having count(*) > 1
    )
)
