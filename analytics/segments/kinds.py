"""Conditions of a named kind, which look beyond the entity tables: lists, behaviour, changes, samples and the like."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from analytics.errors import SegmentError
from analytics.model.entity import Entity, Field, ResolvedPath
from analytics.segments.behaviour import behaviour_logic, consent_logic, did_logic, sequence_logic
from analytics.segments.catalogue import Given
from analytics.segments.comparisons import compare
from analytics.segments.definition import (
    Behaviour,
    Changed,
    Consent,
    Contacted,
    Did,
    InList,
    InSegment,
    Node,
    Rfm,
    Sample,
    Sequence,
    Split,
    Tag,
)
from analytics.segments.emit import column, filtered
from analytics.segments.logic import Both, Either, Keys, Logic, Test, negate
from analytics.segments.rfm import rfm_logic

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

_BUCKETS = 2**32
_TYPED = {
    "integer": "bigint",
    "number": "double",
    "percent": "double",
    "money": "decimal(19,4)",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
}


def kind_logic(compiler: Compiler, node: Node, entity: Entity, place: str) -> Logic:
    """Return what a node of a named kind means for a row of `entity`."""
    match node:
        case InSegment():
            return _in_segment(compiler, node, entity, place)
        case InList():
            return _in_list(compiler, node, entity, place)
        case Contacted():
            return _contacted(compiler, node, entity, place)
        case Behaviour():
            return behaviour_logic(compiler, node, entity, place)
        case Did():
            return did_logic(compiler, node, entity, place)
        case Sequence():
            return sequence_logic(compiler, node, entity, place)
        case Consent():
            return consent_logic(compiler, node, entity, place)
        case Changed():
            return _changed(compiler, node, entity, place)
        case Sample():
            return _sample(compiler, node, entity)
        case Split():
            return _split(compiler, node, entity)
        case Rfm():
            return rfm_logic(compiler, node, entity, place)
        case Tag(names, operator):
            tagged = _given(compiler, Given.tagged(entity.name, names), entity.key)
            return negate(tagged) if operator == "none_of" else tagged
    raise AssertionError(f"no kind of its own: {node!r}")


def _through(compiler: Compiler, entity: Entity, path: str | None, place: str) -> ResolvedPath:
    if path is None:
        return ResolvedPath(entity, (), entity, None)
    return compiler.relations(entity, path, f"{place}.through")


def _in_segment(compiler: Compiler, node: InSegment, entity: Entity, place: str) -> Logic:
    resolved = _through(compiler, entity, node.through, place)
    at = f"{place}.segment"
    definition = compiler.catalogue.segment(node.segment, at)
    _check_entity(definition.entity, resolved, f"the segment {node.segment!r}", at)
    return compiler.over(resolved, compiler.nested(node.segment, definition, at))


def _in_list(compiler: Compiler, node: InList, entity: Entity, place: str) -> Logic:
    resolved = _through(compiler, entity, node.through, place)
    at = f"{place}.list"
    source = compiler.catalogue.marketing_list(node.name, at)
    _check_entity(source.definition.entity, resolved, f"the list {node.name!r}", at)
    key = resolved.entity.key
    members: Logic
    if source.is_static:
        members = _given(compiler, Given.of_list("members", source.id), key)
    else:
        members = compiler.nested(f"list {source.name}", source.definition, at)
        if source.keeps_contacted:
            members = Either((members, _given(compiler, Given.of_list("contacted", source.id), key)))
    removed = _given(compiler, Given.of_list("removed", source.id), key)
    return compiler.over(resolved, Both((members, negate(removed))))


def _check_entity(found: str, resolved: ResolvedPath, what: str, place: str) -> None:
    if found != resolved.entity.name:
        ways = [r.name for r in resolved.entity.relations.values() if r.target == found]
        hint = f"add `through`: {', '.join(ways)}" if ways else f"name one of {resolved.entity.name}"
        raise SegmentError(f"{place}: {what} is of {found}, not of {resolved.entity.name}; {hint}.")


def _given(compiler: Compiler, given: Given, key: str) -> Keys:
    return Keys(key, lambda: compiler.keys_given(given, compiler.sql.alias()))


def _contacted(compiler: Compiler, node: Contacted, entity: Entity, place: str) -> Logic:
    """Rows nobody contacted were contacted 0 times and have no last contact."""
    given = Given.contacted_of(entity.name)
    if node.list_name is not None:
        source = compiler.catalogue.marketing_list(node.list_name, f"{place}.list")
        _check_entity(source.definition.entity, _itself(entity), f"the list {node.list_name!r}", f"{place}.list")
        given = Given.of_list("contacted", source.id)
    kind = "integer" if node.what == "times" else "datetime"
    if node.what == "times" and node.operator in ("empty", "not_empty"):
        raise SegmentError(f"{place}.is: the number of contacts always has a value; compare it with 0.")
    comparison = compare(kind, node.operator, node.value, moment=compiler.moment, place=place)
    none_fits = comparison.holds is not None and comparison.holds(Decimal(0))

    def keys() -> exp.Query:
        alias = compiler.sql.alias()
        test = Test(
            lambda a: comparison.sql(column(a, node.what), compiler.sql.bind), lambda a: column(a, node.what), none_fits
        )
        return filtered(compiler.keys_given(given, alias), [compiler.sql.condition(test, alias)])

    return Keys(entity.key, keys, negated=comparison.is_negative != none_fits)


def _itself(entity: Entity) -> ResolvedPath:
    return ResolvedPath(entity, (), entity, None)


def _sample(compiler: Compiler, node: Sample, entity: Entity) -> Logic:
    low, high = round(node.start / 100 * _BUCKETS), round((node.start + node.percent) / 100 * _BUCKETS)
    return _bucketed(compiler, node.salt, low, high, entity)


def _split(compiler: Compiler, node: Split, entity: Entity) -> Logic:
    """The end of a part is the beginning of the next, and the last of 100 percent ends with the last bucket."""
    of = node.of
    shares = [Fraction(1, of)] * of if isinstance(of, int) else [Fraction(str(share)) / 100 for share in of]
    low, high = (math.ceil(sum(shares[:n], Fraction()) * _BUCKETS) for n in (node.part - 1, node.part))
    return _bucketed(compiler, node.name, low, high, entity)


def _bucketed(compiler: Compiler, salt: str, low: int, high: int, entity: Entity) -> Logic:
    """Rows whose hash of salt and key is from `low` up to `high`.

    md5 rather than DuckDB's own hash, which is not the same on every engine and version.
    """

    def bucket(alias: str) -> exp.Expr:
        salted = exp.func("concat", compiler.sql.bind(salt + ":"), column(alias, entity.key))
        digits = exp.func(
            "concat", exp.Literal.string("0x"), exp.func("left", exp.MD5(this=salted), exp.Literal.number(8))
        )
        value = exp.cast(digits, "bigint")
        return exp.and_(
            exp.GTE(this=value, expression=compiler.sql.bind(low)),
            exp.LT(this=value.copy(), expression=compiler.sql.bind(high)),
        )

    return Test(bucket, None)


def _changed(compiler: Compiler, node: Changed, entity: Entity, place: str) -> Logic:
    resolved = compiler.resolve(entity, node.field, f"{place}.changed")
    field, owner = resolved.field, resolved.entity
    if field is None or not field.history:
        kept = ", ".join(f.name for f in owner.fields.values() if f.history) or "none"
        raise SegmentError(f"{place}.changed: no history is kept of {node.field!r}; of {owner.name} it is of {kept}.")

    def keys() -> exp.Query:
        alias = compiler.sql.alias()
        query = exp.select(column(alias, "entity_key")).from_(
            exp.Table(
                this=exp.to_identifier("changes"), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
            )
        )
        conditions = [
            exp.EQ(this=column(alias, name), expression=compiler.sql.bind(value))
            for name, value in (("entity", owner.name), ("field", field.name))
        ]
        tests = _change_tests(compiler, node, field, place)
        return filtered(query, [*conditions, *(compiler.sql.condition(test, alias) for test in tests)])

    _change_tests(compiler, node, field, place)  # what is wrong is said now, not when the query is written
    return compiler.over(resolved, Keys(owner.key, keys))


def _change_tests(compiler: Compiler, node: Changed, field: Field, place: str) -> list[Test]:
    tests = []
    if node.operator is not None:
        to = compare(field.type, node.operator, node.value, moment=compiler.moment, place=place, options=field.options)

        def new_value(alias: str) -> exp.Expr:
            text = column(alias, "new_value")
            typed = _TYPED.get(field.type)
            if field.type == "multi_enum":  # kept as JSON
                json = exp.TryCast(this=text, to=exp.DataType.build("json", dialect="duckdb"))
                return exp.cast(json, exp.DataType.build("varchar[]", dialect="duckdb"))
            return text if typed is None else exp.TryCast(this=text, to=exp.DataType.build(typed, dialect="duckdb"))

        tests.append(Test(lambda alias: to.sql(new_value(alias), compiler.sql.bind), new_value, to.is_negative))
    if node.when is not None:
        when = compare("datetime", node.when, node.at, moment=compiler.moment, place=f"{place}.when")
        tests.append(
            Test(
                lambda alias: when.sql(column(alias, "changed_at"), compiler.sql.bind),
                lambda alias: column(alias, "changed_at"),
                when.is_negative,
            )
        )
    return tests
