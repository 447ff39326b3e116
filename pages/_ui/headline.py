"""The efficiency of one campaign in a sentence and a row of tiles, where a page speaks of it."""

from __future__ import annotations

import streamlit as st

from analytics.views import efficiency
from pages._ui import messages, session, widgets


@st.cache_data(ttl=20, max_entries=16, show_spinner=False)
def _loaded(root: str, versions: tuple[tuple[str, int], ...], filters: efficiency.Filters) -> efficiency.View:
    return efficiency.load(session.services(), filters)


def load(filters: efficiency.Filters) -> efficiency.View:
    """Return a report on the newest data, names in it at most 20 seconds old; raises ReportError, NotFound."""
    store = session.services().store
    return _loaded(str(store.folder.root), tuple(sorted(store.snapshot().versions.items())), filters)


def forget() -> None:
    """Have the next report computed anew."""
    _loaded.clear()


def draw(filters: efficiency.Filters, *, key: str) -> None:
    """Draw the headline of what these filters choose."""
    with messages.errors():
        shown = load(filters)
        with st.container(key="verdict"):
            st.markdown(messages.plain(shown.verdict))
        if not shown.is_empty:
            widgets.tiles([widgets.Tile(f.label, f.value, f.formula, f.interval) for f in shown.figures], key=key)
