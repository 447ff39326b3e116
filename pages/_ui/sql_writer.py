"""The editor's tab for SQL: the query a definition becomes, or the query that takes the place of its conditions."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from analytics.segments import Definition, SqlLook
from analytics.views import audience_preview, sql_segment
from pages._ui import desk, session


def draw(prefix: str, made: Definition | None, within: str | None) -> None:
    """Draw the tab; `made` is what is run, `within` the segment it only adds to."""
    known = desk.history(prefix)
    assert known is not None, "the editor begins one"
    if known.present.sql is not None:
        _writer(prefix, known.present.entity, known.present.sql)
        return
    if made is not None:
        st.caption("The query this definition becomes, with its values below.")
        st.code(audience_preview.sql(session.services(), made), language="sql", wrap_lines=True)
    if within is None:
        st.button(
            "Write who is meant as SQL",
            key=f"{prefix}.sql.begin",
            icon=":material/code:",
            help="A query takes the place of the conditions. Undo brings them back.",
            on_click=_put,
            args=(prefix, sql_segment.begin(session.services(), known.present.entity)),
        )


def _writer(prefix: str, entity: str, sql: str) -> None:
    services = session.services()
    key = services.model.entity(entity).key
    st.caption(f"One SELECT whose first column is the {key} of {entity}. Further columns say why somebody is in.")
    area = f"{prefix}.e{session.get(f'{prefix}.edition', 0)}.sql"
    typed = st.text_area("Query", sql, key=area, height=240, label_visibility="collapsed")
    if typed.strip() != sql and typed.strip():
        _put(prefix, typed.strip())
        st.rerun()
    _said(sql_segment.look(services, entity, sql))
    with st.expander("Tables and columns", icon=":material/table:", key=f"{prefix}.sql.tables"):
        views = {view.name: view for view in sql_segment.tables(services)}
        chosen = st.selectbox("Table", list(views), key=f"{prefix}.sql.table")
        if chosen in views:
            rows = [{"Column": name, "Type": kind} for name, kind in views[chosen].columns]
            st.dataframe(rows, hide_index=True, width="stretch")
    st.button("Back to conditions", key=f"{prefix}.sql.end", icon=":material/undo:", on_click=_put, args=(prefix, None))


def _said(look: SqlLook) -> None:
    if look.error is not None:
        place = f"Line {look.error.line}, column {look.error.column}: " if look.error.line is not None else ""
        st.error("The query cannot be run yet", icon=":material/error:")
        st.code(f"{place}{look.error.message}", language=None, wrap_lines=True)
    for warning in look.warnings:
        st.warning(warning, icon=":material/info:")


def _put(prefix: str, sql: str | None) -> None:
    known = desk.history(prefix)
    assert known is not None, "the editor begins one"
    session.keep(f"{prefix}.history", known.changed(replace(known.present, sql=sql)))
