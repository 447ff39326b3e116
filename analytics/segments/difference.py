"""What changed between two definitions: by line of their text form, and condition by condition in plain words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analytics.model.entity import EntityModel
from analytics.segments.definition import (
    All,
    AnyOf,
    Column,
    Definition,
    FieldCondition,
    MeasureCondition,
    Node,
    Not,
    SameRow,
    Sort,
)
from analytics.segments.layout import laid_out
from analytics.segments.words import say, source_words

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """One thing that is different: `before` in words (None: it was added), `after` (None: it was removed)."""

    before: str | None
    after: str | None

    @property
    def what(self) -> What:
        """Whether it was added, removed or changed."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    def __str__(self) -> str:
        """Return it as a sentence without a full stop."""
        if self.before is None:
            return f"Added: {self.after}"
        if self.after is None:
            return f"Removed: {self.before}"
        return f"Changed: {self.before} → {self.after}"


@dataclass(frozen=True)
class Line:
    """A line of the text form: `sign` "+" only in the new one, "-" only in the old one, " " in both."""

    sign: Literal["+", "-", " "]
    text: str


@dataclass(frozen=True)
class Difference:
    """How two definitions differ. Both are empty of changes when the definitions are the same."""

    changes: tuple[Change, ...]
    lines: tuple[Line, ...]


def difference(model: EntityModel, old: Definition, new: Definition, more: tuple[Change, ...] = ()) -> Difference:
    """Return what changed from `old` to `new`; `more` are changes beside the definition, named first."""
    changes = [*more]
    if old.entity != new.entity:
        changes.append(Change(f"of {_plural(model, old.entity)}", f"of {_plural(model, new.entity)}"))
    if old.sql != new.sql:
        changes.append(Change(_sql(old), _sql(new)))
    changes += _conditions(_Words(model, old.entity, new.entity), old.where, new.where)
    changes += _columns(model, old, new)
    before, after = _sorted(model, old), _sorted(model, new)
    if before != after:
        changes.append(Change(before, after))
    if old.limit != new.limit:
        changes.append(Change(_limit(old), _limit(new)))
    return Difference(tuple(changes), tuple(_lines(laid_out(old), laid_out(new))))


@dataclass(frozen=True)
class _Words:
    model: EntityModel
    old: str
    new: str

    def before(self, node: Node) -> str:
        return say(self.model, self.old, node)

    def after(self, node: Node) -> str:
        return say(self.model, self.new, node)


def _conditions(words: _Words, old: Node | None, new: Node | None) -> list[Change]:
    if old == new:
        return []
    if isinstance(old, Not) and isinstance(new, Not) and _is_group(old.node) and _is_group(new.node):
        return _conditions(words, old.node, new.node)
    joined = _join(old, new)
    changes = [] if joined is None else [Change(*joined)]
    return changes + _of_groups(words, _nodes(old), _nodes(new))


def _is_group(node: Node | None) -> bool:
    return isinstance(node, All | AnyOf)


def _join(old: Node | None, new: Node | None) -> tuple[str, str] | None:
    """Return how the conditions of two groups are joined, where that changed and says something."""
    if not (isinstance(old, All | AnyOf) and isinstance(new, All | AnyOf)) or type(old) is type(new):
        return None
    if max(len(old.nodes), len(new.nodes)) < 2:
        return None
    said = {All: "all conditions of the group hold", AnyOf: "any condition of the group is enough"}
    return said[type(old)], said[type(new)]


def _nodes(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return list(node.nodes) if isinstance(node, All | AnyOf) else [node]


def _of_groups(words: _Words, old: list[Node], new: list[Node]) -> list[Change]:
    """Compare the conditions of two groups: same ones fall out, those on the same subject are one that changed."""
    before = list(old)
    after = []
    for node in new:
        if node in before:
            before.remove(node)
        else:
            after.append(node)
    changes = []
    for node in after:
        partner = next((b for b in before if _subject(b) == _subject(node)), None)
        if partner is None:
            changes.append(Change(None, words.after(node)))
            continue
        before.remove(partner)
        if _is_group(_inner(partner)):
            changes += _conditions(words, partner, node)
        else:
            changes.append(Change(words.before(partner), words.after(node)))
    return changes + [Change(words.before(node), None) for node in before]


def _inner(node: Node) -> Node:
    return node.node if isinstance(node, Not) else node


def _subject(node: Node) -> object:
    """Return what a condition is about: two about the same are one that was changed."""
    match node:
        case All() | AnyOf():
            return "group"
        case Not(All() | AnyOf()):
            return "not group"
        case Not(inner):
            return _subject(inner)
        case FieldCondition():
            return ("field", node.field, node.part)
        case MeasureCondition():
            return ("measure", node.measure.related, node.measure.measure, node.measure.field)
        case SameRow():
            return ("same", node.related)
        case _:
            return type(node).__name__


def _columns(model: EntityModel, old: Definition, new: Definition) -> Iterator[Change]:
    before = [_column(model, old.entity, c) for c in old.columns]
    after = [_column(model, new.entity, c) for c in new.columns]
    for column in after:
        if column not in before:
            yield Change(None, f"column {column}")
    for column in before:
        if column not in after:
            yield Change(f"column {column}", None)
    if before != after and sorted(before) == sorted(after):
        yield Change(f"columns {', '.join(before)}", f"columns {', '.join(after)}")


def _column(model: EntityModel, entity: str, column: Column) -> str:
    words = source_words(model, entity, column.source)
    return f"{words} as “{column.label}”" if column.label else words


def _sorted(model: EntityModel, definition: Definition) -> str | None:
    def step(sort: Sort) -> str:
        return source_words(model, definition.entity, sort.source) + (" downwards" if sort.descending else "")

    return f"sorted by {', then '.join(map(step, definition.sort))}" if definition.sort else None


def _sql(definition: Definition) -> str | None:
    return None if definition.sql is None else f"the query {' '.join(definition.sql.split())}"


def _limit(definition: Definition) -> str | None:
    return None if definition.limit is None else f"the first {definition.limit:,} of that order"


def _plural(model: EntityModel, entity: str) -> str:
    known = model.entities.get(entity)
    return known.plural.lower() if known is not None else entity


def _lines(old: str, new: str) -> Iterator[Line]:
    for line in difflib.ndiff(old.splitlines(), new.splitlines()):
        if line[0] in "+- ":
            yield Line(line[0], line[2:])  # type: ignore[arg-type]
