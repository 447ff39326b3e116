"""Email campaigns: made of a list and a template, checked, confirmed by its number, followed while it goes out."""

from __future__ import annotations

import streamlit as st

from analytics.views import email_campaigns as view
from analytics.views.wording import local
from pages._ui import session, widgets
from pages.sending import campaign_form, checking, monitoring

_LISTS = "pages/audience/lists.py"
_TEMPLATES = "pages/sending/templates.py"


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("campaign"), session.chosen_id("campaign")
    if asked == "new":
        _new()
    elif chosen is not None:
        _detail(chosen)
    else:
        _overview()


def _overview() -> None:
    services = session.services()
    lines = view.overview(services)
    with widgets.head(
        "Email campaigns", "One mail to one list. What left, what waits, and what nobody knows for sure."
    ):
        if lines and st.button("New campaign", key="campaign.new", icon=":material/add:", type="primary"):
            campaign_form.open_campaign("new")
    if not lines:
        _first()
        return
    zone = services.store.settings.timezone
    picked = widgets.table(
        [
            {
                "name": line.name,
                "status": line.status,
                "done": line.finished,
                "of": line.total,
                "list": line.list_name,
                "template": line.template_name,
                "marketing": line.marketing,
                "at": local(line.at, zone),
            }
            for line in lines
        ],
        {
            "name": widgets.words("Campaign", "medium"),
            "status": widgets.words("Status", "small"),
            "done": widgets.count("Mails out"),
            "of": widgets.count("Of"),
            "list": widgets.words("List"),
            "template": widgets.words("Template"),
            "marketing": widgets.words("Belongs to"),
            "at": widgets.when("When"),
        },
        key="campaign.table",
        alt="Email campaigns and how they stand",
        pick=True,
    )
    if picked is not None:
        campaign_form.open_campaign(lines[picked].id)


def _first() -> None:
    offered = view.choices(session.services())
    if not offered.lists:
        with widgets.empty("campaigns", "groups", "First, say who", "An email campaign goes to a marketing list."):
            widgets.go("Create a list", _LISTS, key="campaign.to-list", primary=True, list="new")
    elif not offered.templates:
        with widgets.empty("campaigns", "edit_document", "Now, say what", "An email campaign sends a template."):
            widgets.go("Create a template", _TEMPLATES, key="campaign.to-template", primary=True, template="new")
    else:
        with widgets.empty(
            "campaigns", "send", "Ready for the first campaign", "You have a list and a template: bring them together."
        ):
            if st.button("Create a campaign", key="campaign.first", type="primary"):
                campaign_form.open_campaign("new")


def _new() -> None:
    offered = view.choices(session.services())
    with widgets.head("New email campaign", "Nothing leaves yet: you check and confirm on the next screen."):
        if st.button("Cancel", key="campaign.cancel"):
            campaign_form.open_campaign(None)
    if offered.lists and offered.templates:
        campaign_form.draw(offered, None, session.chosen_id("list"))
    else:
        _first()


def _detail(chosen: int) -> None:
    services = session.services()
    shown = view.detail(services, chosen)
    campaign = shown.campaign
    belongs = f", belongs to {campaign.marketing_campaign_name}" if campaign.marketing_campaign_name else ""
    with widgets.head(campaign.name, f"“{campaign.template_name}” to “{campaign.list_name}”{belongs}."):
        if st.button("All campaigns", key="campaign.back", icon=":material/arrow_back:"):
            campaign_form.open_campaign(None)
        if shown.is_fixed:
            widgets.go(
                "Report",
                "pages/reporting/efficiency.py",
                key="campaign.report",
                icon=":material/monitoring:",
                email=str(campaign.id),
            )
    if not shown.is_fixed:
        checking.draw(shown)
        with st.expander("Change the campaign", icon=":material/edit:"):
            campaign_form.draw(view.choices(services), campaign, None)
        return
    monitoring.draw(shown)
    with st.expander("Send it once more", icon=":material/redo:"):
        st.caption("Everybody who is on the list then gets the mail again, those who have it already too.")
        if st.toggle("I want that", key="campaign.again"):
            checking.draw(shown)
    with st.expander("Name, description and cost", icon=":material/edit:"):
        campaign_form.draw(view.choices(services), campaign, None)


page()
