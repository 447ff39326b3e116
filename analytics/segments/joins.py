"""The values a query shows or sorts by, and the joins they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from analytics.errors import SegmentError
from analytics.model.entity import Entity
from analytics.segments.catalogue import Given
from analytics.segments.definition import Measure
from analytics.segments.emit import column, shown, subquery, table
from analytics.segments.measures import aggregated, measure_chain, measure_values

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler


class Joins:
    """Values of a row and of rows it leads to over to-one relations; a relation many values need is joined once."""

    def __init__(self, compiler: Compiler, entity: Entity, alias: str) -> None:
        self._compiler, self._entity, self._alias = compiler, entity, alias
        self._known: dict[tuple[str, ...], str] = {}
        self._joins: list[tuple[exp.Expr, exp.Expr]] = []

    def value(self, source: str | Measure, place: str) -> exp.Expr:
        """Return the value of a field or measure; SegmentError, naming the place, for one over many rows."""
        if isinstance(source, Measure):
            return self._measure(source, place)
        resolved = self._compiler.resolve(self._entity, source, place)
        if resolved.is_to_many:
            raise SegmentError(
                f"{place}: {source!r} goes over many rows; show a measure of them, such as the count, instead."
            )
        field = resolved.field or resolved.entity.fields[resolved.entity.key]
        alias = self._alias
        steps: tuple[str, ...] = ()
        for relation in resolved.relations:
            steps = (*steps, relation.name)
            if steps not in self._known:
                self._known[steps] = self._compiler.sql.alias()
                rows, conditions = self._compiler.sql.rows(relation, self._known[steps])
                same = exp.EQ(
                    this=column(self._known[steps], relation.target_field), expression=column(alias, relation.own_field)
                )
                self._joins.append((rows, exp.and_(same, *conditions)))
            alias = self._known[steps]
        return shown(column(alias, field.name), field.type)

    def position(self, given: Given) -> exp.Expr:
        """Return the place of the row in the order of a query's keys; null for one that is not among them."""
        alias = self._compiler.sql.alias()
        on = exp.EQ(this=column(alias, "entity_key"), expression=column(self._alias, self._entity.key))
        self._joins.append((table(given.name, alias), on))
        return column(alias, "position")

    def kind(self, source: str | Measure) -> str:
        """Return the type of a field or measure."""
        if isinstance(source, Measure):
            chain = measure_chain(self._compiler.model, source, self._entity, "sort")
            return aggregated(source, chain.entity, "sort")[0]
        resolved = self._compiler.model.resolve(self._entity.name, source)
        return "text" if resolved.field is None else resolved.field.type

    def _measure(self, measure: Measure, place: str) -> exp.Expr:
        chain, query, _ = measure_values(self._compiler, measure, self._entity, place)
        alias = self._compiler.sql.alias()
        on = exp.EQ(this=column(alias, "grp"), expression=column(self._alias, chain.hop.own_field))
        self._joins.append((subquery(query, alias), on))
        value = column(alias, "val")
        if measure.measure in ("count", "sum"):
            return exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])
        return value

    def applied(self, query: exp.Select) -> exp.Select:
        """Return a query with the joins its values need."""
        for rows, on in self._joins:
            query = query.join(rows, on=on, join_type="left")
        return query
