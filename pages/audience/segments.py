"""Segments: stored conditions, how many they mean and meant, who uses them, whom they share."""

from __future__ import annotations

import streamlit as st

from analytics.lists.overlap import FEWEST, MOST
from analytics.views import segments as view
from analytics.views.wording import joined, local, moment, number, percent
from pages._ui import audience_charts, charts, editor, history, messages, session, widgets

PREFIX = "segments.build"
_LISTS = "pages/audience/lists.py"


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("segment"), session.chosen_id("segment")
    if asked == "new":
        _edit(view.fresh(session.services()))
    elif chosen is not None and session.chosen("edit"):
        _edit(view.editable(session.services(), chosen))
    elif chosen is not None:
        _detail(chosen)
    elif session.chosen("overlap"):
        _overlap()
    else:
        _overview()


def _open(segment: int | str | None, *, edit: bool = False, overlap: bool = False) -> None:
    session.forget("segments.")
    session.choose(segment=segment, edit="1" if edit else None, overlap="1" if overlap else None)
    st.rerun()


def _overview() -> None:
    services = session.services()
    lines = view.overview(services)
    new = compare = False
    with widgets.head("Segments", "Conditions under a name: lists are built on them, other segments ask for them."):
        if lines:
            compare = st.button("Compare", key="segment.compare", icon=":material/join_inner:")
            new = st.button("New segment", key="segment.new", icon=":material/add:", type="primary")
    if not lines:
        with widgets.empty(
            "segments",
            "filter_alt",
            "No segment yet",
            "Say once who is meant, for example your regular buyers, and use it in as many lists as you like.",
        ):
            new = st.button("Create the first segment", key="segment.first", type="primary")
    if new:
        _open("new")
    if compare:
        _open(None, overlap=True)
    if not lines:
        return
    zone = services.store.settings.timezone
    picked = widgets.table(
        [
            {
                "name": line.name,
                "size": line.size,
                "change": line.change,
                "trend": list(line.trend) if len(line.trend) > 1 else None,
                "of": line.made_of,
                "uses": line.uses,
                "version": line.version,
                "updated": local(line.updated_at, zone),
            }
            for line in lines
        ],
        {
            "name": widgets.words("Segment"),
            "size": widgets.count("Size", "At the last measurement."),
            "change": st.column_config.NumberColumn("Change", format="%+d", width=90, help="Since the one before."),
            "trend": st.column_config.LineChartColumn("Last 30 days", width=120),
            "of": widgets.words("Made of", "small"),
            "uses": widgets.count("Used by", "Lists and segments."),
            "version": widgets.count("Version"),
            "updated": widgets.day("Changed"),
        },
        key="segment.table",
        alt="Segments with their size",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].id)


def _edit(begun: view.Editable) -> None:
    services = session.services()
    about = begun.id or "new"
    if session.get("segments.editing", None) != about:
        session.forget("segments.edit.")
        editor.forget(PREFIX)
        session.keep("segments.editing", about)
    with widgets.head(begun.name or "New segment", "Set conditions on the left; the answer on the right follows them."):
        if st.button("Cancel", key="segment.cancel"):
            _open(begun.id)
    entities = view.entities(services)
    named, made_of, noted = st.columns([4, 2.6, 4], vertical_alignment="top")
    with named:
        name = st.text_input("Name", begun.name, max_chars=255, key="segments.edit.name", placeholder="Regular buyers")
    with made_of:
        entity = st.selectbox(
            "Made of",
            list(entities),
            index=list(entities).index(begun.definition.entity),
            format_func=entities.__getitem__,
            key="segments.edit.entity",
            disabled=begun.id is not None,
        )
    with noted:
        note = st.text_input("Note", begun.description, key="segments.edit.note", placeholder="What it is for")
    if begun.id is not None:
        _warn_of_uses(begun.id)
    made = editor.draw(
        PREFIX,
        begun.definition if begun.definition.entity == entity else None,
        entity,
        about=about,
        save="Save segment",
        blocked=None if name.strip() else "Give the segment a name first.",
        counted="In this segment",
    )
    if made is None:
        return
    with messages.errors():
        values = (name, note, made)
        if begun.id is None:
            saved = session.once("segment", values, lambda: view.save(services, begun, *values))
        else:
            saved = view.save(services, begun, *values)
        messages.notice(f"Segment “{saved.name}” is saved.")
        _open(saved.id)


def _warn_of_uses(chosen: int) -> None:
    uses = session.services().segments.used_by(chosen)
    if uses:
        names = joined([f"{u.kind} “{u.name}”" for u in uses])
        st.info(messages.plain(f"What you change here changes the {names} too."), icon=":material/account_tree:")


def _detail(chosen: int) -> None:
    services = session.services()
    shown = view.detail(services, chosen)
    segment, zone = shown.segment, services.store.settings.timezone
    note = f" {segment.description}" if segment.description else ""
    with widgets.head(
        segment.name, f"{shown.made_of}, version {segment.version} of {moment(segment.updated_at, zone)}.{note}"
    ):
        if st.button("All segments", key="segment.back", icon=":material/arrow_back:"):
            _open(None)
        if st.button("Edit", key="segment.edit", icon=":material/edit:"):
            _open(chosen, edit=True)
        if shown.is_targetable and st.button(
            "Make a list of it", key="segment.list", icon=":material/groups:", type="primary"
        ):
            with messages.errors():
                made = view.make_list(services, chosen)
                messages.notice("A list is built on the segment and follows its changes.")
                st.switch_page(_LISTS, query_params={"list": str(made)})
    share = percent(shown.count / shown.of) if shown.of else None
    widgets.tiles(
        [
            widgets.Tile("In it now", number(shown.count)),
            widgets.Tile(f"Of all {shown.made_of.lower()}", share or "none yet"),
            widgets.Tile("Lists and segments using it", number(len(shown.uses))),
        ],
        key="segment",
    )
    left, right = st.columns([6, 7], gap="large")
    with left:
        _conditions(shown)
        _uses(shown)
    with right:
        widgets.section("Some of them")
        _sample(shown)
    history.draw("segment", chosen)
    widgets.sql(view.sql(services, segment), "segment.sql")
    _more(shown)


def _conditions(shown: view.Detail) -> None:
    widgets.section("Who is meant")
    if not shown.lines:
        st.caption(messages.plain(f"All {shown.made_of.lower()}: there is no condition."))
        return
    lines = []
    for line in shown.lines:
        text = messages.plain(line.text)
        lines.append(f"{'    ' * line.depth}- {f'**{text}**' if line.is_heading else text}")
    st.markdown("\n".join(lines))


def _uses(shown: view.Detail) -> None:
    widgets.section("Used by")
    if not shown.uses:
        st.caption("Nothing yet.")
    for use in shown.uses:
        if st.button(
            messages.plain(f"{use.name}"),
            key=f"segment.use.{use.kind}.{use.id}",
            icon=":material/groups:" if use.kind == "list" else ":material/filter_alt:",
            type="tertiary",
            help="A list built on it" if use.is_base else f"A {use.kind} whose conditions ask for it",
        ):
            if use.kind == "segment":
                _open(use.id)
            st.switch_page(_LISTS, query_params={"list": str(use.id)})


def _sample(shown: view.Detail) -> None:
    if not shown.rows:
        st.caption("Nobody fits at present.")
        return
    said = [n for n in shown.columns[1:] if any(row[n] not in (None, "") for row in shown.rows)]
    names = [*said, shown.columns[0]]  # the key last
    columns = {n: widgets.words(n[:1].upper() + n[1:], "small" if at else "medium") for at, n in enumerate(names)}
    rows = [{n: row[n] for n in names} for row in shown.rows]
    widgets.table(rows, columns, key="segment.sample", alt="Some rows of the segment")


def _more(shown: view.Detail) -> None:
    services, segment = session.services(), shown.segment
    with st.container(horizontal=True):
        if st.button("Make a copy", key="segment.clone", icon=":material/content_copy:", type="tertiary"):
            with messages.errors():
                made = services.segments.clone(segment.id)
                services.sizes.measure("segment", made.id)
                messages.notice(f"“{made.name}” is a copy.")
                _open(made.id)
        with st.popover("Delete segment", icon=":material/delete:", type="tertiary"):
            if shown.uses:
                names = joined([f"{u.kind} “{u.name}”" for u in shown.uses])
                st.caption(messages.plain(f"It cannot go while it is used by the {names}."))
            else:
                st.caption("Its versions and sizes go with it.")
            if st.button("Delete for good", key="segment.delete", disabled=bool(shown.uses)):
                with messages.errors():
                    services.segments.delete(segment.id)
                    session.deleted()
                    messages.notice(f"Segment “{segment.name}” is deleted.")
                    _open(None)


def _overlap() -> None:
    services = session.services()
    choices = view.choices(services)
    with widgets.head("Overlap", "Whom segments and lists share, counted exactly."):
        if st.button("All segments", key="overlap.back", icon=":material/arrow_back:"):
            _open(None)
    picked = st.multiselect(
        "Segments and lists",
        list(choices),
        list(choices)[: min(3, len(choices))],
        format_func=lambda c: choices[c].label,
        max_selections=MOST,
        key="segments.overlap.sets",
        placeholder=f"Choose {FEWEST} to {MOST}",
    )
    suppressed = st.checkbox("Compare with suppressed addresses", key="segments.overlap.suppressed")
    if len(picked) < (FEWEST - 1 if suppressed else FEWEST):
        st.caption(f"Choose {FEWEST} to {MOST} of them.")
        return
    with messages.errors():
        found = view.overlap(services, [choices[p] for p in picked], suppressed)
        _draw_overlap(found)


def _draw_overlap(found: view.Overlap) -> None:
    what = "addresses" if found.by == "address" else "members"
    if not found.total:
        st.caption("Nobody is in any of them.")
        return
    widgets.section("Exactly in", f"Each bar counts {what} that are in the marked ones and in no other.")
    parts = [(i.sets, i.count) for i in found.intersections]
    charts.draw(
        audience_charts.upset(found.names, found.sizes, parts[:24]),
        key="segments.overlap.upset",
        alt="; ".join(f"{count:,} in {joined([found.names[n] for n in sets])}" for sets, count in parts[:24]),
    )
    if len(parts) > 24:
        st.caption(f"The largest 24 of {len(parts)} combinations.")
    widgets.section("In both", f"{what.capitalize()} in both, and their share of those in either.")
    every = range(len(found.names))
    rows = []
    for n in every:
        row: dict[str, object] = {"set": found.names[n]}
        for m in every:
            share = found.jaccard(n, m)
            both = number(found.common(n, m))
            row[f"c{m}"] = both if n == m or share is None else f"{both} · {percent(share)}"
        if found.by == "address":
            row["unreached"] = found.unreached[n]
        rows.append(row)
    columns = {"set": widgets.words("", "medium"), **{f"c{m}": widgets.words(found.names[m], "small") for m in every}}
    if found.by == "address":
        columns["unreached"] = widgets.count("Without address")
    widgets.table(rows, columns, key="segments.overlap.matrix", alt="Pairs of sets and whom they share")


page()
