-- One row: how many hits efficiency_mail_hits and efficiency_site_hits hold if each has at most one verdict.
select
    count(*) filter (
        where (kind = 'click' or kind in ('open', 'unsubscribe') and delivery_id between $first_delivery and $last_delivery)
            and delivery_id is not null
    ) + count(*) filter (where endpoint in ('matomo', 'oro')) as hits
from events
where $low is null or received_at >= $low
