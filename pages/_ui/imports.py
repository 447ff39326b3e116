"""Importing a file: hand it over, look at what becomes of its columns, let the worker do it, read the result."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.views import imports as view
from analytics.views.wording import ago, counted, number
from pages._ui import messages, session, widgets

_DECIMALS = {"": "As the file shows", ".": "1,234.50", ",": "1.234,50"}
_DATES = {"": "As the file shows", "dmy": "Day first (24/11/2026)", "mdy": "Month first (11/24/2026)"}
_STATES = {"waiting": "Waiting for the worker", "running": "Importing", "done": "Imported", "failed": "Not imported"}


def draw() -> None:
    """Draw the import: the one under way, or the way to a new one."""
    following = session.get("data.job", 0)
    if following:
        _progress(following)
        return
    upload = _upload()
    if upload is not None:
        _prepare(upload)
    _recent()


def _upload() -> view.Upload | None:
    given = st.file_uploader(
        "A file from your shop",
        type=list(view.SUFFIXES),
        key="data.file",
        help="CSV (also .gz), Excel, Parquet or JSON lines. Importing the same file twice changes nothing.",
    )
    if given is None:
        return None
    kept: view.Upload | None = session.get("data.upload", None)
    if kept is None or session.get("data.upload.id", "") != given.file_id:
        session.done("data.import")
        session.forget("data.rules", "data.edit")
        kept = view.keep(session.services(), session.request_key("data.import"), given.name, given)
        session.keep("data.upload", kept)
        session.keep("data.upload.id", given.file_id)
    return kept


def _prepare(upload: view.Upload) -> None:
    services = session.services()
    entities = {e.name: e.plural for e in services.model.entities.values()}
    names = list(entities)
    first, second = st.columns([2, 3], vertical_alignment="bottom")
    with first:
        entity = st.selectbox(
            "Each line is one of",
            names,
            index=names.index(view.guessed_entity(services, upload.name)),
            format_func=entities.__getitem__,
            key="data.entity",
        )
    with second:
        more = _options(entities[entity])
    if session.get("data.rules.of", "") != entity:
        session.keep("data.rules", {})
        session.keep("data.rules.of", entity)
    rules: dict[str, str] = session.get("data.rules", {})
    choices = view.Choices(entity, rules, **more)
    with messages.errors():
        _plan(upload, choices)
        return
    _add_rule(upload, choices, ())


def _options(plural: str) -> dict[str, Any]:
    with st.popover("How to read it", icon=":material/tune:"):
        complete = st.checkbox(
            f"The file holds all {plural.lower()}: mark those it lacks as deleted", key="data.complete"
        )
        zone = st.text_input(
            "Time zone of its times", key="data.zone", placeholder=session.services().store.settings.timezone
        )
        decimal = st.selectbox("Numbers", list(_DECIMALS), format_func=_DECIMALS.__getitem__, key="data.decimal")
        dates = st.selectbox("Dates", list(_DATES), format_func=_DATES.__getitem__, key="data.dates")
    return {
        "complete": complete,
        "timezone": zone.strip() or None,
        "decimal": decimal or None,
        "dates": dates or None,
    }


def _plan(upload: view.Upload, choices: view.Choices) -> None:
    services = session.services()
    plan = view.plan(services, upload, choices)
    widgets.section("What becomes of the columns", "Change “From” to take another column, or an expression of columns.")
    edited = st.data_editor(
        pd.DataFrame(
            [{"field": p.label, "from": p.source, "example": p.example, "why": p.why} for p in plan.lines],
            columns=["field", "from", "example", "why"],
        ),
        column_config={
            "field": st.column_config.TextColumn("Field", disabled=True, width="medium"),
            "from": st.column_config.TextColumn("From", width="medium"),
            "example": st.column_config.TextColumn("Example", disabled=True, width="medium"),
            "why": st.column_config.TextColumn("Why", disabled=True, width="small"),
        },
        hide_index=True,
        num_rows="fixed",
        key=f"data.edit.{hash((choices.entity, tuple(choices.rules.items())))}",
        alt="Fields and where their values come from",
    )
    changed = {
        line.path: str(source or "").strip()
        for line, source in zip(plan.lines, edited["from"], strict=True)
        if line.is_free and str(source or "").strip() != line.source
    }
    if changed:
        session.keep("data.rules", {**choices.rules, **changed})
        st.rerun()
    _add_rule(upload, choices, plan.unused)
    if st.button("Import", type="primary", key="data.import", icon=":material/upload:"):
        session.keep("data.job", view.enqueue(services, upload, choices))
        st.rerun()


def _add_rule(upload: view.Upload, choices: view.Choices, unused: tuple[str, ...]) -> None:
    if unused:
        st.caption(messages.plain(f"Not used: {', '.join(unused)}."))
    targets = view.targets(session.services(), choices.entity)
    with st.expander("Fill another field", icon=":material/add:", expanded=not unused and not choices.rules):
        first, second, third = st.columns([3, 3, 1], vertical_alignment="bottom")
        with first:
            path = st.selectbox(
                "Field", list(targets), index=None, format_func=targets.__getitem__, key="data.rule.path"
            )
        with second:
            source = st.text_input(
                "From a column, or an expression",
                key="data.rule.source",
                placeholder="'c' || CustomerID || '@example.com'",
            )
        with third:
            adding = st.button("Add", key="data.rule.add", disabled=not path or not source.strip())
    if adding and path:
        session.keep("data.rules", {**choices.rules, path: source.strip()})
        st.rerun()
    if choices.rules and st.button("Forget my changes", key="data.rule.forget", type="tertiary"):
        session.keep("data.rules", {})
        st.rerun()


def _progress(number_: int) -> None:
    @st.fragment(run_every=1)
    def watch() -> None:
        followed = view.follow(session.services(), number_)
        if followed.is_over:
            session.keep("data.job.over", number_)
            st.rerun()
        job = followed.job
        st.progress(
            followed.share or 0.0,
            text=messages.plain(f"{_STATES[job.state]}: {number(job.done_count)} {job.message or 'lines'} so far"),
        )

    if session.get("data.job.over", 0) != number_:
        watch()
        return
    _result(view.follow(session.services(), number_))


def _result(followed: view.Followed) -> None:
    job = followed.job
    sentence = messages.sentence(job.message or _STATES[job.state])
    if job.state == "failed":
        st.error(sentence, icon=":material/error:")
    else:
        st.success(sentence, icon=":material/check_circle:")
    with st.container(horizontal=True):
        if followed.rejects is not None:
            path = followed.rejects
            st.download_button(
                "Lines that were not imported",
                path.read_bytes,
                file_name=path.name,
                mime="text/csv",
                key="data.rejects",
                icon=":material/download:",
                on_click="ignore",
            )
        if st.button("Import another file", key="data.again", type="primary"):
            session.forget("data.")
            session.done("data.import")
            st.rerun()
        widgets.go(
            "Make a marketing list", "pages/audience/lists.py", key="data.to-list", icon=":material/groups:", list="new"
        )


def _recent() -> None:
    jobs = view.recent(session.services())
    if not jobs:
        return
    from analytics.model.clock import SystemClock

    now = SystemClock().now()
    widgets.section("Last imports")
    widgets.table(
        [
            {
                "file": job.payload.get("name", ""),
                "state": _STATES[job.state],
                "when": ago(job.created_at, now),
                "result": job.message or "",
            }
            for job in jobs
        ],
        {
            "file": widgets.words("File"),
            "state": widgets.words("State", "small"),
            "when": widgets.words("When", "small"),
            "result": widgets.words("Result", "large"),
        },
        key="data.recent",
        alt="The last imports with their results",
    )
    st.caption(f"The newest {counted(len(jobs), 'import')}.")
