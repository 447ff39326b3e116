"""Templates: what mails say, written with a preview beside it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from analytics.views import templates as view
from analytics.views.wording import counted, joined, local
from pages._ui import messages, preview, session, widgets

_PAGE = "pages/sending/templates.py"
_WIDTHS = {"wide": "Desktop", "narrow": "Telephone"}


def page() -> None:
    """Show what the address asks for."""
    asked = session.chosen("template")
    number = session.chosen_id("template")
    if asked == "new":
        _new()
    elif number is not None:
        _edit(view.draft_of(session.services().templates.get(number)))
    else:
        _overview()


def _open(template: int | str | None, starter: str | None = None) -> None:
    session.forget("templates.")
    session.choose(template=template, start=starter)
    st.rerun()


def _overview() -> None:
    services = session.services()
    lines = view.overview(services)
    with widgets.head("Templates", "What your mails say, with variables that differ from reader to reader."):
        if lines and st.button("New template", key="template.new", icon=":material/add:", type="primary"):
            _open("new")
    if not lines:
        widgets.section("Start with one of these")
        _starters()
        return
    zone = services.store.settings.timezone
    picked = widgets.table(
        [
            {
                "name": line.name,
                "subject": line.subject,
                "for": line.made_for,
                "uses": joined(line.uses) or "not used yet",
                "version": line.version,
                "updated": local(line.updated_at, zone),
            }
            for line in lines
        ],
        {
            "name": widgets.words("Template"),
            "subject": widgets.words("Subject", "large"),
            "for": widgets.words("For", "small"),
            "uses": widgets.words("Used by"),
            "version": widgets.count("Version"),
            "updated": widgets.when("Changed"),
        },
        key="template.table",
        alt="Templates with subject and use",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].id)


def _starters() -> None:
    for column, starter in zip(st.columns(len(view.starters())), view.starters(), strict=True):
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute"):
            with st.container():
                st.markdown(f":material/{view.ICONS.get(starter.name, 'draft')}: **{starter.name}**")
                st.caption(starter.about)
            if st.button("Start with this", key=f"template.start.{starter.name}", width="stretch"):
                _open("new", starter.name)


def _new() -> None:
    starter = session.chosen("start")
    if starter is None:
        with widgets.head("New template", "Choose what it begins as; everything can be changed afterwards."):
            if st.button("Cancel", key="template.cancel"):
                _open(None)
        _starters()
        return
    with messages.errors():
        _edit(view.started(starter))


def _edit(start: view.Draft) -> None:
    services = session.services()
    with widgets.head(start.name or "New template", "Changes count from the next sending on."):
        if st.button("All templates", key="template.back", icon=":material/arrow_back:"):
            _open(None)
        saving = st.button("Save", key="template.save", type="primary", icon=":material/check:")
    left, right = st.columns(2, gap="large")
    with left:
        draft = _fields(start)
    checked = view.check(services.model, draft)
    with right:
        _shown(draft, checked)
    if not saving:
        return
    if not draft.name.strip():
        st.error("The template needs a name.", icon=":material/error:")
        return
    with messages.errors():
        saved = (
            session.once("template", draft, lambda: view.save(services, draft))
            if draft.id is None
            else view.save(services, draft)
        )
        messages.notice(f"Template “{saved.name}” is saved as version {saved.version}.")
        _open(saved.id)


def _fields(start: view.Draft) -> view.Draft:
    model = session.services().model
    name = st.text_input("Name", start.name, max_chars=255, key="templates.name", placeholder="Spring news")
    entities: dict[str, str] = {e.name: e.plural for e in model.targetable()}
    options = ["", *entities]
    entity = st.selectbox(
        "Made for",
        options,
        index=options.index(start.entity or "") if (start.entity or "") in options else 0,
        format_func=lambda e: entities.get(e, "Anything (no variables of records)"),
        key="templates.entity",
    )
    subject = st.text_input("Subject", start.subject, max_chars=255, key="templates.subject")
    preheader = st.text_input(
        "Preview line",
        start.preheader,
        max_chars=255,
        key="templates.preheader",
        help="The words most mail programs show after the subject.",
    )
    html_tab, text_tab, variables = st.tabs(["HTML", "Plain text", "Variables"])
    with html_tab:
        html = st.text_area("HTML", start.html, height=430, key="templates.html", label_visibility="collapsed")
    with text_tab:
        text = st.text_area(
            "Plain text",
            start.text,
            height=360,
            key="templates.text",
            placeholder="Leave empty to have it made from the HTML.",
            label_visibility="collapsed",
        )
    with variables:
        _variables(entity or None)
    return replace(
        start, name=name, entity=entity or None, subject=subject, preheader=preheader.strip(), html=html, text=text
    )


def _variables(entity: str | None) -> None:
    offered = view.variables(session.services().model, entity)
    st.caption("Choose what to show, copy it, and paste it where it belongs.")
    picked = st.selectbox(
        "Variable",
        range(len(offered)),
        index=None,
        format_func=lambda n: offered[n].label,
        key="templates.variable",
        placeholder="Search: first name, city, total …",
    )
    if picked is not None:
        st.code(offered[picked].code, language="jinja2")
    st.caption("If a value may be missing, say what stands there instead:")
    st.code("{{ entity.first_name | default('there') }}", language="jinja2")


def _shown(draft: view.Draft, checked: view.Checked) -> None:
    services = session.services()
    if checked.compiled is None:
        st.error(messages.sentence(checked.problem or ""), icon=":material/error:")
        st.caption("The preview comes back as soon as this is put right.")
        return
    key = _member(draft.entity)
    with st.container(horizontal=True, horizontal_alignment="right"):
        width = st.segmented_control(
            "Width",
            list(_WIDTHS),
            default="wide",
            required=True,
            format_func=_WIDTHS.__getitem__,
            key="templates.width",
            label_visibility="collapsed",
        )
    with messages.errors():
        parts = view.try_out(services, checked.compiled, draft.entity, key)
        with st.container(border=True, gap=None):
            st.markdown(f"**{messages.plain(parts.subject)}**")
            st.caption(messages.plain(draft.preheader or "No preview line."))
        looks, plain = st.tabs(["As it looks", "As plain text"])
        with looks, st.container(width=390 if width == "narrow" else "stretch"):
            preview.mail(parts.html, key="templates.preview", height=540)
        with plain:
            st.code(parts.text, language=None, wrap_lines=True, height=540)
    links = counted(len(checked.compiled.links), "tracked link")
    st.caption(messages.plain(" ".join([f"{links}.", *checked.hints])))


def _member(entity: str | None) -> str | None:
    if entity is None:
        return None
    found = view.members(session.services(), entity, session.get("templates.search", ""))
    titles = {m.key: m.title for m in found}
    if not titles:
        st.caption("No record to try it with yet; variables are shown empty.")
        return None
    return st.selectbox("Seen by", list(titles), format_func=titles.__getitem__, key=f"templates.member.{entity}")


page()
