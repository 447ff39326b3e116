"""The local sink: the last mails that would have gone out, and what one of them looks like."""

from __future__ import annotations

import streamlit as st

from analytics.views import sink as view
from analytics.views.wording import local, moment
from pages._ui import messages, preview, session, widgets

_EMAILS = "pages/sending/email_campaigns.py"


def page() -> None:
    """All mails, or the one the address names."""
    name = session.chosen("mail")
    if name:
        _mail(name)
    else:
        _all()


def _all() -> None:
    services = session.services()
    mails = view.last(services)
    with widgets.head("Local sink", "No mail server is set, so mails land here. Nobody outside received them."):
        if mails and st.button("Look again", key="sink.again", icon=":material/refresh:"):
            st.rerun()
    if not mails:
        with widgets.empty(
            "sink", "drafts", "No mail yet", "Queue an email campaign: what it sends is kept here, one file a mail."
        ):
            widgets.go("Email campaigns", _EMAILS, key="sink.campaigns", primary=True)
        return
    zone = services.store.settings.timezone
    picked = widgets.table(
        [{"at": local(m.at, zone), "to": m.recipient, "subject": m.subject, "from": m.sender} for m in mails],
        {
            "at": widgets.when("When"),
            "to": widgets.words("To"),
            "subject": widgets.words("Subject", "large"),
            "from": widgets.words("From"),
        },
        key="sink.table",
        alt="The last mails in the local sink",
        pick=True,
    )
    st.caption(messages.plain(f"The newest {len(mails)} of {view.folder(services)}"))
    if picked is not None:
        session.choose(mail=mails[picked].name)
        st.rerun()


def _mail(name: str) -> None:
    services = session.services()
    shown = view.opened(services, name)
    zone = services.store.settings.timezone
    with widgets.head(
        shown.mail.subject or "(no subject)", f"To {shown.mail.recipient}, {moment(shown.mail.at, zone)}"
    ):
        if st.button("All mails", key="sink.back", icon=":material/arrow_back:"):
            session.choose(mail=None)
            st.rerun()
    looks, text, headers = st.tabs(["As it looks", "As plain text", "Headers"])
    with looks:
        if shown.html:
            preview.mail(shown.html, key="sink.preview", height=640)
        else:
            st.caption("This mail has no HTML part.")
    with text:
        st.code(shown.text or "", language=None, wrap_lines=True)
    with headers:
        st.code("\n".join(f"{k}: {v}" for k, v in shown.headers), language=None, wrap_lines=True)


page()
