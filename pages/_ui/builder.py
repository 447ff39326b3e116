"""The condition builder: groups of rows with field, comparison and value, and rows on related records.

The draft lives in the session under `<prefix>.draft`, with a number for every row so that its widgets keep their
values when rows above them go. Callbacks change the shape of the draft; the widgets fill it in while they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any, cast

import streamlit as st

from analytics.model.entity import EntityModel
from analytics.views import conditions as c
from pages._ui import session

Values = Callable[[str, str], Sequence[str]]
"""Takes an entity and a path and returns values the field has, most frequent first."""

_numbers = count(1)
_JOINS = {"all": "All of these hold", "any": "Any of these holds"}


@dataclass(frozen=True)
class _Node:
    """The number of a row or group, and those of what is inside it."""

    id: int
    inner: tuple[_Node, ...] = ()


def begin(prefix: str, draft: c.Draft) -> None:
    """Start building with `draft`."""
    session.forget(f"{prefix}.")
    session.keep(f"{prefix}.draft", draft)
    session.keep(f"{prefix}.ids", tuple(_group_node(group) for group in draft.groups))


def draw(prefix: str, model: EntityModel, values: Values) -> c.Draft:
    """Draw the builder begun under `prefix` and return what it says now."""
    draft = session.get(f"{prefix}.draft", c.Draft(""))
    ids = cast("tuple[_Node, ...]", session.get(f"{prefix}.ids", ()))
    builder = _Builder(prefix, model, draft, ids, values)
    made = builder.draw()
    session.keep(f"{prefix}.draft", made)
    return made


def _row_node(row: c.Row) -> _Node:
    inner = row.where if isinstance(row, c.RelatedRow) else ()
    return _Node(next(_numbers), tuple(_row_node(r) for r in inner))


def _group_node(group: c.Group) -> _Node:
    return _Node(next(_numbers), tuple(_row_node(row) for row in group.rows))


@dataclass(frozen=True)
class _Builder:
    prefix: str
    model: EntityModel
    draft: c.Draft
    ids: tuple[_Node, ...]
    values: Values

    def draw(self) -> c.Draft:
        join = self.draft.join
        if len(self.draft.groups) > 1:
            join = _join(f"{self.prefix}.join", join, "How the groups combine")
        groups = tuple(self._group(g) for g in range(len(self.draft.groups)))
        st.button(
            "Add a group",
            key=f"{self.prefix}.add-group",
            icon=":material/add_box:",
            type="tertiary",
            on_click=self._keep,
            args=(
                replace(self.draft, groups=(*self.draft.groups, c.Group())),
                (*self.ids, _Node(next(_numbers))),
            ),
        )
        return replace(self.draft, join=join, groups=groups)

    def _group(self, g: int) -> c.Group:
        group, node = self.draft.groups[g], self.ids[g]
        key = f"{self.prefix}.g{node.id}"
        with st.container(border=True, key=key.replace(".", "-")):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                join = _join(f"{key}.join", group.join, "How the conditions combine")
                if len(self.draft.groups) > 1:
                    st.button(
                        "Remove group",
                        key=f"{key}.remove",
                        icon=":material/delete:",
                        type="tertiary",
                        on_click=self._keep,
                        args=(c.changed_group(self.draft, g, None), (*self.ids[:g], *self.ids[g + 1 :])),
                    )
            if not group.rows:
                st.caption("No condition yet: everybody is in.")
            rows = tuple(self._row(g, r) for r in range(len(group.rows)))
            self._adders(g, key)
        return c.Group(join, rows)

    def _adders(self, g: int, key: str) -> None:
        entity = self.draft.entity
        related = c.related_choices(self.model, entity)
        with st.container(horizontal=True, gap="small"):
            self._adder(g, "Condition", "filter_alt", c.starting_row(self.model, entity), f"{key}.add-field")
            if related:
                self._adder(g, "Related records", "receipt_long", c.RelatedRow(related[0].path), f"{key}.add-related")

    def _adder(self, g: int, label: str, icon: str, row: c.Row, key: str) -> None:
        group, node = self.draft.groups[g], self.ids[g]
        grown = replace(node, inner=(*node.inner, _row_node(row)))
        st.button(
            label,
            key=key,
            icon=f":material/{icon}:",
            on_click=self._keep,
            args=(
                c.changed_group(self.draft, g, replace(group, rows=(*group.rows, row))),
                (*self.ids[:g], grown, *self.ids[g + 1 :]),
            ),
        )

    def _row(self, g: int, r: int) -> c.Row:
        row, node = self.draft.groups[g].rows[r], self.ids[g].inner[r]
        without = replace(self.ids[g], inner=(*self.ids[g].inner[:r], *self.ids[g].inner[r + 1 :]))
        remove = (c.changed_row(self.draft, g, r, None), (*self.ids[:g], without, *self.ids[g + 1 :]))
        if isinstance(row, c.FieldRow):
            return self._field_row(row, node, self.draft.entity, remove)
        return self._related_row(g, r, row, node, remove)

    def _field_row(self, row: c.FieldRow, node: _Node, entity: str, remove: tuple[Any, Any]) -> c.FieldRow:
        key = f"{self.prefix}.r{node.id}"
        choices = {choice.path: choice for choice in c.field_choices(self.model, entity)}
        first, second, third, last = st.columns([4, 3, 4, 0.7], vertical_alignment="bottom", gap="small")
        with first:
            path = _select("Field", list(choices), row.path, lambda p: choices[p].label, f"{key}.field")
        choice = choices[path]
        with second:
            operator = self._operator(key, c.operator_choices(choice.type), row.operator, choice.type)
        with third:
            value = self._value(key, choice, operator, row.value if path == row.path else None, entity)
        with last:
            self._remover(key, remove)
        return c.FieldRow(path, operator.name, value)

    def _related_row(self, g: int, r: int, row: c.RelatedRow, node: _Node, remove: tuple[Any, Any]) -> c.RelatedRow:
        key = f"{self.prefix}.r{node.id}"
        relations = {choice.path: choice for choice in c.related_choices(self.model, self.draft.entity)}
        measures = c.measure_choices()
        with st.container(border=True, key=f"{key}-related".replace(".", "-")):
            boxes = st.columns([2.4, 2.6, 2.6, 3, 2.4, 0.8], vertical_alignment="bottom", gap="small")
            with boxes[0]:
                measure = _select("Measure", list(measures), row.measure, measures.__getitem__, f"{key}.measure")
            with boxes[1]:
                path = _select("Records", list(relations), row.path, lambda p: relations[p].label, f"{key}.relation")
            target = relations[path].target
            field = None
            with boxes[2]:
                if measure != "count":
                    numeric = {f.path: f for f in c.field_choices(self.model, target, depth=0) if f.is_number}
                    if numeric:
                        field = _select(
                            "Of", list(numeric), row.field, lambda p: numeric[p].label, f"{key}.of.{target}"
                        )
                    else:
                        st.caption("These records have no number.")
            with boxes[3]:
                operator = self._operator(key, c.number_operators(), row.operator, "related")
            with boxes[4]:
                amount = c.FieldChoice("", "", "integer" if measure == "count" else "number")
                value = self._value(key, amount, operator, row.value, target)
            with boxes[5]:
                self._remover(key, remove)
            where = self._where(g, r, row, node, target)
        return c.RelatedRow(path, measure, field, operator.name, value, where)

    def _where(self, g: int, r: int, row: c.RelatedRow, node: _Node, target: str) -> tuple[c.FieldRow, ...]:
        """Draw the conditions the related records themselves have to meet."""
        known = {choice.path for choice in c.field_choices(self.model, target)}
        made = []
        for n, (inner, inner_node) in enumerate(zip(row.where, node.inner, strict=True)):
            if inner.path not in known:  # the kind of record was changed above it
                inner = c.starting_row(self.model, target)
            fewer = replace(row, where=(*row.where[:n], *row.where[n + 1 :]))
            remove = self._exchanged(g, r, fewer, replace(node, inner=(*node.inner[:n], *node.inner[n + 1 :])))
            made.append(self._field_row(inner, replace(inner_node, inner=()), target, remove))
        fresh = c.starting_row(self.model, target)
        st.button(
            "Only those where …",
            key=f"{self.prefix}.r{node.id}.add-where",
            icon=":material/subdirectory_arrow_right:",
            type="tertiary",
            on_click=self._keep,
            args=self._exchanged(
                g,
                r,
                replace(row, where=(*row.where, fresh)),
                replace(node, inner=(*node.inner, _row_node(fresh))),
            ),
        )
        return tuple(made)

    def _exchanged(self, g: int, r: int, row: c.Row, node: _Node) -> tuple[c.Draft, tuple[_Node, ...]]:
        group = self.ids[g]
        changed = replace(group, inner=(*group.inner[:r], node, *group.inner[r + 1 :]))
        return c.changed_row(self.draft, g, r, row), (*self.ids[:g], changed, *self.ids[g + 1 :])

    def _operator(self, key: str, choices: Sequence[c.OperatorChoice], present: str, kind: str) -> c.OperatorChoice:
        known = {choice.name: choice for choice in choices}
        name = _select("Comparison", list(known), present, lambda n: known[n].label, f"{key}.op.{kind}")
        return known[name]

    def _value(self, key: str, choice: c.FieldChoice, operator: c.OperatorChoice, present: Any, entity: str) -> Any:
        key = f"{key}.value.{choice.type}.{operator.shape}"
        if operator.shape == "none":
            return None
        if operator.shape == "days":
            start = present if isinstance(present, int) and not isinstance(present, bool) else 30
            return st.number_input("Days", min_value=0, max_value=99_999, value=start, key=key)
        if operator.shape == "two":
            low, high = present if isinstance(present, list) and len(present) == 2 else (None, None)
            left, right = st.columns(2, gap="xsmall")
            with left:
                low = self._single("From", choice, low, f"{key}.low", entity)
            with right:
                high = self._single("To", choice, high, f"{key}.high", entity)
            return [low, high]
        if operator.shape == "many":
            return self._several(choice, present, key, entity)
        return self._single("Value", choice, present, key, entity)

    def _several(self, choice: c.FieldChoice, present: Any, key: str, entity: str) -> list[Any]:
        chosen = [str(v) for v in present] if isinstance(present, list) else []
        known = [*choice.options] or ([] if choice.is_number else [*self.values(entity, choice.path)])
        options = [*dict.fromkeys([*known, *chosen])]
        picked = st.multiselect(
            "Values", options, chosen, key=key, accept_new_options=True, placeholder="Choose or type"
        )
        return [n for n in map(_number, picked) if n is not None] if choice.is_number else list(picked)

    def _single(self, label: str, choice: c.FieldChoice, present: Any, key: str, entity: str) -> Any:
        if choice.is_time:
            picked = st.date_input(label, _date(present), key=key)
            return picked.isoformat() if isinstance(picked, date) else None
        if choice.type == "integer":
            start = int(present) if isinstance(present, int | float) else None
            return st.number_input(label, value=start, step=1, key=key)
        if choice.is_number:
            start_at = float(present) if isinstance(present, int | float) else None
            return st.number_input(label, value=start_at, step=1.0, format="%g", key=key)
        text = present if isinstance(present, str) else ""
        if choice.type == "enum":
            options = [*choice.options] or [*self.values(entity, choice.path)]
            options = [*dict.fromkeys([*options, *([text] if text else [])])]
            return st.selectbox(
                label,
                options,
                index=options.index(text) if text in options else None,
                key=key,
                accept_new_options=True,
                placeholder="Choose or type",
            )
        return st.text_input(label, text, key=key)

    def _remover(self, key: str, remove: tuple[Any, Any]) -> None:
        st.button(
            "",
            key=f"{key}.remove",
            icon=":material/close:",
            type="tertiary",
            help="Remove this condition",
            on_click=self._keep,
            args=remove,
        )

    def _keep(self, draft: c.Draft, ids: tuple[_Node, ...]) -> None:
        session.keep(f"{self.prefix}.draft", draft)
        session.keep(f"{self.prefix}.ids", ids)


def _join(key: str, present: c.Join, label: str) -> c.Join:
    picked = st.segmented_control(
        label,
        list(_JOINS),
        default=present,
        required=True,
        format_func=_JOINS.__getitem__,
        key=key,
        label_visibility="collapsed",
    )
    return cast("c.Join", picked or present)


def _select(label: str, options: list[str], present: str | None, words: Callable[[str], str], key: str) -> str:
    index = options.index(present) if present in options else 0
    return st.selectbox(label, options, index=index, format_func=words, key=key)


def _number(text: str) -> float | int | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
