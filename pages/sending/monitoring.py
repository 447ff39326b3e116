"""A sending while it goes out and after: state bar, rate, what a person may do, who is uncertain, every delivery."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analytics.delivery import Delivery, Sending
from analytics.views import email_campaigns as view
from analytics.views.efficiency import Filters
from analytics.views.wording import counted, local, moment
from pages._ui import headline, messages, session, widgets

_TONES = {
    "scheduled": "blue",
    "freezing": "blue",
    "confirm": "orange",
    "sending": "green",
    "paused": "orange",
    "done": "gray",
    "cancelled": "red",
}


def draw(shown: view.Detail) -> None:
    """Draw the newest sending, and the earlier ones to choose from."""
    newest = shown.sendings[0]
    chosen = newest.id
    if len(shown.sendings) > 1:
        zone = session.services().store.settings.timezone
        labels = {s.id: f"{moment(s.scheduled_for, zone)}, {view.STATUS_WORDS[s.status]}" for s in shown.sendings}
        chosen = st.selectbox("Sending", list(labels), format_func=labels.__getitem__, key="monitoring.sending")
    if view.monitor(session.services(), chosen).is_live:
        _live(chosen)
    else:
        _standing(chosen)
        headline.draw(Filters(email=shown.campaign.id), key="monitoring")
    _uncertain(chosen)
    _ledger(chosen)


@st.fragment(run_every=1)
def _live(sending_id: int) -> None:
    if not _standing(sending_id).is_live:
        st.rerun()


def _standing(sending_id: int) -> view.Monitor:
    found = view.monitor(session.services(), sending_id)
    with st.container(border=True, key="standing"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(view.STATUS_WORDS[found.status.status], color=_TONES[found.status.status])  # type: ignore[arg-type]
            st.markdown(messages.plain(found.headline))
        widgets.state_bar([widgets.Share(p.label, p.count, p.tone) for p in found.parts])
        if found.apart:
            st.caption(messages.plain(found.apart))
        _actions(found.sending)
    return found


def _actions(sending: Sending) -> None:
    sendings = session.services().sendings
    with st.container(horizontal=True, gap="small"):
        if sending.status == "confirm" or sending.is_undecided:
            _act(sending, "confirm", "Agree and send", sendings.confirm, "Agreed. It goes on.", primary=True)
        elif sending.status == "paused":
            _act(sending, "resume", "Go on", sendings.resume, "It goes on where it stood.", primary=True)
        if sending.status in ("scheduled", "freezing", "confirm", "sending"):
            _act(sending, "pause", "Pause", sendings.pause, "Paused. Mails under way come to their end.")
        if sending.is_unfinished:
            with st.popover("Cancel", icon=":material/cancel:"):
                st.caption("Who has no mail yet gets none. This cannot be taken back.")
                _act(sending, "cancel", "Cancel for good", sendings.cancel, "Cancelled.")


def _act(
    sending: Sending, name: str, label: str, work: Callable[[int], object], said: str, *, primary: bool = False
) -> None:
    if st.button(label, key=f"monitoring.{name}.{sending.id}", type="primary" if primary else "secondary"):
        with messages.errors():
            work(sending.id)
            messages.notice(said)
            st.rerun()


def _uncertain(sending_id: int) -> None:
    services = session.services()
    rows = view.uncertain(services, sending_id)
    if not rows:
        return
    widgets.section(
        f"Uncertain: {counted(len(rows), 'recipient')}",
        "The mail was handed over, but no answer came back. They are left alone unless you say otherwise.",
    )
    picked = widgets.pick_many(_cells(rows), _COLUMNS, key=f"monitoring.uncertain.{sending_id}", alt="Uncertain mails")
    chosen = [rows[n].id for n in picked] or [row.id for row in rows]
    which = "the ticked ones" if picked else "all of them"
    with st.popover(f"Send again to {which}", icon=":material/forward_to_inbox:"):
        st.caption("Some of them may get the mail twice. It keeps its number, so that a mail program can tell.")
        if st.button(f"Send {len(chosen):,} again", key=f"monitoring.release.{sending_id}", type="primary"):
            with messages.errors():
                released = services.sendings.release_uncertain(chosen)
                messages.notice(f"{counted(released, 'mail')} will be sent again.")
                st.rerun()


_COLUMNS = {
    "address": widgets.words("Recipient"),
    "state": widgets.words("State", "small"),
    "why": widgets.words("Why", "large"),
    "tries": widgets.count("Tries"),
    "at": widgets.when("Last change"),
}


def _cells(rows: tuple[Delivery, ...]) -> list[dict[str, object]]:
    zone = session.services().store.settings.timezone
    return [
        {
            "address": row.address,
            "state": view.STATE_WORDS[row.state],
            "why": view.answer(row),
            "tries": row.attempts,
            "at": local(row.updated_at, zone),
        }
        for row in rows
    ]


def _ledger(sending_id: int) -> None:
    with st.expander("Every recipient", icon=":material/list_alt:", key=f"monitoring.ledger.{sending_id}"):
        options = ["", *view.STATE_WORDS]
        state = st.selectbox(
            "State", options, format_func=lambda s: view.STATE_WORDS.get(s, "All"), key="monitoring.state"
        )
        rows = view.deliveries(session.services(), sending_id, state or None)
        if rows:
            widgets.table(_cells(rows), _COLUMNS, key="monitoring.rows", alt="Recipients of the sending")
            st.caption(f"The first {counted(len(rows), 'recipient')} in this state.")
        else:
            st.caption("Nobody in this state.")
