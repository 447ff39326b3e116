"""Marketing lists: how long they are, who is on one, and what keeps somebody off."""

from __future__ import annotations

import streamlit as st

from analytics.views import lists as view
from analytics.views.wording import counted, joined, local, moment, number
from pages._ui import history, mailed, messages, session, widgets
from pages.audience import list_editor

_CALLS = "pages/sending/calls.py"
_EMAILS = "pages/sending/email_campaigns.py"
_DATA = "pages/audience/data.py"


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("list"), session.chosen_id("list")
    if asked == "new":
        _edit(view.fresh(session.services()))
    elif chosen is not None and session.chosen("edit"):
        _edit(view.editable(session.services(), chosen))
    elif chosen is not None:
        _detail(chosen)
    else:
        _overview()


def _open(listed: int | str | None, *, edit: bool = False) -> None:
    session.forget("lists.")
    session.choose(list=listed, edit="1" if edit else None)
    st.rerun()


@st.cache_data(ttl=20, max_entries=8, show_spinner=False)
def _lines(root: str, versions: tuple[tuple[int, object], ...]) -> tuple[view.Line, ...]:
    return view.overview(session.services())


def _overview() -> None:
    services = session.services()
    present = services.lists.all()
    with widgets.head("Marketing lists", "Who your mails go to, said in conditions on the shop's data."):
        new = present and st.button("New list", key="list.new", icon=":material/add:", type="primary")
    if not present:
        with widgets.empty(
            "lists",
            "groups",
            "No marketing list yet",
            "Say who you want to reach: for example everybody who ordered twice and not in the last 90 days.",
        ):
            new = st.button("Create the first list", key="list.first", type="primary")
    if new:
        _open("new")
    if not present:
        return
    lines = _lines(str(services.store.folder.root), tuple((m.id, m.updated_at) for m in present))
    zone = services.store.settings.timezone
    picked = widgets.table(
        [
            {
                "name": line.name,
                "of": line.made_of,
                "kind": line.kind.capitalize(),
                "members": line.counts.members,
                "reachable": line.counts.reachable,
                "campaigns": line.campaigns,
                "updated": local(line.updated_at, zone),
            }
            for line in lines
        ],
        {
            "name": widgets.words("List", "large"),
            "of": widgets.words("Made of"),
            "kind": widgets.words("Kind", "small"),
            "members": widgets.count("Members"),
            "reachable": widgets.count("Reachable", "With an address and not unsubscribed from the list."),
            "campaigns": widgets.count("Campaigns"),
            "updated": widgets.when("Changed"),
        },
        key="list.table",
        alt="Marketing lists with their size",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].id)


def _edit(begun: view.Editable) -> None:
    sentence = "Set conditions on the left; the answer on the right follows them."
    with widgets.head(begun.name or "New marketing list", sentence):
        if st.button("Cancel", key="list.cancel"):
            _open(begun.id)
    made = list_editor.draw(begun)
    if made is None:
        return
    values, definition = made
    with messages.errors():
        services = session.services()
        if begun.id is None:
            saved = session.once("list", made, lambda: view.save(services, begun, values, definition))
        else:
            saved = view.save(services, begun, values, definition)
        messages.notice(f"List “{saved.name}” is saved.")
        _open(saved.id)


def _detail(chosen: int) -> None:
    services = session.services()
    shown = view.detail(services, chosen)
    listed, zone = shown.listed, services.store.settings.timezone
    kept = "members as of " + moment(listed.refreshed_at, zone) if listed.is_static else "checked anew each time"
    with widgets.head(
        listed.name, f"{shown.made_of}, {kept}. Goes to: {joined(shown.campaigns) or 'no campaign yet'}."
    ):
        if st.button("All lists", key="list.back", icon=":material/arrow_back:"):
            _open(None)
        if st.button("Edit", key="list.edit", icon=":material/edit:"):
            _open(chosen, edit=True)
        if listed.is_static:
            widgets.action(
                "Refresh",
                lambda: services.lists.refresh(listed),
                key="list.refresh",
                said="The members are up to date.",
                icon=":material/refresh:",
            )
        if listed.channel == "email":
            widgets.go(
                "Send a mail",
                _EMAILS,
                key="list.send",
                icon=":material/send:",
                primary=True,
                campaign="new",
                list=str(chosen),
            )
        else:
            widgets.go(
                "Call them", _CALLS, key="list.call", icon=":material/call:", primary=True, call="new", list=str(chosen)
            )
    counts = shown.counts
    widgets.tiles(
        [
            widgets.Tile("Members", number(counts.members)),
            widgets.Tile(
                "Reachable", number(counts.reachable), "members with an address that may be mailed, not unsubscribed"
            ),
            widgets.Tile("Unsubscribed", number(counts.unsubscribed)),
            widgets.Tile("Without address", number(counts.without_contact)),
            widgets.Tile("Removed by hand", number(counts.removed)),
        ],
        key="list",
    )
    _members(chosen, counts.removed)
    with st.expander("History", icon=":material/show_chart:", key="list.history", on_change="rerun") as past:
        if past.open:
            history.draw("list", chosen)
    widgets.sql(view.sql(services, listed), "list.sql")
    _deleting(shown)


def _members(chosen: int, removed_count: int) -> None:
    services, zone = session.services(), session.services().store.settings.timezone
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="lists.search", placeholder="Name, address or key", icon=":material/search:"
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
        )
    removed = which == "removed"
    pages = session.get("lists.page", 0)
    found = view.members(services, chosen, pages, search, removed=removed)
    if not found.members:
        if pages:
            session.keep("lists.page", 0)
            st.rerun()
        st.caption("Nobody here." if not search else "Nobody matches this search.")
        return
    has_titles = any(m.title != m.address for m in found.members)
    picked = widgets.pick_many(
        [
            {
                **({"title": m.title} if has_titles else {}),
                "address": m.address,
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
            "subscribed": st.column_config.CheckboxColumn("Subscribed", width="small"),
            "times": widgets.count("Mails so far"),
            "last": widgets.when("Last mail"),
            "key": widgets.words("Key", "small"),
        },
        key=f"lists.members.{which}.{pages}",
        alt="Members of the list",
    )
    keys = [found.members[n].key for n in picked]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, width="content"):
            if removed:
                _act(chosen, "restore", "Put back", keys, ":material/undo:")
            else:
                _act(chosen, "remove", "Remove from list", keys, ":material/person_remove:")
                _act(chosen, "unsubscribe", "Unsubscribe", keys, ":material/unsubscribe:")
                _act(chosen, "resubscribe", "Subscribe again", keys, ":material/mark_email_read:")
                mailed.button([found.members[n].address for n in picked], key="lists.why")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            _pager(found.total, pages)


def _act(chosen: int, action: str, label: str, keys: list[str], icon: str) -> None:
    widgets.action(
        label,
        lambda: view.mark(session.services(), chosen, action, keys),
        key=f"lists.{action}",
        said=f"{label}: {counted(len(keys), 'member')}.",
        icon=icon,
        disabled=not keys,
        help=None if keys else "Tick members in the table first.",
    )


def _pager(total: int, at: int) -> None:
    last = max(0, (total - 1) // view.PAGE_SIZE)
    first = at * view.PAGE_SIZE + 1
    st.caption(f"{first:,} to {min(total, first + view.PAGE_SIZE - 1):,} of {total:,}", width="content")
    if st.button("", key="lists.previous", icon=":material/chevron_left:", help="Previous", disabled=at == 0):
        session.keep("lists.page", at - 1)
        st.rerun()
    if st.button("", key="lists.next", icon=":material/chevron_right:", help="Next", disabled=at >= last):
        session.keep("lists.page", at + 1)
        st.rerun()


def _deleting(shown: view.Detail) -> None:
    with st.popover("Delete list", icon=":material/delete:", type="tertiary"):
        st.caption("What is known of its members (removed, unsubscribed) goes with it.")
        if st.button("Delete for good", key="list.delete"):
            with messages.errors():
                session.services().lists.delete(shown.listed)
                session.deleted()
                messages.notice(f"List “{shown.listed.name}” is deleted.")
                _open(None)


page()
