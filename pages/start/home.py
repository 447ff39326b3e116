"""Home: what goes out now, what the last campaigns brought, what to do next."""

from __future__ import annotations

import streamlit as st

from analytics.views import efficiency
from analytics.views import home as view
from analytics.views.email_campaigns import STATUS_WORDS, Monitor
from analytics.views.wording import local, number
from pages._ui import headline, messages, session, widgets

_EMAILS = "pages/sending/email_campaigns.py"
_REPORT = "pages/reporting/efficiency.py"


def page() -> None:
    """The whole page."""
    services = session.services()
    shown = view.load(services, headline.load(efficiency.Filters()))
    with widgets.head(services.store.settings.name, "What goes out, what came of it, and what to do next."):
        if shown.campaigns:
            widgets.go(
                "New email campaign", _EMAILS, key="home.new", icon=":material/send:", primary=True, campaign="new"
            )
    if shown.running:
        _running()
    if shown.campaigns:
        _last(shown)
    if shown.next_step is not None:
        _steps(shown)
    if shown.health.people:
        _health(shown.health)


@st.fragment(run_every=2)
def _running() -> None:
    monitors = view.running(session.services())
    if not monitors:
        st.rerun()
    widgets.section("Going out")
    for monitor in monitors:
        _monitor(monitor)


def _monitor(monitor: Monitor) -> None:
    sending = monitor.sending
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{messages.plain(sending.campaign_name)}** {messages.plain(STATUS_WORDS[sending.status])}")
            widgets.go("Open", _EMAILS, key=f"home.open.{sending.id}", campaign=str(sending.email_campaign_id))
        widgets.state_bar([widgets.Share(p.label, p.count, p.tone) for p in monitor.parts])
        st.caption(messages.plain(monitor.headline))


def _last(shown: view.Home) -> None:
    with st.container(key="verdict"):
        st.markdown(messages.plain(shown.verdict))
    widgets.tiles([widgets.Tile(f.label, f.value, f.formula, f.interval) for f in shown.figures], key="home")
    widgets.section("Last campaigns", "Clicks by people only; the interval says how sure that is.")
    store = session.services().store
    picked = widgets.table(
        [
            {
                "name": c.name,
                "at": local(c.sent_at, store.settings.timezone),
                "recipients": c.recipients,
                "delivered": c.delivered,
                "clicked": c.clicked,
                "interval": "" if c.low is None or c.high is None else f"{c.low * 100:.1f} – {c.high * 100:.1f} %",
                "orders": c.orders,
                "revenue": c.revenue,
                "each": c.per_recipient,
            }
            for c in shown.campaigns
        ],
        {
            "name": widgets.words("Campaign", "medium"),
            "recipients": widgets.count("Recipients"),
            "delivered": widgets.rate("Delivered"),
            "clicked": widgets.rate("Clicked"),
            "interval": widgets.words("95 % interval", "small"),
            "orders": widgets.count("Orders"),
            "revenue": widgets.amount(f"Revenue ({store.settings.base_currency})"),
            "each": widgets.amount("Per recipient"),
            "at": widgets.when("First mail"),
        },
        key="home.campaigns",
        alt="The last email campaigns with their results",
        pick=True,
    )
    if picked is not None:
        st.switch_page(_REPORT, query_params={"email": str(shown.campaigns[picked].id)})


def _steps(shown: view.Home) -> None:
    following = shown.next_step
    widgets.section("What to do next")
    with st.container(border=True, key="steps"):
        for number_, step in enumerate(shown.steps, 1):
            left, right = st.columns([5, 1.3], vertical_alignment="center")
            mark = ":green[:material/check_circle:]" if step.done else ":gray[:material/radio_button_unchecked:]"
            with left, st.container(gap=None):
                st.markdown(f"{mark} **{step.title}**")
                st.caption(step.sentence)
            if not step.done:
                with right:
                    widgets.go(
                        step.label,
                        step.page,
                        key=f"home.step.{number_}",
                        primary=step is following,
                        width="stretch",
                        **dict(step.parameters),
                    )


def _health(health: view.Health) -> None:
    widgets.section("Your addresses")
    widgets.tiles(
        [
            widgets.Tile("Customer users with an address", number(health.people)),
            widgets.Tile("Never mailed again", number(health.suppressed), "addresses that bounced, complained or left"),
            widgets.Tile("Left one list", number(health.unsubscribed), "unsubscribed from a single list"),
            widgets.Tile("Complaints", number(health.complaints), "reported a mail as spam"),
        ],
        key="health",
    )


page()
