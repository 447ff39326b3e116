"""What the dashboard shows while a segment is written as SQL: what the query gives, and what there is to read."""

from __future__ import annotations

from analytics.segments import SqlLook, SqlView, sql_views
from analytics.services import Services


def look(services: Services, entity: str, sql: str) -> SqlLook:
    """Return what SQL gives for rows of an entity now, and what is wrong with it."""
    with services.engine() as engine:
        return services.segments.check_sql(entity, sql, engine)


def begin(services: Services, entity: str) -> str:
    """Return the SQL a person begins with: every row of the entity."""
    key = services.model.entity(entity).key
    return f'select {key}\nfrom "{entity}"'


def tables(services: Services) -> tuple[SqlView, ...]:
    """Return the tables there are to read."""
    return sql_views(services.model)
