-- One row per event, in the columns of the table `events`: hits of tracking clients, then those of mails.
with every as (
    select
        hit.no, hit.part, hit.id, hit.moment, hit.e, hit.m, hit.ip, hit.ua,
        coalesce(rich_hit.kind, 'page_view') as kind,
        hit.website,
        token.delivery_id,
        cast(null as integer) as link_number,
        hit.visitor,
        hit.user_id,
        declared.person as declared_person,
        lower(coalesce(campaign_text(hit.campaign), campaign.code)) as campaign_code,
        coalesce(campaign_text(hit.keyword), campaign.keyword) as campaign_keyword,
        campaign.source as campaign_source,
        campaign.medium as campaign_medium,
        campaign.content as campaign_content,
        coalesce(hit.url, hit.ref) as url,
        hit.referrer,
        hit.title,
        rich_hit.* exclude (no, part, kind, pairs),
        nullif(concat_ws(',',
            json_pairs(hit.left_over),
            case when not hit.has_lang then kept('lang', hit.al) end,
            case when hit.visitor is null then kept('_id', hit.visitor_sent) end,
            rich_hit.pairs
        ), '') as pairs
    from hit
    left join rich_hit using (no, part)
    left join token using (token)
    left join declared using (user_id)
    left join campaign using (tail)
    where hit.website is not null
    union all by name
    select
        no, 0 as part, id, moment, e, m, ip, ua,
        case e when 'o' then 'open' when 'c' then 'click' when 'u' then if(m = 'POST', 'unsubscribe', 'view') else 'view' end
            as kind,
        d as delivery_id,
        n as link_number,
        ref as referrer,
        kept('lang', al) as pairs
    from line
    where reason is null and not tracks
),
named as (
    select *, sha1(unhex(id) || encode(cast(part as varchar))) as digest from every
)
select
    -- UUIDv5 (RFC 9562 5.5) of the line's id as name space and the place inside a bulk request as name.
    concat(substr(digest, 1, 8), '-', substr(digest, 9, 4), '-5', substr(digest, 14, 3), '-',
        translate(substr(digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'), substr(digest, 18, 3), '-',
        substr(digest, 21, 12)) as event_id,
    make_timestamptz(moment) as received_at,
    make_timestamptz(coalesce(own_time, moment)) as occurred_at,
    kind,
    e as endpoint,
    m as method,
    website,
    delivery_id,
    delivery.sending_id,
    delivery.email_campaign_id,
    link_number,
    visitor,
    user_id,
    coalesce(declared_person, delivery.person) as person,
    campaign_code,
    campaign_keyword,
    campaign_source,
    campaign_medium,
    campaign_content,
    url,
    referrer,
    title,
    category,
    action,
    name,
    value,
    order_number,
    revenue,
    currency,
    items,
    ip as client_address,
    ua as user_agent,
    '{' || pairs || '}' as parameters
from named
left join delivery using (delivery_id)
