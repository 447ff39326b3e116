"""Versions of marketing lists: who was meant, on which segment and at which contact, after every save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from analytics.segments import Definition
from analytics.store.state import upsert
from analytics.store.tables import list_version, marketing_list
from analytics.store.tables import segment as segment_table


@dataclass(frozen=True)
class ListVersion:
    """A list as it was saved at `created_at`; versions count from 1.

    `definition` is the list's own; with a `segment` (its name then) it adds to that one's rows.
    """

    version: int
    definition: Definition
    segment: str | None
    contact: str
    created_at: datetime


def note_version(connection: Connection, list_id: int) -> None:
    """Keep what a list is at present as its version, in the caller's transaction; once is enough."""
    table = marketing_list
    query = (
        select(table.c.version, table.c.definition, table.c.contact, table.c.updated_at, segment_table.c.name)
        .outerjoin(segment_table, segment_table.c.id == table.c.segment_id)
        .where(table.c.id == list_id)
    )
    present = connection.execute(query).one()
    row = {
        "list_id": list_id,
        "version": present.version,
        "definition": present.definition,
        "segment": present.name,
        "contact": present.contact,
        "created_at": present.updated_at,
    }
    upsert(connection, list_version, [row], ["list_id", "version"])


def versions_of(connection: Connection, list_id: int) -> tuple[ListVersion, ...]:
    """Return the versions kept of a list, newest first."""
    query = select(list_version).where(list_version.c.list_id == list_id).order_by(list_version.c.version.desc())
    return tuple(_made(row) for row in connection.execute(query))


def _made(row: Any) -> ListVersion:
    return ListVersion(row.version, Definition.from_document(row.definition), row.segment, row.contact, row.created_at)
