-- One row per event of the chunk with its verdict, and one per earlier event that the chunk shows in a new light.
with judged as (
    select
        event.event_id,
        case
            when kind = 'unsubscribe' then 'unsubscribe'
            when endpoint in ('matomo', 'oro') then 'site'
            when kind = 'open' then 'open'
            else 'mail'
        end as place,
        case when user_agent is null then 'none' else agent.class end as class,
        method = 'HEAD' as is_head,
        shown.rules as shown_by
    from event
    left join agent on agent.ua = event.user_agent
    left join shown using (event_id)
)
select
    event_id,
    cast($ruleset as bigint) as ruleset,
    case when is_head or shown_by is not null then 'machine' else agent_rule.verdict end as verdict,
    case
        when is_head or shown_by is not null
            then list_concat(agent_rule.rules, if(is_head, ['head-request'], []), coalesce(shown_by, []))
        else agent_rule.rules
    end as rules,
    cast($decided_at as timestamptz) as decided_at
from judged
join agent_rule using (place, class)
union all
select
    event_id, $ruleset, 'machine',
    list_concat(agent_rule.rules, if(is_head, ['head-request'], []), shown_by),
    cast($decided_at as timestamptz) + interval 1 microsecond
from (
    select
        around.event_id, shown.rules as shown_by, around.method = 'HEAD' as is_head, if(around.kind = 'open', 'open', 'mail') as place,
        case when user_agent is null then 'none' else agent.class end as class
    from shown
    join around using (event_id)
    left join agent on agent.ua = around.user_agent
    where not shown.so_before
)
left join agent_rule using (place, class)
