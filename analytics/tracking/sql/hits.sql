-- One row per line, or per tracking request of a line, of the table or CTE `source`: parameters decoded and typed.
-- `left_over` is what has no column of its own, still encoded; `tail` is what may hold campaign parameters of the page
-- address; `is_read` is false where the shape is not known or not plain.
, split as (
    select
        source.*,
        layout.plain is not null or not tracks as is_read,
        string_split(source.query, '&') as p,
        layout.* exclude (shape, plain)
    from source
    left join (from layout where plain) as layout on layout.shape = source.shape
),
taken as (
    select
        no, part, id, moment, e, m, ip, ua, ref, al, d, n, reason, tracks, is_read,
        case when not is_read then query end as query,
        case when not is_read then b end as b,
        case when not is_read then b64 end as b64,
        has_lang,
        list_select(p, others) as others,
        sent(p, at_idsite, 'idsite') as website,
        sent(p, at_url, 'url') as url,
        sent(p, at_urlref, 'urlref') as referrer,
        sent(p, at_action_name, 'action_name') as title,
        sent(p, at__id, '_id') as visitor_sent,
        coalesce(nullif(sent(p, at_uid, 'uid'), ''), sent(p, at__uid, '_uid')) as user_id,
        sent(p, at__rcn, '_rcn') as campaign,
        sent(p, at__rck, '_rck') as keyword,
        -- Page views, the most of all hits, have none of these; decoded where they are used.
        case when is_rich then struct_pack(
            cdt := sent(p, at_cdt, 'cdt'),
            e_c := sent(p, at_e_c, 'e_c'),
            e_a := sent(p, at_e_a, 'e_a'),
            e_n := sent(p, at_e_n, 'e_n'),
            e_v := sent(p, at_e_v, 'e_v'),
            idgoal := sent(p, at_idgoal, 'idgoal'),
            ec_id := sent(p, at_ec_id, 'ec_id'),
            revenue := sent(p, at_revenue, 'revenue'),
            ec_items := sent(p, at_ec_items, 'ec_items'),
            currency := sent(p, at_currency, 'currency'),
            search := sent(p, at_search, 'search'),
            search_cat := sent(p, at_search_cat, 'search_cat'),
            search_count := sent(p, at_search_count, 'search_count'),
            link := sent(p, at_link, 'link'),
            download := sent(p, at_download, 'download'),
            c_n := sent(p, at_c_n, 'c_n'),
            c_i := sent(p, at_c_i, 'c_i'),
            ping := sent(p, at_ping, 'ping'),
            ca := sent(p, at_ca, 'ca')
        ) end as rich
    from split
),
decoded as (
    select * replace (
        nullif(joined(others), '') as others,
        decode_value(website) as website,
        decode_value(url) as url,
        decode_value(referrer) as referrer,
        decode_value(title) as title,
        decode_value(visitor_sent) as visitor_sent,
        decode_value(user_id) as user_id,
        decode_value(campaign) as campaign,
        decode_value(keyword) as keyword
    )
    from taken
)
select
    * rename (others as left_over),
    case when regexp_full_match(visitor_sent, '[0-9a-fA-F]{16}') then lower(visitor_sent) end as visitor,
    case
        when contains(url, 'sdk=') then nullif(regexp_extract(url, '[?&#]sdk=([A-Za-z0-9_-]{40})(?:[&#]|$)', 1), '')
    end as token,
    case when regexp_matches(url, '[?&#](?:mtm|matomo|pk|piwik|utm)_') then address_tail(url) end as tail
from decoded
