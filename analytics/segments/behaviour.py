"""Conditions on what persons did and said: behaviour with mails, events on websites, sequences of these, consents."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlglot import exp

from analytics.model.entity import Entity
from analytics.segments.catalogue import Given
from analytics.segments.comparisons import compare
from analytics.segments.definition import Behaviour, Consent, Did, Node, Sequence, wrong
from analytics.segments.emit import column, filtered, fixed_query, table
from analytics.segments.happened import counted, happenings
from analytics.segments.logic import Keys, Logic, Test
from analytics.segments.moments import exact_duration
from analytics.segments.persons import knowing, reached_or_error

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

_ONCE = "select h.who from _happened as h"
_OFTEN = "select h.who from _happened as h group by h.who having count(distinct h.id) >= $times"


def behaviour_logic(compiler: Compiler, node: Behaviour, entity: Entity, place: str) -> Logic:
    """Return what a `behaviour` means for a row of `entity`."""
    happenings(compiler, node, entity, place)  # what is wrong is said now, not when the query is written

    def keys() -> exp.Query:
        happened = happenings(compiler, node, entity, place)
        text, values = (_ONCE, {}) if node.times == 1 else (_OFTEN, {"times": node.times})
        return knowing(fixed_query(compiler.sql, text, values), happened=happened)

    return Keys(entity.key, keys)


def did_logic(compiler: Compiler, node: Did, entity: Entity, place: str) -> Logic:
    """Return what a `did` means for a row of `entity`; who is never seen did it 0 times."""
    counted(compiler, node, entity, place)
    comparison = compare("integer", node.operator, node.times, moment=compiler.moment, place=f"{place}.times")
    none_fits = comparison.holds is not None and comparison.holds(Decimal(0))
    test = Test(
        lambda a: comparison.sql(column(a, "times"), compiler.sql.bind), lambda a: column(a, "times"), none_fits
    )

    def keys() -> exp.Query:
        query = filtered(
            exp.select(column("n", "who")).from_(table("_times", "n")), [compiler.sql.condition(test, "n")]
        )
        return knowing(query, times=counted(compiler, node, entity, place))

    return Keys(entity.key, keys, negated=none_fits)


# --- sequences ---


def sequence_logic(compiler: Compiler, node: Sequence, entity: Entity, place: str) -> Logic:
    """Return what a `sequence` means for a row of `entity`."""
    _chain(compiler, node, entity, place)  # what is wrong is said now

    def keys() -> exp.Query:
        query = fixed_query(compiler.sql, "select c.who from _chain as c", {})
        return knowing(query, chain=_chain(compiler, node, entity, place))

    return Keys(entity.key, keys)


def _chain(compiler: Compiler, node: Sequence, entity: Entity, place: str) -> exp.Query:
    """Return the query (who, ended_at) of the times a sequence came to its end.

    From each last step back to the latest one before it, and so on: if any way to it is short enough, this one is.
    """
    within = None if node.within is None else exact_duration(node.within)
    if node.within is not None and within is None:
        raise wrong(f"{place}.within", node.within, "a duration in min, h, d or w such as 7d: the same for everybody")
    tables = {
        f"step_{n}": _times(compiler, step, entity, f"{place}.sequence[{n}]") for n, step in enumerate(node.steps)
    }
    last = len(node.steps) - 1
    tables[f"way_{last}"] = fixed_query(
        compiler.sql,
        f"select s.who, s.happened_at as ended_at, s.happened_at as begun_at from _step_{last} as s",  # noqa: S608  # made of a number
        {},
    )
    for n in range(last - 1, -1, -1):
        way = f"""
            select w.who, w.ended_at, s.happened_at as begun_at from _way_{n + 1} as w
            asof join _step_{n} as s on s.who = w.who and w.begun_at > s.happened_at
        """  # noqa: S608  # made of a number
        tables[f"way_{n}"] = fixed_query(compiler.sql, way, {})
    values = {"microseconds": None if within is None else within // timedelta(microseconds=1)}
    query = "select w.who, w.ended_at from _way_0 as w"
    conditions = []
    if within is not None and last:
        conditions.append("w.begun_at >= w.ended_at - to_microseconds($microseconds)")
    if node.without is not None:
        tables["unwanted"] = _times(compiler, node.without, entity, f"{place}.without")
        query += " asof left join _unwanted as u on u.who = w.who and w.ended_at < u.happened_at"
        conditions += [
            "w.ended_at + to_microseconds($microseconds) <= $now",
            "(u.happened_at is null or u.happened_at > w.ended_at + to_microseconds($microseconds))",
        ]
    if conditions:
        query += f" where {' and '.join(conditions)}"
    return knowing(fixed_query(compiler.sql, query, {**values, "now": compiler.moment.now}), **tables)


def _times(compiler: Compiler, step: Behaviour | Did, entity: Entity, place: str) -> exp.Query:
    query = fixed_query(
        compiler.sql, "select distinct h.who, h.happened_at from _happened as h where h.who is not null", {}
    )
    return knowing(query, happened=happenings(compiler, step, entity, place))


# --- consents ---

_NEWEST = """
    select c.address_key, arg_max(c.granted, (c.said_at, c.id)) as granted, max(c.said_at) as said_at
    from _said as c where c.said_at <= $now group by c.address_key
"""


def consent_logic(compiler: Compiler, node: Consent, entity: Entity, place: str) -> Logic:
    """Return what a `consent` means for a row of `entity`; without an address nobody said anything."""
    _newest(compiler, node, entity, place)
    wanted = {"granted": "1", "withdrawn": "0"}.get(node.state)
    which = "" if wanted is None else f" and n.granted = {wanted}"

    def keys() -> exp.Query:
        text = f"select r.key as who from _reached as r join _newest as n on n.address_key = r.address{which}"  # noqa: S608  # fixed texts
        return knowing(fixed_query(compiler.sql, text, {}), **_newest(compiler, node, entity, place))

    return Keys(entity.key, keys, negated=node.state == "none")


def _newest(compiler: Compiler, node: Consent, entity: Entity, place: str) -> dict[str, exp.Query]:
    given = Given.consents_on(compiler.catalogue.topic(node.topic, f"{place}.consent"))
    said = compiler.keys_given(given, compiler.sql.alias()).select("*", append=False)
    return {
        "reached": reached_or_error(compiler, entity, place),
        "said": said,
        "newest": fixed_query(compiler.sql, _NEWEST, {"now": compiler.moment.now}),
    }


# --- explanations ---


def seen(compiler: Compiler, node: Node, entity: Entity) -> exp.Query | None:
    """Return the query (who, value) of what a node saw of rows, None for a node that is none of these here."""
    match node:
        case Behaviour() | Did():
            query = fixed_query(compiler.sql, "select h.who, h.happened_at as value from _happened as h", {})
            return knowing(query, happened=happenings(compiler, node, entity, "where"))
        case Sequence():
            query = fixed_query(compiler.sql, "select c.who, c.ended_at as value from _chain as c", {})
            return knowing(query, chain=_chain(compiler, node, entity, "where"))
        case Consent():
            query = fixed_query(
                compiler.sql,
                "select r.key as who, (case when n.granted = 1 then 'granted ' else 'withdrawn ' end) "
                "|| strftime(timezone($zone, n.said_at), '%Y-%m-%d %H:%M:%S') as value "
                "from _reached as r join _newest as n on n.address_key = r.address",
                {"zone": compiler.moment.zone},
            )
            return knowing(query, **_newest(compiler, node, entity, "where"))
        case _:
            return None
