"""The members of a list: searched, sorted, ticked one by one or taken all at once, and saved as a file."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from analytics.lists.marks import Action
from analytics.model.progress import Progress
from analytics.views import list_making
from analytics.views import lists as view
from analytics.views.wording import counted, local
from pages._ui import mailed, messages, session, widgets

_OWN_ORDER = "List order"
_LABELS: dict[Action, str] = {
    "remove": "Remove from list",
    "unsubscribe": "Unsubscribe",
    "resubscribe": "Subscribe again",
    "restore": "Put back",
}
_ICONS: dict[Action, str] = {
    "remove": ":material/person_remove:",
    "unsubscribe": ":material/unsubscribe:",
    "resubscribe": ":material/mark_email_read:",
    "restore": ":material/undo:",
}


def draw(chosen: int, removed_count: int) -> None:
    """Draw the grid with everything that is done to members."""
    search, removed, sort = _asked(chosen, removed_count)
    at = session.get("lists.page", 0)
    found = view.members(session.services(), chosen, at, search, removed=removed, sort=sort)
    _undo()
    if not found.members:
        if at:
            _first_page()
            st.rerun()
        _nobody(search, removed)
        return
    order = f".{sort[0]}.{sort[1]}" if sort else ""
    acts = session.get("lists.acts", 0)
    which = "removed" if removed else "members"
    # Another order, search or act makes it another grid: a tick belongs to a row, not to a place.
    shown = f"lists.members.{which}.{at}{order}"
    ticked = _grid(found, f"{shown}.{search}.{acts}" if search or acts else shown)
    _acts(chosen, ticked, found.total, search, removed)
    _pager(found.total, at)


def _asked(chosen: int, removed_count: int) -> tuple[str, bool, tuple[str, bool] | None]:
    listed = session.services().lists.get(chosen)
    labels = session.services().lists.labels(listed)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search",
            key="lists.search",
            placeholder="Name, address, key or column",
            icon=":material/search:",
            on_change=_first_page,
        )
        by = st.selectbox("Sorted by", [_OWN_ORDER, *labels], key="lists.sort", on_change=_first_page, width=190)
        descending = st.selectbox(
            "Direction",
            [False, True],
            format_func=lambda down: "Descending" if down else "Ascending",
            key="lists.descending",
            on_change=_first_page,
            disabled=by == _OWN_ORDER,
            width=150,
        )
        options = {"members": "Members", "removed": f"Removed ({removed_count:,})"}
        which = st.segmented_control(
            "Show",
            list(options),
            default="members",
            required=True,
            format_func=options.__getitem__,
            key="lists.which",
            label_visibility="collapsed",
            on_change=_first_page,
        )
    return search, which == "removed", None if by == _OWN_ORDER else (by, bool(descending))


def _first_page() -> None:
    session.keep("lists.page", 0)


def _nobody(search: str, removed: bool) -> None:
    if search:
        st.caption("Nobody matches this search.")
    elif removed:
        st.caption("Nobody was removed by hand.")
    else:
        st.caption("Nobody is on this list.")


def _grid(found: view.MemberPage, key: str) -> list[view.Member]:
    zone = session.services().store.settings.timezone
    has_titles = any(m.title != m.address for m in found.members)
    shown = [
        name for name in found.columns if any(m.own[name] not in (None, m.address, m.title) for m in found.members)
    ]
    picked = widgets.pick_many(
        [
            {
                **({"title": m.title} if has_titles else {}),
                "address": m.address,
                **{f"own.{name}": _cell(m.own[name], zone) for name in shown},
                "subscribed": m.is_subscribed,
                "times": m.contacted_times,
                "last": local(m.last_contacted_at, zone),
                "key": m.key,
            }
            for m in found.members
        ],
        {
            **({"title": widgets.words("Member")} if has_titles else {}),
            "address": widgets.words("Reached at"),
            **{f"own.{name}": _column(name, [m.own[name] for m in found.members]) for name in shown},
            "subscribed": st.column_config.CheckboxColumn("Subscribed", width="small"),
            "times": widgets.count("Contacted"),
            "last": widgets.when("Last contacted"),
            "key": widgets.words("Key", "small"),
        },
        key=key,
        alt="Members of the list",
    )
    return [found.members[n] for n in picked]


def _column(label: str, values: list[Any]) -> Any:
    """Return the column of what a list shows of its members, by the kind of its values."""
    kind = type(next((value for value in values if value is not None), ""))
    if kind is bool:
        return st.column_config.CheckboxColumn(label, width="small")
    if issubclass(kind, int | float | Decimal):
        return st.column_config.NumberColumn(label, format="localized")
    if issubclass(kind, date):
        return widgets.when(label) if issubclass(kind, datetime) else widgets.day(label)
    return widgets.words(label)


def _cell(value: Any, zone: str) -> Any:
    return local(value, zone) if isinstance(value, datetime) else value


def _acts(chosen: int, ticked: list[view.Member], total: int, search: str, removed: bool) -> None:
    whom = "that match the search" if search else ("removed" if removed else "of the list")
    with st.container(horizontal=True, vertical_alignment="center"):
        everybody = st.checkbox(
            f"All {total:,} {whom}", key=f"lists.everybody.{removed}.{session.get('lists.acts', 0)}"
        )
        actions: list[Action] = ["restore"] if removed else ["remove", "unsubscribe", "resubscribe"]
        for action in actions:
            _act(chosen, action, [m.key for m in ticked], everybody, search, total)
        if not removed:
            mailed.button([m.address for m in ticked], key="lists.why")
            _export(chosen)


def _act(chosen: int, action: Action, keys: list[str], everybody: bool, search: str, total: int) -> None:
    label = _LABELS[action]
    if not st.button(
        label if not everybody else f"{label}: all {total:,}",
        key=f"lists.{action}",
        icon=_ICONS[action],
        disabled=not (keys or everybody),
        help=None if keys or everybody else "Tick members in the table first, or all of them.",
    ):
        return
    services = session.services()
    with messages.errors():
        if everybody:
            done = view.mark_all(services, chosen, action, search, _drawn())
        else:
            done = view.mark(services, chosen, action, keys)
        session.keep("lists.undo", done)
        session.keep("lists.acts", session.get("lists.acts", 0) + 1)
        messages.notice(f"{label}: {counted(done.count, 'member')}.")
        st.rerun()


def _drawn() -> Progress:
    bar = st.progress(0.0)

    def draw(done: int, total: int | None, what: str) -> None:
        bar.progress(done / total if total else 1.0, f"{done:,} of {total or done:,} {what}")

    return draw


def _undo() -> None:
    done = session.get("lists.undo", None)
    if done is None or not done.count:
        return
    label = _LABELS[done.action]
    with st.container(horizontal=True, vertical_alignment="center", key="lists-undo"):
        st.caption(f"{label}: {counted(done.count, 'member')} changed.", width="content")
        if st.button("Undo", key="lists.undo.press", icon=":material/undo:", type="tertiary"):
            with messages.errors():
                session.services().lists.undo(done, _drawn())
                session.keep("lists.undo", None)
                session.keep("lists.acts", session.get("lists.acts", 0) + 1)
                messages.notice("It is as it was before.")
                st.rerun()


def _export(chosen: int) -> None:
    with st.popover("Download", icon=":material/download:"):
        st.caption("All members with the columns of the list. Formulas in names are made harmless.")
        for kind, label in list_making.EXPORTS.items():
            st.download_button(
                label,
                partial(list_making.exported, session.services(), chosen, kind),
                file_name=f"members.{kind}",
                key=f"lists.export.{kind}",
                on_click="ignore",
                width="stretch",
            )


def _pager(total: int, at: int) -> None:
    last = max(0, (total - 1) // view.PAGE_SIZE)
    first = at * view.PAGE_SIZE + 1
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.caption(f"{first:,} to {min(total, first + view.PAGE_SIZE - 1):,} of {total:,}", width="content")
        if st.button("", key="lists.previous", icon=":material/chevron_left:", help="Previous", disabled=at == 0):
            session.keep("lists.page", at - 1)
            st.rerun()
        if st.button("", key="lists.next", icon=":material/chevron_right:", help="Next", disabled=at >= last):
            session.keep("lists.page", at + 1)
            st.rerun()
