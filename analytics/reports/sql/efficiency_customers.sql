-- One row per customer user with an order that counts: the address, and its key where it is plain ASCII.
create table _customer as
select
    id as customer_user_id,
    email,
    case when strlen(email) = length(email) then lower(trim(email, e' \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f')) end as plain
from _customer_user
where email is not null and id in (select customer_user_id from _valued_order)
