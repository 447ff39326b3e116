"""The colours charts are drawn in, light and dark: those of .streamlit/config.toml, with names for what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Palette:
    """One set of colours as #rrggbb."""

    page: str
    ink: str
    muted: str
    line: str
    surface: str
    human: str
    machine: str
    unknown: str
    money: str
    good: str
    busy: str
    waiting: str
    bad: str
    doubt: str


LIGHT = Palette(
    page="#fdfcfa",
    ink="#1f2623",
    muted="#77756c",
    line="#e8e3d9",
    surface="#f4f1eb",
    human="#0f5c4c",
    machine="#c9c2b4",
    unknown="#9fb8ae",
    money="#b4592b",
    good="#1c7a5f",
    busy="#3c6486",
    waiting="#d8d1c3",
    bad="#b3382f",
    doubt="#c79a35",
)
DARK = Palette(
    page="#121715",
    ink="#ebe8e1",
    muted="#a3a79f",
    line="#29322f",
    surface="#1b2220",
    human="#5fbfa5",
    machine="#4a534f",
    unknown="#33665a",
    money="#dd8a58",
    good="#5fbf9f",
    busy="#85aecf",
    waiting="#37413d",
    bad="#e5847a",
    doubt="#d9b154",
)


def palette() -> Palette:
    """Return the colours of the theme the reader sees."""
    return DARK if st.context.theme.type == "dark" else LIGHT
