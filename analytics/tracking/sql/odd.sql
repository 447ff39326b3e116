-- One row per request whose query cannot be taken apart as it is: names doubled, without "=" or encoded; quotes and
-- control characters sent raw; bytes that are no UTF-8. A rare thing, left to Python.
select no, 0 as part, coalesce(q, '') as query
from line
join layout using (shape)
where tracks and not has_body and (is_odd or not plain)
union all
select no, part, query
from expanded
join layout using (shape)
where is_odd or not plain
order by no, part
