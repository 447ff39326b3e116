-- One row per mail event, in the lake (`stored`) or on its way there (`pending`), in the time of the mail events of a
-- chunk (`fresh`) and a little before and after.
create or replace temp table around as
select distinct on (event_id) *
from (
    select * from stored
    union all by name
    select * from pending where received_at between $since and $until
)
where event_id not in (select event_id from fresh)
