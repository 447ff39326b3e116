"""Everything known of one address, and why each of its mails came to be."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analytics.views import suppressions as view
from analytics.views.wording import counted, local
from pages._ui import messages, preview, session, why, widgets


def button(addresses: Sequence[str | None], *, key: str) -> None:
    """Draw the button that opens the window for the one address ticked in a grid; a telephone number has no mails."""
    one = addresses[0] if len(addresses) == 1 else None
    can = one is not None and view.is_address(one)
    help_ = None if can else "Tick one member with an e-mail address."
    if st.button("Why mailed?", key=key, icon=":material/help:", disabled=not can, help=help_):
        ask(str(one))


@st.dialog("Why did we mail this person?", width="large", icon=":material/help:")
def ask(address: str) -> None:
    """Open a window with everything known of an address; one window may be open at a time."""
    with messages.errors():
        draw(address, key="mailed")


def draw(address: str, *, key: str) -> None:
    """Draw what is known of an address: may it be mailed, what it said, its mails, and why the chosen one."""
    services = session.services()
    zone = services.store.settings.timezone
    found = view.known(services, address)
    against = view.stands(found, zone)
    if against:
        st.warning(messages.plain(f"{found.address_key} gets no mail. {'. '.join(against)}."), icon=":material/block:")
    else:
        apart = "" if all(one.is_mailed for one in found.standings) else ", but for the topics below"
        text = f"Nothing speaks against mailing {found.address_key}{apart}."
        st.success(messages.plain(text), icon=":material/check:")
    if found.standings:
        widgets.section(
            "Topics", "None of them is mailed at present: what stands above comes first." if against else None
        )
        widgets.table(
            [
                {
                    "topic": standing.topic.name,
                    "mailed": "Yes" if standing.is_mailed else "No",
                    "said": view.said(standing.newest, zone),
                }
                for standing in found.standings
            ],
            {
                "topic": widgets.words("Topic"),
                "mailed": widgets.words("May be mailed", "small"),
                "said": widgets.words("Last word", "large"),
            },
            key=f"{key}.topics",
            alt="Where the address stands with each topic",
        )
    if found.consents:
        _log(found, zone, key)
    widgets.section("Mails", counted(len(found.mails), "mail") + ", the newest first.")
    if not found.mails:
        st.caption("No sending has met this address yet.")
        return
    picked = widgets.table(
        [
            {
                "campaign": one.campaign,
                "list": one.list_name,
                "state": view.state(one.state, one.reason),
                "decided": local(one.decided_at, zone),
            }
            for one in found.mails
        ],
        {
            "campaign": widgets.words("Email campaign"),
            "list": widgets.words("List"),
            "state": widgets.words("Became"),
            "decided": widgets.when("Decided"),
        },
        key=f"{key}.mails",
        alt="Mails to the address",
        pick=True,
    )
    if picked is not None:
        session.keep(f"{key}.chosen", found.mails[picked].delivery_id)
    chosen = session.get(f"{key}.chosen", found.mails[0].delivery_id)
    numbers = [one.delivery_id for one in found.mails]
    _answer(chosen if chosen in numbers else numbers[0], key)


def _log(found: view.Known, zone: str, key: str) -> None:
    with st.expander(f"Everything it said ({len(found.consents)})", key=f"{key}.log"):
        widgets.table(
            [
                {
                    "at": local(one.at, zone),
                    "topic": one.topic or view.ALL_MAIL,
                    "granted": "Yes" if one.granted else "No",
                    "wording": one.wording,
                    "source": one.source,
                    "from": one.client_address,
                }
                for one in found.consents
            ],
            {
                "at": widgets.when("When"),
                "topic": widgets.words("Topic"),
                "granted": widgets.words("Said", "small"),
                "wording": widgets.words("Words it saw", "large"),
                "source": widgets.words("Where"),
                "from": widgets.words("Sent from", "small"),
            },
            key=f"{key}.consents",
            alt="What the address said, the newest first",
        )


def _answer(delivery_id: int, key: str) -> None:
    answer = view.answer(session.services(), delivery_id)
    widgets.section(f"Why “{answer.found.mailed.campaign}”")
    left, right = st.columns(2, gap="large")
    with left:
        lines = [f"**{messages.plain(what)}** {messages.plain(value)}" for what, value in answer.facts]
        st.markdown("  \n".join(lines))
    with right:
        if answer.tree is not None:
            why.draw(answer.tree)
        for remark in answer.found.remarks:
            st.caption(messages.sentence(remark))
    mail = answer.found.mail
    if mail is None:
        return
    same = {
        True: "This is byte for byte the mail that left.",
        False: "This is not what left: the template or a value cannot be made again as it was.",
        None: "No mail left; this is how it would look.",
    }[mail.is_same]
    with st.expander("The mail", icon=":material/mail:", key=f"{key}.mail"):
        st.markdown(f"**{messages.plain(mail.subject)}**")
        st.caption(same)
        preview.mail(mail.html, key=f"{key}.preview.{delivery_id}", title="The mail as it was sent")
