"""The widgets values are set by. Each returns what it was given, the very value, until somebody changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from analytics.segments.definition import Scalar
from analytics.views import conditions as c
from pages._ui.desk import Desk

ANY = ""
"""What a choice that may be left open has chosen."""

_EXACT = ""
_SUGGESTED = ("equals", "not_equals")


def select(
    label: str, options: Sequence[str], present: str | None, words: Callable[[str], str], key: str, **more: Any
) -> str:
    """Draw a choice with a hidden label; what is present but not offered stays choosable."""
    offered = [*options] if present is None or present in options else [*options, present]
    index = offered.index(present) if present is not None else 0
    picked = st.selectbox(
        label, offered, index=index, format_func=words, key=key, label_visibility="collapsed", required=True, **more
    )
    return str(picked) if picked is not None else (present or "")


def typed_or_chosen(label: str, offered: Mapping[str, str], present: str | None, key: str, hint: str) -> str | None:
    """Draw a choice that takes typed text too; None while it is empty."""
    options = [*offered] if present is None or present in offered else [*offered, present]
    picked = st.selectbox(
        label,
        options,
        index=options.index(present) if present is not None else None,
        format_func=lambda value: offered.get(value, value),
        key=key,
        accept_new_options=True,
        placeholder=hint,
        label_visibility="collapsed",
        filter_mode="contains",
    )
    if picked is None or picked == "":
        return None
    by_words = {words.casefold(): value for value, words in offered.items()}
    return str(picked) if picked in offered else by_words.get(str(picked).strip().casefold(), str(picked))


def operator_choice(choices: Sequence[c.OperatorChoice], present: str, key: str) -> c.OperatorChoice:
    """Draw the choice of a comparison."""
    known = {choice.name: choice for choice in choices}
    start = present if present in known else choices[0].name
    return known[select("Comparison", [*known], start, lambda name: known[name].label, key)]


def value(
    desk: Desk, choice: c.FieldChoice, compared: c.OperatorChoice, present: Any, key: str, entity: str, part: str | None
) -> Any:
    """Draw what a comparison needs as a value, and return it: a scalar, a list, or None."""
    key = f"{key}.value.{part or choice.type}.{compared.shape}"
    if compared.shape == "none":
        return None
    if compared.shape == "days":
        start = present if isinstance(present, int) and not isinstance(present, bool) else None
        return st.number_input(
            "Days", 0, 99_999, start, 1, key=key, label_visibility="collapsed", placeholder="How many days"
        )
    if compared.shape == "two":
        low, high = present if isinstance(present, list) and len(present) == 2 else (None, None)
        low = _single("From", desk, choice, compared, low, f"{key}.low", entity, part)
        high = _single("To", desk, choice, compared, high, f"{key}.high", entity, part)
        return None if low is None or high is None else [low, high]
    if compared.shape == "many":
        return _several(desk, choice, present, key, entity, part)
    return _single("Value", desk, choice, compared, present, key, entity, part)


def compared(
    desk: Desk,
    choice: c.FieldChoice,
    operators: tuple[c.OperatorChoice, ...],
    node: Any,
    entity: str,
    key: str,
    look: str | None,
    same: bool,
    **changes: Any,
) -> Any:
    """Draw comparison and value of a node that has `operator` and `value`; returns it, or it with what changed."""
    shown, present = c.seen(node.operator, node.value) if look is None else (node.operator, _listed(node.value))
    operator = operator_choice(operators, shown, f"{key}.op.{look or choice.type}")
    if not same:
        present = None
    given = value(desk, choice, operator, present, key, entity, look)
    if same and operator.name == shown and given == present:
        return replace(node, **changes) if any(getattr(node, n) != v for n, v in changes.items()) else node
    name, made = c.compared(operator.name, given)
    return replace(node, operator=name, value=made, **changes)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _single(
    label: str,
    desk: Desk,
    choice: c.FieldChoice,
    compared: c.OperatorChoice,
    present: Any,
    key: str,
    entity: str,
    part: str | None,
) -> Any:
    if isinstance(present, list):
        present = None
    if part is not None:
        shown = None if present is None else str(present)
        picked = typed_or_chosen(label, c.part_values(part), shown, key, "Choose or type")
        return present if picked == shown else _whole(picked)
    if choice.is_time:
        return moment(label, present, key)
    if choice.is_number:
        return _amount(label, choice, present, key)
    shown = None if present is None else str(present)
    if choice.type in ("enum", c.RELATION) or (choice.type == "text" and compared.name in _SUGGESTED):
        return _kept(typed_or_chosen(label, _offered(desk, choice, entity), shown, key, "Choose or type"), present)
    text = st.text_input(label, shown or "", key=key, label_visibility="collapsed", placeholder="Type a value")
    return present if text == (shown or "") else text or None


def _kept(picked: str | None, present: Any) -> Any:
    return present if present is not None and picked == str(present) else picked


def _amount(label: str, choice: c.FieldChoice, present: Any, key: str) -> Any:
    number = _number(str(present)) if present is not None else None
    whole = choice.type == "integer" and (number is None or float(number).is_integer())
    start: Any = None if number is None else int(number) if whole else float(number)
    step: Any = 1 if whole else 1.0
    picked = st.number_input(
        label,
        value=start,
        step=step,
        format=None if whole else "%g",
        key=key,
        label_visibility="collapsed",
        placeholder="Type a number",
    )
    if picked == start:
        return present
    return int(picked) if isinstance(picked, float) and picked.is_integer() else picked


def _several(desk: Desk, choice: c.FieldChoice, present: Any, key: str, entity: str, part: str | None) -> Any:
    chosen: list[Scalar] = list(present) if isinstance(present, list) else []
    shown = [*dict.fromkeys(str(v) for v in chosen)]
    offered = c.part_values(part) if part else _offered(desk, choice, entity)
    picked = st.multiselect(
        "Values",
        [*dict.fromkeys([*offered, *shown])],
        shown,
        format_func=lambda v: offered.get(v, v),
        key=key,
        accept_new_options=True,
        placeholder="Choose or type",
        label_visibility="collapsed",
        filter_mode="contains",
    )
    if list(picked) == shown:
        return present
    kept = {str(v): v for v in chosen}
    numeric = choice.is_number or part is not None
    made = [kept[v] if v in kept else (_number(v) if numeric and _number(v) is not None else v) for v in picked]
    return made or None


def _offered(desk: Desk, choice: c.FieldChoice, entity: str) -> Mapping[str, str]:
    if choice.options:
        return {option: option for option in choice.options}
    return {} if choice.is_number or not choice.path else desk.values(entity, choice.path)


def moment(label: str, present: Any, key: str) -> str | None:
    """Draw the choice of a moment: one that moves with today, a typed expression, or a day of the calendar."""
    shown = None if present is None else str(present)
    day = _day(shown)
    options = [_EXACT, *c.MOMENTS]
    if shown is not None and day is None and shown not in c.MOMENTS:
        options.append(shown)
    start = None if shown is None else 0 if day is not None else options.index(shown)
    picked = st.selectbox(
        label,
        options,
        index=start,
        format_func=lambda v: "On a day …" if v == _EXACT else c.MOMENTS.get(v, v),
        key=key,
        accept_new_options=True,
        placeholder="When: choose or type",
        label_visibility="collapsed",
        filter_mode="contains",
    )
    if picked == _EXACT:
        chosen = st.date_input(f"{label} (day)", day, key=f"{key}.day", label_visibility="collapsed")
        if not isinstance(chosen, date):
            return None
        return shown if chosen == day else chosen.isoformat()
    if picked is None or picked == shown:
        return shown if picked is not None else None
    return c.typed_moment(str(picked))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None and len(text) == 10 else None
    except ValueError:
        return None


def _whole(text: str | None) -> Any:
    return int(text) if text is not None and text.isascii() and text.isdigit() else text


def _number(text: str) -> float | int | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return int(number) if number.is_integer() else number
