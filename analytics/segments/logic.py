"""What a definition means, before it is SQL: tests of one row, related rows, roll-ups, AND and OR.

Negation lives in the leaves, so the tree stays free of NULL: every node is true or false for every row. `simplified`
puts conditions that look at the same related rows into one look-up, which DuckDB answers with one semi-join.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace

from sqlglot import exp

from analytics.model.entity import Relation

Term = Callable[[str], exp.Expr]
"""Takes the alias of a row's table, returns SQL."""


@dataclass(frozen=True)
class Test:
    """A condition on one row: SQL that is null exactly where `value` is."""

    sql: Term
    value: Term | None  # None: the SQL is never null
    negated: bool = False


@dataclass(frozen=True)
class Related:
    """A row related by `relation` fulfils `inner`; `inner` None: there is one."""

    relation: Relation
    inner: Logic | None
    negated: bool = False


@dataclass(frozen=True)
class RollUp:
    """The group of related rows computed by `source` fulfils `inner`, whose tests are of aggregates.

    A group exists only where there are rows; `identity` tells equal roll-ups.
    """

    relation: Relation
    source: Callable[[Logic | None], exp.Select]  # takes what groups fulfil, returns their keys
    identity: Hashable
    inner: Logic | None
    negated: bool = False


@dataclass(frozen=True)
class Keys:
    """The row's `column` is among the keys a query selects."""

    column: str
    query: Callable[[], exp.Query]
    negated: bool = False


@dataclass(frozen=True)
class Both:
    """All of the nodes hold (AND)."""

    nodes: tuple[Logic, ...]


@dataclass(frozen=True)
class Either:
    """One of the nodes holds (OR)."""

    nodes: tuple[Logic, ...]


Logic = Test | Related | RollUp | Keys | Both | Either


def negate(logic: Logic) -> Logic:
    """Return the opposite of a node."""
    match logic:
        case Both(nodes):
            return Either(tuple(negate(n) for n in nodes))
        case Either(nodes):
            return Both(tuple(negate(n) for n in nodes))
        case Test() | Related() | RollUp() | Keys():
            return replace(logic, negated=not logic.negated)


def simplified(logic: Logic) -> Logic:
    """Return an equal tree with look-ups of the same related rows put together.

    To-many rows: A-or-B of some row is one look-up, as are two that must both be missing. To-one rows and roll-ups
    have at most one row (group), so there AND goes together too.
    """
    match logic:
        case Both(nodes):
            return _joined([simplified(n) for n in nodes], Both)
        case Either(nodes):
            return _joined([simplified(n) for n in nodes], Either)
        case Related(_, inner, _) | RollUp(_, _, _, inner, _) if inner is not None:
            return replace(logic, inner=simplified(inner))
        case _:
            return logic


def _joined(nodes: list[Logic], kind: type[Both] | type[Either]) -> Logic:
    flat: list[Logic] = []
    for node in nodes:
        flat.extend(node.nodes if isinstance(node, kind) else [node])
    groups: dict[Hashable, list[Logic]] = {}
    for n, node in enumerate(flat):
        groups.setdefault(_group(node, kind) or n, []).append(node)
    merged = [_merged(group, kind) for group in groups.values()]
    return merged[0] if len(merged) == 1 else kind(tuple(merged))


def _group(node: Logic, kind: type[Both] | type[Either]) -> Hashable | None:
    """Return what nodes that may be put together have in common, None for one that stays alone."""
    if isinstance(node, RollUp):
        return (node.relation.name, node.identity, node.negated)
    if isinstance(node, Related):
        any_row_will_do = (kind is Either) != node.negated
        if node.relation.kind == "one" or any_row_will_do:
            return (node.relation.name, node.negated)
    return None


def _merged(group: list[Logic], kind: type[Both] | type[Either]) -> Logic:
    first = group[0]
    if len(group) == 1 or not isinstance(first, Related | RollUp):
        return first
    inner: list[Logic | None] = [n.inner for n in group if isinstance(n, Related | RollUp)]
    # not A and not B = not (A or B)
    combined = Either if (kind is Either) != first.negated else Both
    return replace(first, inner=_combined(inner, combined))


def _combined(inner: Iterable[Logic | None], kind: type[Both] | type[Either]) -> Logic | None:
    """Return inner conditions joined; None (any row) decides an OR and is left out of an AND."""
    listed = list(inner)
    conditions = [c for c in listed if c is not None]
    if not conditions or (kind is Either and len(conditions) < len(listed)):
        return None
    return simplified(kind(tuple(conditions))) if len(conditions) > 1 else conditions[0]
