-- One row per event with several verdicts (or sharing a mark with one): its latest verdict; of two of one moment the
-- machine's.
create or replace table _judged_again as
select
    event_id,
    arg_max(verdict, (decided_at, verdict = 'machine')) as verdict,
    arg_max(rules, (decided_at, verdict = 'machine')) as rules
from verdicts
where hash(event_id) in (select mark from _doubted)
group by event_id
