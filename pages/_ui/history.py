"""The past of a segment or list, drawn the same for both: size over time, who came and went, versions."""

from __future__ import annotations

import streamlit as st

from analytics.lists.membership import Kind
from analytics.views import history as view
from analytics.views.wording import local, moment, number
from pages._ui import audience_charts, charts, messages, session, widgets

_MOST_VERSIONS = 20


def draw(kind: Kind, chosen: int) -> None:
    """Draw how large segment or list number `chosen` was when, who came and went, and its versions."""
    past = view.past(session.services(), kind, chosen)
    _sizes(kind, chosen, past)
    _versions(kind, chosen, past)


def _sizes(kind: Kind, chosen: int, past: view.Past) -> None:
    services = session.services()
    zone = services.store.settings.timezone
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content"):
            widgets.section("Size over time", "Measured once a day and after every change.")
        widgets.action(
            "Measure now",
            lambda: services.sizes.measure(kind, chosen),
            key=f"history.{kind}.measure",
            said="Measured.",
            icon=":material/straighten:",
        )
    if not past.points:
        st.caption("Not measured yet. The worker does it within a minute, or you do it now.")
        return
    moments = [local(p.at, zone) or p.at for p in past.points]
    charts.draw(
        audience_charts.sizes(past.points, moments),
        key=f"history.{kind}.chart",
        alt=f"Size over time: {past.points[-1].count:,} at the last of {len(past.points)} measurements",
    )
    if past.since is None:
        st.caption("Who comes and goes is known from the second measurement on.")
        return
    _people(kind, chosen, past, f"Since {moment(past.since, zone)}")


def _people(kind: Kind, chosen: int, past: view.Past, since: str) -> None:
    options = {"entered": f"Entered ({number(past.entered)})", "left": f"Left ({number(past.left)})"}
    with st.container(horizontal=True, vertical_alignment="center"):
        which = st.segmented_control(
            "Who came and went",
            list(options),
            default="entered",
            required=True,
            format_func=options.__getitem__,
            key=f"history.{kind}.{chosen}.which",
            label_visibility="collapsed",
        )
        st.caption(since, width="content")
    with messages.errors():
        found = view.people(session.services(), kind, chosen, which or "entered")
        if not found.total:
            st.caption("Nobody.")
            return
        told = [n for n in found.columns[1:] if any(row.get(n) not in (None, "") for row in found.rows)]
        names = [*told, found.columns[0]]  # the key last, columns nobody has a value in not at all
        widgets.table(
            [{n: row.get(n) for n in names} for row in found.rows],
            {n: widgets.words(n[:1].upper() + n[1:]) for n in names},
            key=f"history.{kind}.people",
            alt="Who came and went",
        )
        if found.total > len(found.rows):
            st.caption(f"The first {len(found.rows)} of {number(found.total)}.")


def _versions(kind: Kind, chosen: int, past: view.Past) -> None:
    widgets.section("Versions", "Every save that changed who is meant.")
    zone = session.services().store.settings.timezone
    newest = past.versions[0].number
    for n, version in enumerate(past.versions[:_MOST_VERSIONS]):
        with st.container(border=True, key=f"version-{kind}-{version.number}", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                present = " · present" if n == 0 else ""
                st.markdown(f"**Version {version.number}**{present} · {moment(version.at, zone)}", width="content")
                if n:
                    _restore(kind, chosen, version.number)
            oldest = n == len(past.versions) - 1
            said = version.changes or (("As it was saved first" if oldest else "Nothing in its conditions"),)
            st.markdown("\n".join(f"- {messages.plain(change)}" for change in said))
            if n:
                _compare(kind, chosen, version.number, newest)
    if len(past.versions) > _MOST_VERSIONS:
        st.caption(f"{len(past.versions) - _MOST_VERSIONS} older ones are shown by the command line.")


def _restore(kind: Kind, chosen: int, version: int) -> None:
    def work() -> None:
        view.restore(session.services(), kind, chosen, version)
        session.forget(f"history.{kind}.", f"{kind}s.")

    widgets.action(
        "Restore",
        work,
        key=f"history.{kind}.{chosen}.restore.{version}",
        said=f"As version {version} was, now the newest.",
        icon=":material/history:",
        type="tertiary",
        help=f"Make version {version} the present one; the others stay",
    )


def _compare(kind: Kind, chosen: int, old: int, new: int) -> None:
    with st.expander(
        f"Compare with version {new}", key=f"history.{kind}.{chosen}.compare.{old}", on_change="rerun"
    ) as box:
        if not box.open:
            return
        found = view.diff(session.services(), kind, chosen, old, new)
        if not found.changes:
            st.caption("They are the same.")
            return
        st.markdown("\n".join(f"- {messages.plain(change)}" for change in found.changes))
        st.code("\n".join(f"{line.sign} {line.text}" for line in found.lines), language="diff", wrap_lines=True)
