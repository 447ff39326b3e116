"""The editor of a marketing list: its name and kind, and who is on it."""

from __future__ import annotations

import streamlit as st

from analytics.model.entity import ContactPath
from analytics.segments import Definition
from analytics.views.lists import Editable
from pages._ui import editor, messages, session

PREFIX = "lists.build"
KINDS = {"dynamic": "Dynamic", "static": "Static"}
_KIND_WORDS = {
    "dynamic": "Checked anew whenever it is looked at or sent to.",
    "static": "Fixed when you save it; changes when you refresh it.",
}


def draw(editable: Editable) -> tuple[dict[str, str], Definition | None] | None:
    """Draw the editor; returns what to save once the person says so: the list's values and its definition.

    The definition is None for a list without conditions, of which only name and way to be reached are changed.
    """
    about = editable.id or "new"
    if session.get("lists.editing", None) != about:
        session.forget("lists.edit.")
        editor.forget(PREFIX)
        session.keep("lists.editing", about)
    values = _basics(editable)
    blocked = None if values["name"].strip() else "Give the list a name first."
    if not editable.has_conditions:
        st.caption("Its members are kept as they are; they are changed on the list itself.")
        pressed = st.button(
            "Save list", type="primary", key=f"{PREFIX}.save", icon=":material/check:", disabled=blocked is not None,
            help=blocked,
        )  # fmt: skip
        return (values, None) if pressed else None
    if editable.segment is not None:
        st.caption(messages.plain(f"Built on the segment “{editable.segment}”; the conditions below narrow it."))
    made = editor.draw(
        PREFIX,
        editable.definition if editable.definition.entity == values["entity"] else None,
        values["entity"],
        about=about,
        save="Save list",
        blocked=blocked,
        counted="On this list",
        within=editable.segment,
    )
    return None if made is None else (values, made)


def _basics(editable: Editable) -> dict[str, str]:
    model = session.services().model
    entities = {e.name: e.plural for e in model.targetable()}
    named, first, second, third = st.columns([4, 2.6, 2, 2.6], vertical_alignment="top")
    with named:
        name = st.text_input(
            "Name",
            editable.name,
            max_chars=255,
            key="lists.edit.name",
            placeholder="Gold customers of the last quarter",
        )
    with first:
        entity = st.selectbox(
            "Made of",
            list(entities),
            index=list(entities).index(editable.entity),
            format_func=entities.__getitem__,
            key="lists.edit.entity",
            disabled=editable.id is not None,
        )
    paths = {c.name: _contact(c) for c in model.entity(entity).contacts}
    with second:
        contact = st.selectbox(
            "Reached by",
            list(paths),
            index=list(paths).index(editable.contact) if editable.contact in paths else 0,
            format_func=paths.__getitem__,
            key=f"lists.edit.contact.{entity}",
        )
    if not editable.has_conditions:
        return {"name": name, "entity": entity, "contact": contact, "kind": editable.kind}
    with third:
        kind = st.segmented_control(
            "Kind",
            list(KINDS),
            default=editable.kind,
            format_func=KINDS.__getitem__,
            key="lists.edit.kind",
            disabled=editable.id is not None,
        )
        st.caption(_KIND_WORDS[kind or editable.kind])
    return {"name": name, "entity": entity, "contact": contact, "kind": kind or editable.kind}


def _contact(contact: ContactPath) -> str:
    channel = {"email": "E-mail", "phone": "Telephone"}[contact.channel]
    return channel if contact.path == contact.channel else f"{channel} ({contact.path})"
