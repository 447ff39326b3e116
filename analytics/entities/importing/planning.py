"""Turns rules and column names into a plan: which rows of which entities a line makes, and from what.

A plan is a tree of nodes. The root is the imported entity. A `one` node is a row a line tells of along the way (the
customer user of an order), reached by to-one relations. A `child` node is one row per line that belongs to the root
(the items of an order); then several lines make one root row.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from analytics.entities.importing.expressions import Expressions, Parsed
from analytics.entities.importing.values import ImportOptions, Rule
from analytics.errors import MappingError
from analytics.model.entity import Entity, EntityModel, Field, Relation

How = Literal["rule", "name", "link", "parent", "position", "default"]


@dataclass
class Leaf:
    """One field and where its value comes from: a column as it stands, or an expression."""

    field: Field
    expression: str
    how: How
    column: str | None = None
    parsed: Parsed | None = None


@dataclass
class Node:
    """Rows of one entity that lines make."""

    path: str  # "" for the root, else the relations from it
    entity: Entity
    kind: Literal["root", "one", "child"]
    parent: Node | None = None
    relation: Relation | None = None
    leaves: dict[str, Leaf] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    @property
    def has_key(self) -> bool:
        """Whether the file gives the rows' keys; without one they are numbered below their parent."""
        return self.entity.key in self.leaves

    @property
    def prefix(self) -> str:
        """What the paths of its fields begin with."""
        return f"{self.path}." if self.path else ""

    def all(self) -> Iterator[Node]:
        """Yield this node and all below."""
        yield self
        for node in self.nodes.values():
            yield from node.all()


@dataclass
class Plan:
    """The tree, and what it makes of the file's lines."""

    root: Node
    by_lines: bool
    unused: tuple[str, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, the root first."""
        return tuple(self.root.all())

    @property
    def child(self) -> Node | None:
        """The node with one row per line, if there is one besides the root."""
        return next((n for n in self.nodes if n.kind == "child"), None)


def make_plan(
    model: EntityModel,
    entity: Entity,
    rules: Sequence[Rule],
    columns: Sequence[str],
    expressions: Expressions,
    options: ImportOptions,
) -> Plan:
    """Return the plan for a file with these columns; raises MappingError naming what is unknown or missing."""
    root = Node("", entity, "root")
    used: dict[str, None] = {}
    dropped: set[str] = set()
    for rule in rules:
        node, name = _place(model, root, rule.path)
        if not rule.expression:
            dropped.add(f"{node.prefix}{name}")
            continue
        leaf = _leaf(node, name, rule.expression, "rule", expressions)
        used.update(dict.fromkeys([leaf.column] if leaf.column else leaf.parsed.columns if leaf.parsed else ()))
        node.leaves[name] = leaf
    if options.guess:
        _guess(model, root, [c for c in columns if c not in used], used, dropped, expressions)
    _link(root)
    _forget_keyless_guesses(root, used)
    _prune(root)
    _check_keys(root, columns)
    child = next((n for n in root.all() if n.kind == "child"), None)
    if child is not None:
        _inherit(child, root)
    by_lines = child is not None or options.lines
    for node in root.all():
        for leaf in node.leaves.values():
            if leaf.parsed is not None and leaf.parsed.is_aggregate and not (node.kind == "root" and by_lines):
                raise MappingError(
                    f"{node.prefix}{leaf.field.name}: {leaf.expression!r} sums over lines; that needs several lines to "
                    f"a row, as items mapped beside it make (or the option lines)."
                )
    _order_not_summed(root)
    return Plan(root, by_lines, tuple(c for c in columns if c not in used))


def _order_not_summed(root: Node) -> None:
    """A key, a link or the time lines are ordered by is needed for each line."""
    for name in (root.entity.key, root.entity.as_of, "updated_at"):
        leaf = root.leaves.get(name or "")
        if leaf is not None and leaf.parsed is not None and leaf.parsed.is_aggregate:
            raise MappingError(f"{name} has to be known for each line; {leaf.expression!r} sums over lines.")


# --- places ---


def _place(model: EntityModel, root: Node, path: str) -> tuple[Node, str]:
    """Return the node and the field of a dotted path; it starts at a relation, or at the name of an entity near by."""
    *steps, name = path.split(".")
    node = root
    for n, step in enumerate(steps):
        following = _step(model, node, step)
        if following is None and n == 0:
            following = root if step == root.entity.name else _search(model, root, step)
        if following is None:
            known = [r for r in node.entity.relations if _kind_of(model, node, node.entity.relations[r])]
            raise MappingError(
                f"{path}: {node.entity.name} has no relation {step!r} rows can be imported along; "
                f"there are {', '.join(known) or 'none'}."
            )
        node = following
    if name not in node.entity.fields:
        is_relation = " (a relation; write one of its fields after it)" if name in node.entity.relations else ""
        raise MappingError(
            f"{path}: {node.entity.name} has no field {name!r}{is_relation}; there are {', '.join(node.entity.fields)}."
        )
    return node, name


def _kind_of(model: EntityModel, node: Node, relation: Relation) -> Literal["one", "child"] | None:
    """Return what rows along a relation are, or None where an import cannot follow it."""
    target = model.entity(relation.target)
    if relation.kind == "one":
        return "one" if relation.target_field == target.key and not relation.where else None
    if node.kind != "root" or target.parent is None:
        return None
    back = target.relations[target.parent]
    fits = back.target == node.entity.name and back.own_field == relation.target_field
    return "child" if fits and relation.own_field == node.entity.key else None


def _step(model: EntityModel, node: Node, step: str) -> Node | None:
    if step in node.nodes:
        return node.nodes[step]
    relation = node.entity.relations.get(step)
    if relation is None:
        return None
    kind = _kind_of(model, node, relation)
    if kind is None:
        return None
    if kind == "child" and any(n.kind == "child" for n in node.nodes.values()):
        taken = next(n.path for n in node.nodes.values() if n.kind == "child")
        raise MappingError(f"{step}: a line makes one row of {taken} already; import {step} from a file of their own.")
    made = Node(f"{node.prefix}{step}", model.entity(relation.target), kind, node, relation)
    node.nodes[step] = made
    return made


def _search(model: EntityModel, root: Node, name: str) -> Node | None:
    """Return the nearest node of the entity called `name`, found along relations; raises when two are as near."""
    if name not in model.entities:
        return None
    queue: deque[tuple[str, ...]] = deque([()])
    found: list[tuple[str, ...]] = []
    while queue:
        steps = queue.popleft()
        if found and len(steps) >= len(found[0]):
            break
        node = root.entity if not steps else _end(model, root.entity, steps)
        for relation in node.relations.values():
            here = Node("", node, "root" if not steps else "one")
            if _kind_of(model, here, relation) is None or len(steps) > 3:
                continue
            way = (*steps, relation.name)
            if relation.target == name:
                found.append(way)
            queue.append(way)
    if not found:
        return None
    if len(found) > 1:
        ways = " or ".join(".".join(w) for w in found)
        raise MappingError(f"{name} can be meant in more than one way; write {ways}.")
    at: Node | None = root
    for step in found[0]:
        assert at is not None
        at = _step(model, at, step)
    return at


def _end(model: EntityModel, entity: Entity, steps: Sequence[str]) -> Entity:
    for step in steps:
        entity = model.entity(entity.relations[step].target)
    return entity


def _leaf(node: Node, name: str, expression: str, how: How, expressions: Expressions) -> Leaf:
    place = f"{node.prefix}{name}"
    made = Leaf(node.entity.fields[name], expression, how, expressions.column(expression))
    if made.column is None:
        made.parsed = expressions.parse(expression, place)
    return made


# --- guessing ---


def _guess(
    model: EntityModel,
    root: Node,
    columns: Sequence[str],
    used: dict[str, None],
    dropped: set[str],
    expressions: Expressions,
) -> None:
    """Map columns by their names: to fields of the root, of rows to-one relations lead to, and of its items."""
    left = list(columns)

    def take(node: Node, names: dict[str, str]) -> None:
        for column in list(left):
            name = names.get(plain(column))
            if name is not None and name not in node.leaves and f"{node.prefix}{name}" not in dropped:
                node.leaves[name] = _leaf(node, name, '"' + column.replace('"', '""') + '"', "name", expressions)
                left.remove(column)
                used[column] = None

    for level in (0, 1, 2):
        take(root, _names(root.entity, level))
    _guess_key(root, columns, expressions)
    for relation in root.entity.relations.values():
        if _kind_of(model, root, relation) == "one":
            target = model.entity(relation.target)
            names = {plain(f"{relation.name} {f}"): f for f in target.fields}
            if any(plain(c) in names for c in left):
                node = _step(model, root, relation.name)
                assert node is not None
                take(node, names)
    for relation in root.entity.relations.values():
        if _kind_of(model, root, relation) == "child":
            _guess_items(model, root, relation, left, take)


def _guess_key(root: Node, columns: Sequence[str], expressions: Expressions) -> None:
    """Take as key, where no column has its name, one whose name also says so: an order number names and identifies."""
    key = root.entity.key
    names = {n for level in (0, 1, 2) for n, name in _names(root.entity, level).items() if name == key}
    names |= {plain(alias) for alias in root.entity.fields[key].aliases}
    for column in columns:
        if key not in root.leaves and plain(column) in names:
            root.leaves[key] = _leaf(root, key, '"' + column.replace('"', '""') + '"', "name", expressions)


def _guess_items(model: EntityModel, root: Node, relation: Relation, left: Sequence[str], take: object) -> None:
    """Map columns to items where the file plainly has them: a quantity, and what of."""
    target = model.entity(relation.target)
    mapped = root.nodes.get(relation.name)
    known = {plain(f"{p}{f}"): f for p in (relation.name, target.name) for f in target.fields}
    for level in (0, 1, 2):
        for name, to in _names(target, level).items():
            known.setdefault(name, to)
    known = {name: to for name, to in known.items() if to not in (target.key, relation.target_field)}
    found = {known[plain(c)] for c in left if plain(c) in known}
    if mapped is None and not ("quantity" in found and found & {"sku", "product_id", "product_name", "price"}):
        return
    if mapped is None and any(n.kind == "child" for n in root.nodes.values()):
        return
    node = _step(model, root, relation.name)
    assert callable(take)
    take(node, known)


def _names(entity: Entity, level: int) -> dict[str, str]:
    """Return {plain name: field} by name (level 0), label (1) or alias (2)."""
    names: dict[str, str] = {}
    for f in entity.fields.values():
        for name in ((f.name, f"{entity.name} {f.name}"), (f.label,), f.aliases)[level]:
            names.setdefault(plain(name), f.name)
    return names


def plain(name: str) -> str:
    """Return a name without case, blanks and signs, so that "Order date", order_date and orderDate are the same."""
    return re.sub(r"[\W_]+", "", name.lower())


# --- completing ---


def _prune(node: Node) -> None:
    """Forget nodes that a dropped rule or an unusable guess left without fields."""
    for step, below in list(node.nodes.items()):
        _prune(below)
        if not below.leaves and not below.nodes:
            del node.nodes[step]


def _link(node: Node) -> None:
    """Fill the field that points to a row along the way from that row's key, or the key from the field."""
    for below in node.nodes.values():
        _link(below)
        if below.kind != "one":
            continue
        assert below.relation is not None
        own, key = below.relation.own_field, below.entity.key
        if key in below.leaves and own not in node.leaves:
            source = below.leaves[key]
            node.leaves[own] = Leaf(node.entity.fields[own], source.expression, "link", source.column, source.parsed)
        elif own in node.leaves and key not in below.leaves:
            source = node.leaves[own]
            below.leaves[key] = Leaf(below.entity.fields[key], source.expression, "link", source.column, source.parsed)


def _forget_keyless_guesses(root: Node, used: dict[str, None]) -> None:
    """Drop rows along the way that only names suggest, when nothing in the file is their key."""
    for node in list(root.all()):
        if node.kind == "one" and not node.has_key and all(leaf.how == "name" for leaf in node.leaves.values()):
            for leaf in node.leaves.values():
                used.pop(leaf.column or "", None)
            node.leaves.clear()


def _check_keys(root: Node, columns: Sequence[str]) -> None:
    shown = ", ".join(columns[:40]) + (", ..." if len(columns) > 40 else "")
    for node in root.all():
        key = f"{node.prefix}{node.entity.key}"
        if node.has_key or node.kind == "child":
            continue
        if node.kind == "root" and node.entity.parent is not None:
            link = node.entity.relations[node.entity.parent].own_field
            if link in node.leaves:
                continue
            raise MappingError(
                f"{node.entity.name} needs {key}, or {link}, the row it belongs to: map one of them to a column. "
                f"The file has {shown}."
            )
        names = ", ".join(f"{node.prefix}{name}" for name in node.leaves)
        why = f" to fill {names}" if node.kind == "one" else ""
        raise MappingError(f"{node.entity.name} needs its key {key}{why}: map it to a column. The file has {shown}.")


def _inherit(child: Node, root: Node) -> None:
    """Give items what they share with their row: its time and its currency."""
    for name in dict.fromkeys([child.entity.as_of, "currency"]):
        source = root.leaves.get(name or "")
        if name is None or source is None or name in child.leaves or name not in child.entity.fields:
            continue
        if source.parsed is not None and source.parsed.is_aggregate:
            continue
        child.leaves[name] = Leaf(child.entity.fields[name], source.expression, "parent", source.column, source.parsed)
