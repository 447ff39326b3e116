"""A list made of other lists: who is on any of them, on all of them, or on the first and none of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from analytics.errors import ListError
from analytics.lists.records import MarketingList
from analytics.segments import Definition
from analytics.segments.definition import All, AnyOf, InList, Node, Not

Operation = Literal["union", "intersection", "minus"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)


def combined(operation: str, lists: Sequence[MarketingList]) -> Definition:
    """Return the definition of lists put together, with the columns and sort of the first.

    union: on any; intersection: on all; minus: on the first and on no other. Removed members of a list are not on it.
    Raises ListError for another operation, for fewer than two different lists, and for lists of different entities.
    """
    if operation not in OPERATIONS:
        raise ListError(f"{operation!r} is no way to combine lists; there are {', '.join(OPERATIONS)}.")
    if len({one.id for one in lists}) < 2:
        raise ListError("Combining takes two different lists or more.")
    first, *others = dict.fromkeys(lists)
    for other in others:
        if other.entity != first.entity:
            raise ListError(
                f"The list {first.name!r} is of {first.entity} and {other.name!r} of {other.entity}; only lists of one "
                f"entity can be combined."
            )
    conditions = tuple(InList(one.name) for one in (first, *others))
    where: Node
    if operation == "union":
        where = AnyOf(conditions)
    elif operation == "intersection":
        where = All(conditions)
    else:
        rest = conditions[1:]
        where = All((conditions[0], Not(rest[0] if len(rest) == 1 else AnyOf(rest))))
    return replace(Definition(first.entity, where), columns=first.definition.columns, sort=first.definition.sort)
