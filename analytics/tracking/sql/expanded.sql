-- One row per request found in a body.
create or replace temp table expanded as
select *, shape_of(query) as shape, odd_text(query) or regexp_matches(query, '["\\\x00-\x1f]') as is_odd
from found
