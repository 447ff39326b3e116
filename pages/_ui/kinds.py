"""The rows for what is known of a record beside its fields: lists and segments, mails, changes, tags, a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import streamlit as st

from analytics.segments.definition import (
    BEHAVIOURS,
    Behaviour,
    Changed,
    Contacted,
    InList,
    InSegment,
    Node,
    SameRow,
    Sample,
    Tag,
)
from analytics.views import conditions as c
from pages._ui import values
from pages._ui.desk import Desk

Row = Callable[[Desk, Any, str, str], Node]
"""Takes the desk, a condition, the entity it is about and the key of its widgets; returns what the row says now."""

_PERIODS = {
    "ever": "ever",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
    "90d": "in the last 90 days",
    "365d": "in the last year",
}


def _member(desk: Desk, node: InList | InSegment, entity: str, key: str) -> Node:
    kind, present = ("list", node.name) if isinstance(node, InList) else ("segment", node.segment)
    names = desk.names(kind)
    picked = values.typed_or_chosen(
        kind.capitalize(), {n: n for n in names}, present or None, f"{key}.name", f"Which {kind}"
    )
    ways = {f.path: f.label for f in desk.fields(entity).values() if f.type == c.RELATION}
    through = values.select(
        "Who",
        [values.ANY, *ways],
        node.through or values.ANY,
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
        "Through", [values.ANY, *desk.names("list")], node.list_name or values.ANY,
        lambda n: f"by list {n}" if n else "by any", f"{key}.list",
    )  # fmt: skip
    choice = c.FieldChoice("", "", "integer" if what == "times" else "datetime")
    operators = c.measured_operators(choice, "count") if what == "times" else c.operator_choices(choice)
    changes = {"what": what, "list_name": name or None}
    made: Node = values.compared(
        desk, choice, operators, node, entity, f"{key}.{what}", None, what == node.what, **changes
    )
    return made


def _behaviour(desk: Desk, node: Behaviour, entity: str, key: str) -> Node:
    what = values.select("What", BEHAVIOURS, node.behaviour, str.capitalize, f"{key}.what")
    campaign = values.select(
        "Campaign",
        [values.ANY, *desk.names("campaign")],
        node.campaign or values.ANY,
        lambda n: n or "any campaign",
        f"{key}.campaign",
    )
    within = period(node.within, f"{key}.within")
    count = times(node.times, f"{key}.times")
    by = values.select(
        "Counted", ["human", "all"], node.by, {"human": "by people", "all": "machines too"}.__getitem__, f"{key}.by"
    )
    return Behaviour(what, campaign or None, within, count, cast(Any, by))


def period(present: str | None, key: str) -> str | None:
    """Draw the choice of how far back something counts: ever (None), or a duration such as "30d"."""
    picked = values.typed_or_chosen("Within", _PERIODS, present or "ever", key, "ever")
    if picked in (None, "ever"):
        return None
    return f"{picked}d" if str(picked).isdigit() else picked


def times(present: int, key: str) -> int:
    """Draw the choice of how often something happened at least."""
    offered = {str(n): "once or more" if n == 1 else f"{n} times or more" for n in (1, 2, 3, 5, 10)}
    picked = values.typed_or_chosen("How often", offered, str(present), key, "How often")
    return int(picked) if picked is not None and picked.isascii() and picked.isdigit() and int(picked) else present


def _tag(desk: Desk, node: Tag, entity: str, key: str) -> Node:
    words = {"any_of": "Bears one of the tags", "none_of": "Bears none of the tags"}
    operator = values.select("Tags", [*words], node.operator, words.__getitem__, f"{key}.op")
    known = [tag.name for tag in desk.services.tags.all(entity)]
    picked = st.multiselect(
        "Which tags", [*dict.fromkeys([*known, *node.names])], list(node.names), key=f"{key}.names",
        accept_new_options=True, placeholder="Choose or type", label_visibility="collapsed",
    )  # fmt: skip
    return Tag(tuple(picked), cast(Any, operator))


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
    shown, given = c.seen(present, value) if present is not None else (values.ANY, None)
    offered = (c.OperatorChoice(values.ANY, without, "none"), *c.operator_choices(choice))
    operator = values.operator_choice(offered, shown, f"{key}.op.{choice.type}")
    if operator.name == values.ANY:
        return None, None
    made = values.value(desk, choice, operator, given, key, entity, None)
    return (present, value) if (operator.name, made) == (shown, given) else c.compared(operator.name, made)


def _sample(desk: Desk, node: Sample, entity: str, key: str) -> Node:
    st.caption("A random share in per cent", width="content")
    percent = st.number_input("Per cent", 0.0, 100.0, node.percent, key=f"{key}.percent", label_visibility="collapsed",
                              format="%g")  # fmt: skip
    st.caption("from", width="content")
    start = st.number_input("From", 0.0, 100.0, node.start, key=f"{key}.start", label_visibility="collapsed",
                            format="%g")  # fmt: skip
    salt = st.text_input("Name of the draw", node.salt, key=f"{key}.salt", label_visibility="collapsed",
                         placeholder="Name of the draw", help="Two of one name share nobody.")  # fmt: skip
    return Sample(float(percent), float(start), salt)


ROWS: Mapping[type, tuple[str, Row]] = {
    InList: ("membership", _member),
    InSegment: ("membership", _member),
    Contacted: ("contact condition", _contacted),
    Behaviour: ("mail condition", _behaviour),
    Changed: ("change", _changed),
    Tag: ("tag condition", _tag),
    Sample: ("sample", _sample),
}
"""What each kind is called, and the function that draws it."""

VERBS: Mapping[type, tuple[str, str]] = {
    SameRow: ("There is one of", "There is none of"),
    InList: ("In the list", "Not in the list"),
    InSegment: ("In the segment", "Not in the segment"),
    Behaviour: ("Did", "Did not"),
    Changed: ("Changed", "Did not change"),
}
"""How kinds without opposites of their own say that they hold, and that they do not."""


def starters(desk: Desk, entity: str) -> dict[str, Node]:
    """Return the further kinds of conditions a group offers: {words: what a new one begins as}."""
    kept = [f.name for f in desk.model.entity(entity).fields.values() if f.history]
    offered: dict[str, Node] = {
        "Mail opened, clicked, …": Behaviour("opened", within="30d"),
        "Mailed how often or when": Contacted("times", "at_least", 1),
        "In a marketing list": InList(""),
        "In a segment": InSegment(""),
        "Bears a tag": Tag(()),
    }
    related = [*desk.related(entity).values()]
    if related:
        first = related[0]
        offered["One related record that …"] = SameRow(first.path, c.starting_field(desk.model, first.target))
    if kept:
        offered["Field was changed"] = Changed(kept[0])
    return {**offered, "Random sample": Sample(10.0)}
