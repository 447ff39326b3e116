"""Marketing campaigns: make and change them, see what belongs to one and what it brought."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import streamlit as st

from analytics.campaigns import MarketingCampaign
from analytics.views import marketing_campaigns as view
from analytics.views.efficiency import Filters
from analytics.views.wording import NOTHING, joined, money
from pages._ui import headline, messages, session, widgets

_PAGE = "pages/campaigns/marketing_campaigns.py"
_CALLS = "pages/sending/calls.py"
_EMAILS = "pages/sending/email_campaigns.py"
_TONES = {"planned": "blue", "running": "green", "ended": "gray"}


def overview() -> None:
    """All campaigns."""
    lines = view.overview(session.services())
    with widgets.head(
        "Marketing campaigns",
        "One goal, one code: email campaigns and websites that belong together, counted together.",
    ):
        new = lines and st.button("New campaign", key="marketing.new", icon=":material/add:", type="primary")
    if not lines:
        with widgets.empty(
            "marketing",
            "campaign",
            "No marketing campaign yet",
            "Give your next promotion a name and a code. Every mail and visit that carries the code counts for it.",
        ):
            new = st.button("Create the first campaign", key="marketing.first", type="primary")
    if new:
        _open("new")
    if not lines:
        return
    picked = widgets.table(
        [
            {
                "name": line.name,
                "code": line.code,
                "status": line.status,
                "start": line.start,
                "end": line.end,
                "emails": line.email_campaigns,
                "budget": line.budget,
            }
            for line in lines
        ],
        {
            "name": widgets.words("Campaign", "large"),
            "code": widgets.words("Code", "small"),
            "status": widgets.words("Status", "small"),
            "start": widgets.day("From"),
            "end": widgets.day("Until"),
            "emails": widgets.count("Email campaigns"),
            "budget": widgets.amount("Budget"),
        },
        key="marketing.table",
        alt="Marketing campaigns with code, status, dates and budget",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].id)


def _open(campaign: int | str | None) -> None:
    session.choose(campaign=campaign)
    st.rerun()


def form(campaign: MarketingCampaign | None) -> None:
    """The form of a new campaign, or of one that is changed."""
    currency = session.services().store.settings.base_currency
    with st.form("marketing.form", border=campaign is None):
        left, right = st.columns([2, 1])
        name = left.text_input("Name", campaign.name if campaign else "", max_chars=100, key="marketing.name")
        code = right.text_input(
            "Code",
            campaign.code if campaign else "",
            max_chars=20,
            key="marketing.code",
            placeholder="spring-2026",
            help="Letters, digits, - and _. It stands in links as utm_campaign.",
        )
        first, second, third = st.columns(3)
        start = first.date_input("From", campaign.start_date if campaign else None, key="marketing.start")
        end = second.date_input("Until", campaign.end_date if campaign else None, key="marketing.end")
        budget = third.number_input(
            f"Budget ({currency})",
            min_value=0.0,
            value=float(campaign.budget) if campaign and campaign.budget is not None else None,
            step=100.0,
            key="marketing.budget",
        )
        description = st.text_area(
            "What is it for?", (campaign.description or "") if campaign else "", key="marketing.description", height=90
        )
        label = "Save" if campaign else "Create campaign"
        submitted = st.form_submit_button(label, type="primary", key="marketing.submit")
    if not submitted:
        return
    values: dict[str, Any] = {
        "description": description.strip() or None,
        "start_date": start,
        "end_date": end,
        "budget": None if budget is None else Decimal(str(round(budget, 4))),
    }
    campaigns = session.services().marketing_campaigns
    with messages.errors():
        if campaign:
            saved = campaigns.update(campaign.id, name=name, code=code, **values)
        else:
            saved = session.once("marketing", (name, code, values), lambda: campaigns.create(name, code, **values))
        messages.notice(f"Campaign “{saved.name}” is saved.")
        session.forget("marketing.")
        _open(saved.id)


def create() -> None:
    """The page of a new campaign."""
    with widgets.head("New marketing campaign", "The code is what links carry; choose one people will recognise."):
        if st.button("Cancel", key="marketing.cancel"):
            _open(None)
    form(None)


def detail(number: int) -> None:
    """One campaign: what it brought, what belongs to it, how to tag links."""
    shown = view.detail(session.services(), number)
    campaign, currency = shown.campaign, session.services().store.settings.base_currency
    with widgets.head(campaign.name, campaign.description or "No description yet."):
        if st.button("All campaigns", key="marketing.back", icon=":material/arrow_back:"):
            _open(None)
        widgets.go(
            "Full report",
            "pages/reporting/efficiency.py",
            key="marketing.report",
            icon=":material/monitoring:",
            campaign=campaign.code,
        )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(shown.status.capitalize(), color=_TONES[shown.status])  # type: ignore[arg-type]
        st.badge(messages.plain(campaign.code), icon=":material/sell:", color="gray")
        if shown.former_codes:
            st.caption(messages.plain(f"Earlier codes that still count: {joined(shown.former_codes)}"))
    headline.draw(Filters(campaign=campaign.code), key="marketing")
    emails, calls, details, links = st.tabs(
        [
            ":material/send: Email campaigns",
            ":material/call: Calls",
            ":material/tune: Details",
            ":material/add_link: Link tagging",
        ]
    )
    with emails:
        _emails(shown)
    with calls:
        _calls(shown)
    with details:
        st.caption(
            messages.plain(
                f"Budget {money(campaign.budget, currency)}, entered as cost so far {money(shown.spent, currency)}. "
                f"Websites: {joined([w.name for w in shown.websites]) or NOTHING}."
            )
        )
        form(campaign)
    with links:
        _tagging(campaign)


def _calls(shown: view.Detail) -> None:
    if not shown.call_campaigns:
        st.caption("No call campaign belongs to it.")
        return
    picked = widgets.table(
        [{"name": c.name, "list": c.list_name, "cost": c.cost} for c in shown.call_campaigns],
        {
            "name": widgets.words("Call campaign", "large"),
            "list": widgets.words("List"),
            "cost": widgets.amount("Cost"),
        },
        key="marketing.calls",
        alt="Call campaigns that belong to this marketing campaign",
        pick=True,
    )
    if picked is not None:
        st.switch_page(_CALLS, query_params={"call": str(shown.call_campaigns[picked].id)})


def _emails(shown: view.Detail) -> None:
    if not shown.email_campaigns:
        with widgets.empty(
            "marketing-emails",
            "send",
            "No email campaign belongs to it yet",
            "Choose a list and a template, then send.",
        ):
            widgets.go("Create an email campaign", _EMAILS, key="marketing.email", primary=True, campaign="new")
        return
    picked = widgets.table(
        [
            {"name": e.name, "list": e.list_name, "template": e.template_name, "cost": e.cost}
            for e in shown.email_campaigns
        ],
        {
            "name": widgets.words("Email campaign", "large"),
            "list": widgets.words("List"),
            "template": widgets.words("Template"),
            "cost": widgets.amount("Cost"),
        },
        key="marketing.emails",
        alt="Email campaigns of this marketing campaign",
        pick=True,
    )
    if picked is not None:
        st.switch_page(_EMAILS, query_params={"campaign": str(shown.email_campaigns[picked].id)})


def _tagging(campaign: MarketingCampaign) -> None:
    st.caption("Links in mails are tagged by themselves. Add this to links you publish elsewhere:")
    left, right = st.columns(2)
    source = left.text_input("Where the link stands", "instagram", key="marketing.source")
    medium = right.text_input("What kind of place it is", "social", key="marketing.medium")
    st.code(view.tag(campaign.code, source, medium), language=None, wrap_lines=True)


def page() -> None:
    """Show what the address asks for."""
    number = session.chosen_id("campaign")
    if session.chosen("campaign") == "new":
        create()
    elif number is not None:
        detail(number)
    else:
        overview()


page()
