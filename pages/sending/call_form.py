"""The form of a call campaign."""

from __future__ import annotations

import streamlit as st

from analytics.calls import CallCampaign
from analytics.views import calls as view
from pages._ui import messages, session

_SCRIPT = (
    "Good day{% if entity.first_name %}, {{ entity.first_name }}{% endif %}, this is {{ sender.name }} from "
    "{{ shop.name }}.\n\nI am calling because ..."
)


def open_campaign(campaign: int | str | None) -> None:
    """Show a call campaign by its number, the form of a "new" one, or all of them."""
    session.forget("calls.")
    session.choose(call=campaign, list=None)
    st.rerun()


def draw(campaign: CallCampaign | None, list_id: int | None) -> None:
    """Draw the form of a new call campaign (with a list chosen beforehand), or of an existing one; save on submit."""
    services = session.services()
    lists = {choice.id: choice.label for choice in view.phone_lists(services)}
    chosen = campaign.list_id if campaign else list_id
    name = st.text_input(
        "Name", campaign.name if campaign else "", max_chars=100, key="calls.name", placeholder="Spring calls"
    )
    numbers = list(lists)
    list_ = st.selectbox(
        "Who is called",
        numbers,
        index=numbers.index(chosen) if chosen in lists else 0,
        format_func=lists.__getitem__,
        key="calls.list",
    )
    script = st.text_area(
        "What the caller says",
        campaign.script if campaign else _SCRIPT,
        height=220,
        key="calls.script",
        help="The variables of mails work here: entity.first_name, shop.name, today. sender.name is the caller.",
    )
    marketing = {0: "None", **{choice.id: choice.label for choice in view.marketing(services)}}
    owners = list(marketing)
    left, middle, right = st.columns(3)
    belongs = left.selectbox(
        "Marketing campaign",
        owners,
        index=owners.index((campaign.marketing_campaign_id if campaign else None) or 0),
        format_func=marketing.__getitem__,
        key="calls.marketing",
    )
    cost = middle.number_input(
        f"Cost ({services.store.settings.base_currency})",
        min_value=0.0,
        value=float(campaign.cost) if campaign and campaign.cost is not None else None,
        step=10.0,
        key="calls.cost",
    )
    attempts = right.number_input(
        "Attempts",
        1,
        100,
        campaign.most_attempts if campaign else 5,
        key="calls.attempts",
        help="After so many calls in a row that nobody answered, a person is left alone.",
    )
    ready = bool(name.strip() and script.strip())
    if not st.button("Save changes" if campaign else "Create", type="primary", key="calls.save", disabled=not ready):
        return
    values: dict[str, object] = {
        "name": name,
        "marketing_list": list_,
        "script": script,
        "marketing_campaign": belongs or None,
        "cost": cost,
        "most_attempts": int(attempts),
    }
    with messages.errors():
        if campaign is None:
            saved = session.once("calls", values, lambda: view.save(services, None, values))
        else:
            saved = view.save(services, campaign.id, values)
        messages.notice(f"Call campaign “{saved.name}” is saved.")
        open_campaign(saved.id)
