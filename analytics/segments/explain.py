"""Why a row is in a segment or not: the tree with each condition true or false for it, and the values it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from analytics.engine import Engine
from analytics.errors import SegmentError
from analytics.model.entity import Entity, ResolvedPath
from analytics.segments.behaviour import seen
from analytics.segments.catalogue import Given
from analytics.segments.compiler import Compiled, Compiler
from analytics.segments.definition import (
    All,
    AnyOf,
    Definition,
    FieldCondition,
    MeasureCondition,
    Node,
    Not,
    Rfm,
    SameRow,
    Sequence,
    Tag,
)
from analytics.segments.documents import node_document
from analytics.segments.emit import column, filtered, shown, subquery, table
from analytics.segments.logic import simplified
from analytics.segments.measures import measure_chain, measure_groups
from analytics.segments.queries import AskedQueries
from analytics.segments.rfm import orders_of, rfm_groups

_MOST_VALUES = 20


@dataclass(frozen=True)
class Explanation:
    """One node for one row: whether it holds, and below a group the same of its nodes.

    `place` is where it stands in the definition (`where.all[1]`), `document` the node itself. `values` are what a field
    condition or measure saw, at most twenty and without doubles; None for groups and kinds that see no value. A node of
    `same` row sees the related rows that fulfil it, by title or key; below it each of its conditions is asked alone.
    What people did is seen by its times, the latest first, a sequence by the times it ended, its steps asked alone
    below it; a consent by the newest word and when it was said.
    """

    place: str
    document: Mapping[str, Any]
    holds: bool
    values: tuple[Any, ...] | None
    nodes: tuple[Explanation, ...] = ()


@dataclass(frozen=True)
class Membership:
    """Whether a row is in a segment, and why. `conditions` is None for a definition without any.

    A row may fulfil the conditions and yet be no member: when a limit ends before it. Of a segment written as SQL
    `conditions` says whether the query gave the row's key, and `row` is what it gave, by column name, or None.
    """

    key: str
    is_member: bool
    conditions: Explanation | None
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Asked:
    place: str
    node: Node
    nodes: tuple[_Asked, ...]

    def all(self) -> Iterator[_Asked]:
        yield self
        for node in self.nodes:
            yield from node.all()


class Explainer:
    """Explains rows of one definition. `make` makes compilers; `run` runs what they compiled."""

    def __init__(
        self, make: Callable[[Engine], Compiler], run: Callable[[Engine, Compiled], list[tuple[Any, ...]]]
    ) -> None:
        self._make, self._run = make, run

    def explain(self, definition: Definition, engine: Engine, key: str) -> Membership:
        """Return whether the row with `key` is in, and why; SegmentError when the entity has no such row."""
        compiler = self._make(engine)
        compiler.check(definition)
        entity = compiler.model.entity(definition.entity)
        if definition.where is None:
            asked: list[_Asked] = []
        else:
            asked = list(_asked(definition.where, "where").all())
        truths = self._run(engine, truth_query(self._make(engine), definition, entity, asked, key))
        if not truths:
            raise SegmentError(
                f"There is no {entity.label.lower()} with the key or address {key!r}, so there is nothing to explain."
            )
        member, *holds = truths[0]
        if definition.sql is not None:
            return _queried(definition.sql, key, bool(member), AskedQueries(engine).row(definition.sql, key))
        if not asked:
            return Membership(key, bool(member), None)
        known = {a.place: bool(h) for a, h in zip(asked, holds, strict=True)}
        values = {a.place: self._values(engine, a.node, entity, key) for a in asked}
        return Membership(key, bool(member), _explained(asked[0], known, values))

    def _values(self, engine: Engine, node: Node, entity: Entity, key: str) -> tuple[Any, ...] | None:
        compiled = value_query(self._make(engine), node, entity, key)
        if compiled is None:
            return None
        return tuple(row[0] for row in self._run(engine, compiled))


def _asked(node: Node, place: str) -> _Asked:
    match node:
        case All(nodes):
            return _Asked(place, node, tuple(_asked(n, f"{place}.all[{i}]") for i, n in enumerate(nodes)))
        case AnyOf(nodes):
            return _Asked(place, node, tuple(_asked(n, f"{place}.any[{i}]") for i, n in enumerate(nodes)))
        case Not(inner):
            return _Asked(place, node, (_asked(inner, f"{place}.not"),))
        case SameRow(related, All(nodes)):
            return _Asked(place, node, _asked_alone(related, nodes, f"{place}.where.all"))
        case SameRow(related, AnyOf(nodes)):
            return _Asked(place, node, _asked_alone(related, nodes, f"{place}.where.any"))
        case Sequence(steps, _, without):
            below = [_asked(step, f"{place}.sequence[{n}]") for n, step in enumerate(steps)]
            below += [] if without is None else [_asked(without, f"{place}.without")]
            return _Asked(place, node, tuple(below))
        case _:
            return _Asked(place, node, ())


def _asked_alone(related: str, nodes: tuple[Node, ...], place: str) -> tuple[_Asked, ...]:
    """Conditions that have to hold for one related row, each by itself: some row may fulfil each, yet none them all."""
    return tuple(_asked(SameRow(related, n), f"{place}[{i}]") for i, n in enumerate(nodes))


def _queried(sql: str, key: str, is_member: bool, row: Mapping[str, Any] | None) -> Membership:
    values = None if row is None else tuple(row.values())
    return Membership(key, is_member, Explanation("sql", {"sql": sql}, row is not None, values), row)


def _explained(asked: _Asked, holds: Mapping[str, bool], values: Mapping[str, tuple[Any, ...] | None]) -> Explanation:
    return Explanation(
        place=asked.place,
        document=node_document(asked.node),
        holds=holds[asked.place],
        values=values[asked.place],
        nodes=tuple(_explained(n, holds, values) for n in asked.nodes),
    )


def truth_query(compiler: Compiler, definition: Definition, entity: Entity, asked: list[_Asked], key: str) -> Compiled:
    """Return the query of one row: whether it is a member, then whether it fulfils each node."""
    alias = compiler.sql.alias()
    truths = [compiler.membership(definition, entity, alias)]
    for item in asked:
        truths.append(compiler.sql.condition(simplified(compiler.logic(item.node, entity, item.place)), alias))
    selected = [exp.Coalesce(this=exp.paren(truth), expressions=[exp.false()]) for truth in truths]
    row = exp.EQ(this=column(alias, entity.key), expression=compiler.sql.bind(key))
    return compiler.compiled(exp.select(*selected).from_(table(entity.name, alias)).where(row))


def value_query(compiler: Compiler, node: Node, entity: Entity, key: str) -> Compiled | None:
    """Return the query of the values a node looks at in one row, or None for a node that looks at none."""
    match node:
        case FieldCondition(field):
            return _values_at(compiler, compiler.resolve(entity, field, "field"), entity, key)
        case MeasureCondition():
            return _measured(compiler, node, entity, key)
        case Rfm(part):
            return _rfm_of(compiler, part, entity, key)
        case Tag():
            return _tags_of(compiler, entity, key)
        case SameRow(related, FieldCondition(field)):
            return _values_at(compiler, compiler.resolve(entity, f"{related}.{field}", "field"), entity, key)
        case SameRow(related, where):
            resolved = compiler.resolve(entity, related, "same")
            name = resolved.entity.title or resolved.entity.key
            named = replace(resolved, field=resolved.entity.fields[name])
            return _values_at(compiler, named, entity, key, where)
        case _:
            return _happened(compiler, node, entity, key)


def _happened(compiler: Compiler, node: Node, entity: Entity, key: str) -> Compiled | None:
    query = seen(compiler, node, entity)
    if query is None:
        return None
    alias = compiler.sql.alias()
    row = exp.EQ(this=column(alias, "who"), expression=compiler.sql.bind(key))
    value = column(alias, "value")
    values = exp.select(value).distinct().from_(subquery(query, alias)).where(row)
    return compiler.compiled(values.order_by(exp.Ordered(this=value.copy(), desc=True)).limit(_MOST_VALUES))


def _rfm_of(compiler: Compiler, part: str, entity: Entity, key: str) -> Compiled:
    alias, rules = compiler.sql.alias(), compiler.catalogue.rfm_rules()
    relation = orders_of(compiler.model, entity, "rfm")
    groups = rfm_groups(compiler.sql, entity, relation, rules, compiler.moment)
    row = exp.EQ(this=column(alias, "entity_key"), expression=compiler.sql.bind(key))
    return compiler.compiled(exp.select(column(alias, part)).from_(subquery(groups, alias)).where(row))


def _tags_of(compiler: Compiler, entity: Entity, key: str) -> Compiled:
    given, alias = Given.tagged(entity.name), compiler.sql.alias()
    row = exp.EQ(this=column(alias, "entity_key"), expression=compiler.sql.bind(key))
    query = compiler.keys_given(given, alias).select(column(alias, "tag"), append=False).where(row)
    return compiler.compiled(query.order_by(column(alias, "tag")).limit(_MOST_VALUES))


def _values_at(
    compiler: Compiler, resolved: ResolvedPath, entity: Entity, key: str, where: Node | None = None
) -> Compiled:
    """Return the query of the values at the end of a path from one row, of related rows that fulfil `where`."""
    field = resolved.field or resolved.entity.fields[resolved.entity.key]
    first = alias = compiler.sql.alias()
    query = exp.select().from_(table(entity.name, alias))
    for relation in resolved.relations:
        joined = compiler.sql.alias()
        rows, conditions = compiler.sql.rows(relation, joined)
        same = exp.EQ(this=column(joined, relation.target_field), expression=column(alias, relation.own_field))
        query = query.join(rows, on=exp.and_(same, *conditions), join_type="inner")
        alias = joined
    value = shown(column(alias, field.name), field.type)
    row = exp.EQ(this=column(first, entity.key), expression=compiler.sql.bind(key))
    query = query.select(exp.alias_(value, "value", quoted=True)).where(row).distinct()
    if where is not None:
        query = query.where(compiler.sql.condition(simplified(compiler.logic(where, resolved.entity, "where")), alias))
    return compiler.compiled(query.order_by(value.copy()).limit(_MOST_VALUES))


def _measured(compiler: Compiler, node: MeasureCondition, entity: Entity, key: str) -> Compiled:
    """Rows without related ones have no group: they see 0 for a count or sum, else nothing."""
    chain = measure_chain(compiler.model, node.measure, entity, "measure")
    groups, _ = measure_groups(compiler, node.measure, chain, "measure")
    first = alias = compiler.sql.alias()
    query = exp.select().from_(table(entity.name, alias))
    for relation in chain.lead:
        joined = compiler.sql.alias()
        rows, conditions = compiler.sql.rows(relation, joined)
        same = exp.EQ(this=column(joined, relation.target_field), expression=column(alias, relation.own_field))
        query = query.join(rows, on=exp.and_(same, *conditions), join_type="left")
        alias = joined
    grouped = compiler.sql.alias()
    on = exp.EQ(this=column(grouped, "grp"), expression=column(alias, chain.hop.own_field))
    query = query.join(
        exp.Subquery(this=groups, alias=exp.TableAlias(this=exp.to_identifier(grouped))), on=on, join_type="left"
    )
    value: exp.Expr = column(grouped, "val")
    if node.measure.measure in ("count", "sum"):
        value = exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])
    row = exp.EQ(this=column(first, entity.key), expression=compiler.sql.bind(key))
    return compiler.compiled(filtered(query.select(exp.alias_(value, "value", quoted=True)), [row]))
