"""Making lists without conditions: from a file, by hand, or out of other lists."""

from __future__ import annotations

from functools import partial
from typing import Literal

import streamlit as st

from analytics.lists import MarketingList, Matched
from analytics.views import list_making as view
from analytics.views.wording import counted, moment, number
from pages._ui import messages, session, widgets

Mode = Literal["replace", "add"]
_MODES: dict[Mode, str] = {"replace": "Replace the members", "add": "Add to the members"}


def from_file(listed: MarketingList | None) -> MarketingList | None:
    """Draw the upload of a file for a new list, or for one there is; returns the list once it is done."""
    services = session.services()
    name, target = ("", listed) if listed is not None else _whom("lists.upload")
    given = st.file_uploader(
        "A file of addresses or keys",
        type=list(view.SUFFIXES),
        key="lists.upload.file",
        help="One line each, with or without a header. The column is found by itself.",
    )
    if given is None or target is None:
        return None
    chosen = session.get("lists.upload.how", dict[str, str]())
    asked = (given.file_id, getattr(target, "id", target), tuple(chosen.items()))
    if session.get("lists.upload.asked", None) != asked:
        with messages.errors(), st.spinner("Reading the file …"):
            session.keep("lists.upload.matched", None)
            session.keep("lists.upload.matched", view.match(services, given.name, given, target, **chosen))
            session.keep("lists.upload.asked", asked)
    matched: Matched | None = session.get("lists.upload.matched", None)
    if matched is None:
        return None
    _how(matched)
    _report(matched)
    if listed is None:
        return _make(name, matched)
    return _change(listed, matched)


def _whom(prefix: str) -> tuple[str, tuple[str, str]]:
    model = session.services().model
    entities = {e.name: e.plural for e in model.targetable()}
    names = list(entities)
    first, second, third = st.columns([3, 2, 2])
    with first:
        name = st.text_input("Name", key=f"{prefix}.name", max_chars=255)
    with second:
        entity = st.selectbox(
            "Made of",
            names,
            index=names.index("customer_user") if "customer_user" in names else 0,
            format_func=entities.__getitem__,
            key=f"{prefix}.entity",
        )
    contacts = {c.name: {"email": "E-mail", "phone": "Telephone"}[c.channel] for c in model.entity(entity).contacts}
    with third:
        contact = st.selectbox(
            "Reached by", list(contacts), format_func=contacts.__getitem__, key=f"{prefix}.contact.{entity}"
        )
    return name, (entity, contact)


def _how(matched: Matched) -> None:
    """Draw how lines are read, to be changed where what was found is wrong."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = st.selectbox(
            "Column",
            list(range(len(matched.columns))),
            index=matched.column.index,
            format_func=matched.columns.__getitem__,
        )
        ways = list(view.WAYS)
        by = st.selectbox(
            "Matched by", ways, index=ways.index(matched.column.by), format_func=view.WAYS.__getitem__, width=220
        )
    if (column, by) != (matched.column.index, matched.column.by):
        session.keep("lists.upload.how", {"column": str(column + 1), "by": by})
        st.rerun()


def _report(matched: Matched) -> None:
    widgets.tiles(
        [
            widgets.Tile("Lines", number(matched.line_count)),
            widgets.Tile("Matched", number(matched.matched), "Lines that name somebody."),
            widgets.Tile("Several rows", number(matched.several), "Matched lines that name more than one row."),
            widgets.Tile("Repeated", number(matched.repeated), "Lines that name somebody again."),
            widgets.Tile("Unmatched", number(matched.unmatched.num_rows), "Lines that name nobody."),
        ],
        key="lists-upload",
    )
    rows = view.unmatched_rows(matched)
    if not rows:
        return
    more = f", the first {len(rows)} shown" if matched.unmatched.num_rows > len(rows) else ""
    with st.expander(f"{counted(matched.unmatched.num_rows, 'line')} fit nobody{more}", key="lists.upload.unmatched"):
        columns = {
            "line": widgets.count("Line"),
            "value": widgets.words("In the file", "large"),
            "reason": widgets.words("Why not", "large"),
        }
        widgets.table(rows, columns, key="lists.upload.lines", alt="Lines that fit nobody")


def _make(name: str, matched: Matched) -> MarketingList | None:
    ready = bool(name.strip()) and len(matched.keys) > 0
    if st.button(
        f"Make the list of {counted(len(matched.keys), 'member')}",
        key="lists.upload.make",
        type="primary",
        icon=":material/check:",
        disabled=not ready,
        help=None if ready else "Give the list a name; the file has to name somebody.",
    ):
        with messages.errors():
            services = session.services()
            made = session.once(
                "lists.upload",
                (name, session.get("lists.upload.asked", None)),
                lambda: services.uploads.create(name, matched),
            )
            messages.notice(f"List “{made.name}” is made of {counted(len(matched.keys), 'member')}.")
            return made
    return None


def _change(listed: MarketingList, matched: Matched) -> MarketingList | None:
    services = session.services()
    mode = st.segmented_control(
        "What it does",
        list(_MODES),
        default="replace",
        required=True,
        format_func=_MODES.__getitem__,
        key="lists.upload.mode",
    )
    change = services.uploads.preview(listed, matched, mode)
    st.caption(
        f"{counted(len(change.entered), 'member')} to come in, {len(change.left):,} to go out, {change.total:,} then."
    )
    if st.button("Change the list", key="lists.upload.apply", type="primary", icon=":material/check:"):
        with messages.errors():
            services.uploads.apply(listed, matched, mode)
            messages.notice(f"{len(change.entered):,} came in, {len(change.left):,} went out.")
            return listed
    return None


def files(listed: MarketingList) -> None:
    """Draw the files a list was made of, with their reports."""
    services = session.services()
    uploads = services.uploads.all(listed)
    if not uploads:
        return
    zone = services.store.settings.timezone
    with st.expander(f"Made of {counted(len(uploads), 'file')}", icon=":material/upload_file:", key="list.files"):
        for one in uploads:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                done = "replaced the members" if one.mode == "replace" else "added"
                st.markdown(
                    f"**{messages.plain(one.file_name)}**, {moment(one.created_at, zone)}, {done}: {one.matched:,} of "
                    f"{counted(one.line_count, 'line')} matched, {one.repeated:,} repeated, {one.unmatched:,} not",
                    width="stretch",
                )
                if one.unmatched:
                    st.download_button(
                        "Unmatched lines",
                        partial(view.unmatched_file, services, one.id),
                        file_name="unmatched.csv",
                        mime="text/csv",
                        key=f"list.unmatched.{one.id}",
                        icon=":material/download:",
                        on_click="ignore",
                    )


def by_hand() -> MarketingList | None:
    """Draw the form of a list that is filled by hand; returns it once it is made."""
    name, (entity, contact) = _whom("lists.hand")
    if st.button("Make the list", key="lists.hand.make", type="primary", disabled=not name.strip()):
        with messages.errors():
            services = session.services()
            made = session.once(
                "lists.hand", (name, entity, contact), lambda: view.make_manual(services, name, entity, contact)
            )
            messages.notice(f"List “{made.name}” is made. Add its members now.")
            return made
    return None


def adding(listed: MarketingList) -> None:
    """Draw what adds members to a list that is filled by hand."""
    with (
        st.popover("Add members", icon=":material/person_add:"),
        st.form("lists.add", clear_on_submit=True, border=False),
    ):
        text = st.text_area("Addresses or keys", placeholder="One a line, or with commas between", key="lists.add.text")
        if st.form_submit_button("Add", type="primary"):
            with messages.errors():
                done = view.add(session.services(), listed.id, text)
                said = f"{done.added + done.restored:,} added, {done.present:,} were on it."
                if done.unknown:
                    said += f" Nobody has {', '.join(done.unknown[:3])}{' …' if len(done.unknown) > 3 else ''}."
                messages.notice(said)
                st.rerun()


def of_others() -> MarketingList | None:
    """Draw the form of a list made of others; returns it once it is made."""
    services = session.services()
    names = [one.name for one in services.lists.all()]
    name = st.text_input("Name", key="lists.combine.name", max_chars=255)
    chosen = st.multiselect("Lists", names, key="lists.combine.lists", help="The order counts for the first one.")
    operation = st.radio(
        "Who is on the new list", list(view.MADE_OF), format_func=view.MADE_OF.__getitem__, key="lists.combine.how"
    )
    copied = st.toggle(
        "Copy the members as they are now", key="lists.combine.copied", help="Else it follows the lists."
    )
    ready = bool(name.strip()) and len(chosen) > 1
    if st.button(
        "Make the list",
        key="lists.combine.make",
        type="primary",
        disabled=not ready,
        help=None if ready else "Give it a name and choose two lists or more.",
    ):
        with messages.errors():
            made = session.once(
                "lists.combine",
                (name, operation, chosen, copied),
                lambda: view.combine(services, name, operation, chosen, copied=copied),
            )
            messages.notice(f"List “{made.name}” is made.")
            return made
    return None
