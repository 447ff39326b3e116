"""The condition builder: rows a person fills in, and the segment definition they stand for, both ways.

A draft has two levels, as the screen does: groups of rows, joined by "all" or "any". A definition that goes deeper, or
uses kinds the builder has no row for, has no draft and is shown as text instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from analytics.model.entity import Entity, EntityModel, FieldType
from analytics.segments.definition import (
    All,
    AnyOf,
    Definition,
    FieldCondition,
    Measure,
    MeasureCondition,
    Node,
)
from analytics.segments.operators import BY_TYPE, MEASURES, NUMERIC, OPERATORS

Join = Literal["all", "any"]
Shape = Literal["none", "one", "two", "many", "days"]

RECENT, OLDER = "within_days", "older_than_days"
"""Operators of the builder alone: a number of days back from today, which moves with every evaluation."""

_DAYS_AGO = re.compile(r"today - (\d{1,5})d")
_DAYS = {RECENT: "on_or_after", OLDER: "before"}
_FROM_DAYS = {operator: name for name, operator in _DAYS.items()}
_TEMPORAL = ("date", "datetime")
_NUMBERS = ("integer", "number", "money", "percent")


@dataclass(frozen=True)
class FieldChoice:
    """A field a condition may name, by its dotted path over to-one relations."""

    path: str
    label: str
    type: FieldType
    options: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether values are numbers."""
        return self.type in _NUMBERS

    @property
    def is_time(self) -> bool:
        """Whether values are dates or moments."""
        return self.type in _TEMPORAL


@dataclass(frozen=True)
class RelatedChoice:
    """Rows that belong to a row: its orders, its quotes."""

    path: str
    label: str
    target: str


@dataclass(frozen=True)
class OperatorChoice:
    """A comparison: its name, its words, what kind of value it takes."""

    name: str
    label: str
    shape: Shape


@dataclass(frozen=True)
class FieldRow:
    """One condition on a field. `value` is a text, a number, a list of these or days, as `operator` asks."""

    path: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class RelatedRow:
    """One condition on related rows: how many there are, or the sum, least, most or average of a field of theirs."""

    path: str
    measure: str = "count"
    field: str | None = None
    operator: str = "at_least"
    value: Any = 1
    where: tuple[FieldRow, ...] = ()


Row = FieldRow | RelatedRow


@dataclass(frozen=True)
class Group:
    """Rows, all or any of which have to hold."""

    join: Join = "all"
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Draft:
    """What the builder shows: groups, all or any of which have to hold."""

    entity: str
    join: Join = "all"
    groups: tuple[Group, ...] = field(default=(Group(),))


def field_choices(model: EntityModel, entity: str, depth: int = 2) -> tuple[FieldChoice, ...]:
    """Return the fields conditions on `entity` may name: own ones, then those over at most `depth` to-one relations."""
    return tuple(_fields(model, model.entity(entity), "", "", depth, frozenset({entity})))


def _fields(
    model: EntityModel, entity: Entity, path: str, label: str, depth: int, seen: frozenset[str]
) -> Iterator[FieldChoice]:
    # What a marketer knows by name first, numbers of records last.
    for f in sorted(entity.fields.values(), key=lambda f: f.name == entity.key or f.name.endswith("_id")):
        yield FieldChoice(f"{path}{f.name}", f"{label}{f.label}", f.type, f.options)
    for relation in entity.relations.values():
        if depth and relation.kind == "one" and relation.target not in seen:
            yield from _fields(
                model,
                model.entity(relation.target),
                f"{path}{relation.name}.",
                f"{label}{relation.label} › ",
                depth - 1,
                seen | {relation.target},
            )


def related_choices(model: EntityModel, entity: str) -> tuple[RelatedChoice, ...]:
    """Return the to-many relations of `entity` a measure may be taken over."""
    return tuple(
        RelatedChoice(r.name, r.label, r.target) for r in model.entity(entity).relations.values() if r.kind == "many"
    )


def operator_choices(type_: FieldType) -> tuple[OperatorChoice, ...]:
    """Return the comparisons a field of this type offers, those a marketer reaches for first first."""
    known = [_operator(name) for name in BY_TYPE[type_]]
    if type_ not in _TEMPORAL:
        return tuple(known)
    return (
        OperatorChoice(RECENT, "is within the last (days)", "days"),
        OperatorChoice(OLDER, "is longer ago than (days)", "days"),
        *known,
    )


def number_operators() -> tuple[OperatorChoice, ...]:
    """Return the comparisons of a measure over related rows, "at least" first."""
    names = sorted((n for n in NUMERIC if "empty" not in n), key=lambda n: n != "at_least")
    return tuple(_operator(name) for name in names)


def _operator(name: str) -> OperatorChoice:
    known = OPERATORS[name]
    return OperatorChoice(known.name, known.label, known.arity)


def measure_choices() -> dict[str, str]:
    """Return the measures the builder offers: {name: words}."""
    return {name: words for name, words in MEASURES.items() if name in ("count", "sum", "min", "max", "avg")}


def starting_row(model: EntityModel, entity: str) -> FieldRow:
    """Return the row a new condition begins as: the first field, its first comparison, no value."""
    first = field_choices(model, entity, depth=0)[0]
    return FieldRow(first.path, operator_choices(first.type)[0].name)


def is_filled(row: Row) -> bool:
    """Return whether a row says something already; others are left out until they do."""
    if isinstance(row, RelatedRow) and row.measure != "count" and not row.field:
        return False
    if _shape(row) == "none":
        return True
    if isinstance(row.value, list | tuple):
        return bool(row.value) and all(v not in (None, "") for v in row.value)
    return row.value not in (None, "")


def _shape(row: Row) -> Shape:
    return "days" if row.operator in _DAYS else OPERATORS[row.operator].arity


def definition(draft: Draft) -> Definition:
    """Return the definition a draft stands for. Rows without a value yet are left out."""
    groups = [(g.join, [_node(r) for r in g.rows if is_filled(r)]) for g in draft.groups]
    nodes = [_joined(join, rows) for join, rows in groups if rows]
    return Definition(draft.entity, _joined(draft.join, nodes) if nodes else None)


def _joined(join: Join, nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return All(tuple(nodes)) if join == "all" else AnyOf(tuple(nodes))


def _node(row: Row) -> Node:
    operator, value = _compared(row)
    if isinstance(row, FieldRow):
        return FieldCondition(row.path, operator, value)
    inner: list[Node] = [_node(r) for r in row.where if is_filled(r)]
    measured = Measure(
        row.path,
        row.measure,
        None if row.measure == "count" else row.field,
        where=_joined("all", inner) if inner else None,
    )
    return MeasureCondition(measured, operator, value)


def _compared(row: Row) -> tuple[str, Any]:
    if row.operator in _DAYS:
        return _DAYS[row.operator], f"today - {int(row.value)}d"
    if _shape(row) == "none":
        return row.operator, None
    return row.operator, tuple(row.value) if isinstance(row.value, list | tuple) else row.value


def draft_of(made: Definition) -> Draft | None:
    """Return the draft that stands for a definition, or None when the builder cannot show all of it."""
    if made.columns or made.sort or made.limit is not None:
        return None
    try:
        return Draft(made.entity, *_groups(made.where))
    except _TooDeep:
        return None


class _TooDeep(Exception):
    """A definition says more than the builder has rows for."""


def _groups(node: Node | None) -> tuple[Join, tuple[Group, ...]]:
    if node is None:
        return "all", (Group(),)
    join, nodes = _opened(node)
    if not any(isinstance(n, All | AnyOf) for n in nodes):
        return "all", (Group(join, tuple(_row(n) for n in nodes)),)
    groups = []
    for inner in nodes:
        inner_join, rows = _opened(inner)
        groups.append(Group(inner_join, tuple(_row(r) for r in rows)))
    return join, tuple(groups)


def _opened(node: Node) -> tuple[Join, tuple[Node, ...]]:
    if isinstance(node, All):
        return "all", node.nodes
    if isinstance(node, AnyOf):
        return "any", node.nodes
    return "all", (node,)


def _row(node: Node) -> Row:
    if isinstance(node, FieldCondition) and node.part is None:
        return _field_row(node)
    if isinstance(node, MeasureCondition) and node.measure.measure in measure_choices() and node.measure.by is None:
        measured = node.measure
        where: tuple[Node, ...] = ()
        if measured.where is not None:
            join, where = _opened(measured.where)
            if join == "any" and len(where) > 1:
                raise _TooDeep
        return RelatedRow(
            measured.related,
            measured.measure,
            measured.field,
            node.operator,
            _listed(node.value),
            tuple(_inner(w) for w in where),
        )
    raise _TooDeep


def _inner(node: Node) -> FieldRow:
    if isinstance(node, FieldCondition) and node.part is None:
        return _field_row(node)
    raise _TooDeep


def _field_row(node: FieldCondition) -> FieldRow:
    ago = _DAYS_AGO.fullmatch(node.value) if isinstance(node.value, str) else None
    if ago and node.operator in _FROM_DAYS:
        return FieldRow(node.field, _FROM_DAYS[node.operator], int(ago[1]))
    return FieldRow(node.field, node.operator, _listed(node.value))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def changed_row(draft: Draft, group: int, row: int, to: Row | None) -> Draft:
    """Return the draft with one row exchanged, or taken out when `to` is None."""
    rows = draft.groups[group].rows
    kept = (*rows[:row], *([] if to is None else [to]), *rows[row + 1 :])
    return changed_group(draft, group, replace(draft.groups[group], rows=kept))


def changed_group(draft: Draft, index: int, to: Group | None) -> Draft:
    """Return the draft with one group exchanged, or taken out when `to` is None; one group always stays."""
    kept = (*draft.groups[:index], *([] if to is None else [to]), *draft.groups[index + 1 :])
    return replace(draft, groups=kept or (Group(),))
