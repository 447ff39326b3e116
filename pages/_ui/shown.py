"""The columns a list shows beside its members, their order, and how many it takes at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from analytics.segments.definition import Measure
from analytics.views import conditions as c
from analytics.views import rearranged
from analytics.views.drafts import Draft, Shown
from pages._ui import values
from pages._ui.desk import Desk

_MEASURE = "measure"


def draw(desk: Desk) -> Draft:
    """Draw columns, order and limit and return the draft with what they say now."""
    draft = desk.draft
    st.markdown("**Columns**")
    columns = tuple(_shown(desk, s, "columns") for s in draft.columns)
    _adder(desk, "columns", "Add a column")
    st.markdown("**Order**")
    order = tuple(_shown(desk, s, "order") for s in draft.order)
    _adder(desk, "order", "Add a step of the order")
    limit = st.number_input(
        "At most",
        min_value=1,
        value=draft.limit or None,
        step=1,
        key=f"{desk.prefix}.e{desk.edition}.limit",
        placeholder="All of them",
        help="The first ones in this order: the top N. Without a number there is no limit.",
        width=220,
    )
    kept = draft.limit if limit is None and draft.limit == 0 else limit
    return replace(draft, columns=columns, order=order, limit=kept)


def _shown(desk: Desk, shown: Shown, part: rearranged.Part) -> Shown:
    key = desk.key(shown.id)
    with desk.box("cols", shown.id, horizontal=True, wrap=False, gap="xsmall"):
        with desk.box("fields", shown.id, horizontal=True, gap="xsmall"):
            source, label, descending = _said(desk, shown, part, key)
        with desk.box("tail", shown.id, horizontal=True, wrap=False, width="content", gap=None):
            _button(desk, key, "Move up", "arrow_upward", rearranged.shifted, part, shown.id, -1)
            _button(desk, key, "Move down", "arrow_downward", rearranged.shifted, part, shown.id, 1)
            _button(desk, key, "Remove", "close", rearranged.hidden, part, shown.id)
    return replace(shown, source=source, label=label, descending=descending)


def _said(desk: Desk, shown: Shown, part: rearranged.Part, key: str) -> tuple[str | Measure, str | None, bool]:
    """Draw the widgets of a column, or of a step of the order; returns source, label and whether it descends."""
    source = _source(desk, shown.source, key)
    label, descending = shown.label, shown.descending
    if part == "columns":
        typed = st.text_input(
            "Label", label or "", key=f"{key}.label", label_visibility="collapsed", placeholder="Its own name"
        )
        label = label if typed == (label or "") else typed.strip() or None
    else:
        picked = values.select(
            "Direction", ["up", "down"], "down" if descending else "up",
            {"up": "smallest first", "down": "largest first"}.__getitem__, f"{key}.direction",
        )  # fmt: skip
        descending = picked == "down"
    return source, label, descending


def _button(desk: Desk, key: str, label: str, icon: str, change: Callable[..., Draft], *args: object) -> None:
    st.button(
        label, key=f"{key}.{icon}", icon=f":material/{icon}:", type="tertiary", on_click=desk.act,
        args=(change, *args),
    )  # fmt: skip


def _source(desk: Desk, source: str | Measure, key: str) -> str | Measure:
    entity = desk.draft.entity
    if isinstance(source, str):
        known = {path: choice for path, choice in desk.fields(entity).items() if not choice.is_to_many}
        return values.select("Field", [*known], source, lambda p: _words(desk, entity, p), f"{key}.field")
    related = desk.related(entity)
    measures = c.measure_choices()
    measure = values.select("Measure", [*measures], source.measure, measures.__getitem__, f"{key}.measure")
    path = values.select(
        "Records", [*related], source.related, lambda p: related[p].label if p in related else p, f"{key}.relation"
    )
    found = related.get(path) or c.related_choice(desk.model, entity, path)
    fields = {f.path: f.label for f in c.measure_fields(desk.model, found.target, measure)} if found else {}
    field = None
    if fields:
        start = source.field if source.field in fields else None
        field = values.select(
            "Of", [*fields], start, fields.__getitem__, f"{key}.of.{path}.{measure in ('sum', 'avg')}"
        )
    by = source.by if measure in ("first", "last") else None
    return replace(source, related=path, measure=measure, field=field, by=by)


def _words(desk: Desk, entity: str, path: str) -> str:
    choice = desk.fields(entity).get(path) or c.field_choice(desk.model, entity, path)
    return choice.words if choice is not None else path


def _adder(desk: Desk, part: rearranged.Part, label: str) -> None:
    entity = desk.draft.entity
    key = f"{desk.prefix}.e{desk.edition}.add-{part}"
    related = [*desk.related(entity).values()]
    with st.container(horizontal=True, gap="small"):
        first = c.starting_field(desk.model, entity).field
        st.button(
            label, key=key, icon=":material/add:", type="tertiary", on_click=desk.act,
            args=(rearranged.shown, part, first),
        )  # fmt: skip
        if related:
            st.button(
                "Number of related records" if part == "columns" else "By related records",
                key=f"{key}-{_MEASURE}",
                icon=":material/receipt_long:",
                type="tertiary",
                on_click=desk.act,
                args=(rearranged.shown, part, Measure(related[0].path, "count")),
            )
