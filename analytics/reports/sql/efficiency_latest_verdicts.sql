-- One row per event: its latest verdict; of two of one moment the machine's. Only where there may be several they are
-- compared, which takes longer than all that is joined with them.
create or replace view _verdict as
select event_id, verdict, rules
from verdicts
where hash(event_id) not in (select mark from _doubted)
union all
select
    event_id,
    arg_max(verdict, (decided_at, verdict = 'machine')) as verdict,
    arg_max(rules, (decided_at, verdict = 'machine')) as rules
from verdicts
where hash(event_id) in (select mark from _doubted)
group by event_id
