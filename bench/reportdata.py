"""A made-up shop whose campaigns were mailed, opened, clicked and bought from, of any size, the same every time.

Made by DuckDB and appended to a lake through the product's own writer, so both sides read the very same files.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import insert

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.arrow import arrow_schema
from analytics.store.tables import campaign_code, email_campaign, marketing_campaign, marketing_list, template

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CAMPAIGNS, MARKETING = 20, 5
_CHUNK = 1_000_000

Query = Callable[[int, int], str]

# How many in 1000 events are of each kind.
OPEN, CLICK, UNSUBSCRIBE, PAGE, ORDER = 500, 100, 2, 388, 10


def make(folder: Path, events: int) -> tuple[Store, EntityModel]:
    """Return a store in the new folder `folder` with about `events` events, and its model."""
    store = Store.create(folder, Settings(name="bench"), SimulatedClock(NOW))
    model = load_model(None)
    for name in ("order", "customer_user"):
        store.lake.ensure(model.entity(name).schema)
    _state(store)
    world = duckdb.connect()
    world.execute("set TimeZone = 'UTC'")
    world.execute("create macro dice(n, salt) as (hash(n * 31 + salt) % 1000000)::bigint")
    world.execute("create macro address(n) as 'customer.' || n || '@example.com'")
    sizes = {"persons": events // 10, "mailed": events // 50, "events": events}
    for part, table, sql, rows in _tables(sizes):
        _fill(store, world, part, table, sql, rows)
    world.close()
    return store, model


def _tables(n: dict[str, int]) -> list[tuple[str, str, Query, int]]:
    """Return (part, table of the lake, query for a range of rows, rows)."""
    events, deliveries = n["events"], n["mailed"] * CAMPAIGNS

    def mail(kind: str, salt: int, share: int) -> tuple[str, str, Query, int]:
        query = partial(_MAIL.format, kind=kind, salt=salt, **n)
        return kind, "events", lambda a, b: query(a=a, b=b), events * share // 1000

    def part(name: str, table: str, text: str, rows: int) -> tuple[str, str, Query, int]:
        return name, table, lambda a, b: text.format(a=a, b=b, **n), rows

    return [
        part("users", "customer_user", _CUSTOMER_USER, n["persons"]),
        part("orders", "order", _ORDER, n["persons"] // 2),
        part("planned", "deliveries", _PLANNED, deliveries),
        part("accepted", "deliveries", _ACCEPTED, deliveries),
        part("bounced", "deliveries", _BOUNCED, deliveries // 50),
        mail("open", 1, OPEN),
        mail("click", 2, CLICK),
        mail("unsubscribe", 3, UNSUBSCRIBE),
        part("pages", "events", _PAGE, events * PAGE // 4000 * 4),
        part("tracked", "events", _ORDER_HIT, events * ORDER // 1000),
    ]


def _fill(store: Store, world: duckdb.DuckDBPyConnection, part: str, table: str, sql: Query, rows: int) -> None:
    """Append the rows of a query to a table, a million at a time; events with their verdicts."""
    for start in range(0, rows, _CHUNK):
        given = world.sql(sql(start, min(start + _CHUNK, rows))).to_arrow_table()
        if store.lake.schema(table).kind == "entity":
            store.lake.merge(table, _full(given, store, table))
            continue
        store.lake.append(table, _full(given, store, table), app_id=part, version=start)
        if table == "events":
            world.register("given", given)
            verdicts = world.sql(_VERDICT).to_arrow_table()
            store.lake.append("verdicts", _full(verdicts, store, "verdicts"), app_id=part, version=start)


def _full(given: pa.Table, store: Store, table: str) -> pa.Table:
    """Return a table with every column of its schema, null where nothing was given."""
    return pa.table(
        [
            given.column(f.name) if f.name in given.column_names else pa.nulls(given.num_rows, f.type)
            for f in arrow_schema(store.lake.schema(table))
        ],
        names=arrow_schema(store.lake.schema(table)).names,
    )


def _state(store: Store) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    stamps: dict[str, Any] = {"created_at": moment, "updated_at": moment}
    with store.state.write() as c:
        c.execute(
            insert(marketing_list),
            [{"id": 1, "name": "All", "entity": "customer_user", "kind": "dynamic", "channel": "email",
              "contact": "email", "definition": {}, "version": 1, **stamps}],
        )  # fmt: skip
        c.execute(insert(template), [{"id": 1, "name": "T", "subject": "S", "html": "H", "version": 1, **stamps}])
        c.execute(
            insert(marketing_campaign),
            [{"id": i, "name": f"Marketing {i}", "code": f"mc{i}", **stamps} for i in range(1, MARKETING + 1)],
        )
        c.execute(
            insert(campaign_code),
            [{"code": f"mc{i}", "marketing_campaign_id": i, "since": moment} for i in range(1, MARKETING + 1)],
        )
        c.execute(
            insert(email_campaign),
            [
                {"id": i, "name": f"Mail {i}", "list_id": 1, "template_id": 1, "sender_email": "shop@example.com",
                 "marketing_campaign_id": (i - 1) % MARKETING + 1, "holdout_percent": Decimal(0), "cost": Decimal(100),
                 **stamps}
                for i in range(1, CAMPAIGNS + 1)
            ],
        )  # fmt: skip


_CUSTOMER_USER = """
select i::varchar as id, address(i) as email, timestamptz '2025-01-01 00:00:00+00' as created_at
from range({a}, {b}) t(i)
"""

_ORDER = """
select i::varchar as id, 'N' || i as identifier, (dice(i, 7) % {persons})::varchar as customer_user_id,
    timestamptz '2026-01-01 00:00:00+00' + to_seconds(dice(i, 8) * 25) as created_at, 'EUR' as currency,
    cast(10 + dice(i, 9) % 200 as decimal(19,4)) as total,
    case when dice(i, 10) % 50 = 0 then 'cancelled' else 'closed' end as internal_status, false as is_return,
    cast(case when dice(i, 11) % 40 = 0 then 5 end as decimal(19,4)) as refunded
from range({a}, {b}) t(i)
"""

# Delivery d belongs to campaign d // mailed + 1 and to person (d * 7) % persons; campaigns start two weeks apart.
_DELIVERY = """
select {seq} as seq, d as delivery_id, d // {{mailed}} + 1 as sending_id, d // {{mailed}} + 1 as email_campaign_id,
    (d // {{mailed}}) % 5 + 1 as marketing_campaign_id, 'email' as channel,
    address((d * 7) % {{persons}}) as address_key, address((d * 7) % {{persons}}) as person, 'customer_user' as entity,
    ((d * 7) % {{persons}})::varchar as entity_key,
    '{state}' as state,
    timestamptz '2026-01-01 00:00:00+00' + to_days((d // {{mailed}} * 14)::int) + to_seconds({delay}) as "at"
from (select {id} as d from range({{a}}, {{b}}) t(i))
"""
_PLANNED = _DELIVERY.format(seq="d * 4", state="planned", delay="0", id="i")
_ACCEPTED = _DELIVERY.format(seq="d * 4 + 1", state="accepted", delay="60 + d % 3600", id="i")
_BOUNCED = _DELIVERY.format(seq="d * 4 + 2", state="bounced", delay="4000", id="i * 50")

_MAIL = """
select cast(cast(md5('{kind}' || i) as uuid) as varchar) as event_id, '{kind}' as kind, '{kind}'[:1] as endpoint,
    'POST' as method, moment as received_at, moment as occurred_at, d as delivery_id, d // {mailed} + 1 as sending_id,
    d // {mailed} + 1 as email_campaign_id, case when '{kind}' = 'click' then dice(i, 5) % 10 end as link_number,
    'Mozilla/5.0 (X11; Linux x86_64)' as user_agent, '192.0.2.' || i % 256 as client_address
from (
    select i, d, timestamptz '2026-01-01 00:00:00+00' + to_days((d // {mailed} * 14)::int)
        + to_seconds(3700 + dice(i, {salt}) * 2) as moment
    from (select i, (dice(i, {salt} + 20) * 1000003 + i) % ({mailed} * 20) as d from range({a}, {b}) t(i))
)
"""

# Visits of four pages, a minute apart, two for each device; those of every second device come with a code, half of
# them with a token too.
_PAGE = """
select cast(cast(md5('page' || i) as uuid) as varchar) as event_id, 'page_view' as kind, 'matomo' as endpoint,
    'GET' as method, 'shop' as website, moment as received_at, moment as occurred_at,
    case when s % 4 = 0 then d end as delivery_id, case when s % 4 = 0 then d // {mailed} + 1 end as sending_id,
    case when s % 4 = 0 then d // {mailed} + 1 end as email_campaign_id,
    case when s % 2 = 0 then 'mc' || (d // {mailed}) % 5 + 1 end as campaign_code,
    lpad(to_hex(s // 4 * 2 + s % 2), 16, '0') as visitor,
    case when s % 4 = 0 then address((d * 7) % {persons}) end as person,
    'https://shop.example.com/page/' || i % 1000 as url, 'Mozilla/5.0 (X11; Linux x86_64)' as user_agent,
    '192.0.2.' || i % 256 as client_address
from (
    select i, s, d, timestamptz '2026-01-01 00:00:00+00' + to_days((d // {mailed} * 14)::int)
        + to_seconds(5000 + dice(s, 31) + i % 4 * 60) as moment
    from (
        select i, i // 4 as s, (dice(i // 4, 30) * 1000003 + i // 4) % ({mailed} * 20) as d from range({a}, {b}) t(i)
    )
)
"""

_ORDER_HIT = """
select cast(cast(md5('order' || i) as uuid) as varchar) as event_id, 'order' as kind, 'matomo' as endpoint,
    'GET' as method, 'shop' as website, moment as received_at, moment as occurred_at,
    lpad(to_hex(i * 7), 16, '0') as visitor,
    'N' || (i * 3) as order_number, cast(10 + dice(i, 9) % 200 as decimal(19,4)) as revenue, 'EUR' as currency
from (
    select i, timestamptz '2026-01-01 00:00:00+00' + to_seconds(dice(i * 3, 8) * 25) as moment from range({a}, {b}) t(i)
)
"""

# Two in ten events are a machine's, one is unknown; one in a hundred was judged again later.
_VERDICT = """
with judged as (
    select
        event_id, received_at + to_minutes(5) as decided_at, hash(event_id) % 100 = 99 as is_again,
        case when hash(event_id) % 10 < 2 then 'machine' when hash(event_id) % 10 < 3 then 'unknown' else 'human' end
            as verdict
    from given
)
select event_id, 1 as ruleset, verdict, decided_at,
    case verdict when 'machine' then ['listed-robot'] when 'unknown' then ['no-user-agent']
        else ['ordinary-user-agent'] end as rules
from judged
union all
select event_id, 1, 'machine', decided_at + to_minutes(5), ['links-at-once'] from judged where is_again
"""
