-- One row per email campaign of a counted sending: its deliveries by what became of them, and the persons who reacted.
select
    s.email_campaign_id,
    any_value(s.marketing_campaign_id) as marketing_campaign_id,
    min(s.begun_at) as begun_at,
    min(d.sent_at) as first_sent_at,
    count(*) filter (where d.is_recipient) as recipients,
    count(d.sent_at) as sent,
    count(d.sent_at) filter (where not d.is_bounced) as delivered,
    count(d.sent_at) filter (where d.is_bounced) as bounced,
    count(*) filter (where d.sent_at is null and d.state = 'rejected') as rejected,
    count(*) filter (where d.sent_at is null and d.state = 'uncertain') as uncertain,
    count(*) filter (where d.sent_at is null and d.is_recipient and d.state not in ('rejected', 'uncertain', 'skipped'))
        as waiting,
    count(*) filter (where d.state = 'skipped') as skipped,
    count(*) filter (where d.is_held_out) as held_out,
    count(r.opened_at) as opens_all,
    count(r.human_opened_at) as opens_human,
    count(r.clicked_at) as clicks_all,
    count(r.human_clicked_at) as clicks_human,
    count(r.unsubscribed_at) as unsubscribes,
    count(r.complained_at) as complaints
from _delivery d
join _sending s on s.sending_id = d.sending_id
left join _reaction r on r.reader = d.delivery_id
group by s.email_campaign_id
order by s.email_campaign_id
