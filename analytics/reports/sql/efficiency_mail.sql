-- One row per email campaign of a counted sending: its deliveries by what became of them, and the persons who reacted.
select
    s.email_campaign_id,
    any_value(s.marketing_campaign_id) as marketing_campaign_id,
    min(s.begun_at) as begun_at,
    min(d.sent_at) as first_sent_at,
    count(*) filter (where d.is_recipient) as recipients,
    count(d.sent_at) as sent,
    count(d.sent_at) filter (where d.bounced_at is null) as delivered,
    count(d.sent_at) filter (where d.bounced_at is not null) as bounced,
    -- The codes of efficiency_deliveries: 6 rejected, 7 uncertain, 2 skipped, 1 held out.
    count(*) filter (where d.sent_at is null and d.last = 6) as rejected,
    count(*) filter (where d.sent_at is null and d.last = 7) as uncertain,
    count(*) filter (where d.sent_at is null and d.is_recipient and d.last not in (2, 6, 7)) as waiting,
    count(*) filter (where d.last = 2) as skipped,
    count(*) filter (where d.last = 1) as held_out,
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
