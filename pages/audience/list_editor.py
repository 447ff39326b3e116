"""The editor of a marketing list: who is on it, said in conditions, with the answer beside them while they are set."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analytics.model.entity import ContactPath
from analytics.segments import Definition
from analytics.views import audience_preview, conditions
from analytics.views import data as data_view
from analytics.views.lists import Editable
from analytics.views.wording import number, percent
from pages._ui import builder, messages, session, widgets

PREFIX = "lists.build"
KINDS = {"dynamic": "Dynamic", "static": "Static"}
_KIND_WORDS = {
    "dynamic": "Checked anew whenever it is looked at or sent to.",
    "static": "Fixed when you save it; changes when you refresh it.",
}


def begin(editable: Editable) -> None:
    """Start editing a list, or a new one."""
    session.forget("lists.edit.", f"{PREFIX}.")
    session.keep("lists.editing", editable.id or "new")
    if editable.draft is not None:
        builder.begin(PREFIX, editable.draft)


def draw(editable: Editable) -> tuple[dict[str, str], Definition] | None:
    """Draw the editor; returns what to save once the person says so: the list's values and its definition."""
    if session.get("lists.editing", None) != (editable.id or "new"):
        begin(editable)
    services = session.services()
    left, right = st.columns([8, 5], gap="large")
    with left:
        values = _basics(editable)
        widgets.section("Who is on it", "Every condition narrows the list; without any, everybody is on it.")
        definition = _definition(editable, values["entity"])
    with right, st.container(key="answer"):
        widgets.section("Right now")
        try:
            answer = audience_preview.preview(services, definition)
        except messages.SENTENCES as error:
            messages.show(error)
            return None
        _answer(answer, services.model.entity(values["entity"]).plural)
        saved = st.button(
            "Save list",
            type="primary",
            key="lists.save",
            icon=":material/check:",
            width="stretch",
            disabled=not values["name"].strip(),
            help=None if values["name"].strip() else "Give the list a name first.",
        )
        widgets.sql(answer.sql, "lists.sql")
    return (values, definition) if saved else None


def _basics(editable: Editable) -> dict[str, str]:
    model = session.services().model
    name = st.text_input(
        "Name", editable.name, max_chars=255, key="lists.edit.name", placeholder="Gold customers of the last quarter"
    )
    entities = {e.name: e.plural for e in model.targetable()}
    first, second, third = st.columns([3, 2, 3], vertical_alignment="top")
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


def _definition(editable: Editable, entity: str) -> Definition:
    if editable.draft is None and editable.definition is not None:
        st.info(
            "This list says more than the builder has rows for, so its conditions are shown as text. "
            "They can be changed with `shelduck list`.",
            icon=":material/code:",
        )
        st.code(editable.text, language="yaml", wrap_lines=True)
        return editable.definition
    known = session.get(f"{PREFIX}.draft", None)
    if known is None or known.entity != entity:
        builder.begin(PREFIX, conditions.Draft(entity))
    return conditions.definition(builder.draw(PREFIX, session.services().model, _values))


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def _known(root: str, entity: str, path: str) -> Sequence[str]:
    return data_view.known_values(session.services(), entity, path)


def _values(entity: str, path: str) -> Sequence[str]:
    return _known(str(session.services().store.folder.root), entity, path)


def _answer(answer: audience_preview.Preview, plural: str) -> None:
    share = percent(answer.count / answer.of) if answer.of else None
    widgets.tiles(
        [widgets.Tile("On this list", number(answer.count), note=f"{share} of {number(answer.of)}" if share else None)],
        key="answer",
    )
    if not answer.of:
        st.caption(messages.plain(f"There are no {plural.lower()} yet. Import some first."))
    elif not answer.count:
        st.caption("Nobody fits. Loosen a condition, or let any of them be enough.")
    else:
        said = [name for name in answer.columns[1:] if any(row[name] not in (None, "") for row in answer.rows)]
        names = [*said, answer.columns[0]]  # the key last, columns nobody has a value in not at all
        columns = {n: widgets.words(n[:1].upper() + n[1:], "small" if at else "medium") for at, n in enumerate(names)}
        widgets.table(answer.rows, columns, key="lists.sample", alt="Some members")
        st.caption(f"Some of them. Counted exactly in {answer.milliseconds} ms.")
