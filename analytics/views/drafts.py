"""The draft of a definition while it is built: a tree of groups and rows of any depth, each with a number that stays.

A draft holds what a definition cannot: rows without a value yet, and text that is no condition yet. `definition` leaves
these out; `draft_of` of what it returns is a draft that means the same, whatever the definition says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from analytics.errors import SegmentError
from analytics.segments.definition import (
    All,
    AnyOf,
    Column,
    Definition,
    Measure,
    MeasureCondition,
    Node,
    Not,
    SameRow,
    Sort,
)

Join = Literal["all", "any", "not"]
"""How the items of a group combine: every one, at least one, or none of them holds."""


@dataclass(frozen=True)
class Leaf:
    """One condition.

    `node` is it without the conditions on its related rows, which are in `inner`; None while its text cannot be read.
    `text` is what was typed into a row that is edited as text. `negated`: the condition does not hold.
    """

    id: int
    node: Node | None
    inner: Group | None = None
    text: str | None = None
    negated: bool = False


@dataclass(frozen=True)
class Group:
    """Items that combine by `join`."""

    id: int
    join: Join = "all"
    items: tuple[Item, ...] = ()


Item = Leaf | Group


@dataclass(frozen=True)
class Shown:
    """A column or a step of the order: its source, and its label or direction."""

    id: int
    source: str | Measure
    label: str | None = None
    descending: bool = False


@dataclass(frozen=True)
class Draft:
    """What the builder shows. Every number below `next_id` may be taken. With `sql` there are no rows to build."""

    entity: str
    root: Group = field(default=Group(1))
    columns: tuple[Shown, ...] = ()
    order: tuple[Shown, ...] = ()
    limit: int | None = None
    next_id: int = 2
    sql: str | None = None


@dataclass(frozen=True)
class History:
    """The draft as it is, and what it was: undo and redo go through every change, of shape and of values."""

    present: Draft
    past: tuple[Draft, ...] = ()
    future: tuple[Draft, ...] = ()

    def changed(self, draft: Draft) -> History:
        """Return the history after a change to `draft`; without a difference it is this one."""
        return self if draft == self.present else History(draft, (*self.past, self.present)[-_KEPT:])

    def undone(self) -> History:
        """Return the history one change back."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.present, *self.future))

    def redone(self) -> History:
        """Return the history with the change taken back last made again."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.present), self.future[1:])


_KEPT = 200
_NOTHING = All(())  # what stands for the conditions of a row on related records while they are in its inner group


class Numbers:
    """Hands out the numbers of new items of a draft."""

    def __init__(self, first: int) -> None:
        self.next = first

    def __call__(self) -> int:
        """Return a number nothing has yet."""
        self.next += 1
        return self.next - 1


# --- from a definition and back ---


def draft_of(made: Definition) -> Draft:
    """Return the draft of a definition; every definition has one."""
    numbers = Numbers(1)
    root = group_of(made.where, numbers)
    columns = tuple(Shown(numbers(), c.source, c.label) for c in made.columns)
    order = tuple(Shown(numbers(), s.source, None, s.descending) for s in made.sort)
    return Draft(made.entity, root, columns, order, made.limit, numbers.next, made.sql)


def definition(draft: Draft) -> Definition:
    """Return the definition a draft stands for. Rows that say nothing yet are left out."""
    return Definition(
        entity=draft.entity,
        where=None if draft.sql is not None else _whole(draft.root),
        columns=tuple(Column(s.source, s.label) for s in draft.columns),
        sort=tuple(Sort(s.source, s.descending) for s in draft.order),
        limit=draft.limit,
        sql=draft.sql,
    )


def group_of(node: Node | None, numbers: Numbers) -> Group:
    """Return the group a node opens as: itself if it joins several, else one around it."""
    number = numbers()
    match node:
        case None:
            return Group(number)
        case All(nodes) if len(nodes) > 1:
            return Group(number, "all", tuple(item_of(n, numbers) for n in nodes))
        case AnyOf(nodes) if len(nodes) > 1:
            return Group(number, "any", tuple(item_of(n, numbers) for n in nodes))
        case _:
            item = item_of(node, numbers)
            return item if isinstance(item, Group) and item.join == "not" else Group(number, "all", (item,))


def item_of(node: Node, numbers: Numbers) -> Item:
    """Return the row or group of a node, its conditions on related rows opened as a group of their own."""
    number = numbers()
    match node:
        case All(nodes) if nodes:
            return Group(number, "all", tuple(item_of(n, numbers) for n in nodes))
        case AnyOf(nodes) if nodes:
            return Group(number, "any", tuple(item_of(n, numbers) for n in nodes))
        case Not(AnyOf(nodes)) if len(nodes) > 1:
            return Group(number, "not", tuple(item_of(n, numbers) for n in nodes))
        case Not(All() | AnyOf() | Not() as inner):
            return Group(number, "not", (item_of(inner, numbers),))
        case Not(inner):
            return replace(_leaf(number, inner, numbers), negated=True)
        case _:
            return _leaf(number, node, numbers)


def _leaf(number: int, node: Node, numbers: Numbers) -> Leaf:
    bare, where = opened(node)
    return Leaf(number, bare, group_of(where, numbers) if has_inner(bare) else None)


def has_inner(node: Node | None) -> bool:
    """Return whether a condition has conditions of its own on related rows."""
    return isinstance(node, MeasureCondition | SameRow)


def related_path(node: Node | None) -> str | None:
    """Return the path to the rows a condition's own conditions are about, None for one without."""
    if isinstance(node, MeasureCondition):
        return node.measure.related
    return node.related if isinstance(node, SameRow) else None


def opened(node: Node) -> tuple[Node, Node | None]:
    """Return a condition without those on its related rows, and these."""
    if isinstance(node, MeasureCondition):
        return replace(node, measure=replace(node.measure, where=None)), node.measure.where
    if isinstance(node, SameRow):
        return replace(node, where=_NOTHING), node.where
    return node, None


def closed(node: Node, where: Node | None) -> Node | None:
    """Return a condition with those on its related rows; `opened` takes them apart again. None: it needs some."""
    if isinstance(node, MeasureCondition):
        return replace(node, measure=replace(node.measure, where=where))
    if isinstance(node, SameRow):
        return None if where is None else replace(node, where=where)
    return node


def _whole(group: Group) -> Node | None:
    """Return the node of a group that stands alone: one item needs no group around it."""
    nodes = _nodes(group)
    if not nodes:
        return None
    return nodes[0] if len(nodes) == 1 and group.join != "not" else _joined(group.join, nodes)


def node_of(item: Item) -> Node | None:
    """Return the node an item stands for, or None while it says nothing."""
    if isinstance(item, Group):
        nodes = _nodes(item)
        return _joined(item.join, nodes) if nodes else None
    if item.node is None:
        return None
    node = item.node if item.inner is None else closed(item.node, _whole(item.inner))
    if node is None or not says_something(node):
        return None
    return Not(node) if item.negated else node


def _nodes(group: Group) -> tuple[Node, ...]:
    return tuple(node for item in group.items if (node := node_of(item)) is not None)


def _joined(join: Join, nodes: tuple[Node, ...]) -> Node:
    if join == "not":
        return Not(nodes[0] if len(nodes) == 1 else AnyOf(nodes))
    return All(nodes) if join == "all" else AnyOf(nodes)


def says_something(node: Node) -> bool:
    """Return whether a condition is complete: one whose value is missing is none a definition could hold."""
    try:
        Definition.from_document(Definition("any", node).to_document())
    except (SegmentError, ValueError):
        return False
    return True


def items(group: Group) -> Iterator[Item]:
    """Yield every item below a group, those on related rows too, in the order they are shown."""
    for item in group.items:
        yield item
        inner = item if isinstance(item, Group) else item.inner
        if inner is not None:
            yield from items(inner)


def bare(value: Any) -> Any:
    """Return an item or draft with every number 0, to compare what two of them say."""
    if isinstance(value, Draft):
        columns, order = (tuple(replace(s, id=0) for s in part) for part in (value.columns, value.order))
        return replace(value, root=bare(value.root), columns=columns, order=order, next_id=0)
    if isinstance(value, Group):
        return replace(value, id=0, items=tuple(map(bare, value.items)))
    return replace(value, id=0, inner=None if value.inner is None else bare(value.inner))
