-- One row per tracked order and the imported order it is: the one whose field the website names equals the number. An
-- order that names a website we track has to name the same one.
create table _match as
select h.website, h.order_number, min(n.order_id) as order_id
from _order_hit h
join _order_number n on n.field = h.order_field and n.number = h.order_number
where n.website is null
    or n.website = h.website
    or n.website not in (select identifier from _website)
group by h.website, h.order_number
