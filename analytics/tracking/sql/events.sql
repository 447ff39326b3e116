-- One row per event, in the columns of the table `events`.
with named as (
    select
        hit.*,
        sha1(unhex(id) || encode(cast(hit.part as varchar))) as digest,
        coalesce(hit.d, token.delivery_id) as delivery_id,
        declared.person as declared_person,
        coalesce(campaign_text(hit.campaign), campaign.code) as code,
        coalesce(campaign_text(hit.keyword), campaign.keyword) as campaign_keyword,
        campaign.source, campaign.medium, campaign.content,
        rich_hit.* exclude (no, part),
        rich_hit.kind as rich_kind,
        -- A tracking request's referrer is the page; a mail's is where it was read.
        case when tracks then coalesce(hit.url, hit.ref) end as page,
        nullif(concat_ws(',',
            json_pairs(hit.left_over),
            case when not coalesce(hit.has_lang, false) then kept('lang', hit.al) end,
            case when hit.visitor is null then kept('_id', hit.visitor_sent) end,
            rich_hit.pairs
        ), '') as all_pairs
    from hit
    left join rich_hit on rich_hit.no = hit.no and rich_hit.part = hit.part
    left join token on token.token = hit.token
    left join declared on declared.user_id = hit.user_id
    left join campaign on campaign.tail = hit.tail
    where hit.reason is null and hit.is_read and (not hit.tracks or hit.website is not null)
)
select
    -- UUIDv5 (RFC 9562 5.5) of the line's id as name space and the place inside a bulk request as name.
    concat(substr(digest, 1, 8), '-', substr(digest, 9, 4), '-5', substr(digest, 14, 3), '-',
        substr('89ab89ab89ab89ab', strpos('0123456789abcdef', substr(digest, 17, 1)), 1), substr(digest, 18, 3), '-',
        substr(digest, 21, 12)) as event_id,
    make_timestamptz(moment) as received_at,
    make_timestamptz(coalesce(own_time, moment)) as occurred_at,
    case
        when tracks then coalesce(rich_kind, 'page_view')
        when e = 'o' then 'open'
        when e = 'c' then 'click'
        when e = 'u' and m = 'POST' then 'unsubscribe'
        else 'view'
    end as kind,
    e as endpoint,
    m as method,
    website,
    named.delivery_id,
    delivery.sending_id,
    delivery.email_campaign_id,
    n as link_number,
    visitor,
    user_id,
    coalesce(declared_person, delivery.person) as person,
    lower(code) as campaign_code,
    campaign_keyword,
    source as campaign_source,
    medium as campaign_medium,
    content as campaign_content,
    page as url,
    if(tracks, referrer, ref) as referrer,
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
    '{' || all_pairs || '}' as parameters
from named
left join delivery on delivery.delivery_id = named.delivery_id
