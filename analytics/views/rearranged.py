"""Changes of the shape of a draft: items added, moved, copied, grouped, taken out. Each returns the changed draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from analytics.errors import ModelError, UnknownField
from analytics.model.entity import EntityModel
from analytics.segments.definition import All, FieldCondition, Measure, Node, Not, SameRow
from analytics.views.drafts import Draft, Group, Item, Join, Leaf, Numbers, Shown, item_of, items, node_of
from analytics.views.fragments import text_of

Step = Literal["up", "down", "in", "out"]
Side = Literal["before", "after", "into"]
Part = Literal["columns", "order"]


def found(draft: Draft, number: int) -> Item | None:
    """Return the item with a number, None if there is none (any more)."""
    if draft.root.id == number:
        return draft.root
    for item in items(draft.root):
        if item.id == number:
            return item
        if isinstance(item, Leaf) and item.inner is not None and item.inner.id == number:
            return item.inner
    return None


def added(draft: Draft, group: int, made: Node | Join) -> Draft:
    """Return the draft with a new row, or an empty group joined so, at the end of a group."""
    numbers = Numbers(draft.next_id)
    item = Group(numbers(), made) if isinstance(made, str) else item_of(made, numbers)
    return _appended(replace(draft, next_id=numbers.next), group, item)


def added_text(draft: Draft, group: int) -> Draft:
    """Return the draft with an empty row that is edited as text at the end of a group."""
    return _appended(replace(draft, next_id=draft.next_id + 1), group, Leaf(draft.next_id, None, text=""))


def removed(draft: Draft, number: int) -> Draft:
    """Return the draft without an item and what is in it."""
    return _changed(draft, number, lambda _: ())


def exchanged(draft: Draft, number: int, item: Item) -> Draft:
    """Return the draft with another item in the place of one."""
    return _changed(draft, number, lambda _: (item,))


def copied(draft: Draft, number: int) -> Draft:
    """Return the draft with a copy of an item after it."""
    numbers = Numbers(draft.next_id)
    made = _changed(draft, number, lambda item: (item, _renumbered(item, numbers)))
    return replace(made, next_id=numbers.next)


def grouped(draft: Draft, number: int) -> Draft:
    """Return the draft with a group around an item."""
    made = _changed(draft, number, lambda item: (Group(draft.next_id, "all", (item,)),))
    return replace(made, next_id=draft.next_id + 1)


def dissolved(draft: Draft, number: int) -> Draft:
    """Return the draft with the items of a group in its place."""
    return _changed(draft, number, lambda item: item.items if isinstance(item, Group) else (item,))


def negated(draft: Draft, number: int) -> Draft:
    """Return the draft with a row turned into its opposite and back."""
    return _changed(draft, number, lambda i: (replace(i, negated=not i.negated) if isinstance(i, Leaf) else i,))


def steps(draft: Draft, number: int) -> tuple[Step, ...]:
    """Return the ways an item can go from where it is."""
    parent = _parent(draft, number)
    if parent is None:
        return ()
    at = _index(parent, number)
    near = parent.items[max(0, at - 1) : at + 2]
    able: dict[Step, bool] = {
        "up": at > 0,
        "down": at < len(parent.items) - 1,
        "in": any(isinstance(item, Group) and item.id != number for item in near),
        "out": _parent(draft, parent.id) is not None,
    }
    return tuple(step for step, can in able.items() if can)


def moved(draft: Draft, number: int, step: Step) -> Draft:
    """Return the draft with an item one step further: in a group, into the one beside it, out of its own."""
    parent, item = _parent(draft, number), found(draft, number)
    if parent is None or item is None or step not in steps(draft, number):
        return draft
    at = _index(parent, number)
    if step in ("up", "down"):
        to = at - 1 if step == "up" else at + 1
        order = list(parent.items)
        order[at], order[to] = order[to], order[at]
        return _regrouped(draft, parent.id, lambda group: replace(group, items=tuple(order)))
    if step == "out":
        return placed(draft, number, parent.id, "after")
    before = parent.items[at - 1] if at else None
    if isinstance(before, Group):
        return placed(draft, number, before.id, "into")
    after = parent.items[at + 1]
    taken = removed(draft, number)
    return _regrouped(taken, after.id, lambda group: replace(group, items=(item, *group.items)))


def placed(draft: Draft, number: int, target: int, side: Side) -> Draft:
    """Return the draft with an item before or after another, or at the end of a group.

    It stays as it is where that cannot be: an item inside itself, or on other records than those it is about.
    """
    item, to = found(draft, number), found(draft, target)
    if item is None or to is None or number == target or item is draft.root or target in _inside(item):
        return draft
    if _scope(draft, number) != _scope(draft, target, into=side == "into"):
        return draft
    if side == "into":
        return _appended(removed(draft, number), target, item) if isinstance(to, Group) else draft
    if _parent(draft, target) is None:
        return draft
    both = (lambda other: (item, other)) if side == "before" else (lambda other: (other, item))
    return _changed(removed(draft, number), target, both)


def _scope(draft: Draft, number: int, into: bool = False) -> int:
    """Return the number of the outermost group an item may move in: the root, or the one below related records."""
    if into and _is_top(draft, number):
        return number
    parent = _parent(draft, number)
    while parent is not None:
        number = parent.id
        parent = _parent(draft, number)
    return number


def _is_top(draft: Draft, number: int) -> bool:
    return _parent(draft, number) is None


def _parent(draft: Draft, number: int) -> Group | None:
    """Return the group an item is in; None for the root and for the outermost group of a row on related records."""
    groups = [draft.root]
    while groups:
        group = groups.pop()
        for item in group.items:
            if item.id == number:
                return group
            inner = item if isinstance(item, Group) else item.inner
            if inner is not None:
                groups.append(inner)
    return None


def _inside(item: Item) -> set[int]:
    """Return the numbers of everything inside an item."""
    inner = item if isinstance(item, Group) else item.inner
    if inner is None:
        return set()
    own = {i.id for i in items(inner)} | {inner.id}
    return own | {i.inner.id for i in items(inner) if isinstance(i, Leaf) and i.inner is not None}


def _index(group: Group, number: int) -> int:
    return next(n for n, item in enumerate(group.items) if item.id == number)


def _appended(draft: Draft, group: int, item: Item) -> Draft:
    return _regrouped(draft, group, lambda known: replace(known, items=(*known.items, item)))


def _regrouped(draft: Draft, number: int, change: Callable[[Group], Group]) -> Draft:
    """Return the draft with one group changed: the root, a nested one, or the outermost one of a row."""
    if draft.root.id == number:
        return replace(draft, root=change(draft.root))
    return _changed(draft, number, lambda item: (change(item) if isinstance(item, Group) else item,))


def _changed(draft: Draft, number: int, change: Callable[[Item], tuple[Item, ...]]) -> Draft:
    return replace(draft, root=_with(draft.root, number, change))


def _with(group: Group, number: int, change: Callable[[Item], tuple[Item, ...]]) -> Group:
    made: list[Item] = []
    for item in group.items:
        if item.id == number:
            made.extend(change(item))
        elif isinstance(item, Group):
            made.append(_with(item, number, change))
        elif item.inner is None:
            made.append(item)
        elif item.inner.id == number:
            changed = change(item.inner)
            made.append(replace(item, inner=changed[0] if changed and isinstance(changed[0], Group) else None))
        else:
            made.append(replace(item, inner=_with(item.inner, number, change)))
    return replace(group, items=tuple(made))


def _renumbered(item: Item, numbers: Numbers) -> Item:
    if isinstance(item, Group):
        return replace(item, id=numbers(), items=tuple(_renumbered(i, numbers) for i in item.items))
    inner = item.inner
    if inner is not None:
        inner = replace(inner, id=numbers(), items=tuple(_renumbered(i, numbers) for i in inner.items))
    return replace(item, id=numbers(), inner=inner)


def as_text(draft: Draft, number: int) -> Draft:
    """Return the draft with a row edited as text, its conditions on related rows in the text too."""
    item = found(draft, number)
    if not isinstance(item, Leaf) or item.node is None:
        return draft
    whole = node_of(replace(item, negated=False))
    if whole is None:
        return exchanged(draft, number, Leaf(number, None, text="", negated=item.negated))
    return exchanged(draft, number, Leaf(number, whole, text=text_of(whole), negated=item.negated))


def as_fields(draft: Draft, number: int) -> Draft:
    """Return the draft with what a text says opened as rows and groups; a text that cannot be read stays one."""
    item = found(draft, number)
    if not isinstance(item, Leaf) or item.node is None:
        return draft
    numbers = Numbers(draft.next_id)
    made = item_of(Not(item.node) if item.negated else item.node, numbers)
    return replace(exchanged(draft, number, made), next_id=numbers.next)


def shared_rows(model: EntityModel, entity: str, group: Group) -> tuple[str, ...]:
    """Return the paths of related rows that several conditions of an "all" group are about, each by any row."""
    if group.join != "all":
        return ()
    paths = [_many(model, entity, item) for item in group.items]
    return tuple(dict.fromkeys(p for p in paths if p is not None and paths.count(p) > 1))


def _many(model: EntityModel, entity: str, item: Item) -> str | None:
    """Return the part of a plain condition's path up to its first to-many relation."""
    if not isinstance(item, Leaf) or item.negated or not isinstance(item.node, FieldCondition):
        return None
    steps = item.node.field.split(".")
    try:
        ways = model.resolve(entity, item.node.field).relations
    except (ModelError, UnknownField):
        return None
    at = next((n for n, way in enumerate(ways) if way.kind == "many"), None)
    return None if at is None or at + 1 == len(steps) else ".".join(steps[: at + 1])


def same_row(draft: Draft, model: EntityModel, entity: str, number: int, path: str) -> Draft:
    """Return the draft with a group's conditions on related rows put together: one row has to fulfil them all."""
    group = found(draft, number)
    if not isinstance(group, Group):
        return draft
    own = [item for item in group.items if _many(model, entity, item) == path]
    inner = tuple(_repathed(item, lambda field: field.removeprefix(f"{path}.")) for item in own)
    row = Leaf(draft.next_id, SameRow(path, All(())), Group(draft.next_id + 1, "all", inner))
    made: list[Item] = []
    for item in group.items:
        if item is own[0]:
            made.append(row)
        elif item not in own:
            made.append(item)
    grown = replace(draft, next_id=draft.next_id + 2)
    return _regrouped(grown, number, lambda known: replace(known, items=tuple(made)))


def can_part(item: Leaf) -> bool:
    """Return whether what one row has to fulfil can be asked of any rows instead: plain conditions, all of them."""
    inner = item.inner
    if not isinstance(item.node, SameRow) or inner is None or item.negated or not inner.items:
        return False
    plain = (isinstance(i, Leaf) and not i.negated and isinstance(i.node, FieldCondition) for i in inner.items)
    return inner.join == "all" and all(plain)


def any_row(draft: Draft, number: int) -> Draft:
    """Return the draft with the conditions on one related row as conditions any rows may fulfil."""
    item = found(draft, number)
    if not isinstance(item, Leaf) or not can_part(item) or not isinstance(item.node, SameRow) or item.inner is None:
        return draft
    path = item.node.related
    own = tuple(_repathed(i, lambda field: f"{path}.{field}") for i in item.inner.items)
    return _changed(draft, number, lambda _: own)


def _repathed(item: Item, change: Callable[[str], str]) -> Item:
    if isinstance(item, Leaf) and isinstance(item.node, FieldCondition):
        return replace(item, node=replace(item.node, field=change(item.node.field)))
    return item


def shown(draft: Draft, part: Part, source: str | Measure) -> Draft:
    """Return the draft with another column, or another step of the order, at the end."""
    more = Shown(draft.next_id, source)
    return _with_part(replace(draft, next_id=draft.next_id + 1), part, (*getattr(draft, part), more))


def hidden(draft: Draft, part: Part, number: int) -> Draft:
    """Return the draft without a column or a step of the order."""
    return _with_part(draft, part, tuple(s for s in getattr(draft, part) if s.id != number))


def shifted(draft: Draft, part: Part, number: int, by: int) -> Draft:
    """Return the draft with a column or a step of the order `by` places further on; at the end it stays."""
    order = list(getattr(draft, part))
    at = next((n for n, s in enumerate(order) if s.id == number), None)
    if at is None or not 0 <= at + by < len(order):
        return draft
    order.insert(at + by, order.pop(at))
    return _with_part(draft, part, tuple(order))


def _with_part(draft: Draft, part: Part, made: tuple[Shown, ...]) -> Draft:
    return replace(draft, columns=made) if part == "columns" else replace(draft, order=made)
