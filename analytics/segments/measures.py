"""Measures over related rows: pre-aggregated roll-ups, one group per row they belong to.

The count and sum of no rows are 0; min, max, avg, first and last of none have no value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlglot import exp

from analytics.errors import SegmentError, UnknownField
from analytics.model.entity import Entity, EntityModel, Field, Relation
from analytics.segments.comparisons import Comparison, compare
from analytics.segments.definition import Measure, MeasureCondition, Value, wrong
from analytics.segments.emit import Sql, column, filtered, is_not_null, subquery, table
from analytics.segments.logic import Logic, Related, RollUp, Term, Test, negate, simplified

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

_NUMBERS = ("integer", "number", "money", "percent")
_MONOTONE = ("at_least", "more_than", "at_most", "less_than")


@dataclass(frozen=True)
class Chain:
    """The way to related rows: to-one steps first, then the step groups are made by, then the rest."""

    lead: tuple[Relation, ...]
    hop: Relation
    rest: tuple[Relation, ...]
    entity: Entity


def measure_logic(compiler: Compiler, condition: MeasureCondition, entity: Entity, place: str) -> Logic:
    """Return the logic of a measure compared with a value."""
    measure = condition.measure
    chain = measure_chain(compiler.model, measure, entity, place)
    kind, aggregate = aggregated(measure, chain.entity, place)
    comparison = _comparison(compiler, condition, kind, chain.entity, place)
    where = None if measure.where is None else compiler.logic(measure.where, chain.entity, f"{place}.where")
    none_fits = comparison.holds is not None and measure.measure in ("count", "sum") and comparison.holds(Decimal(0))
    leaf: Logic
    if measure.measure == "count" and _asks_for_any(comparison, condition):
        leaf = Related(chain.hop, _rest_of(chain.rest, where))
    else:
        sql = compiler.sql

        def tested(alias: str) -> exp.Expr:
            return comparison.sql(aggregate(alias), sql.bind)

        always = measure.measure in ("count", "sum")
        test = Test(tested, None if always else aggregate, negated=none_fits)
        leaf = RollUp(chain.hop, _source(sql, chain, where), (measure.related, measure.where), test)
    # Rows without related ones have no group. Where 0 fits, the groups that do not fit are looked up instead.
    for relation in reversed(chain.lead):
        leaf = Related(relation, leaf)
    return negate(leaf) if comparison.is_negative != none_fits else leaf


def measure_values(compiler: Compiler, measure: Measure, entity: Entity, place: str) -> tuple[Chain, exp.Select, str]:
    """Return (chain, query of `grp` and `val`, type) of a measure as a column; to-one steps in front are refused."""
    chain = measure_chain(compiler.model, measure, entity, place)
    if chain.lead:
        raise SegmentError(
            f"{place}.related: a column measures rows that belong to {entity.name} itself; {measure.related!r} first "
            f"goes to {chain.lead[0].name}."
        )
    query, kind = measure_groups(compiler, measure, chain, place)
    return chain, query, kind


def measure_groups(compiler: Compiler, measure: Measure, chain: Chain, place: str) -> tuple[exp.Select, str]:
    """Return (query of `grp` and `val`, type of `val`) of a measure for the rows its chain leads from."""
    kind, aggregate = aggregated(measure, chain.entity, place)
    where = None if measure.where is None else compiler.logic(measure.where, chain.entity, f"{place}.where")
    return _groups(compiler.sql, chain, where, aggregate), kind


def measure_chain(model: EntityModel, measure: Measure, entity: Entity, place: str) -> Chain:
    """Return the way to the rows a measure is of; SegmentError when the path is none or ends at a field."""
    try:
        resolved = model.resolve(entity.name, measure.related)
    except UnknownField as error:
        raise UnknownField(error.name, error.entity, error.known, f"{place}.related") from None
    if resolved.field is not None:
        many = [r.name for r in entity.relations.values() if r.kind == "many"]
        raise wrong(f"{place}.related", measure.related, f"a path to related rows; {entity.name} has {', '.join(many)}")
    relations = resolved.relations
    first_many = next((n for n, r in enumerate(relations) if r.kind == "many"), len(relations) - 1)
    return Chain(relations[:first_many], relations[first_many], relations[first_many + 1 :], resolved.entity)


def aggregated(measure: Measure, entity: Entity, place: str) -> tuple[str, Term]:
    """Return the type of a measure and its SQL over the rows of an alias."""
    name = measure.measure
    if name == "count" or measure.field is None:
        return "integer", lambda alias: exp.Count(this=exp.Star())
    field = _own_field(entity, measure.field, f"{place}.field")
    if name in ("sum", "avg") and field.type not in _NUMBERS:
        numbers = [f.name for f in entity.fields.values() if f.type in _NUMBERS]
        raise wrong(
            f"{place}.field", field.name, f"a number to take the {name} of; {entity.name} has {', '.join(numbers)}"
        )
    if field.type in ("boolean", "multi_enum"):
        raise wrong(
            f"{place}.field",
            field.name,
            f"something that has a {name}; count the rows where it is what you want",
        )

    def value(alias: str) -> exp.Expr:
        return column(alias, field.name)

    match name:
        case "sum":
            return field.type, lambda alias: exp.Coalesce(
                this=exp.Sum(this=value(alias)), expressions=[exp.Literal.number(0)]
            )
        case "avg" if field.type == "money":
            # To the fourth decimal like amounts themselves: a quotient of decimals is a float in DuckDB.
            mean = exp.func("round", exp.Avg(this=value("")), exp.Literal.number(4))
            return "money", lambda alias: exp.cast(_renamed(mean, alias), "decimal(19,4)")
        case "avg":
            return "number", lambda alias: exp.Avg(this=value(alias))
        case "min":
            return field.type, lambda alias: exp.Min(this=value(alias))
        case "max":
            return field.type, lambda alias: exp.Max(this=value(alias))
        case _:
            by = _order_field(entity, measure, place)
            return field.type, lambda alias: _edge(alias, name, field, by, entity.key)


def _renamed(expression: exp.Expr, alias: str) -> exp.Expr:
    made = expression.copy()
    for found in made.find_all(exp.Column):
        found.set("table", exp.to_identifier(alias, quoted=True))
    return made


def _edge(alias: str, name: str, field: Field, by: Field, key: str) -> exp.Expr:
    """Return the value of the first or last row by (`by`, key): that of the smallest or largest (by, key, value)."""
    parts = [("by", by.name), ("key", key), ("val", field.name)]
    row = exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(p), expression=column(alias, c)) for p, c in parts]
    )
    edge = exp.Min(this=row) if name == "first" else exp.Max(this=row)
    dated = exp.Filter(this=edge, expression=exp.Where(this=is_not_null(column(alias, by.name))))
    return exp.func("struct_extract", dated, exp.Literal.string("val"))


def _own_field(entity: Entity, name: str, place: str) -> Field:
    field = entity.fields.get(name)
    if field is None:
        raise UnknownField(name, entity.name, list(entity.fields), place)
    return field


def _order_field(entity: Entity, measure: Measure, place: str) -> Field:
    name = measure.by or entity.as_of
    times = [f.name for f in entity.fields.values() if f.type in ("date", "datetime")]
    if name is None:
        raise SegmentError(f"{place}: {entity.name} has no time of its own to order by; add `by`: {', '.join(times)}.")
    field = _own_field(entity, name, f"{place}.by")
    if field.type not in ("date", "datetime"):
        raise wrong(f"{place}.by", name, f"a date or datetime; {entity.name} has {', '.join(times)}")
    return field


def _comparison(compiler: Compiler, condition: MeasureCondition, kind: str, entity: Entity, place: str) -> Comparison:
    measure = condition.measure
    if condition.operator in ("empty", "not_empty") and measure.measure in ("count", "sum"):
        raise SegmentError(f"{place}.is: a {measure.measure} always has a value; compare it with 0.")
    field = entity.fields.get(measure.field or "")
    options = field.options if field is not None else ()
    return compare(kind, condition.operator, condition.value, moment=compiler.moment, place=place, options=options)


def _asks_for_any(comparison: Comparison, condition: MeasureCondition) -> bool:
    """Return whether all counts from 1 on give the same answer, and 0 the other: is there a row at all?"""
    holds = comparison.holds
    if holds is None or holds(Decimal(0)) == holds(Decimal(1)):
        return False
    value: Value = condition.value
    limits = value if isinstance(value, tuple) else (value,)
    operator = condition.operator
    return operator in _MONOTONE or all(Decimal(str(limit)) < 1 for limit in limits)


def _rest_of(rest: tuple[Relation, ...], where: Logic | None) -> Logic | None:
    inner = where
    for relation in reversed(rest):
        inner = Related(relation, inner)
    return inner


def _source(sql: Sql, chain: Chain, where: Logic | None) -> Callable[[Logic | None], exp.Select]:
    def keys(having: Logic | None) -> exp.Select:
        return _groups(sql, chain, where, None, having)

    return keys


def _groups(sql: Sql, chain: Chain, where: Logic | None, value: Term | None, having: Logic | None = None) -> exp.Select:
    """Return the query of group keys, with the measured value as `val` if `value` is given."""
    group, end, source, joins, conditions = _joined_rows(sql, chain)
    if where is not None:
        conditions = [*conditions, sql.condition(simplified(where), end)]
    query = exp.select(exp.alias_(group, "grp", quoted=True)).from_(source)
    for joined, on in joins:
        query = query.join(joined, on=on, join_type="inner")
    query = filtered(query, conditions).group_by(group.copy())
    if value is not None:
        query = query.select(exp.alias_(value(end), "val", quoted=True))
    if having is not None:
        query = query.having(sql.condition(having, end))
    return query


_Joins = list[tuple[exp.Expr, exp.Expr]]


def _joined_rows(sql: Sql, chain: Chain) -> tuple[exp.Expr, str, exp.Expr, _Joins, list[exp.Expr]]:
    """Return (group key, alias of the rows at the end, FROM, joins, conditions); each end row once per group."""
    first = sql.alias()
    source, conditions = sql.rows(chain.hop, first)
    joins: _Joins = []
    end, entity, is_tree = first, sql.model.entity(chain.hop.target), True
    for relation in chain.rest:
        alias = sql.alias()
        rows, more = sql.rows(relation, alias)
        joins.append(
            (rows, exp.EQ(this=column(alias, relation.target_field), expression=column(end, relation.own_field)))
        )
        conditions = [*conditions, *more]
        is_tree = is_tree and relation.kind == "many" and relation.own_field == entity.key
        end, entity = alias, sql.model.entity(relation.target)
    group = column(first, chain.hop.target_field)
    if is_tree:
        return group, end, source, joins, conditions
    # Several ways lead to one row (orders to their products): each is counted once.
    pairs = exp.select(exp.alias_(group, "grp", quoted=True), exp.alias_(column(end, entity.key), "key", quoted=True))
    pairs = pairs.from_(source)
    for joined, on in joins:
        pairs = pairs.join(joined, on=on, join_type="inner")
    pairs = filtered(pairs, conditions).distinct()
    pair, row = sql.alias(), sql.alias()
    on = exp.EQ(this=column(row, entity.key), expression=column(pair, "key"))
    return column(pair, "grp"), row, subquery(pairs, pair), [(table(entity.name, row), on)], []
