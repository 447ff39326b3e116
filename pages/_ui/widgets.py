"""Pieces every page is made of: its head, tiles, tables, empty states, the state bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analytics.views.wording import NOTHING, number
from pages._ui import messages
from pages._ui.palette import palette

_OPEN = "_open"
_PERCENT = "%.1f %%"
_WIDTHS = {"small": 115, "medium": 190, "large": 300}
_MOST_ROWS = 25  # shown without a scroll bar of the table's own


@dataclass(frozen=True)
class Tile:
    """A figure of a headline. `help` is its formula in words; `note` a quiet second line."""

    label: str
    value: str
    help: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Share:
    """A part of a state bar; `tone` names a colour of the palette."""

    label: str
    count: int
    tone: str


@contextmanager
def head(title: str, sentence: str) -> Iterator[None]:
    """Draw a page's title (text from anybody) and what it is for; the block's buttons stand to the right."""
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    with left, st.container(gap=None):
        st.title(messages.plain(title), anchor=False)
        st.caption(messages.plain(sentence))
    with right, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom"):
        yield


def section(title: str, sentence: str | None = None) -> None:
    """Draw the head of a part of a page."""
    with st.container(gap=None):
        st.subheader(messages.plain(title), anchor=False)
        if sentence:
            st.caption(messages.plain(sentence))


@contextmanager
def empty(key: str, icon: str, title: str, sentence: str) -> Iterator[None]:
    """Draw what is shown where nothing is yet; the block holds the button of the next step."""
    with st.container(border=True, key=f"empty-{key}", horizontal_alignment="center", gap="small"):
        st.markdown(f"### :material/{icon}:", width="content")
        st.markdown(f"**{messages.plain(title)}**", width="content")
        st.caption(messages.plain(sentence), width="content", text_alignment="center")
        yield


def tiles(figures: Sequence[Tile], *, key: str) -> None:
    """Draw headline figures beside each other, in rows of equal length where there is room."""
    per_row = len(figures) if len(figures) <= 5 else 4
    with st.container(key=f"tiles-{per_row}-{key}"):
        for figure in figures:
            st.metric(
                messages.plain(figure.label),
                figure.value,
                delta=figure.note,
                delta_color="off",
                delta_arrow="off",
                help=messages.plain(figure.help) if figure.help else None,
                border=True,
            )


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    pick: bool = False,
) -> int | None:
    """Draw rows as a table with these columns ({name: st.column_config...}); returns the index of the row to open.

    `pick` adds a button to every row.
    Cells are drawn as text on a canvas: markup in them stays what it is.
    """
    frame = _frame(rows, columns)
    config = {name: column for name, column in columns.items() if column is not None}  # None would hide a column
    if pick:
        frame.insert(0, _OPEN, ":material/arrow_forward: Open")
        config[_OPEN] = st.column_config.ButtonColumn("", type="tertiary", width=88, key=f"{key}.open", pinned=True)
    st.dataframe(
        frame, column_config=config, hide_index=True, key=key, alt=alt, height=_height(rows), placeholder=NOTHING
    )
    clicked = st.session_state.get(f"{key}.open") if pick else None
    return int(clicked["row"]) if clicked and clicked["row"] < len(frame) else None


def _height(rows: Sequence[object]) -> Literal["content"] | int:
    return "content" if len(rows) <= _MOST_ROWS else 38 + 35 * _MOST_ROWS


def pick_many(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any], *, key: str, alt: str) -> tuple[int, ...]:
    """Draw rows to be ticked, several of them, and return the indexes of those that are."""
    frame = _frame(rows, columns)
    shown = st.dataframe(
        frame,
        column_config=dict(columns),
        hide_index=True,
        key=key,
        alt=alt,
        height=_height(rows),
        on_select="rerun",
        selection_mode="multi-row",
        placeholder=NOTHING,
    )
    return tuple(int(n) for n in shown["selection"]["rows"] if n < len(frame))


def _frame(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows as a frame; shares become per cent, amounts floats: a grid draws them, it does not compute."""
    rates = {n for n, c in columns.items() if c is not None and c["type_config"].get("format") == _PERCENT}

    def cell(name: str, value: Any) -> Any:
        if name in rates and value is not None:
            return float(value) * 100
        return float(value) if isinstance(value, Decimal) else value

    return pd.DataFrame([{n: cell(n, v) for n, v in row.items()} for row in rows], columns=list(columns))


def count(label: str, help: str | None = None) -> Any:  # noqa: A002  # the name Streamlit uses
    """Return the column of a whole number: right-aligned, with thousands separators."""
    return st.column_config.NumberColumn(label, format="localized", help=help, width=100)


def amount(label: str, help: str | None = None) -> Any:  # noqa: A002
    """Return the column of an amount of money."""
    return st.column_config.NumberColumn(label, format="accounting", help=help, width=120)


def rate(label: str, help: str | None = None) -> Any:  # noqa: A002
    """Return the column of a share of 1, shown in per cent."""
    return st.column_config.NumberColumn(label, format=_PERCENT, help=help, width=95)


def words(label: str, width: str = "medium", help: str | None = None) -> Any:  # noqa: A002
    """Return the column of a text: small, medium or large."""
    return st.column_config.TextColumn(label, width=_WIDTHS[width], help=help)


def when(label: str) -> Any:
    """Return the column of a moment, already on the workspace's wall clocks."""
    return st.column_config.DatetimeColumn(label, format="D MMM YYYY, HH:mm", width=150)


def day(label: str) -> Any:
    """Return the column of a date."""
    return st.column_config.DateColumn(label, format="D MMM YYYY", width=110)


def state_bar(shares: Sequence[Share]) -> None:
    """Draw how a whole is divided. Labels and tones are ours, counts are numbers: nothing from outside is in it."""
    colours = palette()
    present = [s for s in shares if s.count]
    if not present:
        return
    parts = "".join(
        f'<i style="flex:{s.count} 1 0;background:{getattr(colours, s.tone)}" title="{s.label} {number(s.count)}"></i>'
        for s in present
    )
    legend = "".join(
        f'<span><i style="background:{getattr(colours, s.tone)}"></i>{s.label} <b>{number(s.count)}</b></span>'
        for s in present
    )
    st.html(f'<div class="sd-bar">{parts}</div><div class="sd-legend">{legend}</div>')


def sql(text: str, key: str) -> None:
    """Offer the query behind a screen."""
    with st.expander("SQL behind this", icon=":material/database:", key=key):
        st.code(text, language="sql", wrap_lines=True)


def go(
    label: str,
    page: str,
    *,
    key: str,
    icon: str | None = None,
    primary: bool = False,
    width: Literal["content", "stretch"] = "content",
    **parameters: str,
) -> None:
    """Draw a button that opens another page (a path below the project) with these query parameters."""
    if st.button(label, key=key, icon=icon, type="primary" if primary else "secondary", width=width):
        st.switch_page(page, query_params=parameters)


def action(
    label: str, work: Callable[[], object], *, key: str, said: str, icon: str | None = None, **options: Any
) -> None:
    """Draw a button that makes one service call and says what was done, or the error's sentence."""
    if st.button(label, key=key, icon=icon, **options):
        with messages.errors():
            work()
            messages.notice(said)
            st.rerun()
