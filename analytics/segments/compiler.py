"""A definition turned into one query: checked against the entity model, simplified, written as sqlglot expressions.

Values are bound, never pasted; identifiers come from the entity model alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from analytics.errors import SegmentError, UnknownField
from analytics.model.entity import Entity, EntityModel, ResolvedPath
from analytics.segments.catalogue import Catalogue, Given, Nothing
from analytics.segments.comparisons import compare
from analytics.segments.definition import (
    All,
    AnyOf,
    Definition,
    FieldCondition,
    Measure,
    MeasureCondition,
    Node,
    Not,
    SameRow,
    wrong,
)
from analytics.segments.emit import Sql, column, filtered, subquery, table
from analytics.segments.joins import Joins
from analytics.segments.kinds import kind_logic
from analytics.segments.logic import Both, Either, Keys, Logic, Related, Test, negate, simplified
from analytics.segments.measures import measure_logic
from analytics.segments.moments import Moment
from analytics.segments.queries import Queries, UnaskedQueries, query_given


@dataclass(frozen=True)
class Compiled:
    """One query: its SQL (DuckDB), the values of its parameters, and what of the state it needs as tables."""

    sql: str
    params: Mapping[str, Any]
    given: tuple[Given, ...] = ()


@dataclass(frozen=True)
class Output:
    """A column of a result: its name, and a dotted path over to-one relations or a measure."""

    name: str
    source: str | Measure


def compile_segment(
    definition: Definition, model: EntityModel, moment: Moment, catalogue: Catalogue | None = None
) -> Compiled:
    """Return the query of the keys of a definition's rows, in its order: one column `key`.

    `catalogue` finds stored segments, lists and campaigns by name. Raises SegmentError naming the place.
    """
    return Compiler(model, moment, catalogue).keys(definition)


class Compiler:
    """Writes queries for definitions over one model at one moment. Makes one query, then is used up.

    `queries` asks the SQL of definitions; without it that is checked, and what is compiled cannot be run.
    """

    def __init__(
        self,
        model: EntityModel,
        moment: Moment,
        catalogue: Catalogue | None = None,
        queries: Queries | None = None,
    ) -> None:
        self.model, self.moment, self.catalogue = model, moment, catalogue or Nothing()
        self.queries = queries or UnaskedQueries(model)
        self.sql = Sql(model)
        self.given: dict[str, Given] = {}
        self._trail: tuple[str, ...] = ()

    # --- the queries ---

    def keys(self, definition: Definition) -> Compiled:
        """Return the query of the keys in order: column `key`."""
        return self.compiled(self._select(definition, self._entity(definition)))

    def count(self, definition: Definition) -> Compiled:
        """Return the query of the number of rows: column `count`."""
        entity = self._entity(definition)
        self._check_outputs(definition, entity)
        alias = self.sql.alias()
        number = exp.alias_(exp.Count(this=exp.Star()), "count", quoted=True)
        rows = self._rows(definition, entity, alias)
        if definition.limit is None:
            return self.compiled(exp.select(number).from_(table(entity.name, alias)).where(rows))
        some = exp.select("1").from_(table(entity.name, alias)).where(rows).limit(definition.limit)
        return self.compiled(exp.select(number).from_(subquery(some, self.sql.alias())))

    def rows(
        self,
        definition: Definition,
        outputs: tuple[Output, ...],
        *,
        limit: int | None = None,
        offset: int = 0,
        members: Given | None = None,
        without: Given | None = None,
        among: Given | None = None,
        also: Given | None = None,
        ordered: bool = True,
        only: str | None = None,
        search: tuple[tuple[str, ...], str] | None = None,
        only_count: bool = False,
    ) -> Compiled:
        """Return the query of `key` and outputs in the definition's order; `limit` and `offset` cut a page of it.

        `members` (entity_key, position) takes the place of condition, sort and limit; rows in `without` (entity_key)
        are left out, with `among` (entity_key) only rows in it stay; `also` (entity_key) are rows that belong to the
        definition whether they fulfil it or not; `only` keeps one key; `search` (paths, text) keeps rows where one of
        the paths or the key contains the text. Without `ordered` rows come in any order. With `only_count` the query
        is of their number, column `count`.
        """
        entity = self._entity(definition)
        alias = self.sql.alias()
        joins = Joins(self, entity, alias)
        selected = [exp.alias_(column(alias, entity.key), "key", quoted=True)]
        if only_count:
            selected = [exp.alias_(exp.Count(this=exp.Star()), "count", quoted=True)]
        for output in outputs:
            value = joins.value(output.source, f"column {output.name!r}")
            selected.append(exp.alias_(value, output.name, quoted=True))
        conditions: list[exp.Expr] = []
        order: list[exp.Expr] = []
        if members is None:
            order = self._order(definition, joins, entity, alias) if ordered and not only_count else []
            belongs = self.membership(definition, entity, alias)
            conditions.append(belongs if also is None else exp.paren(belongs.or_(self._is_in(also, entity, alias))))
        else:
            self._give(members)
        if without is not None:
            conditions.append(exp.Not(this=self._is_in(without, entity, alias)))
        if among is not None:
            conditions.append(self._is_in(among, entity, alias))
        if only is not None:
            conditions.append(exp.EQ(this=column(alias, entity.key), expression=self.sql.bind(only)))
        if search is not None:
            conditions.append(self._found(search, joins, entity, alias))
        query = exp.select(*selected)
        if members is None:
            query = query.from_(table(entity.name, alias))
        else:
            listed = self.sql.alias()
            on = exp.EQ(this=column(alias, entity.key), expression=column(listed, "entity_key"))
            query = query.from_(table(members.name, listed)).join(table(entity.name, alias), on=on, join_type="inner")
            order = [exp.Ordered(this=column(listed, "position"))] if ordered else []
        query = filtered(joins.applied(query), conditions)
        if only_count:
            return self.compiled(query)
        if order:
            query = query.order_by(*order)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        return self.compiled(query)

    def check(self, definition: Definition) -> None:
        """Raise SegmentError or UnknownField where the definition does not fit the model."""
        entity = self._entity(definition)
        self._check_outputs(definition, entity)
        self._rows(definition, entity, self.sql.alias())

    def compiled(self, query: exp.Expr) -> Compiled:
        """Return a query with the values and tables it uses."""
        # Conditions that were put together may have left a value or a table unused; DuckDB refuses spare parameters.
        used = {p.name for p in query.find_all(exp.Placeholder)}
        tables = {t.name for t in query.find_all(exp.Table)}
        return Compiled(
            query.sql(dialect="duckdb"),
            {name: value for name, value in self.sql.params.items() if name in used},
            tuple(given for given in self.given.values() if given.name in tables),
        )

    def _entity(self, definition: Definition) -> Entity:
        entity = self.model.entities.get(definition.entity)
        if entity is None:
            raise wrong("entity", definition.entity, f"an entity; there are {', '.join(sorted(self.model.entities))}")
        return entity

    def _select(self, definition: Definition, entity: Entity) -> exp.Select:
        alias = self.sql.alias()
        joins = Joins(self, entity, alias)
        self._check_outputs(definition, entity)
        order = self._order(definition, joins, entity, alias)
        query = exp.select(exp.alias_(column(alias, entity.key), "key", quoted=True)).from_(table(entity.name, alias))
        query = joins.applied(query).where(self._rows(definition, entity, alias)).order_by(*order)
        return query if definition.limit is None else query.limit(definition.limit)

    def _rows(self, definition: Definition, entity: Entity, alias: str) -> exp.Expr:
        if definition.where is None and definition.sql is None:
            return exp.true()
        return self.sql.condition(simplified(self.meaning(definition, entity, "where")), alias)

    def membership(self, definition: Definition, entity: Entity, alias: str) -> exp.Expr:
        """Return the condition of being one of the definition's rows, its limit included."""
        if definition.limit is None:
            return self._rows(definition, entity, alias)
        return exp.In(this=column(alias, entity.key), query=exp.Subquery(this=self._select(definition, entity)))

    def _check_outputs(self, definition: Definition, entity: Entity) -> None:
        for n, output in enumerate(definition.columns):
            Joins(self, entity, "checked").value(output.source, f"columns[{n}]")

    def _order(self, definition: Definition, joins: Joins, entity: Entity, alias: str) -> list[exp.Expr]:
        terms = []
        if definition.sql is not None and not definition.sort and self.queries.check(definition.sql).is_ordered:
            terms.append(exp.Ordered(this=joins.position(self.query(definition.sql)), nulls_first=False))
        for n, step in enumerate(definition.sort):
            value = joins.value(step.source, f"sort[{n}]")
            if joins.kind(step.source) in ("text", "enum", "multi_enum"):
                value = exp.Lower(this=value)
            terms.append(exp.Ordered(this=value, desc=step.descending, nulls_first=False))
        return [*terms, exp.Ordered(this=column(alias, entity.key), nulls_first=False)]

    def _is_in(self, given: Given, entity: Entity, alias: str) -> exp.Expr:
        self._give(given)
        other = self.sql.alias()
        keys = exp.select(column(other, "entity_key")).from_(table(given.name, other))
        return exp.In(this=column(alias, entity.key), query=exp.Subquery(this=keys))

    def _found(self, search: tuple[tuple[str, ...], str], joins: Joins, entity: Entity, alias: str) -> exp.Expr:
        paths, text = search
        values = [column(alias, entity.key), *(joins.value(path, f"search in {path!r}") for path in paths)]
        hits = [
            exp.func("contains", exp.Lower(this=exp.cast(value, "text")), exp.Lower(this=self.sql.bind(text)))
            for value in values
        ]
        return exp.paren(exp.or_(*hits))

    def _give(self, given: Given) -> None:
        self.given[given.name] = given

    # --- nodes ---

    def meaning(self, definition: Definition, entity: Entity, place: str) -> Logic:
        """Return what the condition or SQL of a definition means for a row of its entity, limit and order aside."""
        if definition.sql is not None:
            self.queries.check(definition.sql)
            given = self.query(definition.sql)
            return Keys(entity.key, lambda: self.keys_given(given, self.sql.alias()))
        return Both(()) if definition.where is None else self.logic(definition.where, entity, place)

    def query(self, sql: str) -> Given:
        """Return the table of the keys that SQL of a definition gives."""
        given = query_given(self.queries, sql)
        self._give(given)
        return given

    def logic(self, node: Node, entity: Entity, place: str) -> Logic:
        """Return what a node means for a row of `entity`."""
        match node:
            case All(nodes):
                return Both(tuple(self.logic(n, entity, f"{place}.all[{i}]") for i, n in enumerate(nodes)))
            case AnyOf(nodes):
                return Either(tuple(self.logic(n, entity, f"{place}.any[{i}]") for i, n in enumerate(nodes)))
            case Not(inner):
                return negate(self.logic(inner, entity, f"{place}.not"))
            case FieldCondition():
                return self._field(node, entity, place)
            case MeasureCondition():
                return measure_logic(self, node, entity, place)
            case SameRow(related, where):
                resolved = self.relations(entity, related, f"{place}.same")
                return self.over(resolved, self.logic(where, resolved.entity, f"{place}.where"))
            case _:
                return kind_logic(self, node, entity, place)

    def _field(self, condition: FieldCondition, entity: Entity, place: str) -> Logic:
        resolved = self.resolve(entity, condition.field, f"{place}.field")
        # A path that ends at a relation means the related row itself, known by its key.
        field = resolved.field or resolved.entity.fields[resolved.entity.key]
        comparison = compare(
            field.type,
            condition.operator,
            condition.value,
            moment=self.moment,
            place=place,
            part=condition.part,
            options=field.options,
        )
        test = Test(
            lambda alias: comparison.sql(column(alias, field.name), self.sql.bind),
            lambda alias: column(alias, field.name),
        )
        return self.over(resolved, test, comparison.is_negative)

    def over(self, resolved: ResolvedPath, inner: Logic, negated: bool = False) -> Logic:
        """Return: some row at the end of a path fulfils `inner` (or, negated, none does)."""
        for relation in reversed(resolved.relations):
            inner = Related(relation, inner)
        return negate(inner) if negated else inner

    def resolve(self, entity: Entity, path: str, place: str) -> ResolvedPath:
        """Return a path taken apart; UnknownField names the place too."""
        try:
            return self.model.resolve(entity.name, path)
        except UnknownField as error:
            raise UnknownField(error.name, error.entity, error.known, place) from None

    def relations(self, entity: Entity, path: str, place: str) -> ResolvedPath:
        """Return a path taken apart that ends at related rows; SegmentError when it ends at a field."""
        resolved = self.resolve(entity, path, place)
        if resolved.field is not None:
            raise wrong(place, path, f"a path of relations; {entity.name} has {', '.join(entity.relations) or 'none'}")
        return resolved

    def nested(self, name: str, definition: Definition, place: str) -> Logic:
        """Return what a stored definition means for a row of its entity.

        Raises SegmentError with the whole way when it leads back to itself.
        """
        key = name.casefold()
        names = [step.casefold() for step in self._trail]
        if key in names:
            way = " -> ".join([*self._trail[names.index(key) :], name])
            raise SegmentError(f"{place}: {name!r} leads back to itself ({way}); take one of these out.")
        entity = self._entity(definition)
        self._trail = (*self._trail, name)
        try:
            if definition.limit is not None:
                keys = self._select(definition, entity)
                return Keys(entity.key, lambda: keys)
            return self.meaning(definition, entity, f"{name}: where")
        finally:
            self._trail = self._trail[:-1]

    def keys_given(self, given: Given, alias: str) -> exp.Select:
        """Return the query of the keys in a table of the state, which is `alias` in it."""
        self._give(given)
        return exp.select(column(alias, "entity_key")).from_(table(given.name, alias))
