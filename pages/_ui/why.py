"""Why somebody is in or out: a window with the tree of conditions, from the editor and from grids of members."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from analytics.segments import Definition
from analytics.views import why as view
from analytics.views.wording import visible
from pages._ui import messages, session, values


def ask(definition: Definition, people: Mapping[str, str], *, key: str = "why", who: str | None = None) -> None:
    """Open the window: somebody is chosen of `people` ({key: words}) or typed; `who` (key or address) is shown at once.

    To be called when its button was pressed; one window may be open at a time.
    """
    session.forget(f"{key}.who")
    _window(definition, people, key, who)


@st.dialog("Why in, why out?", width="large", icon=":material/help:")
def _window(definition: Definition, people: Mapping[str, str], key: str, who: str | None) -> None:
    offered = {**({} if who is None or who in people else {who: who}), **people}
    with st.container(key=f"{key}-who".replace(".", "-")):
        picked = values.typed_or_chosen(
            "Person", offered, who, f"{key}.who", "Choose somebody, or type an address or key"
        )
    if picked is None:
        st.caption("The window shows each condition with yes or no, and the values it saw.")
        return
    with messages.errors():
        draw(view.why(session.services(), definition, picked))


def draw(answer: view.Why) -> None:
    """Draw the answer: in or out, then the tree. What came from outside is shown letter by letter."""
    verdict = "is in" if answer.is_member else "is not in"
    st.markdown(f"**{messages.plain(answer.key)}** {verdict}.")
    if answer.is_cut_off:
        st.caption("Every condition holds, but the limit ends before this one.")
    if not answer.lines:
        st.caption("There is no condition, so everybody is in.")
        return
    st.html(f'<div class="sd-why" role="list">{"".join(map(_line, answer.lines))}</div>')


def _line(line: view.Line) -> str:
    mark, said = ("✓", "yes") if line.holds else ("✕", "no")
    saw = f'<span class="sd-saw">saw {escape(visible(line.saw))}</span>' if line.saw is not None else ""
    kind = " sd-why-group" if line.is_group else ""
    return (
        f'<div role="listitem" class="sd-why-{said}{kind}" style="margin-left:{min(line.depth, 8) * 1.4}rem">'
        f'<b title="{said}">{mark}<i>{said}</i></b><span>{escape(visible(line.words))}{saw}</span></div>'
    )
