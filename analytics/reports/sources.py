"""The tables the efficiency queries start from, beside the lake's streams: dimensions, orders, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from analytics.engine import Engine, quote
from analytics.engine.duck import DUCKDB_TYPES
from analytics.errors import ReportError
from analytics.model.entity import EntityModel
from analytics.model.table import ColumnType
from analytics.reports.dimensions import Dimensions

Statement = Callable[[str, str], None]

_ORDER: dict[str, ColumnType] = {
    "id": "text",
    "customer_user_id": "text",
    "created_at": "datetime",
    "currency": "text",
    "total": "money",
    "total_base": "money",
    "refunded": "money",
    "internal_status": "text",
    "is_return": "boolean",
}
_CUSTOMER_USER: dict[str, ColumnType] = {"id": "text", "email": "text"}
# One row per event: its latest verdict. Events that may have several are looked up in a table made for them.
_VERDICT = """
select event_id, verdict, rules from verdicts where hash(event_id) not in (select mark from _doubted)
union all
select event_id, verdict, rules from _judged_again
"""
_NO_FIELD = "identifier"  # of hits from a website nobody declared


def make_sources(statement: Statement, engine: Engine, model: EntityModel, dimensions: Dimensions) -> None:
    """Make `_email_campaign`, `_code`, `_website`, `_link`, `_order`, `_order_number`, `_customer_user` and
    `_verdict`, which takes every event for judged once until `_doubted` and `_judged_again` say otherwise.

    `statement(name, text)` runs what it is given. Raises ReportError for a website whose order field does not exist.
    """
    _register(engine, dimensions)
    statement("order", f"create view _order as {_columns(engine, 'order', _ORDER)}")
    statement("customer_user", f"create view _customer_user as {_columns(engine, 'customer_user', _CUSTOMER_USER)}")
    statement("order numbers", f"create view _order_number as {_numbers(engine, model, dimensions)}")
    statement("doubted", "create table _doubted (mark ubigint)")
    statement("judged again", "create table _judged_again as select event_id, verdict, rules from verdicts limit 0")
    statement("verdict", f"create view _verdict as {_VERDICT}")
    statement("kinds", "create type _mail_kind as enum ('open', 'click', 'unsubscribe', 'complaint')")


def _register(engine: Engine, dimensions: Dimensions) -> None:
    emails = dimensions.email_campaigns.values()
    engine.register(
        "_email_campaign",
        pa.table(
            {
                "id": pa.array([e.id for e in emails], pa.int64()),
                "marketing_campaign_id": pa.array([e.marketing_campaign_id for e in emails], pa.int64()),
            }
        ),
    )
    engine.register("_code", _pairs(dimensions.codes.items(), "code", "marketing_campaign_id", pa.int64()))
    engine.register("_website", _pairs(dimensions.websites.items(), "identifier", "order_field", pa.string()))
    engine.register(
        "_link",
        pa.table(
            {
                "sending_id": pa.array([row[0] for row in dimensions.links], pa.int64()),
                "number": pa.array([row[1] for row in dimensions.links], pa.int64()),
                "url": pa.array([row[2] for row in dimensions.links], pa.string()),
            }
        ),
    )


def _pairs(pairs: Iterable[tuple[str, object]], key: str, value: str, kind: pa.DataType) -> pa.Table:
    listed = list(pairs)
    return pa.table({key: pa.array([p[0] for p in listed], pa.string()), value: pa.array([p[1] for p in listed], kind)})


def _columns(engine: Engine, table: str, wanted: dict[str, ColumnType]) -> str:
    """Return the query for some columns of an entity table; a workspace may have declared it without some of them."""
    pinned = engine.snapshot.tables.get(table)
    present = {c.name for c in pinned.schema.columns} if pinned else set()
    terms = [
        quote(name) if name in present else f"cast(null as {DUCKDB_TYPES[kind]}) as {quote(name)}"
        for name, kind in wanted.items()
    ]
    source = f"from {quote(table)}" if pinned else "where false"
    return f"select {', '.join(terms)} {source}"


def _numbers(engine: Engine, model: EntityModel, dimensions: Dimensions) -> str:
    """Return the query for the numbers orders are known by: one row per order and field a website's hits name."""
    if "order" not in engine.snapshot.tables:
        return (
            "select cast(null as varchar) as order_id, cast(null as varchar) as website, "
            "cast(null as varchar) as field, cast(null as varchar) as number where false"
        )
    known = model.entity("order").fields
    queries = []
    for field in sorted({_NO_FIELD, *dimensions.websites.values()}):
        if field not in known:
            if field == _NO_FIELD:
                continue
            sites = sorted(name for name, named in dimensions.websites.items() if named == field)
            raise ReportError(
                f"Tracking website {sites[0]} matches orders by their field {field!r}, which orders do not have; "
                f"there are {', '.join(known)}."
            )
        website = "website" if "website" in known else "cast(null as varchar)"
        literal = field.replace("'", "''")
        queries.append(
            f"select id as order_id, {website} as website, '{literal}' as field, "  # noqa: S608  # a declared name
            f'cast({quote(field)} as varchar) as number from "order"'
        )
    return " union all ".join(queries) if queries else "select '' as order_id, '' as website, '' as field, '' as number"
