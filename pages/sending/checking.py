"""Before a campaign leaves: what it would be, what stands against it, and the number a person has to type."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.campaigns import EmailCampaign
from analytics.delivery import Preflight
from analytics.views import email_campaigns as view
from analytics.views.wording import counted, moment, number
from pages._ui import messages, session, widgets


@st.cache_data(ttl=30, max_entries=16, show_spinner="Counting who would get it …")
def _preflight(root: str, campaign_id: int, updated_at: datetime) -> Preflight:
    return session.services().sendings.preflight(campaign_id)


def draw(shown: view.Detail) -> None:
    """Draw the check of a campaign and, when nothing stands against it, the way to queue it."""
    campaign = shown.campaign
    root = str(session.services().store.folder.root)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        widgets.section("Check", "As of a moment ago; counted again when the sending starts.")
        if st.button("Check again", key="checking.again", icon=":material/refresh:"):
            _preflight.clear()
    found = _preflight(root, campaign.id, campaign.updated_at)
    widgets.tiles(
        [
            widgets.Tile("People", number(found.count), "everybody on the list who can be mailed"),
            widgets.Tile("Mails that leave", number(found.mails)),
            widgets.Tile("Held out", number(found.held_out)),
            widgets.Tile("Not mailed", number(found.no_address + sum(found.suppressed.values()))),
        ],
        key="checking",
    )
    st.caption(messages.plain(view.people(found)))
    for sentence in found.blockers:
        st.error(messages.sentence(sentence), icon=":material/block:")
    for sentence in found.warnings:
        st.warning(messages.sentence(sentence), icon=":material/warning:")
    if not found.blockers:
        _queueing(campaign, found)


def _queueing(campaign: EmailCampaign, found: Preflight) -> None:
    services = session.services()
    zone = services.store.settings.timezone
    with st.container(border=True, key="queueing"):
        widgets.section("Send")
        ways = {"now": "Now", "later": "At a set time"}
        way = st.segmented_control(
            "When", list(ways), default="now", required=True, format_func=ways.__getitem__, key="checking.way"
        )
        day, at = None, None
        if way == "later":
            start = services.store.clock.now().astimezone(ZoneInfo(zone)) + timedelta(hours=1)
            left, right, _ = st.columns([1, 1, 2])
            day = left.date_input("Day", start.date(), key="checking.day")
            at = right.time_input(f"Time ({zone})", time(start.hour), key="checking.time")
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        with left:
            typed = st.text_input(
                f"Type {found.count} to confirm that {counted(found.count, 'person', 'people')} are meant",
                key="checking.typed",
                placeholder=str(found.count),
                live=True,
            )
        agreed = typed.replace(",", "").replace(" ", "") == str(found.count)
        with right:
            pressed = st.button(
                "Queue now" if way == "now" else "Schedule",
                type="primary",
                key="checking.queue",
                icon=":material/send:",
                disabled=not agreed,
                width="stretch",
                help=None if agreed else "Type the number first.",
            )
    if not pressed or not agreed:
        return
    action = f"queue.{campaign.id}"
    with messages.errors():
        when = view.planned_for(services, day, at) if day is not None and at is not None else None
        sending = services.sendings.queue(
            campaign.id, session.request_key(action), scheduled_for=when, expected_count=found.count
        )
        session.done(action)
        session.forget("checking.", "campaign.again")
        starts = "It starts now." if when is None else f"It starts {moment(sending.scheduled_for, zone)}."
        messages.notice(f"Queued for {counted(found.count, 'person', 'people')}. {starts}")
        st.rerun()
