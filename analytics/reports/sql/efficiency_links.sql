-- One row per email campaign and link: the persons who clicked it, each once per sending, and all its clicks.
-- Links with an address of each recipient's own have no address here.
select
    s.email_campaign_id,
    m.link_number,
    l.url,
    count(distinct coalesce(t.reader, m.delivery_id)) as clicks_all,
    count(distinct coalesce(t.reader, m.delivery_id)) filter (where m.is_human) as clicks_human,
    count(*) as hits
from _mail m
join _delivery d on d.delivery_id = m.delivery_id
join _sending s on s.sending_id = d.sending_id
left join _twin t on t.delivery_id = m.delivery_id
left join _link l on l.sending_id = d.sending_id and l.number = m.link_number
where m.kind = 'click'
group by s.email_campaign_id, m.link_number, l.url
order by s.email_campaign_id, clicks_human desc, clicks_all desc, m.link_number, l.url
