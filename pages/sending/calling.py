"""The call sheet as a working screen: one person, the number, the script, what was before, and a button an outcome."""

from __future__ import annotations

import uuid
from datetime import timedelta

import streamlit as st

from analytics.calls import CallCampaign, NextCall
from analytics.views import calls as view
from analytics.views.wording import local
from pages._ui import messages, session, widgets

_TONES = {"good": "green", "bad": "red", "doubt": "orange"}
_ON = "calling.on"
_OWNER = "calling.owner"
_CALLER = "calling.caller"


def draw(campaign: CallCampaign) -> None:
    """Draw the person who is next, or what to do before."""
    services = session.services()
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    caller = left.text_input("Who is calling", session.get(_CALLER, ""), max_chars=100, key="calls.caller")
    session.keep(_CALLER, caller)
    any_hour = right.toggle("Outside calling hours too", key="calls.any", help=_hours())
    if not caller.strip():
        st.caption("Say who you are; your name stands in the script and beside your calls.")
        return
    if session.get(_ON, 0) != campaign.id:
        if st.button("Next person", key="calls.start", type="primary", icon=":material/call:", shortcut="n"):
            session.keep(_ON, campaign.id)
            st.rerun()
        return
    found = view.next_call(services, campaign.id, caller, _owner(), any_hour)
    if found is None:
        session.keep(_ON, 0)
        said = view.rest(view.progress(services, campaign.id), services.store.settings.timezone)
        with widgets.empty("calls-rest", "done_all", "Nobody to call now", said):
            st.button("Look again", key="calls.again", icon=":material/refresh:")
        return
    _person(found, caller)


def _owner() -> str:
    owner = session.get(_OWNER, "") or uuid.uuid4().hex
    session.keep(_OWNER, owner)
    return owner


def _hours() -> str:
    begin, end = session.services().store.settings.calling_window
    return f"People are called from {begin:%H:%M} to {end:%H:%M} by their own clocks."


def _person(found: NextCall, caller: str) -> None:
    key = f"{found.campaign.id}.{found.line.phone_key}.{found.line.attempts}"
    with st.container(border=True, key="call-person"):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left, st.container(gap=None):
            st.caption(messages.plain(found.line.title))
            # A number in E.164 form: digits and a plus sign, nothing else.
            st.html(f'<a class="sd-number" href="tel:{found.line.phone_key}">{found.international}</a>')
        with right, st.container(gap=None):
            clock = view.clock(found)
            st.badge(clock.text, icon=":material/schedule:", color=_TONES[clock.tone])  # type: ignore[arg-type]
            st.caption(messages.plain(clock.detail))
        if len(found.line.keys) > 1:
            st.caption(
                f"{len(found.line.keys)} entries of the list share this number; this call counts for all of them."
            )
    script, outcome = st.columns([5, 4], gap="large")
    with script:
        widgets.section("Script")
        with st.container(border=True):
            st.markdown("  \n".join(messages.plain(line) for line in found.script.splitlines()))
        _history(found)
    with outcome:
        _outcomes(found, caller, key)


def _outcomes(found: NextCall, caller: str, key: str) -> None:
    services = session.services()
    zone = view.agreed_zone(found, services.store.settings.timezone)
    widgets.section("What came of it")
    text = st.text_area("Note", key=f"calls.note.{key}", height=80, max_chars=5000)
    agreed = None
    if st.toggle("Agreed on a time", key=f"calls.agreed.{key}"):
        there = services.store.clock.now() + timedelta(days=1)
        day, hour = st.columns(2)
        start = local(there, zone)
        date = day.date_input("Day", start, key=f"calls.day.{key}")
        at = hour.time_input("Time", start.replace(minute=0) if start else None, key=f"calls.time.{key}", help=zone)
        if at is not None and date is not None:
            agreed = view.agreed(date, at, zone)
        st.caption(f"By the clocks of {zone.replace('_', ' ')}.")
    reached, others = st.columns(2, gap="small")
    for number, outcome in enumerate(view.outcomes(), 1):
        clicked = (reached if outcome.is_reached else others).button(
            outcome.label,
            key=f"calls.outcome.{outcome.name}.{key}",
            shortcut=str(number),
            width="stretch",
            help=outcome.means,
            disabled=outcome.needs_time and agreed is None,
        )
        if clicked:
            with messages.errors():
                said = view.note(
                    services,
                    found,
                    outcome.name,
                    session.request_key(f"call.{key}"),
                    caller,
                    note=text,
                    next_call_at=agreed,
                )
                session.done(f"call.{key}")
                messages.notice(view.noted(said, services.store.settings.timezone))
                st.rerun()
    if st.button("Give back, stop calling", key=f"calls.stop.{key}", type="tertiary", icon=":material/undo:"):
        services.calls.release(_owner())
        session.keep(_ON, 0)
        st.rerun()


def _history(found: NextCall) -> None:
    widgets.section("Before")
    if not found.history:
        st.caption("No mail and no call yet.")
        return
    zone = session.services().store.settings.timezone
    widgets.table(
        [
            {
                "at": local(contact.at, zone),
                "channel": "Call" if contact.channel == "phone" else "Mail",
                "what": contact.what,
                "how": contact.how.capitalize(),
                "note": contact.note,
            }
            for contact in found.history
        ],
        {
            "at": widgets.when("When"),
            "channel": widgets.words("By", "small"),
            "what": widgets.words("Campaign"),
            "how": widgets.words("Outcome", "small"),
            "note": widgets.words("Note"),
        },
        key="calls.history",
        alt="Mails and calls this person had before",
    )
