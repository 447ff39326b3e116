"""The rows for what is known of a record beside its fields, those of further modules with them, and what is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import streamlit as st

from analytics.segments.definition import (
    Behaviour,
    Changed,
    Consent,
    Contacted,
    Did,
    InList,
    InSegment,
    Node,
    Rfm,
    SameRow,
    Sample,
    Sequence,
    Split,
    Tag,
)
from analytics.views import conditions as c
from pages._ui import kinds_people, kinds_samples, values
from pages._ui.desk import Desk

Row = Callable[[Desk, Any, str, str], Node]
"""Takes the desk, a condition, the entity it is about and the key of its widgets; returns what the row says now."""


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


ROWS: Mapping[type, tuple[str, Row]] = {
    InList: ("membership", _member),
    InSegment: ("membership", _member),
    Contacted: ("contact condition", _contacted),
    Changed: ("change", _changed),
    Tag: ("tag condition", _tag),
    **kinds_people.ROWS,
    **kinds_samples.ROWS,
}
"""What each kind is called, and the function that draws it."""

_DID = "What they did"
_GROUPS = "Groups and samples"

VERBS: Mapping[type, tuple[str, str]] = {
    SameRow: ("There is one of", "There is none of"),
    InList: ("In the list", "Not in the list"),
    InSegment: ("In the segment", "Not in the segment"),
    Behaviour: ("Did", "Did not"),
    Did: ("Did", "Did not"),
    Sequence: ("Did in this order", "Did not in this order"),
    Split: ("In the part", "Not in the part"),
    Changed: ("Changed", "Did not change"),
}
"""How kinds without opposites of their own say that they hold, and that they do not."""


def starters(desk: Desk, entity: str) -> dict[str, Node]:
    """Return the further kinds of conditions a group offers, by what they are about: {words: what one begins as}."""
    topics = desk.services.topics.all()
    kept = [f.name for f in desk.model.entity(entity).fields.values() if f.history]
    related = [*desk.related(entity).values()]
    offered: dict[str, Node] = {
        f"{_DID}: on a website": Did("page_view", within="30d"),
        f"{_DID}: with a mail": Behaviour("opened", within="30d"),
        f"{_DID}: one thing after another": Sequence((Behaviour("clicked"), Did("order")), "7d"),
        f"{_DID}: a thing and then not another": Sequence((Did("cart"),), "3d", Did("order")),
        "What they said: yes or no to a topic": Consent(topics[0].name if topics else "", "granted"),
    }
    if related:
        first = related[0]
        one = SameRow(first.path, c.starting_field(desk.model, first.target))
        offered["Records: one related record that …"] = one
    if kept:
        offered["Records: a field was changed"] = Changed(kept[0])
    offered |= {
        "Records: bears a tag": Tag(()),
        "Mailings: how often or when": Contacted("times", "at_least", 1),
        f"{_GROUPS}: marketing list": InList(""),
        f"{_GROUPS}: segment": InSegment(""),
    }
    if c.buys(desk.model, entity):
        offered[f"{_GROUPS}: best to worst buyers (RFM)"] = Rfm("recency", "at_most", 2)
    return offered | {f"{_GROUPS}: part of an even split": Split("", 1, 2), f"{_GROUPS}: random sample": Sample(10.0)}
