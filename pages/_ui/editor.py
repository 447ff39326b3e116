"""The editor of a definition, for lists and segments alike: builder, text and SQL over one draft, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from analytics.segments import Cost, Definition, parse_text, write_text
from analytics.segments.definition import All, InSegment
from analytics.segments.layout import laid_out
from analytics.views import audience_preview, drafts
from analytics.views.audience_preview import Preview
from analytics.views.wording import duration, number, percent
from pages._ui import builder, desk, messages, session, shown, sql_writer, why, widgets
from pages._ui.desk import Desk

_TABS = ("Builder", "Text", "SQL")


def draw(
    prefix: str,
    definition: Definition | None,
    entity: str,
    *,
    about: object = None,
    save: str = "Save",
    blocked: str | None = None,
    counted: str = "In it",
    within: str | None = None,
) -> Definition | None:
    """Draw the editor and return the definition once somebody asks to save it, else None.

    It begins with `definition` (None: every row of `entity`) and keeps what is made of it in the session under
    `prefix`, until `entity` or `about` (what is edited, such as its number) is another. `save` is the button's label;
    `blocked` says what has to be done before, None when nothing; `counted` is the label of the count; `within` names
    a stored segment that is asked too wherever the definition is run, and is no part of what is returned.
    """
    begun = (entity, about)
    if session.get(f"{prefix}.begun", None) != begun:
        desk.begin(prefix, drafts.draft_of(definition if definition is not None else Definition(entity)))
        session.keep(f"{prefix}.begun", begun)
    left, right = st.columns([13, 7], gap="medium")
    with left:
        unread = _tabs(prefix, within)
    if unread:
        blocked = "Mend the text first, or leave it: the builder keeps what it had."
    with right, st.container(key=f"answer-{prefix}".replace(".", "-")):
        return _answer(prefix, save, blocked, counted, within)


def forget(prefix: str) -> None:
    """Forget what was built under `prefix`: the next editor begins anew."""
    session.forget(f"{prefix}.")


def present(prefix: str) -> Definition | None:
    """Return what the editor under `prefix` says now, None when nothing was begun."""
    known = desk.history(prefix)
    return None if known is None else drafts.definition(known.present)


def _tabs(prefix: str, within: str | None) -> bool:
    """Draw the open tab; returns whether it holds a text that cannot be read."""
    unread = False
    build, text, query = st.tabs(_TABS, key=f"{prefix}.tab", on_change="rerun")
    if build.open:
        with build:
            _builder(prefix)
    if text.open:
        with text:
            unread = _text(prefix)
    if query.open:
        with query, messages.errors():
            sql_writer.draw(prefix, _asked(present(prefix), within), within)
    return unread


def _builder(prefix: str) -> None:
    known = desk.history(prefix)
    assert known is not None, "begun above"
    table = Desk(prefix, session.services(), known.present, session.get(f"{prefix}.edition", 0))
    bar = st.container(
        horizontal=True, horizontal_alignment="right", gap="small", key=f"undo-{prefix}".replace(".", "-")
    )
    if known.present.sql is None:
        root = builder.draw(table)
    else:
        root = known.present.root
        st.caption("Who is meant is written as SQL. It is changed under SQL; without it conditions can be built here.")
        st.code(known.present.sql, language="sql", wrap_lines=True)
    with st.expander("Columns, order and limit", icon=":material/view_column:", key=f"{prefix}.shown"):
        made = shown.draw(table)
    known = known.changed(replace(made, root=root))
    session.keep(f"{prefix}.history", known)
    with bar:  # drawn last: what was changed in this run can be taken back at once
        _back(prefix, "Undo", "undo", bool(known.past), on=False)
        _back(prefix, "Redo", "redo", bool(known.future), on=True)


def _back(prefix: str, label: str, icon: str, able: bool, *, on: bool) -> None:
    st.button(
        label,
        key=f"{prefix}.{icon}",
        icon=f":material/{icon}:",
        type="tertiary",
        disabled=not able,
        on_click=desk.go_back,
        args=(prefix,),
        kwargs={"on": on},
    )


def _text(prefix: str) -> bool:
    """Draw the definition as text; returns whether what is typed cannot be read."""
    known = desk.history(prefix)
    assert known is not None, "begun above"
    made = drafts.definition(known.present)
    written = laid_out(made) if made.sql is None else write_text(made)
    st.caption("The same definition as one expression. What you change here the builder shows too.")
    key = f"{prefix}.e{session.get(f'{prefix}.edition', 0)}.text"
    typed = st.text_area("Definition as text", written, key=key, height=220, label_visibility="collapsed")
    if typed == written or (not written.startswith("--") and typed.split() == written.split()):
        return False
    try:
        read = parse_text(typed)
        if read.entity != known.present.entity:
            st.error(f"This is about {known.present.entity}; a text about {read.entity} belongs elsewhere.")
            return True
    except messages.SENTENCES as error:
        st.error("This cannot be read yet; the builder keeps what it had.", icon=":material/error:")
        st.code(str(error), language=None)
        return True
    if read != drafts.definition(known.present):
        session.keep(f"{prefix}.history", known.changed(drafts.draft_of(read)))
    st.caption("Read; the builder shows it.")
    return False


def _asked(made: Definition | None, within: str | None) -> Definition | None:
    """Return what is run: the definition, and the segment it is an addition to."""
    if made is None or within is None:
        return made
    member = InSegment(within)
    return replace(made, where=member if made.where is None else All((member, made.where)))


def _answer(prefix: str, save: str, blocked: str | None, counted: str, within: str | None) -> Definition | None:
    said = present(prefix)
    made = _asked(said, within)
    assert made is not None, "begun above"
    widgets.section("Right now")
    try:
        made = Definition.from_document(made.to_document())  # says where groups are nested too deep
        answer = _counted(prefix, made)
    except messages.SENTENCES as error:
        if made.sql is None:
            messages.show(error)
        else:  # the tab of the query says where and what
            st.error("The query cannot be run yet; SQL says why.", icon=":material/error:")
        _save(prefix, save, "Mend what is not right first.")
        return None
    if answer is not None:
        _show(answer, session.services().model.entity(made.entity).plural, counted, f"answer-{prefix}")
    if not _agreed(prefix, answer):
        blocked = "Counting is slow; tick the box to save it all the same."
    pressed = _save(prefix, save, blocked)
    people: Mapping[str, str] = answer.keys if answer is not None else {}
    if st.button("Why in, why out?", key=f"{prefix}.why", icon=":material/help:", width="stretch"):
        why.ask(made, people, key=f"{prefix}.why-window")
    return said if pressed else None


def _save(prefix: str, label: str, blocked: str | None) -> bool:
    return st.button(
        label,
        type="primary",
        key=f"{prefix}.save",
        icon=":material/check:",
        width="stretch",
        disabled=blocked is not None,
        help=blocked,
    )


def _counted(prefix: str, made: Definition) -> Preview | None:
    """Return the answer, or None while a slow one waits to be asked for."""
    services = session.services()
    root, standing, asked = str(services.store.folder.root), audience_preview.standing(services), repr(made)
    if session.get(f"{prefix}.slow", None) not in (None, asked):
        messages_slow = duration(session.get(f"{prefix}.spent", 0) / 1000)
        services.segments.check(made)
        st.info(f"The last count took {messages_slow}, so this one waits for you.", icon=":material/hourglass_empty:")
        if not st.button("Count now", key=f"{prefix}.count", width="stretch"):
            return None
    answer = _preview(root, standing, asked, made)
    session.keep(f"{prefix}.slow", asked if answer.is_slow else None)
    session.keep(f"{prefix}.spent", answer.milliseconds)
    return answer


@st.cache_data(ttl=30, max_entries=64, show_spinner=False)
def _preview(root: str, standing: object, asked: str, _made: Definition) -> Preview:
    return audience_preview.preview(session.services(), _made)


def _agreed(prefix: str, answer: Preview | None) -> bool:
    """Warn of what is slow before it is saved; returns whether it may be."""
    if answer is not None and not answer.is_slow:
        return True
    cost = Cost(session.get(f"{prefix}.spent", 0) / 1000)
    st.warning(messages.plain(cost.sentence), icon=":material/speed:")
    return st.checkbox("Save it all the same", key=f"{prefix}.agreed")


def _show(answer: Preview, plural: str, counted: str, key: str) -> None:
    share = percent(answer.count / answer.of) if answer.of else None
    note = f"{share} of {number(answer.of)}" if share else None
    widgets.tiles([widgets.Tile(counted, number(answer.count), note=note)], key="answer")
    if not answer.of:
        st.caption(messages.plain(f"There are no {plural.lower()} yet. Import some first."))
    elif not answer.count:
        st.caption("Nobody fits. Loosen a condition, or let any of them be enough.")
    else:
        said = [name for name in answer.columns[1:] if any(row[name] not in (None, "") for row in answer.rows)]
        names = [*said, answer.columns[0]]  # the key last, columns nobody has a value in not at all
        columns = {n: widgets.words(n[:1].upper() + n[1:], "small" if at else "medium") for at, n in enumerate(names)}
        widgets.table(answer.rows, columns, key=key, alt="Some of them")
        st.caption(f"Some of them. Counted exactly in {answer.milliseconds} ms.")
