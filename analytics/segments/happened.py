"""What happened to persons, and when: the mails of a `behaviour` and the website events of a `did`, by row.

Each becomes a query of happenings: `who` (key of the row), `id` (each counts once), `happened_at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from analytics.model.entity import Entity
from analytics.segments.comparisons import compare
from analytics.segments.definition import Behaviour, Did, wrong
from analytics.segments.emit import column, filtered, fixed_query
from analytics.segments.logic import Test
from analytics.segments.moments import BadMoment, Moment, parse_span
from analytics.segments.persons import OWNED, knowing, reached, reached_or_error

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

_DONE = "d"  # the alias of events a `did` looks at
_TO_ROWS = """
    select r.key as who, m.id as id, m.happened_at as happened_at
    from _mailed as m join _reached as r on r.address = m.address_key
    union all
    select m.entity_key, m.id, m.happened_at from _mailed as m where m.entity = $entity
"""
_TO_ROWS_ALONE = """
    select m.entity_key as who, m.id as id, m.happened_at as happened_at from _mailed as m where m.entity = $entity
"""
_FACTS = """
    select a.entity, a.entity_key, a.address_key, e.delivery_id as id, e."at" as happened_at
    from deliveries as e join audience as a on a.delivery_id = e.delivery_id
"""
_HITS = """
    select a.entity, a.entity_key, a.address_key, e.id, e.happened_at
    from _hit as e join audience as a on a.delivery_id = e.delivery_id
"""
_MAIL_EVENTS = "select e.event_id as id, e.delivery_id, e.occurred_at as happened_at from events as e"
_NOT_BOUNCED = "e.delivery_id not in (select b.delivery_id from deliveries as b where b.state = 'bounced')"
_HUMAN = """
    e.id in (
        select v.event_id from verdicts as v where v.event_id in (select h.id from {events} as h)
        group by v.event_id
        having max(
            epoch_us(v.decided_at) * 4 + case v.verdict when 'machine' then 2 when 'human' then 0 else 1 end
        ) % 4 = 0
    )
"""
# The newest verdict counts, of several at one moment the less human one, as in reports. One number says both: comparing
# structs of them took three times the time and the memory.
_OF_ROWS = """
    select r.key as who, o.id as id, o.happened_at as happened_at
    from _owned_event as o join _reached as r on r.address = o.person
"""
_COUNTED = """
    select r.key as who, sum(p.times) as times
    from _reached as r
    join (select o.person, count(*) as times from _owned_event as o group by o.person) as p on p.person = r.address
    group by r.key
"""


def happenings(compiler: Compiler, node: Behaviour | Did, entity: Entity, place: str) -> exp.Query:
    """Return the query of what happened to rows of `entity`: who, id, happened_at."""
    if isinstance(node, Behaviour):
        return _of_mails(compiler, node, entity, place)
    return knowing(
        fixed_query(compiler.sql, _OF_ROWS, {}),
        reached=reached_or_error(compiler, entity, place),
        owned_event=_owned(compiler, node, place),
    )


def counted(compiler: Compiler, node: Did, entity: Entity, place: str) -> exp.Query:
    """Return the query of how often rows of `entity` did it, once or more: who, times."""
    return knowing(
        fixed_query(compiler.sql, _COUNTED, {}),
        reached=reached_or_error(compiler, entity, place),
        owned_event=_owned(compiler, node, place),
    )


# --- mails ---


def _of_mails(compiler: Compiler, node: Behaviour, entity: Entity, place: str) -> exp.Query:
    rows = reached(compiler, entity)
    query = fixed_query(compiler.sql, _TO_ROWS_ALONE if rows is None else _TO_ROWS, {"entity": entity.name})
    known = {} if rows is None else {"reached": rows}
    return knowing(query, **known, mailed=_mailed(compiler, node, place))


def _mailed(compiler: Compiler, node: Behaviour, place: str) -> exp.Query:
    """Return the rows of audiences whose mail it happened with."""
    if node.behaviour in ("received", "bounced", "unsubscribed"):
        state = {"received": "accepted"}.get(node.behaviour, node.behaviour)
        conditions, values = _conditions(compiler, node, place, 'e."at"')
        conditions.append("e.state = $state")
        if node.behaviour == "received":
            conditions.append(_NOT_BOUNCED)
        return fixed_query(compiler.sql, f"{_FACTS} where {' and '.join(conditions)}", {**values, "state": state})
    conditions, values = _conditions(compiler, node, place, "e.occurred_at")
    conditions.append("e.kind = $kind")
    values["kind"] = {"opened": "open", "clicked": "click"}[node.behaviour]
    hit = f"{_MAIL_EVENTS} where {' and '.join(conditions)}"
    human = f" where {_HUMAN.replace('{events}', '_hit')}" if node.by == "human" else ""
    return knowing(fixed_query(compiler.sql, _HITS + human, {}), hit=fixed_query(compiler.sql, hit, values))


def _conditions(compiler: Compiler, node: Behaviour, place: str, time: str) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if node.campaign is not None:
        conditions.append("e.email_campaign_id = $campaign")
        values["campaign"] = compiler.catalogue.email_campaign(node.campaign, f"{place}.campaign")
    if node.within is not None:
        conditions.append(f"{time} >= $since")
        values["since"] = back(node.within, compiler.moment, place)
    return conditions, values


def back(duration: str, moment: Moment, place: str) -> datetime:
    """Return the time a duration such as 30d before now; SegmentError at `place` for what is none."""
    try:
        return parse_span(f"now - {duration}", moment).start
    except BadMoment:
        raise wrong(f"{place}.within", duration, "a duration such as 30d, 3h or 2 weeks") from None


# --- websites ---


def _owned(compiler: Compiler, node: Did, place: str) -> exp.Query:
    done = fixed_query(
        compiler.sql,
        f"select d.event_id, d.occurred_at, d.website, d.visitor, d.user_id, d.person from events as {_DONE} "  # noqa: S608  # fixed texts
        "where d.endpoint in ('matomo', 'oro')",
        {},
    )
    if not isinstance(done, exp.Select):
        raise AssertionError("the text is a SELECT")
    tests = [compiler.sql.condition(test, _DONE) for test in did_tests(compiler, node, place)]
    owned = knowing(fixed_query(compiler.sql, OWNED, {}), done=filtered(done, tests))
    if node.by == "all":
        return owned
    # Whose they are comes first: most visits are nobody's known, and need no verdict.
    human = fixed_query(compiler.sql, f"select e.* from _own as e where {_HUMAN.replace('{events}', '_own')}", {})  # noqa: S608  # fixed texts
    return knowing(human, own=owned)


def did_tests(compiler: Compiler, node: Did, place: str) -> list[Test]:
    """Return the tests an event has to pass; SegmentError names the place of a value that is none."""
    bind = compiler.sql.bind
    if node.event == "any":
        kind = Test(lambda a: exp.NEQ(this=column(a, "kind"), expression=bind("ping")), None)
    else:
        kind = Test(lambda a: exp.EQ(this=column(a, "kind"), expression=bind(node.event)), None)
    tests = [kind]
    for given in node.texts:
        tests.append(_compared(compiler, "text", given.column, given.operator, given.value, f"{place}.{given.column}"))
    names = {
        "website": node.website, "campaign_source": node.source, "campaign_medium": node.medium,
        "campaign_code": node.code,
    }  # fmt: skip
    for name, value in names.items():
        if value is not None:
            tests.append(_compared(compiler, "text", name, "equals", value, place))
    if node.within is not None:
        since = back(node.within, compiler.moment, place)
        tests.append(Test(lambda a: exp.GTE(this=column(a, "occurred_at"), expression=bind(since)), None))
    if node.when is not None:
        tests.append(_compared(compiler, "datetime", "occurred_at", node.when, node.at, f"{place}.when"))
    return tests


def _compared(compiler: Compiler, kind: str, name: str, operator: str, value: Any, place: str) -> Test:
    comparison = compare(kind, operator, value, moment=compiler.moment, place=place)
    return Test(
        lambda a: comparison.sql(column(a, name), compiler.sql.bind), lambda a: column(a, name), comparison.is_negative
    )
