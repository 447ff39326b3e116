"""Charts of segments and lists: size over time with who came and went, and an UpSet plot of overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pages._ui.charts import figure_in, safe
from pages._ui.palette import palette

_FEW = 30


class Point(Protocol):
    """One measurement, its moment on the workspace's wall clocks."""

    @property
    def at(self) -> datetime: ...
    @property
    def count(self) -> int: ...
    @property
    def entered(self) -> int | None: ...
    @property
    def left(self) -> int | None: ...


def sizes(points: Sequence[Point], moments: Sequence[datetime]) -> go.Figure:
    """Return the size as a line, and below it who came upward and who went downward; `moments` are local."""
    colours = palette()
    figure = make_subplots(
        figure=figure_in(colours, height=330), rows=2, cols=1, shared_xaxes=True, row_heights=[0.66, 0.34]
    )
    x = list(moments)
    mode = "lines+markers" if len(points) < 40 else "lines"
    figure.add_scatter(
        x=x,
        y=[p.count for p in points],
        name="In it",
        mode=mode,
        line={"color": colours.human, "width": 2, "shape": "hv"},
        marker={"size": 6},
        hovertemplate="%{y:,}<extra>In it</extra>",
        row=1,
        col=1,
    )
    for name, values, colour in (
        ("Entered", [p.entered or 0 for p in points], colours.good),
        ("Left", [-(p.left or 0) for p in points], colours.bad),
    ):
        figure.add_bar(
            x=x,
            y=values,
            name=name,
            marker_color=colour,
            width=None if len(points) > _FEW else _width(moments),
            customdata=[abs(v) for v in values],
            hovertemplate=f"%{{customdata:,}}<extra>{name}</extra>",
            row=2,
            col=1,
        )
    figure.update_layout(barmode="relative", hovermode="x unified", barcornerradius=2, bargap=0.3)
    axis = {"gridcolor": colours.line, "zeroline": False, "tickfont": {"color": colours.muted}, "fixedrange": True}
    figure.update_xaxes(**axis, showgrid=False, type="date", hoverformat="%a %-d %b %Y, %H:%M")
    figure.update_yaxes(**axis, tickformat=",d", automargin=True, nticks=5)
    figure.update_yaxes(rangemode="tozero", row=1, col=1)
    figure.update_yaxes(zeroline=True, zerolinecolor=colours.line, row=2, col=1)
    same_day = moments[0].date() == moments[-1].date()
    figure.update_xaxes(tickformat="%H:%M" if same_day else "%-d %b", nticks=8, automargin=True)
    figure.update_layout(margin={"b": 28})
    return figure


def upset(names: Sequence[str], sizes: Sequence[int], parts: Sequence[tuple[tuple[int, ...], int]]) -> go.Figure:
    """Return an UpSet plot (Lex et al., 2014): a bar for every exact combination, and below it dots for its sets.

    `parts` are (sets, count), largest first; sets stand below each other with their sizes.
    """
    colours = palette()
    height = 200 + 34 * len(names) + 20
    figure = make_subplots(
        figure=figure_in(colours, height=height),
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.02,
        row_heights=[200 / height, 1 - 200 / height],
    )
    x = list(range(len(parts)))
    words = [" + ".join(safe(names[n]) for n in sets) for sets, _ in parts]
    figure.add_bar(
        x=x,
        y=[count for _, count in parts],
        marker_color=colours.human,
        text=[f"{count:,}" for _, count in parts],
        textposition="outside",
        textfont_color=colours.ink,
        cliponaxis=False,
        customdata=words,
        hovertemplate="%{y:,} exactly in<br>%{customdata}<extra></extra>",
        row=1,
        col=1,
    )
    every = [(n, m) for n in x for m in range(len(names))]
    figure.add_scatter(
        x=[n for n, _ in every],
        y=[m for _, m in every],
        mode="markers",
        marker={"size": 11, "color": [colours.human if m in parts[n][0] else colours.line for n, m in every]},
        hoverinfo="skip",
        row=2,
        col=1,
    )
    for n, (sets, _) in enumerate(parts):
        if len(sets) > 1:
            figure.add_scatter(
                x=[n, n],
                y=[min(sets), max(sets)],
                mode="lines",
                line={"color": colours.human, "width": 2},
                hoverinfo="skip",
                row=2,
                col=1,
            )
    most = max([count for _, count in parts], default=0) or 1
    labels = [f"{_short(name)}  <b>{size:,}</b>" for name, size in zip(names, sizes, strict=True)]
    figure.update_xaxes(visible=False, range=[-0.6, max(len(parts), 6) - 0.4], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0, most * 1.2], fixedrange=True, row=1, col=1)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=labels,
        range=[len(names) - 0.4, -0.6],
        tickfont={"color": colours.ink, "size": 12},
        ticksuffix="  ",
        showgrid=False,
        zeroline=False,
        automargin=True,
        fixedrange=True,
        row=2,
        col=1,
    )
    figure.update_layout(showlegend=False, bargap=0.45, barcornerradius=3)
    return figure


def _width(moments: Sequence[datetime]) -> float:
    """Return how wide bars of a few measurements are, in milliseconds: a fraction of the time they span."""
    spanned = (moments[-1] - moments[0]).total_seconds() or 86_400.0
    return spanned * 1000 / 40


def _short(name: str) -> str:
    return safe(name if len(name) <= 22 else name[:21] + "…")
