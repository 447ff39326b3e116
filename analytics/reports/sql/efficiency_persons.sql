-- One row per customer user with an order that counts and an address that can be mailed: the person, as deliveries
-- name it. `_spelled` holds the keys of the addresses that are not plain ASCII.
create table _person as
select c.customer_user_id, coalesce(s.key, c.plain) as person
from _customer c
left join _spelled s on s.email = c.email
where coalesce(s.key, c.plain) is not null
