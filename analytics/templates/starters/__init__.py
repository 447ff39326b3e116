"""Templates to begin with, as shipped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_META = re.compile(r"\s*<!--\n(.*?)\n-->\n", re.S)
_ORDER = ("Newsletter", "Win-back", "Plain letter")


@dataclass(frozen=True)
class Starter:
    """A template to begin with; `entity` None fits rows of any entity. `about` says what it is for."""

    name: str
    about: str
    subject: str
    preheader: str | None
    html: str
    entity: str | None


@cache
def starters() -> tuple[Starter, ...]:
    """Return the templates that come with Shelduck."""
    folder = resources.files(__name__)
    found = [_read(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".html")]
    return tuple(sorted(found, key=lambda starter: (_ORDER.index(starter.name), starter.name)))


def _read(source: str) -> Starter:
    """Take the comment at the head of a starter's file apart: one `key: value` a line."""
    head = _META.match(source)
    assert head is not None, "a starter begins with a comment that names it"
    meta = dict(line.split(": ", 1) for line in head[1].splitlines())
    return Starter(
        name=meta["name"],
        about=meta["about"],
        subject=meta["subject"],
        preheader=meta.get("preheader"),
        html=source[head.end() :],
        entity=meta.get("entity"),
    )
