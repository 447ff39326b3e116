"""Call campaigns: telephone lists called by people, one person at a time, and what came of it."""

from __future__ import annotations

import streamlit as st

from analytics.calls import CallCampaign
from analytics.views import calls as view
from analytics.views.wording import counted, local, number
from pages._ui import charts, session, widgets
from pages.sending import call_form, calling

_LISTS = "pages/audience/lists.py"


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("call"), session.chosen_id("call")
    if asked == "new":
        _new()
    elif chosen is not None:
        _detail(chosen)
    else:
        _overview()


def _overview() -> None:
    services = session.services()
    lines = view.overview(services)
    with widgets.head("Calls", "Telephone lists, one person after the other, and what they said."):
        if lines and st.button("New call campaign", key="calls.new", icon=":material/add:", type="primary"):
            call_form.open_campaign("new")
    if not lines:
        _first()
        return
    picked = widgets.table(
        [
            {
                "name": line.name,
                "ready": line.ready,
                "waiting": line.waiting,
                "called": line.called,
                "reached": line.reached,
                "numbers": line.numbers,
                "list": line.list_name,
            }
            for line in lines
        ],
        {
            "name": widgets.words("Campaign", "medium"),
            "ready": widgets.count("To call now"),
            "waiting": widgets.count("Later"),
            "called": widgets.count("Called"),
            "reached": widgets.count("Reached"),
            "numbers": widgets.count("Numbers"),
            "list": widgets.words("List"),
        },
        key="calls.table",
        alt="Call campaigns and how far they are",
        pick=True,
    )
    if picked is not None:
        call_form.open_campaign(lines[picked].id)


def _first() -> None:
    if not view.phone_lists(session.services()):
        with widgets.empty(
            "calls", "groups", "First, a telephone list", "A call campaign goes to a marketing list of numbers."
        ):
            widgets.go("Create a list", _LISTS, key="calls.to-list", primary=True, list="new")
        return
    with widgets.empty("calls", "call", "Ready for the first calls", "You have a telephone list; write what to say."):
        if st.button("Create a call campaign", key="calls.first", type="primary"):
            call_form.open_campaign("new")


def _new() -> None:
    with widgets.head("New call campaign", "Nobody is called by itself: a person picks up the telephone."):
        if st.button("Cancel", key="calls.cancel"):
            call_form.open_campaign(None)
    if view.phone_lists(session.services()):
        call_form.draw(None, session.chosen_id("list"))
    else:
        _first()


def _detail(chosen: int) -> None:
    campaign = session.services().calls.get(chosen)
    belongs = f", belongs to {campaign.marketing_campaign_name}" if campaign.marketing_campaign_name else ""
    with widgets.head(campaign.name, f"Calls “{campaign.list_name}”{belongs}."):
        if st.button("All campaigns", key="calls.back", icon=":material/arrow_back:"):
            call_form.open_campaign(None)
    part = st.segmented_control(
        "Part", ["Call", "Results", "Campaign"], default="Call", key="calls.part", label_visibility="collapsed"
    )
    if part == "Results":
        _results(campaign)
    elif part == "Campaign":
        call_form.draw(campaign, None)
    else:
        calling.draw(campaign)


def _results(campaign: CallCampaign) -> None:
    services = session.services()
    p = view.progress(services, campaign.id)
    widgets.tiles(
        [
            widgets.Tile("Numbers", number(p.numbers), "Numbers that can be dialled; shared ones count once"),
            widgets.Tile("Called", number(p.called)),
            widgets.Tile("Reached", number(p.reached), "The person spoke with the caller"),
            widgets.Tile("To call now", number(p.ready)),
        ],
        key="calls",
    )
    widgets.state_bar(
        [
            widgets.Share("Done", p.closed, "good"),
            widgets.Share("Next call agreed or due", p.due + p.waiting, "busy"),
            widgets.Share("Not called yet", p.new, "waiting"),
            widgets.Share("Never answered", p.given_up, "doubt"),
            widgets.Share("Do not call", p.do_not_call, "bad"),
        ]
    )
    if p.problems:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(p.problems.items()))
        st.caption(f"{counted(sum(p.problems.values()), 'member')} cannot be called: {reasons}.")
    if not p.calls:
        st.caption("No call has been made yet.")
        return
    _brought(campaign)
    widgets.section("How calls ended", "Numbers by their last outcome")
    shown = [(o.label, p.outcomes[o.name]) for o in view.outcomes() if p.outcomes.get(o.name)]
    charts.draw(
        charts.bars([name for name, _ in shown], [count for _, count in shown], "numbers"),
        key="calls.chart",
        alt="Numbers by the outcome of their last call: " + ", ".join(f"{n} {c}" for n, c in shown),
    )
    _calls(campaign)


def _brought(campaign: CallCampaign) -> None:
    found = view.results(session.services(), campaign.id)
    widgets.section("What they brought", "Orders of people who were reached, within the attribution window")
    if found is None:
        st.caption("The worker has not put the calls into the data yet.")
        return
    widgets.tiles(
        [
            widgets.Tile("Reach rate", found.reach_rate.split(" (")[0], f"Reached of called: {found.reach_rate}"),
            widgets.Tile("Orders", number(found.orders)),
            widgets.Tile("Revenue", found.revenue),
            widgets.Tile("Cost", found.cost),
        ],
        key="calls-brought",
    )
    with st.expander("How these numbers came", icon=":material/info:"):
        st.text("\n".join(found.footer))


def _calls(campaign: CallCampaign) -> None:
    services = session.services()
    zone = services.store.settings.timezone
    widgets.section("Last calls")
    widgets.table(
        [
            {
                "at": local(call.at, zone),
                "phone": call.phone_key,
                "person": call.person,
                "outcome": view.label(call.outcome),
                "note": call.note,
                "caller": call.caller,
                "next": local(call.next_call_at, zone),
            }
            for call in services.calls.calls(campaign.id)
        ],
        {
            "at": widgets.when("When"),
            "phone": widgets.words("Number", "small"),
            "person": widgets.words("Person"),
            "outcome": widgets.words("Outcome", "small"),
            "note": widgets.words("Note", "small"),
            "caller": widgets.words("Caller", "small"),
            "next": widgets.when("Next call"),
        },
        key="calls.rows",
        alt="The last calls of the campaign",
    )


page()
