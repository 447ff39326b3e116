-- One row per event: its latest verdict.
create or replace view _verdict as
select event_id, verdict, rules from verdicts where hash(event_id) not in (select mark from _doubted)
union all
select event_id, verdict, rules from _judged_again
