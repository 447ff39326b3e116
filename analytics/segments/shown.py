"""What is shown of a definition's rows: their columns and what these are called."""

from __future__ import annotations

from analytics.errors import SegmentError
from analytics.model.entity import Entity, EntityModel
from analytics.segments.compiler import Output
from analytics.segments.definition import Column, Definition, Measure


def shown_columns(model: EntityModel, definition: Definition) -> tuple[tuple[Output, ...], tuple[str, ...]]:
    """Return the outputs that show a row to a person, and labels of these and the key before them, all different."""
    entity = model.entities.get(definition.entity)
    if entity is None:
        raise SegmentError(
            f"entity: {definition.entity!r} is not an entity; there are {', '.join(sorted(model.entities))}."
        )
    sources: list[tuple[str, str | Measure]] = []
    if entity.title is not None and entity.title != entity.key:
        sources.append((entity.fields[entity.title].label, entity.title))
    sources.extend((contact.name, contact.path) for contact in entity.contacts if contact.path != entity.title)
    shown = {source for _, source in sources}
    sources.extend(
        (column_label(model, entity, c), c.source) for c in definition.columns if c.label or c.source not in shown
    )
    labels = unique_labels([entity.fields[entity.key].label, *(label for label, _ in sources)])
    return tuple(Output(f"c{n}", source) for n, (_, source) in enumerate(sources)), tuple(labels)


def column_label(model: EntityModel, entity: Entity, column: Column) -> str:
    """Return what a column is called: its own label, else that of its field or what it measures."""
    if column.label:
        return column.label
    if isinstance(column.source, Measure):
        of = f" {column.source.field}" if column.source.field else ""
        return f"{column.source.measure}{of} of {column.source.related}"
    resolved = model.resolve(entity.name, column.source)
    own = resolved.field.label if resolved.field is not None else ""
    return " ".join([*(r.label for r in resolved.relations), own]).strip()


def unique_labels(labels: list[str]) -> list[str]:
    """Return the labels, a number behind those that were taken already whatever their case."""
    taken: set[str] = set()
    result = []
    for label in labels:
        name, n = label, 2
        while name.casefold() in taken:
            name, n = f"{label} ({n})", n + 1
        taken.add(name.casefold())
        result.append(name)
    return result
