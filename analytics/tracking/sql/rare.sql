-- One row per tracking request that was sent in a body or in a query that had to be put in order, with the fields of
-- its line.
select
    line.* exclude (query, shape, part, b, b64),
    cast(null as varchar) as b,
    cast(null as varchar) as b64,
    found.part,
    found.query,
    found.shape
from found
join unread as line using (no)
