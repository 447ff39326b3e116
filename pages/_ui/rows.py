"""The rows of the builder, one function per kind of condition; what has none of its own is edited as text.

A row takes the condition it shows and returns it, the very same until somebody changes something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from analytics.segments.definition import (
    BEHAVIOURS,
    All,
    Behaviour,
    Changed,
    Contacted,
    FieldCondition,
    InList,
    InSegment,
    MeasureCondition,
    Node,
    SameRow,
    Sample,
)
from analytics.views import conditions as c
from analytics.views import fragments
from analytics.views.drafts import Leaf
from pages._ui import values
from pages._ui.desk import Desk

_ANY = ""
_PERIODS = {
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
    "90d": "in the last 90 days",
    "365d": "in the last year",
}


def draw(desk: Desk, leaf: Leaf, entity: str) -> Leaf:
    """Draw a row about records of `entity` and return what it says now; its inner group is drawn by the builder."""
    kind = type(leaf.node)
    if leaf.text is not None or kind not in _ROWS:
        return _text_row(desk, leaf)
    name, drawn = _ROWS[kind]
    with desk.row(leaf, name=name):
        negated = _holds(desk, leaf)
        made = drawn(desk, leaf.node, entity, desk.key(leaf.id))
    return replace(leaf, node=made, negated=negated)


def _holds(desk: Desk, leaf: Leaf) -> bool:
    """Draw whether a condition has to hold; comparisons have opposites of their own, so those show it when set."""
    if isinstance(leaf.node, FieldCondition | MeasureCondition | Contacted | Sample) and not leaf.negated:
        return False
    yes, no = _VERBS.get(type(leaf.node), ("Holds", "Does not hold"))
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
    return _compared(desk, choice, operators, node, entity, f"{key}.{path}", part, same, field=path, part=part)


def _part(choice: c.FieldChoice, present: str | None, key: str) -> str | None:
    offered = [p or _ANY for p in c.PART_WORDS if p != "hour" or choice.type == "datetime"]
    picked = values.select(
        "Part of the date", offered, present or _ANY, lambda p: c.PART_WORDS[p or None], f"{key}.part"
    )
    return picked or None


def _compared(
    desk: Desk,
    choice: c.FieldChoice,
    operators: tuple[c.OperatorChoice, ...],
    node: Any,
    entity: str,
    key: str,
    look: str | None,
    same: bool,
    **changes: Any,
) -> Any:
    """Draw comparison and value of a node that has `operator` and `value`; returns it, or it with what changed."""
    shown, present = c.seen(node.operator, node.value) if look is None else (node.operator, _listed(node.value))
    operator = values.operator(operators, shown, f"{key}.op.{look or choice.type}")
    if not same:
        present = None
    given = values.value(desk, choice, operator, present, key, entity, look)
    if same and operator.name == shown and given == present:
        return replace(node, **changes) if any(getattr(node, n) != v for n, v in changes.items()) else node
    name, value = c.compared(operator.name, given)
    return replace(node, operator=name, value=value, **changes)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def field_picker(desk: Desk, label: str, present: str, entity: str, key: str) -> str:
    """Draw the searchable choice of a field by relation; any longer path can be typed."""
    known = desk.fields(entity)

    def words(path: str) -> str:
        choice = known.get(path) or c.field_choice(desk.model, entity, path)
        return choice.words if choice is not None else path

    return values.select(label, [*known], present, words, key, accept_new_options=True)


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
    return _compared(desk, named, operators, node, found.target, f"{key}.{measure}.{field}", None, same, measure=made)


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
    offered = [_ANY, *times] if own else [*times]
    picked = values.select(
        "By", offered, present or (_ANY if own else None),
        lambda p: f"by {times[p].lower()}" if p else "by their time", f"{key}.by",
    )  # fmt: skip
    return picked or None


def _member(desk: Desk, node: InList | InSegment, entity: str, key: str) -> Node:
    kind, present = ("list", node.name) if isinstance(node, InList) else ("segment", node.segment)
    names = desk.names(kind)
    picked = values.typed_or_chosen(
        kind.capitalize(), {n: n for n in names}, present or None, f"{key}.name", f"Which {kind}"
    )
    ways = {f.path: f.label for f in desk.fields(entity).values() if f.type == c.RELATION}
    through = values.select(
        "Who",
        [_ANY, *ways],
        node.through or _ANY,
        lambda p: f"its {ways.get(p, p)}" if p else "itself",
        f"{key}.through",
    )
    name = picked or ""
    return InList(name, through or None) if isinstance(node, InList) else InSegment(name, through or None)


def _contacted(desk: Desk, node: Contacted, entity: str, key: str) -> Node:
    what = values.select(
        "What", ["times", "last"], node.what,
        {"times": "Number of mails sent", "last": "Last mail sent"}.__getitem__, f"{key}.what",
    )  # fmt: skip
    name = values.select(
        "Through", [_ANY, *desk.names("list")], node.list_name or _ANY, lambda n: f"by list {n}" if n else "by any",
        f"{key}.list",
    )  # fmt: skip
    choice = c.FieldChoice("", "", "integer" if what == "times" else "datetime")
    operators = c.measured_operators(choice, "count") if what == "times" else c.operator_choices(choice)
    changes = {"what": what, "list_name": name or None}
    return cast(
        Node, _compared(desk, choice, operators, node, entity, f"{key}.{what}", None, what == node.what, **changes)
    )


def _behaviour(desk: Desk, node: Behaviour, entity: str, key: str) -> Node:
    what = values.select("What", BEHAVIOURS, node.behaviour, str.capitalize, f"{key}.what")
    campaign = values.select(
        "Campaign",
        [_ANY, *desk.names("campaign")],
        node.campaign or _ANY,
        lambda n: n or "any campaign",
        f"{key}.campaign",
    )
    within = period(node.within, f"{key}.within")
    times = st.number_input("At least times", 1, 9_999, node.times, key=f"{key}.times", label_visibility="collapsed",
                            format="%d")  # fmt: skip
    by = values.select(
        "Counted", ["human", "all"], node.by, {"human": "by people", "all": "machines too"}.__getitem__, f"{key}.by"
    )
    return Behaviour(what, campaign or None, within, int(times), cast(Any, by))


def period(present: str | None, key: str) -> str | None:
    """Draw the choice of how far back something counts: ever (None), or a duration such as "30d"."""
    offered = {"ever": "ever", **_PERIODS}
    picked = values.typed_or_chosen("Within", offered, present or "ever", key, "ever")
    if picked in (None, "ever"):
        return None
    return f"{picked}d" if str(picked).isdigit() else picked


def _changed(desk: Desk, node: Changed, entity: str, key: str) -> Node:
    kept = {f.name: f for f in desk.model.entity(entity).fields.values() if f.history}
    path = values.select(
        "Field", [*kept], node.field or None, lambda p: kept[p].label if p in kept else p, f"{key}.field"
    )
    choice = c.field_choice(desk.model, entity, path) or c.FieldChoice(path, path, "text")
    operator, value = _optional(desk, choice, node.operator, node.value, f"{key}.{path}.to", entity, "to any value")
    time = c.FieldChoice("", "", "datetime")
    when, at = _optional(desk, time, node.when, node.at, f"{key}.when", entity, "at any time")
    return Changed(path, operator, value, when, at)


def _optional(
    desk: Desk, choice: c.FieldChoice, present: str | None, value: Any, key: str, entity: str, without: str
) -> tuple[str | None, Any]:
    """Draw a comparison that may be left out, and its value."""
    shown, given = c.seen(present, value) if present is not None else (_ANY, None)
    offered = (c.OperatorChoice(_ANY, without, "none"), *c.operator_choices(choice))
    operator = values.operator(offered, shown, f"{key}.op.{choice.type}")
    if operator.name == _ANY:
        return None, None
    made = values.value(desk, choice, operator, given, key, entity, None)
    return (present, value) if (operator.name, made) == (shown, given) else c.compared(operator.name, made)


def _sample(desk: Desk, node: Sample, entity: str, key: str) -> Node:
    percent = st.number_input("Per cent", 0.0, 100.0, node.percent, key=f"{key}.percent", label_visibility="collapsed",
                              format="%g %%")  # fmt: skip
    start = st.number_input("From", 0.0, 100.0, node.start, key=f"{key}.start", label_visibility="collapsed",
                            format="%g %%")  # fmt: skip
    salt = st.text_input("Name of the draw", node.salt, key=f"{key}.salt", label_visibility="collapsed",
                         placeholder="Name of the draw", help="Two of one name share nobody.")  # fmt: skip
    return Sample(float(percent), float(start), salt)


_Row = Callable[[Desk, Any, str, str], Node]
_ROWS: dict[type, tuple[str, _Row]] = {
    FieldCondition: ("condition", _field),
    MeasureCondition: ("condition on related records", _measure),
    SameRow: ("condition on one related record", _same_row),
    InList: ("membership", _member),
    InSegment: ("membership", _member),
    Contacted: ("contact condition", _contacted),
    Behaviour: ("mail condition", _behaviour),
    Changed: ("change", _changed),
    Sample: ("sample", _sample),
}
_VERBS: dict[type, tuple[str, str]] = {
    SameRow: ("There is one of", "There is none of"),
    InList: ("In the list", "Not in the list"),
    InSegment: ("In the segment", "Not in the segment"),
    Behaviour: ("Did", "Did not"),
    Changed: ("Changed", "Did not change"),
}


def starters(desk: Desk, entity: str) -> dict[str, Node]:
    """Return the further kinds of conditions a group offers: {words: what a new one begins as}."""
    kept = [f.name for f in desk.model.entity(entity).fields.values() if f.history]
    offered: dict[str, Node] = {
        "Mail opened, clicked, …": Behaviour("opened", within="30d"),
        "Mailed how often or when": Contacted("times", "at_least", 1),
        "In a marketing list": InList(""),
        "In a segment": InSegment(""),
    }
    related = [*desk.related(entity)]
    if related:
        offered["One related record that …"] = SameRow(related[0], All(()))
    if kept:
        offered["Field was changed"] = Changed(kept[0])
    return {**offered, "Random sample": Sample(10.0)}
