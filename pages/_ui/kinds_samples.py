"""The rows that put people into groups: how well they buy (RFM), a part of a division, a random sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from analytics.segments.definition import MOST_PARTS, Node, Rfm, Sample, Split
from analytics.views import conditions as c
from analytics.views import happenings as h
from pages._ui import values
from pages._ui.desk import Desk


def rfm(desk: Desk, node: Rfm, entity: str, key: str) -> Node:
    """Draw the row of how lately, often and for how much somebody bought."""
    part: Any = values.select("Which", [*h.RFM], node.part, h.RFM.__getitem__, f"{key}.part")
    same = (part == "score") == (node.part == "score")
    if part == "score":
        choice, look = c.FieldChoice("", "", "text", h.SCORES), None
    else:
        choice, look = c.FieldChoice("", "", "integer"), c.FIFTH
    made: Node = values.compared(
        desk, choice, c.operator_choices(choice), node, entity, f"{key}.{look}", look, same, part=part
    )
    return made


def split(desk: Desk, node: Split, entity: str, key: str) -> Node:
    """Draw the row of one part of a named division into equal parts or parts of given percentages."""
    name = st.text_input("Name of the division", node.name, key=f"{key}.name", label_visibility="collapsed",
                         placeholder="Name of the division", help="The same name always divides alike.")  # fmt: skip
    words = {"equal": "equal parts", "shares": "by per cent"}
    kind = values.select(
        "Divided", [*words], "equal" if isinstance(node.of, int) else "shares", words.__getitem__, f"{key}.kind"
    )
    of = _equal(node, key) if kind == "equal" else _shares(node, key)
    parts = of if isinstance(of, int) else len(of)
    numbered = {
        str(n): f"part {n}" if isinstance(of, int) else f"part {n}: {of[n - 1]:g} %" for n in range(1, parts + 1)
    }
    start = str(min(node.part, parts))
    part = values.select("Part", [*numbered], start, numbered.__getitem__, f"{key}.number.{hash(of)}")
    return Split(name, int(part), of)


def _equal(node: Split, key: str) -> int:
    start = node.of if isinstance(node.of, int) else max(2, len(node.of))
    return int(st.number_input("Parts", 2, MOST_PARTS, start, 1, key=f"{key}.parts",
                               label_visibility="collapsed"))  # fmt: skip


def _shares(node: Split, key: str) -> tuple[float, ...]:
    present = node.of if not isinstance(node.of, int) else h.equal_shares(node.of)
    shown = h.shares_words(present)
    text = st.text_input("Per cent of each part", shown, key=f"{key}.shares", label_visibility="collapsed",
                         placeholder="50, 30, 20")  # fmt: skip
    if text == shown:
        return present
    typed = h.typed_shares(text)
    if typed is None:
        st.caption(":red[Per cent of each part, such as 50, 30, 20; together 100 at most.]", width="content")
    return typed if typed is not None else present


def sample(desk: Desk, node: Sample, entity: str, key: str) -> Node:
    """Draw the row of a random percentage."""
    st.caption("A random share in per cent", width="content")
    percent = st.number_input("Per cent", 0.0, 100.0, node.percent, key=f"{key}.percent", label_visibility="collapsed",
                              format="%g")  # fmt: skip
    st.caption("from", width="content")
    start = st.number_input("From", 0.0, 100.0, node.start, key=f"{key}.start", label_visibility="collapsed",
                            format="%g")  # fmt: skip
    salt = st.text_input("Name of the draw", node.salt, key=f"{key}.salt", label_visibility="collapsed",
                         placeholder="Name of the draw", help="Two of one name share nobody.")  # fmt: skip
    return Sample(float(percent), float(start), salt)


ROWS: Mapping[type, tuple[str, Any]] = {
    Rfm: ("condition on buying", rfm),
    Split: ("part of a division", split),
    Sample: ("sample", sample),
}
"""What each kind is called, and the function that draws it."""
