"""Whom a row of an entity stands for: the address keys it is reached at, and whose the events of websites are.

A person is an address key. A row is reached at the keys of all its e-mail contact paths; a mail was to a row when its
audience had this very row, or any row of the same address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from analytics.errors import SegmentError
from analytics.model.entity import ContactPath, Entity
from analytics.segments.emit import column, is_not_null, table

if TYPE_CHECKING:
    from analytics.segments.compiler import Compiler

OWNED = """
    with _shown as (
        select website, visitor, user_id, person, occurred_at, event_id from events
        where person is not null and endpoint in ('matomo', 'oro')
    ),
    _user_id as (
        select user_id, arg_max(person, (occurred_at, event_id)) as person from _shown
        where user_id is not null group by user_id
    ),
    _device as (
        select
            website,
            visitor,
            arg_max(person, (occurred_at, event_id)) filter (where user_id is not null) as declared,
            min(person) filter (where user_id is null) as mailed,
            max(person) filter (where user_id is null) as also_mailed
        from _shown where visitor is not null group by website, visitor
    ),
    _owned as (
        select
            d.event_id as id,
            d.occurred_at as happened_at,
            coalesce(
                case when d.user_id is not null then coalesce(d.person, u.person) end,
                v.declared,
                d.person,
                case when v.mailed = v.also_mailed then v.mailed end
            ) as person
        from _done as d
        left join _user_id as u on u.user_id = d.user_id
        left join _device as v on v.website is not distinct from d.website and v.visitor = d.visitor
    )
    select o.id, o.happened_at, o.person from _owned as o where o.person is not null
"""
"""The events in `_done`, with their person: declared by the event itself or its user id, by who signed in on its device
last, by its own mail token, by the tokens seen on its device if they are one person's. As in the visits of tracking."""


def reached(compiler: Compiler, entity: Entity) -> exp.Query | None:
    """Return the query (key, address) of the address keys of a row, each once; None without an e-mail contact path."""
    queries = [_reached_by(compiler, entity, contact) for contact in entity.contacts if contact.channel == "email"]
    if not queries:
        return None
    query: exp.Query = queries[0]
    for other in queries[1:]:
        query = exp.union(query, other, distinct=True)
    return query


def reached_or_error(compiler: Compiler, entity: Entity, place: str) -> exp.Query:
    """Return the query of `reached`; SegmentError for an entity whose rows are reached at no e-mail address."""
    query = reached(compiler, entity)
    if query is None:
        known = ", ".join(sorted(e.name for e in compiler.model.targetable() if _has_email(e))) or "none"
        raise SegmentError(
            f"{place}: a row of {entity.name} has no e-mail address, so it stands for no person; there are {known}."
        )
    return query


def _has_email(entity: Entity) -> bool:
    return any(contact.channel == "email" for contact in entity.contacts)


def _reached_by(compiler: Compiler, entity: Entity, contact: ContactPath) -> exp.Select:
    resolved = compiler.model.resolve(entity.name, contact.path)
    if resolved.field is None:
        raise AssertionError("a contact path ends at a field")
    first = alias = compiler.sql.alias()
    query = exp.select().from_(table(entity.name, alias))
    for relation in resolved.relations:
        joined = compiler.sql.alias()
        rows, conditions = compiler.sql.rows(relation, joined)
        same = exp.EQ(this=column(joined, relation.target_field), expression=column(alias, relation.own_field))
        query = query.join(rows, on=exp.and_(same, *conditions), join_type="inner")
        alias = joined
    address = column(alias, resolved.field.name)
    key = exp.alias_(column(first, entity.key), "key", quoted=True)
    return query.select(key, exp.alias_(exp.func("address_key", address), "address", quoted=True)).where(
        is_not_null(address.copy())
    )


def knowing(query: exp.Query, **tables: exp.Query) -> exp.Query:
    """Return a query that knows other queries by `_name`; they come before those it names itself.

    No entity is called so.
    """
    own = query.args.get("with_")
    expressions = [
        exp.CTE(this=other, alias=exp.TableAlias(this=exp.to_identifier(f"_{name}"))) for name, other in tables.items()
    ]
    query = query.copy()
    query.set("with_", exp.With(expressions=[*expressions, *(e.copy() for e in (own.expressions if own else []))]))
    return query
