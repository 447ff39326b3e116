"""Recency, frequency and monetary value of buyers, each from 1 (best) to 5.

Of a row with orders: recency is the days since the last one, frequency their number and monetary their money in base
currency, both over the last `RfmRules.days` days. Cancelled orders, returns and orders without a time count nowhere,
refunds are taken off. A value is put into one of five groups: 5 - floor(5 * worse / buyers), where `worse` are the
buyers whose value is worse and `buyers` all rows with an order; or by the bounds of the settings. Equal values are in
one group, so group 1 is where at least four fifths of the buyers do worse. Rows without orders have no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from analytics.engine import quote
from analytics.errors import SegmentError
from analytics.model.entity import Entity, EntityModel, Relation
from analytics.segments.catalogue import RfmRules
from analytics.segments.comparisons import compare
from analytics.segments.definition import Rfm
from analytics.segments.emit import Sql, column, filtered, fixed_query, subquery
from analytics.segments.logic import Keys, Logic, Test
from analytics.segments.moments import Moment, parse_span

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

ORDER = "order"
"""The entity whose rows are what somebody bought."""

_MONEY = "decimal(19, 4)"
_VALUES = """
    select
        e.{key} as entity_key,
        $today - cast(timezone($zone, max(o.{time})) as date) as recency,
        count(*) filter (where o.{time} >= $since) as frequency,
        coalesce(sum({amount}) filter (where o.{time} >= $since), 0) as monetary
    from {entity} as e join {order} as o on o.{target} = e.{own}
    where o.{time} <= $now and {counts}
    group by e.{key}
"""
_WORST_FIRST = {"recency": "desc", "frequency": "asc", "monetary": "asc"}


def rfm_logic(compiler: Compiler, node: Rfm, entity: Entity, place: str) -> Logic:
    """Return what an RFM condition means for a row of `entity`; SegmentError names what would do without orders."""
    relation = orders_of(compiler.model, entity, place)
    kind = "text" if node.part == "score" else "integer"
    comparison = compare(kind, node.operator, node.value, moment=compiler.moment, place=place)
    rules = compiler.catalogue.rfm_rules()

    def keys() -> exp.Query:
        alias = compiler.sql.alias()
        groups = rfm_groups(compiler.sql, entity, relation, rules, compiler.moment)
        query = exp.select(column(alias, "entity_key")).from_(subquery(groups, alias))
        test = Test(lambda a: comparison.sql(column(a, node.part), compiler.sql.bind), lambda a: column(a, node.part))
        return filtered(query, [compiler.sql.condition(test, alias)])

    return Keys(entity.key, keys, negated=comparison.is_negative)


def orders_of(model: EntityModel, entity: Entity, place: str) -> Relation:
    """Return the relation from an entity to its orders; SegmentError names the entities that have one."""
    found = _orders(entity)
    if found is None:
        able = (
            ", ".join(sorted(e.name for e in model.entities.values() if _orders(e) is not None)) or "none is declared"
        )
        raise SegmentError(
            f"{place}: rfm is of who has orders, and {entity.name} has none of its own; entities that do: {able}."
        )
    order = model.entity(found.target)
    missing = [name for name in (order.as_of, "total") if name is None or name not in order.fields]
    if missing:
        raise SegmentError(f"{place}: rfm needs orders with an as_of time and a field total; {order.name} lacks one.")
    return found


def _orders(entity: Entity) -> Relation | None:
    ways = [r for r in entity.relations.values() if r.target == ORDER and r.kind == "many" and not r.where]
    return next((r for r in ways if r.name == "orders"), ways[0] if ways else None)


def rfm_groups(sql: Sql, entity: Entity, relation: Relation, rules: RfmRules, moment: Moment) -> exp.Query:
    """Return the query of `entity_key`, `recency`, `frequency`, `monetary` (1 to 5) and `score` of rows with orders."""
    order = sql.model.entity(relation.target)
    today = parse_span("today", moment)
    first_day = today.start - timedelta(days=rules.days)
    values: dict[str, Any] = {
        "today": today.days(moment)[0],
        "zone": moment.zone,
        "now": moment.now,
        "since": moment.instant(first_day),
        "currency": rules.currency,
    }
    text = _VALUES.format(
        key=quote(entity.key),
        entity=quote(entity.name),
        order=quote(order.name),
        own=quote(relation.own_field),
        target=quote(relation.target_field),
        time=quote(order.as_of or ""),
        amount=_amount(order),
        counts=_counts(order),
    )
    groups = ", ".join(f"{_group(part, getattr(rules, part), values)} as {part}" for part in _WORST_FIRST)
    score = "concat(recency, '-', frequency, '-', monetary) as score"
    return fixed_query(
        sql,
        f"select *, {score} from (select entity_key, {groups} from ({text}) as bought) as grouped",  # noqa: S608  # declared names, quoted
        values,
    )


def _group(part: str, bounds: tuple[float, ...], values: dict[str, Any]) -> str:
    """Return the SQL of the group a value is in; bounds are put among the parameters."""
    if not bounds:
        # rank() - 1 is how many are strictly worse.
        return f"5 - (5 * (rank() over (order by {part} {_WORST_FIRST[part]}) - 1)) // count(*) over ()"
    sign, cases = "<=" if part == "recency" else ">=", []
    for n, bound in enumerate(bounds, 1):
        values[f"{part}{n}"] = bound
        cases.append(f"when {part} {sign} ${part}{n} then {n}")
    return f"case {' '.join(cases)} else 5 end"


def _amount(order: Entity) -> str:
    """Return the SQL of an order's money in base currency less refunds; null where its base value is not known."""
    has = _columns(order, {"total": _MONEY, "total_base": _MONEY, "refunded": _MONEY, "currency": "varchar"})
    refund = f"coalesce({has['refunded']}, 0)"
    own = f"coalesce({has['currency']}, $currency) = $currency"
    rated = f"{has['total_base']} - {has['refunded']} * {has['total_base']} / {has['total']}"
    return (
        f"cast(case when {own} then coalesce({has['total_base']}, {has['total']}) - {refund} "
        f"when {refund} = 0 then {has['total_base']} when {has['total']} <> 0 then round({rated}, 4) end as {_MONEY})"
    )


def _counts(order: Entity) -> str:
    has = _columns(order, {"is_return": "boolean", "internal_status": "varchar"})
    status = f"lower(coalesce({has['internal_status']}, ''))"
    return f"coalesce({has['is_return']}, false) is not true and {status} not in ('cancelled', 'canceled')"


def _columns(order: Entity, types: Mapping[str, str]) -> dict[str, str]:
    """Return the SQL of fields of orders by name; of one that is not declared, nothing of its type."""
    return {n: f"o.{quote(n)}" if n in order.fields else f"cast(null as {kind})" for n, kind in types.items()}
