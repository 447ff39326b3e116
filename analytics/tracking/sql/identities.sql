-- One row per known name of a person: which user id, visitor or delivery is whose, and how sure that is.
--
--   kind      "user" (a user id as sent), "visitor", "delivery"
--   value     the user id, the visitor id, the delivery id as text
--   person    address key
--   strength  3 declared (the shop said who it is), 2 mail token (the mail's own links), 1 device (a visitor's other
--             hits named one person alone)
--   since     the first event that showed it
--
-- A mail token never merges two people: a visitor seen with the tokens of two persons is nobody's device.
with shown as (
    select user_id, visitor, delivery_id, person, occurred_at
    from events
    where person is not null
),
rows as (
    select 'user' as kind, user_id as value, person, 3 as strength, occurred_at
    from shown where user_id is not null
    union all
    select 'visitor', visitor, person, 3, occurred_at from shown where visitor is not null and user_id is not null
    union all
    select 'delivery', cast(delivery_id as varchar), person, 2, occurred_at
    from shown where delivery_id is not null and user_id is null
    union all
    select 'visitor', visitor, min(person), 1, min(occurred_at)
    from shown
    where visitor is not null and user_id is null
    group by visitor
    having min(person) = max(person)
)
select kind, value, person, max(strength) as strength, min(occurred_at) as since
from rows
group by kind, value, person
order by kind, value, strength desc, person
