"""The tree of conditions: groups in groups, rows in them, and below a row on related records a tree of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from analytics.segments.definition import SameRow
from analytics.views import conditions as c
from analytics.views import rearranged
from analytics.views.drafts import Draft, Group, Item, Join, Leaf, related_path
from pages._ui import drag, kinds, rows
from pages._ui.desk import Desk, grip
from pages._ui.palette import palette

_JOINS = {"all": "All of", "any": "Any of", "not": "None of"}
_GROUPS: Mapping[str, Join] = {"Group: all of": "all", "Group: any of": "any", "Group: none of": "not"}


def draw(desk: Desk) -> Group:
    """Draw the tree of the desk's draft and return what it says now."""
    root = _group(desk, desk.draft.root, desk.draft.entity)
    drag.watch(desk.prefix, palette().good, lambda said: _dropped(desk, said))
    return root


def _dropped(desk: Desk, said: object) -> None:
    if not isinstance(said, Mapping):
        return
    item, target, side = said.get("item"), said.get("target"), said.get("side")
    if isinstance(item, int) and isinstance(target, int) and side in ("before", "after", "into"):
        desk.act(rearranged.placed, item, target, side)


def _group(desk: Desk, group: Group, entity: str, nested: bool = False) -> Group:
    """Draw a group's head, items and what can be added to it; a nested one can itself be moved."""
    key = desk.key(group.id)
    with desk.box("group", group.id, border=True, gap="small"):
        with desk.box("head", group.id, horizontal=True, wrap=False, gap="xsmall"):
            if nested:
                grip()
            join = _join(group.join, f"{key}.join")
            if nested:
                desk.menu(group, name="group")
        if not group.items:
            st.caption("No condition yet: everybody is in." if not nested else "No condition yet: it says nothing.")
        made = tuple(_item(desk, item, entity) for item in group.items)
        for path in rearranged.shared_rows(desk.model, entity, group):
            _row_switch(desk, path, entity, "any", f"{key}.rows.{path}", rearranged.same_row, desk.model, entity,
                        group.id, path)  # fmt: skip
        _adders(desk, group, entity, key)
    return replace(group, join=join, items=made)


def _join(present: Join, key: str) -> Join:
    picked = st.segmented_control(
        "How the conditions combine",
        list(_JOINS),
        default=present,
        required=True,
        format_func=_JOINS.__getitem__,
        key=key,
        label_visibility="collapsed",
    )
    return cast(Join, picked or present)


def _item(desk: Desk, item: Item, entity: str) -> Item:
    if isinstance(item, Group):
        return _group(desk, item, entity, nested=True)
    if item.inner is None:
        return rows.draw(desk, item, entity)
    return _related(desk, item, entity)


def _related(desk: Desk, leaf: Leaf, entity: str) -> Leaf:
    """Draw a row on related records with the conditions these have to meet below it."""
    key = desk.key(leaf.id)
    made = rows.draw(desk, leaf, entity)
    target = _target(desk, made, entity)
    inner = leaf.inner
    if target is None or inner is None:
        return made
    with desk.box("where", leaf.id, gap="xsmall"):
        if isinstance(made.node, SameRow):
            if rearranged.can_part(made):
                _row_switch(desk, made.node.related, entity, "same", f"{key}.rows", rearranged.any_row, leaf.id)
            return replace(made, inner=_inner(desk, inner, target))
        if inner.items:
            st.caption("Only those where:")
            return replace(made, inner=_inner(desk, inner, target))
        st.button(
            "Only those where …",
            key=f"{key}.add-where",
            icon=":material/subdirectory_arrow_right:",
            type="tertiary",
            on_click=desk.act,
            args=(rearranged.added, inner.id, c.starting_field(desk.model, target)),
        )
    return made


def _inner(desk: Desk, group: Group, entity: str) -> Group:
    """Draw the conditions on related rows; a group around nothing but one other is not shown beside it."""
    match group:
        case Group(join="all", items=(Group() as only,)):
            return replace(group, items=(_inner(desk, only, entity),))
        case _:
            return _group(desk, group, entity)


def _row_switch(
    desk: Desk, path: str, entity: str, present: str, key: str, change: Callable[..., Draft], *args: Any
) -> None:
    """Draw whether conditions on related rows may be fulfilled by any of them each, or by one and the same."""
    found = c.related_choice(desk.model, entity, path)
    words = {"any": "by any row each", "same": "by the same row"}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{found.label if found else path}: fulfilled", width="content")
        st.segmented_control(
            "Which rows fulfil the conditions",
            list(words),
            default=present,
            required=True,
            format_func=words.__getitem__,
            key=key,
            label_visibility="collapsed",
            on_change=desk.act,
            args=(change, *args),
        )


def _target(desk: Desk, leaf: Leaf, entity: str) -> str | None:
    path = related_path(leaf.node)
    found = c.related_choice(desk.model, entity, path) if path else None
    return found.target if found is not None else None


def _adders(desk: Desk, group: Group, entity: str, key: str) -> None:
    related = [*desk.related(entity).values()]
    with desk.box("adders", group.id, horizontal=True, gap="xsmall", vertical_alignment="center"):
        _adder(desk, "Condition", "filter_alt", f"{key}.add-field", group.id, c.starting_field(desk.model, entity))
        if related:
            row = c.starting_related(related)
            _adder(desk, "Related records", "receipt_long", f"{key}.add-related", group.id, row)
        more = kinds.starters(desk, entity)
        st.menu_button(
            "More",
            [*_GROUPS, *more, "As text"],
            key=f"{key}.add-more",
            icon=":material/add:",
            on_click=_added,
            args=(desk, group.id, f"{key}.add-more", more),
        )


def _adder(desk: Desk, label: str, icon: str, key: str, group: int, made: Any) -> None:
    st.button(label, key=key, icon=f":material/{icon}:", on_click=desk.act, args=(rearranged.added, group, made))


def _added(desk: Desk, group: int, key: str, more: Mapping[str, Any]) -> None:
    wish = str(st.session_state.get(key) or "")
    if wish == "As text":
        desk.act(rearranged.added_text, group)
    elif wish in more:
        desk.act(rearranged.added, group, more[wish])
    elif wish:
        desk.act(rearranged.added, group, _GROUPS[wish])
