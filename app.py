"""The dashboard: page config, navigation, what every page says at its top, then the page itself."""

from __future__ import annotations

import streamlit as st

from analytics.errors import AnalyticsError
from analytics.views import workspace
from pages._ui import banners, brand, messages, session, style

st.set_page_config(page_title="Shelduck", page_icon=brand.ICON, layout="wide")
style.apply()
st.logo(brand.mark(), size="large")

PAGES = {
    "": [
        st.Page("pages/start/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/audience/data.py", title="Data", icon=":material/database:"),
    ],
    "Audience": [
        st.Page("pages/audience/segments.py", title="Segments", icon=":material/filter_alt:"),
        st.Page("pages/audience/lists.py", title="Marketing lists", icon=":material/groups:"),
        st.Page("pages/audience/suppressions.py", title="Who may be mailed", icon=":material/block:"),
    ],
    "Sending": [
        st.Page("pages/sending/templates.py", title="Templates", icon=":material/edit_document:"),
        st.Page("pages/sending/email_campaigns.py", title="Email campaigns", icon=":material/send:"),
        st.Page("pages/sending/calls.py", title="Calls", icon=":material/call:"),
        st.Page("pages/sending/sink.py", title="Local sink", icon=":material/drafts:", visibility="hidden"),
    ],
    "Campaigns": [
        st.Page("pages/campaigns/marketing_campaigns.py", title="Marketing campaigns", icon=":material/campaign:"),
        st.Page("pages/tracking/websites.py", title="Tracking websites", icon=":material/language:"),
    ],
    "Reports": [st.Page("pages/reporting/efficiency.py", title="Efficiency", icon=":material/monitoring:")],
}


def run() -> None:
    """Run the page the reader asked for; an error of the services becomes its sentence."""
    page = st.navigation(PAGES, expanded=True)
    try:
        standing = workspace.standing(session.services())
        banners.show(standing)
        messages.show_notice()
        page.run()
    except AnalyticsError as error:
        messages.show(error)
    except Exception:  # a page never shows a traceback: the log has it, under the number the person sees
        messages.unexpected()


run()
