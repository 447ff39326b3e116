-- One row per spool line, its fields by name. `reason` says why a line is no hit. `shape` is its query with every value
-- left out, null unless it is a tracking request without a body whose text can be taken apart as it is.
with parsed as (
    -- Quotes and control characters, which would break the JSON made of a query, are escaped in the line's own JSON.
    select no, contains(line, '\') as has_escapes, unnest(try(from_json(line, '{
        "id": "VARCHAR", "at": "BIGINT", "e": "VARCHAR", "m": "VARCHAR", "q": "VARCHAR", "b": "VARCHAR",
        "b64": "VARCHAR", "ip": "VARCHAR", "ua": "VARCHAR", "ref": "VARCHAR", "al": "VARCHAR", "d": "BIGINT",
        "n": "INTEGER"
    }')))
    from raw
),
judged as (
    select
        * rename ("at" as moment),
        case
            when not coalesce(regexp_full_match(id, '[0-9a-f]{32}'), false) then 'its id is not 32 hexadecimal digits'
            -- 2001-09-09 to 2286-11-20: anything else is not a count of microseconds.
            when "at" is null or "at" not between 1000000000000000 and 9999999999999999
                then 'its time "at" is not a number of microseconds since 1970'
            when e in ('c', 'o', 'u', 'p', 'v') and d is null then 'it names no delivery'
            when e is null or e not in ('c', 'o', 'u', 'p', 'v', 'matomo', 'oro')
                then 'its endpoint is none of c, o, u, p, v, matomo, oro'
        end as reason,
        reason is null and e in ('matomo', 'oro') as tracks,
        -- For every line: computed for some, by CASE, they take twice the time.
        shape_of(coalesce(q, '')) as query_shape,
        has_escapes or coalesce(odd_text(q), false) as is_odd
    from parsed
)
select
    * exclude (has_escapes, query_shape, is_odd, q),
    0 as part,
    q as query,
    case when tracks and b is null and b64 is null and not is_odd then query_shape end as shape
from judged
