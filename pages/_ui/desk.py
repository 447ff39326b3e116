"""What the pieces of the builder share: the draft and its history in the session, keys, suggestions, row frames.

The draft lives under `<prefix>.history`. Widgets are keyed by the number of their row, so they keep their values when
rows are moved; undo, redo and text begin a new edition, in which every widget starts from the draft again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from analytics.model.entity import EntityModel
from analytics.services import Services
from analytics.views import rearranged, suggestions
from analytics.views.conditions import FieldChoice, RelatedChoice, condition_choices, related_choices
from analytics.views.drafts import Draft, Group, History, Item, Leaf
from pages._ui import session

_MENU: Mapping[str, str] = {
    "up": "Move up",
    "down": "Move down",
    "in": "Move into the group beside it",
    "out": "Move out of this group",
    "copy": "Duplicate",
    "group": "Put into a group of its own",
    "dissolve": "Dissolve this group",
    "negate": "Turn into its opposite",
    "text": "Edit as text",
    "fields": "Edit as fields",
}


@dataclass(frozen=True)
class Desk:
    """The builder begun under `prefix`, for one run of the page."""

    prefix: str
    services: Services
    draft: Draft
    edition: int
    _fields: dict[str, Mapping[str, FieldChoice]] = field(default_factory=dict)

    @property
    def model(self) -> EntityModel:
        """The entity model of the workspace."""
        return self.services.model

    def key(self, number: int) -> str:
        """Return the key widgets of an item begin with."""
        return f"{self.prefix}.e{self.edition}.n{number}"

    def fields(self, entity: str) -> Mapping[str, FieldChoice]:
        """Return what conditions on an entity are offered, by path."""
        if entity not in self._fields:
            self._fields[entity] = {choice.path: choice for choice in condition_choices(self.model, entity)}
        return self._fields[entity]

    def related(self, entity: str) -> Mapping[str, RelatedChoice]:
        """Return the related rows of an entity a measure may be taken over, by path."""
        return {choice.path: choice for choice in related_choices(self.model, entity)}

    def values(self, entity: str, path: str) -> Mapping[str, str]:
        """Return values a path leads to, most frequent first: {value: words}."""
        return _values(str(self.services.store.folder.root), entity, path)

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of what is stored: segments, lists, campaigns."""
        return suggestions.names(self.services, kind)

    @contextmanager
    def row(self, leaf: Leaf, *, name: str) -> Iterator[None]:
        """Draw the frame of a row: what drags it before the block's widgets, what moves and removes it after them."""
        with self.box("cond", leaf.id, horizontal=True, wrap=False, gap="xsmall"):
            grip()
            with self.box("fields", leaf.id, horizontal=True, vertical_alignment="center", gap="xsmall"):
                yield
            self.menu(leaf, name=name)

    def box(self, part: str, number: int, **options: Any) -> Any:
        """Return a container of an item, with a key the style and the dragging know it by."""
        return st.container(key=f"{part}-{self.key(number)}".replace(".", "-"), **options)

    def menu(self, item: Item, *, name: str) -> None:
        """Draw the menu that moves, copies and changes an item, and the button that removes it."""
        with self.box("tail", item.id, horizontal=True, wrap=False, width="content", gap=None):
            self._menu(item, name)

    def _menu(self, item: Item, name: str) -> None:
        key = self.key(item.id)
        offered: list[str] = [*rearranged.steps(self.draft, item.id), "copy", "group"]
        if isinstance(item, Group):
            offered.append("dissolve")
        else:
            offered += ["negate", "text" if item.text is None else "fields"]
        st.menu_button(
            f"Move or change this {name}",
            offered,
            key=f"{key}.menu",
            icon=":material/more_vert:",
            type="tertiary",
            format_func=_MENU.__getitem__,
            on_click=self._chosen,
            args=(item.id, f"{key}.menu"),
        )
        st.button(
            f"Remove this {name}",
            key=f"{key}.remove",
            icon=":material/close:",
            type="tertiary",
            on_click=self.act,
            args=(rearranged.removed, item.id),
        )

    def act(self, change: Callable[..., Draft], *args: Any) -> None:
        """Change the shape of the draft, in a callback."""
        known = history(self.prefix)
        if known is not None:
            session.keep(f"{self.prefix}.history", known.changed(change(known.present, *args)))

    def _chosen(self, number: int, key: str) -> None:
        changes: Mapping[str, Callable[..., Draft]] = {
            "copy": rearranged.copied,
            "group": rearranged.grouped,
            "dissolve": rearranged.dissolved,
            "negate": rearranged.negated,
            "text": rearranged.as_text,
            "fields": rearranged.as_fields,
        }
        wish = str(st.session_state.get(key) or "")
        if wish in changes:
            self.act(changes[wish], number)
        elif wish:
            self.act(rearranged.moved, number, wish)


def history(prefix: str) -> History | None:
    """Return the history of the builder begun under `prefix`."""
    return session.get(f"{prefix}.history", None)


def begin(prefix: str, draft: Draft) -> None:
    """Begin building with `draft`."""
    session.forget(f"{prefix}.")
    session.keep(f"{prefix}.history", History(draft))
    session.keep(f"{prefix}.edition", 0)


def go_back(prefix: str, *, on: bool = False) -> None:
    """Take the last change back, or make the one taken back again."""
    known = history(prefix)
    if known is not None:
        session.keep(f"{prefix}.history", known.redone() if on else known.undone())
        new_edition(prefix)


def new_edition(prefix: str) -> None:
    """Let every widget start from the draft again."""
    session.keep(f"{prefix}.edition", session.get(f"{prefix}.edition", 0) + 1)


def grip() -> None:
    """Draw what an item is dragged by; the keyboard has the menu."""
    st.html('<span class="sd-grip" aria-hidden="true" title="Drag to move"></span>', width="content")


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def _values(root: str, entity: str, path: str) -> Mapping[str, str]:
    return suggestions.values(session.services(), entity, path)
