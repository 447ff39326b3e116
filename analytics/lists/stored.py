"""Lists as the state database keeps them, and what is checked before one is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from analytics.errors import ListError
from analytics.lists.records import MarketingList
from analytics.model.entity import ContactPath, EntityModel
from analytics.segments import Definition
from analytics.segments.state import by_name, on_segment
from analytics.store.tables import marketing_list
from analytics.store.tables import segment as segment_table

_NAME_LENGTH = 255


def read_lists(connection: Connection, list_id: int | None = None) -> list[MarketingList]:
    """Return every list, or the one with this id, in no order."""
    query = select(
        marketing_list, segment_table.c.name.label("segment"), segment_table.c.definition.label("stored")
    ).outerjoin(segment_table, segment_table.c.id == marketing_list.c.segment_id)
    if list_id is not None:
        query = query.where(marketing_list.c.id == list_id)
    return [_made(row) for row in connection.execute(query)]


def _made(row: Any) -> MarketingList:
    own = Definition.from_document(row.definition)
    meant = own if row.segment is None else on_segment(own, row.segment, Definition.from_document(row.stored))
    return MarketingList(
        id=row.id,
        name=row.name,
        description=row.description,
        entity=row.entity,
        kind=row.kind,
        channel=row.channel,
        contact=row.contact,
        definition=meant,
        own=own,
        segment=row.segment,
        version=row.version,
        generation=row.generation,
        refreshed_at=row.refreshed_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        source=row.source,
        keeps_contacted=row.keeps_contacted,
    )


def checked_name(name: str) -> str:
    """Return a name without white space around it; ListError when it cannot be one."""
    name = name.strip()
    if not name or len(name) > _NAME_LENGTH or any(not ch.isprintable() for ch in name):
        raise ListError(f"{name!r} is no name for a list; give it 1 to {_NAME_LENGTH} printable characters.")
    return name


def check_named(name: str, source: str, own: Definition, has_segment: bool, keeps_contacted: bool) -> None:
    """Raise ListError where a list whose members people name would have something else say who is on it."""
    kind = {"picked": "manual", "uploaded": "uploaded"}[source]
    if own.where is not None or own.sql is not None or own.limit is not None or has_segment:
        raise ListError(f"People say who is on the {kind} list {name!r}; it takes no conditions, segment or limit.")
    if keeps_contacted:
        raise ListError(f"The {kind} list {name!r} keeps whom people put on it; only conditions let go of somebody.")


def refuse_taken(connection: Connection, name: str, own_id: int | None) -> None:
    """Raise ListError when another list than `own_id` has this name, whatever its case."""
    taken = by_name(connection, marketing_list, name, ())
    if taken is not None and taken.id != own_id and taken.name.casefold() == name.casefold():
        raise ListError(f"There is a list {taken.name!r} already; choose another name.")


def contact_of(model: EntityModel, entity_name: str, contact: str | None, channel: str | None = None) -> ContactPath:
    """Return the contact path of an entity by name or path; ListError listing those it has."""
    entity = model.entities.get(entity_name)
    targetable = ", ".join(e.name for e in model.targetable())
    if entity is None or not entity.contacts:
        raise ListError(
            f"{entity_name!r} has no contact to reach its rows at, so it cannot be a list; there are {targetable}."
        )
    fitting = [c for c in entity.contacts if channel in (None, c.channel)]
    known = ", ".join(f"{c.name} ({c.channel}, {c.path})" for c in entity.contacts)
    if not fitting:
        raise ListError(f"{entity.name} has no contact of the channel {channel!r}; it has {known}.")
    if contact is None:
        raise ListError(f"A list of {entity.name} needs a contact; it has {known}.")
    found = next((c for c in fitting if contact in (c.name, c.path)), None)
    if found is None:
        raise ListError(f"{entity.name} has no {channel or ''} contact {contact!r}; it has {known}.".replace("  ", " "))
    return found
