"""The form of an email campaign."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analytics.campaigns import EmailCampaign
from analytics.views import email_campaigns as view
from pages._ui import messages, session


def open_campaign(campaign: int | str | None) -> None:
    """Show a campaign by its number, the form of a "new" one, or all of them."""
    session.forget("campaign.")
    session.choose(campaign=campaign, list=None)
    st.rerun()


def draw(offered: view.Choices, campaign: EmailCampaign | None, list_id: int | None) -> None:
    """Draw the form of a new campaign (with a list chosen beforehand), or of an existing one; save on submit."""
    services = session.services()
    settings = services.store.settings
    is_fixed = campaign is not None and services.email_campaigns.has_sending(campaign.id)
    chosen_list = campaign.list_id if campaign else list_id
    name = st.text_input(
        "Name",
        campaign.name if campaign else "",
        max_chars=100,
        key="campaign.name",
        placeholder="Spring news, first mail",
    )
    left, right = st.columns(2)
    with left:
        list_ = _choose("Who gets it", offered.lists, chosen_list, "campaign.list", is_fixed)
    fitting = offered.templates_for(list_) if list_ is not None else ()
    with right:
        template = _choose(
            "What they get", fitting, campaign.template_id if campaign else None, f"campaign.template.{list_}", is_fixed
        )
        if not fitting:
            st.caption("No template fits what this list holds.")
    marketing = _optional(
        "Marketing campaign",
        "None: visits and orders are not counted for it",
        offered.marketing,
        campaign.marketing_campaign_id if campaign else None,
        "campaign.marketing",
        is_fixed,
    )
    topic = campaign.topic_id if campaign else None
    if offered.topics:
        nothing = "None: goes to everybody nothing speaks against"
        topic = _optional("What it is about", nothing, offered.topics, topic, "campaign.topic", is_fixed)
    first, second = st.columns(2)
    sender_name = first.text_input(
        "Sender's name",
        (campaign.sender_name or "") if campaign else settings.sender_name,
        max_chars=100,
        key="campaign.sender",
        disabled=is_fixed,
    )
    sender_email = second.text_input(
        "Sender's address",
        campaign.sender_email if campaign else settings.sender_email,
        max_chars=254,
        key="campaign.email",
        disabled=is_fixed,
    )
    third, fourth = st.columns(2)
    holdout = third.slider(
        "Hold out (percent)",
        0,
        50,
        int(campaign.holdout_percent) if campaign else 0,
        key="campaign.holdout",
        disabled=is_fixed,
        help="These people get no mail, chosen by chance. Only against them can you tell what the mail itself earned.",
    )
    cost = fourth.number_input(
        f"Cost ({settings.base_currency})",
        min_value=0.0,
        value=float(campaign.cost) if campaign and campaign.cost is not None else None,
        step=10.0,
        key="campaign.cost",
    )
    description = st.text_area(
        "Note", (campaign.description or "") if campaign else "", key="campaign.description", height=80
    )
    ready = bool(name.strip()) and list_ is not None and template is not None
    if not st.button(
        "Save changes" if campaign else "Create and check",
        type="primary",
        key="campaign.save",
        disabled=not ready,
        help=None if ready else "A name, a list and a template are needed.",
    ):
        return
    values: dict[str, object] = {"name": name, "cost": cost, "description": description.strip() or None}
    if not is_fixed:
        values |= {
            "marketing_list": list_,
            "template": template,
            "marketing_campaign": marketing,
            "topic": topic,
            "sender_name": sender_name,
            "sender_email": sender_email,
            "holdout_percent": holdout,
        }
    with messages.errors():
        number = campaign.id if campaign else None
        if number is None:
            saved = session.once("campaign", values, lambda: view.save(services, None, values))
        else:
            saved = view.save(services, number, values)
        messages.notice(f"Email campaign “{saved.name}” is saved.")
        open_campaign(saved.id)


def _choose(label: str, offered: Sequence[view.Choice], start: int | None, key: str, fixed: bool) -> int | None:
    labels = {choice.id: choice.label for choice in offered}
    numbers = list(labels)
    index = numbers.index(start) if start in labels else (0 if numbers else None)
    return st.selectbox(label, numbers, index=index, format_func=labels.__getitem__, key=key, disabled=fixed)


def _optional(
    label: str, nothing: str, offered: Sequence[view.Choice], start: int | None, key: str, fixed: bool
) -> int | None:
    labels = {0: nothing, **{c.id: c.label for c in offered}}
    numbers = list(labels)
    at = numbers.index(start) if start in labels else 0
    picked = st.selectbox(
        label,
        numbers,
        index=at,
        format_func=labels.__getitem__,
        key=key,
        disabled=fixed,
    )
    return picked or None
