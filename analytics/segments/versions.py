"""Versions of stored segments: what each save left, kept as long as the segment is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from analytics.segments.definition import Definition
from analytics.store.state import upsert
from analytics.store.tables import segment as segment_table
from analytics.store.tables import segment_version

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class SegmentVersion:
    """A segment's definition as it was saved at `created_at`; versions count from 1."""

    version: int
    definition: Definition
    created_at: datetime


def note_version(connection: Connection, segment_id: int) -> None:
    """Keep the present definition of a segment as its version, in the caller's transaction; once is enough."""
    query = select(segment_table.c.version, segment_table.c.definition, segment_table.c.updated_at)
    present = connection.execute(query.where(segment_table.c.id == segment_id)).one()
    row = {
        "segment_id": segment_id,
        "version": present.version,
        "definition": present.definition,
        "created_at": present.updated_at,
    }
    upsert(connection, segment_version, [row], ["segment_id", "version"])


def versions_of(connection: Connection, segment_id: int) -> tuple[SegmentVersion, ...]:
    """Return the versions kept of a segment, newest first."""
    query = select(segment_version).where(segment_version.c.segment_id == segment_id)
    return tuple(_made(row) for row in connection.execute(query.order_by(segment_version.c.version.desc())))


def copy_name(name: str, taken: Iterable[str], longest: int = 255) -> str:
    """Return the name a copy is proposed: "Name copy", "Name copy 2", ..., the first nobody has whatever its case."""
    folded = {t.casefold() for t in taken}
    number = 1
    while True:
        ending = " copy" if number == 1 else f" copy {number}"
        proposed = name[: longest - len(ending)] + ending
        if proposed.casefold() not in folded:
            return proposed
        number += 1


def _made(row: Any) -> SegmentVersion:
    return SegmentVersion(row.version, Definition.from_document(row.definition), row.created_at)
