"""The charts of the dashboard, drawn with plotly in the reader's colours. They take values, never services."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

import plotly.graph_objects as go
import streamlit as st

from pages._ui.palette import Palette, palette

_FEW_DAYS = 13
_BAR = 0.72 * 86_400_000  # milliseconds of a day: without neighbours plotly would guess a hair's breadth
_CONFIG = {"displayModeBar": False, "scrollZoom": False}


class Day(Protocol):
    """One day of a curve: what people and what machines did, and what was bought."""

    @property
    def day(self) -> date: ...
    @property
    def human(self) -> int: ...
    @property
    def machine(self) -> int: ...
    @property
    def unknown(self) -> int: ...


class Step(Protocol):
    """One step of a funnel: its label, count, and share of the first step (None when that is 0)."""

    @property
    def label(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def share(self) -> float | None: ...


class Estimate(Protocol):
    """A rate with its interval, all as shares of 1; None where nothing can be said."""

    @property
    def label(self) -> str: ...
    @property
    def rate(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def draw(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure in the width there is; `alt` says in words what it shows."""
    st.plotly_chart(figure, theme=None, config=_CONFIG, key=key, alt=alt)


def by_day(days: Sequence[Day], what: str, *, weekly: bool = False) -> go.Figure:
    """Return stacked bars a day, or a week: people below, what nobody knows in between, machines on top."""
    colours = palette()
    x = [d.day for d in days]
    figure = figure_in(colours, height=280)
    for name, values, colour in (
        ("People", [d.human for d in days], colours.human),
        ("Not sure", [d.unknown for d in days], colours.unknown),
        ("Machines", [d.machine for d in days], colours.machine),
    ):
        if any(values) or name == "People":
            figure.add_bar(
                x=x,
                y=values,
                name=name,
                marker_color=colour,
                width=_BAR * (7 if weekly else 1),
                hovertemplate=f"%{{y:,}} {what}<extra>{name}</extra>",
            )
    figure.update_layout(barmode="stack", bargap=0.25, hovermode="x unified", barcornerradius=3)
    figure.update_xaxes(
        type="date",
        tickformat="%-d %b",
        hoverformat="week of %-d %b %Y" if weekly else "%a %-d %b %Y",
        showgrid=False,
        range=_window(x),
    )
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    return figure


def _window(days: Sequence[date]) -> list[datetime] | None:
    """Return the range of a short curve, so that a single day is no wall; None for a long one."""
    if not days or (days[-1] - days[0]).days >= _FEW_DAYS:
        return None
    first = datetime.combine(days[0], time())
    return [first - timedelta(hours=18), first + timedelta(days=_FEW_DAYS, hours=12)]


def funnel(steps: Sequence[Step]) -> go.Figure:
    """Return one bar a step, longest first, with its count and its share of the first step."""
    colours = palette()
    figure = figure_in(colours, height=44 * len(steps) + 24)
    labels = [safe(s.label) for s in steps]
    texts = [f"<b>{s.count:,}</b>" + (f"  {s.share * 100:.1f} %" if s.share is not None else "") for s in steps]
    most = max([s.count for s in steps], default=0) or 1
    figure.add_bar(
        y=labels,
        x=[s.count for s in steps],
        orientation="h",
        marker_color=[colours.human] * len(steps),
        marker_opacity=[1 - 0.13 * n for n in range(len(steps))],
        text=texts,
        textposition="outside",
        textfont_color=colours.ink,
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(visible=False, range=[0, most * 1.35])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    figure.update_layout(bargap=0.4, showlegend=False, barcornerradius=3)
    return figure


def intervals(estimates: Sequence[Estimate], what: str) -> go.Figure:
    """Return a forest plot: a dot a rate with its 95 % interval, one line each."""
    colours = palette()
    known = [e for e in estimates if e.rate is not None]
    figure = figure_in(colours, height=40 * max(len(known), 1) + 60)
    figure.add_scatter(
        x=[e.rate for e in known],
        y=[safe(e.label) for e in known],
        mode="markers",
        marker={"size": 10, "color": colours.human},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(e.high or 0) - (e.rate or 0) for e in known],
            "arrayminus": [(e.rate or 0) - (e.low or 0) for e in known],
            "color": colours.muted,
            "thickness": 1.5,
            "width": 4,
        },
        customdata=[[e.low or 0, e.high or 0] for e in known],
        hovertemplate=f"{what} %{{x:.2%}}<br>between %{{customdata[0]:.2%}} and %{{customdata[1]:.2%}}<extra></extra>",
    )
    figure.update_xaxes(tickformat=".1%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    figure.update_layout(showlegend=False)
    return figure


def bars(labels: Sequence[str], counts: Sequence[int], what: str) -> go.Figure:
    """Return one grey bar a label, for shares of machine traffic and the like."""
    colours = palette()
    figure = figure_in(colours, height=36 * max(len(labels), 1) + 24)
    figure.add_bar(
        y=[safe(label) for label in labels],
        x=list(counts),
        orientation="h",
        marker_color=colours.machine,
        text=[f"{count:,}" for count in counts],
        textposition="outside",
        textfont_color=colours.ink,
        cliponaxis=False,
        hovertemplate=f"%{{x:,}} {what}<extra></extra>",
    )
    figure.update_xaxes(visible=False, range=[0, (max(counts, default=0) or 1) * 1.25])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    figure.update_layout(showlegend=False, bargap=0.4)
    return figure


def safe(label: str) -> str:
    """Return a label from outside without the markup plotly would read in it."""
    shown = label if len(label) <= 48 else label[:47] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def figure_in(colours: Palette, *, height: int) -> go.Figure:
    """Return an empty figure in the colours and type of the dashboard."""
    figure = go.Figure()
    axis: dict[str, Any] = {
        "gridcolor": colours.line,
        "zeroline": False,
        "linecolor": colours.line,
        "tickfont": {"color": colours.muted, "size": 12},
        "automargin": True,
        "fixedrange": True,
    }
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": '"Source Sans", sans-serif', "size": 13, "color": colours.ink},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None, "traceorder": "normal"},
        hoverlabel={"bgcolor": colours.surface, "bordercolor": colours.line, "font": {"color": colours.ink}},
        xaxis=axis,
        yaxis=axis,
    )
    return figure
