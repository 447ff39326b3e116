"""Who is in a segment or on a list, as one query: the same members for its size, its history and overlaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from analytics.lists.lists import Lists
from analytics.lists.members import member_sources
from analytics.lists.records import MarketingList
from analytics.segments import Compiled, Compiler, Definition, Output, Segment, Segments

Kind = Literal["segment", "list"]
KINDS: tuple[Kind, ...] = ("segment", "list")


@dataclass(frozen=True)
class Subject:
    """A segment or list that has members.

    `changed_at` is when its definition, that of the segment below it or its kept members last changed.
    """

    kind: Kind
    id: int
    name: str
    version: int
    definition: Definition
    listed: MarketingList | None
    created_at: datetime
    changed_at: datetime

    @property
    def key(self) -> tuple[Kind, int]:
        """What it is known by whatever its name."""
        return self.kind, self.id


def subject_of(found: Segment | MarketingList, bases: dict[str, Segment] | None = None) -> Subject:
    """Return a segment or list as a subject; `bases` are segments by name, for lists that are built on one."""
    if isinstance(found, Segment):
        return Subject(
            "segment",
            found.id,
            found.name,
            found.version,
            found.definition,
            None,
            found.created_at,
            found.updated_at,
        )
    changed = [found.updated_at]
    if found.refreshed_at is not None:
        changed.append(found.refreshed_at)
    base = (bases or {}).get(found.segment or "")
    if base is not None and not found.is_static:
        changed.append(base.updated_at)
    return Subject("list", found.id, found.name, found.version, found.definition, found, found.created_at, max(changed))


def find_subject(segments: Segments, lists: Lists, kind: Kind, name: str | int) -> Subject:
    """Return the segment or list of a name or id; NotFound without it."""
    return subject_of(segments.get(name) if kind == "segment" else lists.get(name))


def all_subjects(segments: Segments, lists: Lists) -> tuple[Subject, ...]:
    """Return every segment, then every list, by name."""
    stored = segments.all()
    bases = {s.name: s for s in stored}
    return (*map(subject_of, stored), *(subject_of(m, bases) for m in lists.all()))


def members_query(compiler: Compiler, subject: Subject, outputs: tuple[Output, ...] = ()) -> Compiled:
    """Return the query of a subject's members: column `key`, then `outputs`. Rows removed from a list are left out."""
    definition, listed = subject.definition, subject.listed
    if definition.limit is None:
        definition = replace(definition, sort=())  # only a limit cares for the order
    sources = {} if listed is None else member_sources(listed)
    return compiler.rows(definition, outputs, **sources)
