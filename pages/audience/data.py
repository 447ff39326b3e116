"""Data: what the workspace holds about the shop, files to import, what changed last."""

from __future__ import annotations

import streamlit as st

from analytics.views import data as view
from analytics.views.wording import ago, counted, local
from pages._ui import imports, messages, session, widgets

_LISTS = "pages/audience/lists.py"


def page() -> None:
    """The whole page: records, import, changes."""
    shown = view.overview(session.services())
    with widgets.head("Data", "Everything the shop told Shelduck: people, companies, orders, products."):
        if not shown.is_empty:
            widgets.go("New marketing list", _LISTS, key="data.list", icon=":material/groups:", list="new")
    if shown.is_empty:
        with widgets.empty(
            "data",
            "upload_file",
            "No data yet",
            "Import a file from your shop; customers and their orders are a good start. CSV, Excel, Parquet, JSON.",
        ):
            st.caption("Choose the file below.")
        imports.draw()
        return
    records, loading, changes = st.tabs(
        [":material/table_rows: Records", ":material/upload_file: Import a file", ":material/history: Last changes"]
    )
    with records:
        _records(shown)
    with loading:
        imports.draw()
    with changes:
        _changes(shown)


def _records(shown: view.Overview) -> None:
    store = session.services().store
    now = store.clock.now()
    filled = [kind for kind in shown.kinds if kind.count]
    widgets.table(
        [
            {
                "kind": kind.plural,
                "count": kind.count,
                "imported": ago(kind.imported_at, now),
                "lists": kind.reachable,
                "doc": kind.doc,
            }
            for kind in filled
        ],
        {
            "kind": widgets.words("Kind"),
            "count": widgets.count("Records"),
            "imported": widgets.words("Last change", "small"),
            "lists": st.column_config.CheckboxColumn("For lists", width="small", help="Has an address or telephone."),
            "doc": widgets.words("What it is", "large"),
        },
        key="data.kinds",
        alt="Kinds of record with their number",
    )
    missing = [kind.plural.lower() for kind in shown.kinds if not kind.count]
    if missing:
        st.caption(messages.plain(f"Nothing imported yet of: {', '.join(missing)}."))
    names = {kind.name: kind for kind in filled}
    name = st.selectbox(
        "Look at some records",
        list(names),
        index=None,
        format_func=lambda n: f"{names[n].plural} ({names[n].count:,})",
        key="data.look",
        placeholder="Choose a kind",
    )
    if name:
        rows = view.sample(session.services(), name)
        widgets.table(rows, dict.fromkeys(rows[0]) if rows else {}, key="data.sample", alt="Some of these records")
        st.caption(f"The first {counted(len(rows), 'record')} by key, without columns that are empty in all of them.")


def _changes(shown: view.Overview) -> None:
    if not shown.changes:
        with widgets.empty(
            "changes",
            "history",
            "No change noted yet",
            "When a later import brings another price, status or address, the old and the new value are kept here.",
        ):
            st.caption("Import the same kind of file again to see it.")
        return
    zone = session.services().store.settings.timezone
    widgets.table(
        [
            {"at": local(c.at, zone), "kind": c.kind, "key": c.key, "field": c.field, "old": c.old, "new": c.new}
            for c in shown.changes
        ],
        {
            "at": widgets.when("When"),
            "kind": widgets.words("Kind", "small"),
            "key": widgets.words("Record", "small"),
            "field": widgets.words("Field", "small"),
            "old": widgets.words("Before"),
            "new": widgets.words("After"),
        },
        key="data.changes",
        alt="The newest changes of records",
    )


page()
