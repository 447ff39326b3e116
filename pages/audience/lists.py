"""Marketing lists: how long they are, who is on one, and what keeps somebody off."""

from __future__ import annotations

import streamlit as st

from analytics.lists import MarketingList
from analytics.views import lists as view
from analytics.views.wording import counted, joined, local, moment, number
from pages._ui import history, messages, session, widgets
from pages.audience import list_editor, list_making, list_members

_CALLS = "pages/sending/calls.py"
_EMAILS = "pages/sending/email_campaigns.py"
_DATA = "pages/audience/data.py"


_WITHOUT_CONDITIONS = {
    "file": (
        "List from a file",
        "Upload addresses or keys; what became of every line is shown before the list is made.",
    ),
    "hand": ("List filled by hand", "Make the list first, then add its members by address or key."),
    "others": ("List of other lists", "Put lists together, or take one out of another."),
}


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("list"), session.chosen_id("list")
    if asked in _WITHOUT_CONDITIONS:
        _without_conditions(asked)
    elif chosen is not None and session.chosen("upload"):
        _another_file(chosen)
    elif asked == "new":
        _edit(view.fresh(session.services()))
    elif chosen is not None and session.chosen("edit"):
        _edit(view.editable(session.services(), chosen))
    elif chosen is not None:
        _detail(chosen)
    else:
        _overview()


def _open(listed: int | str | None, *, edit: bool = False, upload: bool = False) -> None:
    session.forget("lists.")
    session.choose(list=listed, edit="1" if edit else None, upload="1" if upload else None)
    st.rerun()


@st.cache_data(ttl=20, max_entries=8, show_spinner=False)
def _lines(root: str, versions: tuple[tuple[int, object], ...]) -> tuple[view.Line, ...]:
    return view.overview(session.services())


def _overview() -> None:
    services = session.services()
    present = services.lists.all()
    with widgets.head(
        "Marketing lists", "Whom you mail or call: by conditions on the shop's data, by hand, or from a file."
    ):
        if present:
            _other_ways(others=len(present) > 1)
        new = present and st.button("New list", key="list.new", icon=":material/add:", type="primary")
    if not present:
        with widgets.empty(
            "lists",
            "groups",
            "No marketing list yet",
            "Say who you want to reach: for example everybody who ordered twice and not in the last 90 days.",
        ):
            new = st.button("Create the first list", key="list.first", type="primary")
            _other_ways(others=False)
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
                "members": line.counts.members,
                "reachable": line.counts.reachable,
                "suppressed": line.counts.suppressed,
                "of": line.made_of,
                "kind": line.kind.capitalize(),
                "campaigns": line.campaigns,
                "updated": local(line.updated_at, zone),
            }
            for line in lines
        ],
        {
            "name": widgets.words("List"),
            "members": widgets.count("Members"),
            "reachable": widgets.count("Reachable", "With an address or number that may be used, not unsubscribed."),
            "suppressed": widgets.count("Suppressed", "Members who are never mailed or called, whatever the list."),
            "of": widgets.words("Made of", "small"),
            "kind": widgets.words("Kind", "small"),
            "campaigns": widgets.count("Campaigns"),
            "updated": widgets.day("Changed"),
        },
        key="list.table",
        alt="Marketing lists with their size",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].id)


def _other_ways(*, others: bool) -> None:
    with st.popover("Without conditions", icon=":material/playlist_add:"):
        for way, label in (("file", "From a file"), ("hand", "By hand"), ("others", "Of other lists")):
            offered = way != "others" or others
            if offered and st.button(label, key=f"list.way.{way}", width="stretch", type="tertiary"):
                _open(way)


def _without_conditions(way: str) -> None:
    title, sentence = _WITHOUT_CONDITIONS[way]
    with widgets.head(title, sentence):
        if st.button("Cancel", key="list.cancel"):
            _open(None)
    drawn = {"file": lambda: list_making.from_file(None), "hand": list_making.by_hand, "others": list_making.of_others}
    made = drawn[way]()
    if made is not None:
        _open(made.id)


def _another_file(chosen: int) -> None:
    listed = session.services().lists.get(chosen)
    with widgets.head(listed.name, "Another file for this list; what changes is shown before it does."):
        if st.button("Cancel", key="list.cancel"):
            _open(chosen)
    if list_making.from_file(listed) is not None:
        _open(chosen)


def _edit(begun: view.Editable) -> None:
    sentence = "Set conditions on the left; the answer on the right follows them."
    if not begun.has_conditions:
        sentence = "What the list is called, and how its members are reached."
    with widgets.head(begun.name or "New marketing list", sentence):
        if st.button("Cancel", key="list.cancel"):
            _open(begun.id)
    made = list_editor.draw(begun)
    if made is None:
        return
    values, definition = made
    with messages.errors():
        services = session.services()
        if definition is None:
            saved = view.rename(services, begun, values["name"], values["contact"])
        elif begun.id is None:
            saved = session.once("list", made, lambda: view.save(services, begun, values, definition))
        else:
            saved = view.save(services, begun, values, definition)
        messages.notice(f"List “{saved.name}” is saved.")
        _open(saved.id)


def _detail(chosen: int) -> None:
    services = session.services()
    shown = view.detail(services, chosen)
    listed, zone = shown.listed, services.store.settings.timezone
    kept = {
        "dynamic": "checked anew each time",
        "static": "members as of " + moment(listed.refreshed_at, zone),
        "manual": "filled by hand",
        "uploaded": "made of a file",
    }[listed.kind_label]
    with widgets.head(
        listed.name, f"{shown.made_of}, {kept}. Goes to: {joined(shown.campaigns) or 'no campaign yet'}."
    ):
        if st.button("All lists", key="list.back", icon=":material/arrow_back:"):
            _open(None)
        if st.button("Edit", key="list.edit", icon=":material/edit:"):
            _open(chosen, edit=True)
        if listed.is_refreshable and st.button("Refresh", key="list.refresh", icon=":material/refresh:"):
            _refresh(chosen)
        if listed.source == "picked":
            list_making.adding(listed)
        if listed.source == "uploaded" and st.button("Another file", key="list.upload", icon=":material/upload:"):
            _open(chosen, upload=True)
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
    widgets.tiles(_tiles(shown), key="list")
    _keeping(listed)
    list_members.draw(chosen, shown.counts.removed)
    list_making.files(listed)
    with st.expander("History", icon=":material/show_chart:", key="list.history", on_change="rerun") as past:
        if past.open:
            history.draw("list", chosen)
    if listed.source == "definition":
        widgets.sql(view.sql(services, listed), "list.sql")
    _deleting(shown)


def _tiles(shown: view.Detail) -> list[widgets.Tile]:
    counts = shown.counts
    if shown.listed.channel == "email":
        return [
            widgets.Tile("Members", number(counts.members)),
            widgets.Tile(
                "Reachable", number(counts.reachable), "members with an address that may be mailed, not unsubscribed"
            ),
            widgets.Tile("Unsubscribed", number(counts.unsubscribed)),
            widgets.Tile("Suppressed", number(counts.suppressed), "members whose address or domain is never mailed"),
            widgets.Tile("Without address", number(counts.without_contact)),
        ]
    return [
        widgets.Tile("Members", number(counts.members)),
        widgets.Tile(
            "Reachable", number(counts.reachable), "members with a number that can be called, not unsubscribed"
        ),
        widgets.Tile("Unsubscribed", number(counts.unsubscribed)),
        widgets.Tile("Not to be called", number(counts.suppressed), "members whose number nobody calls any more"),
        widgets.Tile("Without number", number(counts.without_contact)),
        widgets.Tile("Wrong numbers", number(counts.bad_numbers), "members with a number that cannot be dialled"),
        widgets.Tile(
            "Shared numbers",
            number(counts.shared_numbers),
            "members whose number another member has too: both make one call",
        ),
    ]


@st.dialog("Refresh the list", icon=":material/refresh:")
def _refresh(chosen: int) -> None:
    services = session.services()
    change = view.preview_refresh(services, chosen)
    came, went = len(change.entered), len(change.left)
    if not came and not went:
        st.write("Nothing would change: the members are those its conditions give now.")
    else:
        st.write(
            f"{counted(came, 'member')} to come in and {counted(went, 'member')} to go out, {change.total:,} then."
        )
    if st.button("Refresh", key="list.refresh.do", type="primary"):
        with messages.errors():
            services.lists.refresh(chosen)
            messages.notice("The members are up to date.")
            st.rerun()


def _keeping(listed: MarketingList) -> None:
    """Draw the switch that keeps members who were contacted before."""
    if listed.source != "definition":
        return
    wanted = st.toggle(
        "Keep members it contacted before",
        listed.keeps_contacted,
        key=f"list.keeps.{listed.id}",
        help="They stay when they no longer fulfil the conditions, until you remove them.",
    )
    if wanted != listed.keeps_contacted:
        with messages.errors():
            session.services().lists.update(listed, keeps_contacted=wanted)
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
