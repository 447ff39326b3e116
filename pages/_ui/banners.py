"""What every page says at its top: demo data, mails that stay on this machine, a worker that does not run."""

from __future__ import annotations

import streamlit as st

from analytics.views.workspace import Standing
from pages._ui import messages

SINK = "pages/sending/sink.py"


def show(standing: Standing) -> None:
    """Draw the notices that apply."""
    with st.container(horizontal=True, gap="small", key="banner-row", vertical_alignment="center"):
        if standing.is_demo:
            st.badge(
                "Demo shop", icon=":material/science:", color="violet", help="People, orders and mails are made up."
            )
        if standing.sink is not None:
            st.badge(
                "Local sink only",
                icon=":material/inbox:",
                color="orange",
                help=f"Mails go to {messages.plain(standing.sink)}, nobody outside receives them.",
            )
            st.page_link(SINK, label="See the last mails", icon=":material/drafts:")
    if not standing.worker_runs:
        st.warning(
            "The worker is not running, so nothing is sent, imported or counted. "
            "Start it with `shelduck serve`, or alone with `shelduck worker`.",
            icon=":material/pause_circle:",
        )
