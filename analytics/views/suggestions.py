"""What is offered where a value or a name is asked for: values the data has, records, lists, segments, campaigns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from analytics.engine.sql import quote
from analytics.services import Services
from analytics.views.data import known_values

_RECORDS = 200


def values(services: Services, entity: str, path: str) -> Mapping[str, str]:
    """Return values a path leads to, the most frequent first: {value: words}; raises UnknownField.

    For a path that ends at a related record these are keys and what a person knows the records by.
    """
    resolved = services.model.resolve(entity, path)
    if resolved.field is not None:
        return {value: value for value in known_values(services, entity, path)}
    target = resolved.entity
    key, title = quote(target.key), quote(target.title or target.key)
    with services.engine() as engine:
        rows = engine.rows(
            f"select {key}, cast({title} as varchar) from {quote(target.name)}"  # noqa: S608  # declared names
            f" order by 2 nulls last, 1 limit {_RECORDS}"
        )
    return {row[0]: f"{row[1]} ({row[0]})" if row[1] and row[1] != row[0] else row[0] for row in rows}


def names(services: Services, kind: str) -> Sequence[str]:
    """Return the names of the stored segments, lists or campaigns (`kind`), in the order of their pages."""
    stored: Mapping[str, Callable[[], Iterable[Any]]] = {
        "segment": services.segments.all,
        "list": services.lists.all,
        "campaign": services.email_campaigns.all,
    }
    return [each.name for each in stored[kind]()]


def event_texts(services: Services, column: str) -> tuple[str, ...]:
    """Return what a text column of the events on websites holds, the most frequent first."""
    name = quote(column)
    with services.engine() as engine:
        rows = engine.rows(
            f"select {name} from events where endpoint in ('matomo', 'oro') and {name} <> ''"  # noqa: S608  # a column, quoted
            f" group by 1 order by count(*) desc, 1 limit {_RECORDS}"
        )
    return tuple(row[0] for row in rows)
