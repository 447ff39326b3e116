"""Who may be mailed: suppressed addresses, blocked domains, topics, and what is known of one address."""

from __future__ import annotations

import streamlit as st

from analytics.lists.suppressions import REASONS
from analytics.views import suppressions as view
from analytics.views.wording import counted, local, reason
from pages._ui import mailed, messages, session, widgets

_TABS = {
    "addresses": "Suppressed addresses",
    "domains": "Blocked domains",
    "topics": "Topics",
    "address": "Look up an address",
}
_BY_HAND = ("manual", "unsubscribed", "complaint", "hard_bounce")


def page() -> None:
    """Show the part the address of the page names."""
    with widgets.head("Who may be mailed", "It belongs to the address: what is here counts for every list."):
        pass
    asked = session.chosen("show")
    tab = st.segmented_control(
        "Show",
        list(_TABS),
        default=asked if asked in _TABS else "addresses",
        required=True,
        format_func=_TABS.__getitem__,
        key="suppressions.tab",
        label_visibility="collapsed",
    )
    if tab != asked:
        session.choose(show=tab)
    {"addresses": _addresses, "domains": _domains, "topics": _topics, "address": _look_up}[tab]()


# --- suppressed addresses ---


def _addresses() -> None:
    services = session.services()
    zone = services.store.settings.timezone
    at = session.get("suppressions.page", 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="suppressions.search", placeholder="Part of an address", icon=":material/search:"
        )
        only = st.selectbox(
            "Reason",
            [None, *REASONS],
            format_func=lambda name: "All" if name is None else reason(name),
            key="suppressions.only",
        )
        with st.popover("Suppress an address", icon=":material/add:"):
            _add_address()
    if session.get("suppressions.asked", (search, only)) != (search, only):
        at = 0
    session.keep("suppressions.asked", (search, only))
    session.keep("suppressions.page", at)
    found = view.addresses(services, at, search, only)
    if not found.rows and at:
        session.keep("suppressions.page", 0)
        st.rerun()
    if not found.rows:
        st.caption("No address is suppressed." if not (search or only) else "No suppressed address matches.")
        return
    picked = widgets.pick_many(
        [
            {
                "address": row.address_key,
                "reason": reason(row.reason),
                "note": row.note,
                "source": row.source,
                "since": local(row.created_at, zone),
            }
            for row in found.rows
        ],
        {
            "address": widgets.words("Address"),
            "reason": widgets.words("Reason"),
            "note": widgets.words("Note"),
            "source": widgets.words("Source"),
            "since": widgets.when("Since"),
        },
        key=f"suppressions.table.{at}",
        alt="Suppressed addresses, the newest first",
    )
    rows = [found.rows[n] for n in picked]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        widgets.action(
            "Take back",
            lambda: view.take_back(services, rows),
            key="suppressions.remove",
            said=f"{counted(len(rows), 'suppression')} taken back.",
            icon=":material/undo:",
            disabled=not rows,
            help=None if rows else "Tick addresses in the table first.",
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            _pager(found.total, at)


def _pager(total: int, at: int) -> None:
    last = max(0, (total - 1) // view.PAGE_SIZE)
    first = at * view.PAGE_SIZE + 1
    st.caption(f"{first:,} to {min(total, first + view.PAGE_SIZE - 1):,} of {total:,}", width="content")
    for label, step, icon, off in (
        ("Previous", -1, "chevron_left", at == 0),
        ("Next", 1, "chevron_right", at >= last),
    ):
        if st.button("", key=f"suppressions.{label.lower()}", icon=f":material/{icon}:", help=label, disabled=off):
            session.keep("suppressions.page", at + step)
            st.rerun()


def _add_address() -> None:
    with st.form("suppressions.add", border=False, clear_on_submit=True):
        address = st.text_input("Address", key="suppressions.add.address", placeholder="ada@example.com")
        why = st.selectbox("Reason", _BY_HAND, format_func=reason, key="suppressions.add.reason")
        note = st.text_input("Note", key="suppressions.add.note", placeholder="What others should know")
        if st.form_submit_button("Suppress", type="primary", key="suppressions.add.save"):
            with messages.errors():
                added = session.services().suppressions.add(address, why, view.SOURCE, note=note.strip() or None)
                messages.notice(f"{address} is suppressed{'' if added else ' already'}.")
                st.rerun()


# --- blocked domains ---


def _domains() -> None:
    services = session.services()
    zone = services.store.settings.timezone
    with (
        st.popover("Block a domain", icon=":material/add:"),
        st.form("domains.add", border=False, clear_on_submit=True),
    ):
        domain = st.text_input("Domain", key="domains.add.domain", placeholder="example.com")
        note = st.text_input("Note", key="domains.add.note", placeholder="What others should know")
        st.caption("Domains below it are blocked too.")
        if st.form_submit_button("Block", type="primary", key="domains.add.save"):
            with messages.errors():
                added = services.suppressions.block_domain(domain, view.SOURCE, note.strip() or None)
                messages.notice(f"{domain} is blocked{'' if added else ' already'}.")
                st.rerun()
    blocks = services.suppressions.domains()
    if not blocks:
        st.caption("No domain is blocked.")
        return
    picked = widgets.pick_many(
        [{"domain": b.domain, "note": b.note, "source": b.source, "since": local(b.created_at, zone)} for b in blocks],
        {
            "domain": widgets.words("Domain", "large"),
            "note": widgets.words("Note", "large"),
            "source": widgets.words("Source"),
            "since": widgets.when("Since"),
        },
        key="domains.table",
        alt="Blocked domains",
    )
    chosen = [blocks[n] for n in picked]
    widgets.action(
        "Take back",
        lambda: view.unblock(services, chosen),
        key="domains.remove",
        said=f"{counted(len(chosen), 'domain')} may be mailed again.",
        icon=":material/undo:",
        disabled=not chosen,
        help=None if chosen else "Tick domains in the table first.",
    )


# --- topics ---


def _topics() -> None:
    services = session.services()
    with st.popover("New topic", icon=":material/add:"):
        _topic_form(None)
    lines = view.topics(services)
    if not lines:
        with widgets.empty(
            "topics",
            "topic",
            "No topic yet",
            "Topics let readers choose what they get, such as a newsletter or offers, on a page of their own.",
        ):
            pass
        return
    st.caption("In the order readers see them. A campaign may be about one topic; then only who may get it does.")
    for line in lines:
        _topic(line)


def _topic(line: view.TopicLine) -> None:
    topics, one = session.services().topics, line.topic
    with st.container(border=True, key=f"topic-{one.id}", horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{messages.plain(one.name)}**")
            if one.description:
                st.caption(messages.plain(one.description))
            counts = line.counts
            st.caption(
                f"{view.POLICY_WORDS[one.policy]} · {counts.granted:,} said yes · {counts.withdrawn:,} said no"
                f" · {counted(counts.campaigns, 'campaign')}"
            )
        with st.container(horizontal=True, width="content"):
            for label, step, icon, off in (
                ("Up", -1, "arrow_upward", line.is_first),
                ("Down", 1, "arrow_downward", line.is_last),
            ):
                if st.button(
                    "", key=f"topics.{label.lower()}.{one.id}", icon=f":material/{icon}:", help=f"Move {label.lower()}",
                    disabled=off,
                ):  # fmt: skip
                    topics.update(one.id, position=one.position + step)
                    st.rerun()
            with st.popover("Edit", key=f"topics.edit.{one.id}"):
                _topic_form(one)
                widgets.action(
                    "Delete",
                    lambda: topics.delete(one.id),
                    key=f"topics.delete.{one.id}",
                    said=f"Topic “{one.name}” is deleted.",
                    icon=":material/delete:",
                    type="tertiary",
                )


def _topic_form(one: view.Topic | None) -> None:
    key = f"topics.form.{one.id if one else 'new'}"
    with st.form(key, border=False, clear_on_submit=one is None):
        name = st.text_input(
            "Name", one.name if one else "", max_chars=100, key=f"{key}.name", placeholder="Newsletter"
        )
        about = st.text_input(
            "What it is",
            (one.description or "") if one else "",
            key=f"{key}.about",
            placeholder="Once a month: what is new",
        )
        policies = list(view.POLICY_WORDS)
        policy = st.radio(
            "Who gets it",
            policies,
            index=policies.index(one.policy) if one else 0,
            format_func=view.POLICY_WORDS.__getitem__,
            key=f"{key}.policy",
        )
        if st.form_submit_button("Save topic", type="primary", key=f"{key}.save"):
            with messages.errors():
                topics = session.services().topics
                if one is None:
                    saved = topics.create(name, policy, about)
                else:
                    saved = topics.update(one.id, new_name=name, policy=policy, description=about)
                messages.notice(f"Topic “{saved.name}” is saved.")
                st.rerun()


# --- one address ---


def _look_up() -> None:
    address = st.text_input(
        "Address",
        session.chosen("address") or "",
        key="lookup.address",
        placeholder="ada@example.com",
        icon=":material/search:",
    ).strip()
    session.choose(address=address or None)
    if not address:
        st.caption("Shows whether it may be mailed, what it said, and why we mailed it.")
        return
    with messages.errors():
        mailed.draw(address, key="lookup")


page()
