"""The rows of the builder, one function per kind of condition; what has none of its own is edited as text.

A row takes the condition it shows and returns it, the very same until somebody changes something.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import streamlit as st

from analytics.segments.definition import (
    FieldCondition,
    MeasureCondition,
    Node,
    SameRow,
)
from analytics.views import conditions as c
from analytics.views import fragments
from analytics.views.drafts import Leaf
from pages._ui import kinds, values
from pages._ui.desk import Desk


def draw(desk: Desk, leaf: Leaf, entity: str) -> Leaf:
    """Draw a row about records of `entity` and return what it says now; its inner group is drawn by the builder."""
    if not has_form(leaf):
        return _text_row(desk, leaf)
    name, drawn = _ROWS[type(leaf.node)]
    with desk.row(leaf, name=name):
        negated = _holds(desk, leaf)
        made = drawn(desk, leaf.node, entity, desk.key(leaf.id))
    return replace(leaf, node=made, negated=negated)


def has_form(leaf: Leaf) -> bool:
    """Return whether a row has fields of its own; the others are edited as text."""
    return leaf.text is None and type(leaf.node) in _ROWS


def _holds(desk: Desk, leaf: Leaf) -> bool:
    """Draw whether a condition has to hold; comparisons have opposites of their own, so those show it when set."""
    if type(leaf.node) not in kinds.VERBS and not leaf.negated:
        return False
    yes, no = kinds.VERBS.get(type(leaf.node), ("Holds", "Does not hold"))
    picked = values.select(
        "Holds or not", ["yes", "no"], "no" if leaf.negated else "yes", {"yes": yes, "no": no}.__getitem__,
        f"{desk.key(leaf.id)}.holds",
    )  # fmt: skip
    return picked == "no"


def _text_row(desk: Desk, leaf: Leaf) -> Leaf:
    key = desk.key(leaf.id)
    shown = leaf.text if leaf.text is not None else fragments.text_of(cast(Node, leaf.node))
    problem = None
    with desk.row(leaf, name="condition"):
        negated = _holds(desk, leaf) if leaf.negated else False
        text = st.text_input(
            "Condition as text",
            shown,
            key=f"{key}.text",
            label_visibility="collapsed",
            placeholder='A condition, such as  orders.total > 100  or  city = "Bonn"',
        )
    made = replace(leaf, negated=negated)
    if text != shown or leaf.node is None:
        try:
            made = replace(made, node=fragments.read(text) if text.strip() else None, text=text)
        except fragments.FragmentError as error:
            problem, made = error, replace(made, node=None, text=text)
    if problem is not None:
        st.error("This is no condition yet", icon=":material/error:")
        st.code(str(problem), language=None)
    return made


def _field(desk: Desk, node: FieldCondition, entity: str, key: str) -> Node:
    path = field_picker(desk, "Field", node.field, entity, f"{key}.field")
    choice = desk.fields(entity).get(path) or c.field_choice(desk.model, entity, path)
    if choice is None:
        st.caption("There is no such field.")
        return replace(node, field=path)
    part = _part(choice, node.part, key) if choice.is_time else None
    operators = c.part_operators() if part else c.operator_choices(choice)
    same = (path, part) == (node.field, node.part)
    return values.compared(desk, choice, operators, node, entity, f"{key}.{path}", part, same, field=path, part=part)


def _part(choice: c.FieldChoice, present: str | None, key: str) -> str | None:
    offered = [p or values.ANY for p in c.PART_WORDS if p != "hour" or choice.type == "datetime"]
    picked = values.select(
        "Part of the date", offered, present or values.ANY, lambda p: c.PART_WORDS[p or None], f"{key}.part"
    )
    return picked or None


def field_picker(desk: Desk, label: str, present: str, entity: str, key: str) -> str:
    """Draw the searchable choice of a field by relation; any longer path can be typed."""
    known = desk.fields(entity)

    def words(path: str) -> str:
        choice = known.get(path) or c.field_choice(desk.model, entity, path)
        return choice.words if choice is not None else path

    picked = values.select(label, [*known], present, words, key, accept_new_options=True)
    if picked in known or c.field_choice(desk.model, entity, picked) is not None:
        return picked
    return c.typed_field(picked, known) or picked


def _measure(desk: Desk, node: MeasureCondition, entity: str, key: str) -> Node:
    was = node.measure
    measures = c.measure_choices()
    measure = values.select("Measure", [*measures], was.measure, measures.__getitem__, f"{key}.measure")
    related = desk.related(entity)
    path = values.select(
        "Records", [*related], was.related, lambda p: related[p].label if p in related else p, f"{key}.relation"
    )
    found = related.get(path) or c.related_choice(desk.model, entity, path)
    if found is None:
        st.caption("There are no such records.")
        return replace(node, measure=replace(was, related=path))
    fields = {f.path: f for f in c.measure_fields(desk.model, found.target, measure)}
    field = None
    if fields:
        start = was.field if was.field in fields else None
        field = values.select(
            "Of", [*fields], start, lambda p: fields[p].label, f"{key}.of.{found.target}.{measure in ('sum', 'avg')}"
        )
    by = _ordered_by(desk, found.target, was.by, key) if measure in ("first", "last") else None
    choice = c.measured(fields.get(field) if field else None, measure)
    operators = c.measured_operators(choice, measure)
    made = replace(was, related=path, measure=measure, field=field, by=by)
    same = measure == was.measure and field == was.field
    named = replace(choice, path=field or "", is_to_many=False)
    return values.compared(
        desk, named, operators, node, found.target, f"{key}.{measure}.{field}", None, same, measure=made
    )


def _same_row(desk: Desk, node: SameRow, entity: str, key: str) -> Node:
    related = desk.related(entity)
    path = values.select(
        "Records", [*related], node.related, lambda p: related[p].label if p in related else p, f"{key}.relation"
    )
    st.caption("that fulfils by itself:", width="content")
    return node if path == node.related else replace(node, related=path)


def _ordered_by(desk: Desk, target: str, present: str | None, key: str) -> str | None:
    times = {f.path: f.label for f in c.field_choices(desk.model, target, depth=0) if f.is_time}
    own = desk.model.entity(target).as_of
    offered = [values.ANY, *times] if own else [*times]
    picked = values.select(
        "By", offered, present or (values.ANY if own else None),
        lambda p: f"by {times[p].lower()}" if p else "by their time", f"{key}.by",
    )  # fmt: skip
    return picked or None


_ROWS: dict[type, tuple[str, kinds.Row]] = {
    FieldCondition: ("condition", _field),
    MeasureCondition: ("condition on related records", _measure),
    SameRow: ("condition on one related record", _same_row),
    **kinds.ROWS,
}
