-- One row per kind of hit, verdict and rule, and one with the rule null for the verdict in all: hits. A hit counts under
-- every rule that spoke.
with judged as (
    select cast(m.kind as varchar) as kind, m.is_human, m.is_machine, m.rules, count(*) as hits
    from _mail m
    where m.delivery_id in (select delivery_id from _delivery)
    group by all
    union all
    select 'website', is_human, is_machine, rules, count(*)
    from _site
    where $with_site
        and ($since is null or occurred_at >= $since)
        and ($until is null or occurred_at < $until)
    group by all
),
named as (
    select kind, case when is_machine then 'machine' when is_human then 'human' else 'unknown' end as verdict, rules, hits
    from judged
)
select kind, verdict, null as rule, cast(sum(hits) as bigint) as hits from named group by kind, verdict
union all
select kind, verdict, rule, cast(sum(hits) as bigint)
from (select kind, verdict, unnest(rules) as rule, hits from named)
group by kind, verdict, rule
order by kind, verdict, rule nulls first
