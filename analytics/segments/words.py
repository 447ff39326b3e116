"""Definitions in plain words, as a marketer would say them: one line a condition, groups as headings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analytics.errors import SegmentError
from analytics.model.entity import EntityModel
from analytics.segments.definition import (
    All,
    AnyOf,
    Behaviour,
    Changed,
    Consent,
    Contacted,
    Definition,
    Did,
    FieldCondition,
    InList,
    InSegment,
    Measure,
    MeasureCondition,
    Node,
    Not,
    Rfm,
    SameRow,
    Sample,
    Sequence,
    Split,
    Tag,
)
from analytics.segments.layout import node_text
from analytics.segments.operators import MEASURES
from analytics.segments.words_behaviour import compared_words, people_words

_HEADINGS = {All: "All of these", AnyOf: "Any of these"}
_PARTS = {
    "day_of_week": "day of the week",
    "day_of_month": "day of the month",
    "day_of_year": "day of the year",
    "day_and_month": "day and month",
}


@dataclass(frozen=True)
class WordLine:
    """One line of a definition in words; `depth` says how deep in groups it stands."""

    depth: int
    text: str
    is_heading: bool = False


def outline(model: EntityModel, definition: Definition) -> tuple[WordLine, ...]:
    """Return the conditions of a definition as lines, none for one that takes every row."""
    if definition.sql is not None:
        said = [WordLine(1, line) for line in definition.sql.splitlines()]
        return (WordLine(0, "Those the query finds", is_heading=True), *said)
    if definition.where is None:
        return ()
    return tuple(_lines(model, definition.entity, definition.where, 0))


def say(model: EntityModel, entity: str, node: Node) -> str:
    """Return one node in words; groups in brackets. What has no words of its own is said in the text form."""
    match node:
        case All(nodes):
            return _grouped(model, entity, nodes, " and ") or "everything"
        case AnyOf(nodes):
            return _grouped(model, entity, nodes, " or ") or "nothing"
        case Not(inner):
            return f"not: {say(model, entity, inner)}"
        case FieldCondition():
            part = f"{_PARTS.get(node.part, node.part)} of ".capitalize() if node.part else ""
            return f"{part}{field_words(model, entity, node.field)} {compared_words(node.operator, node.value)}"
        case MeasureCondition():
            return f"{measure_words(model, entity, node.measure)} {compared_words(node.operator, node.value)}"
        case SameRow():
            target = _target(model, entity, node.related)
            return f"Some of {field_words(model, entity, node.related)} where {say(model, target, node.where)}"
        case InSegment():
            return f"{_whose(model, entity, node.through)} in the segment “{node.segment}”"
        case InList():
            return f"{_whose(model, entity, node.through)} on the list “{node.name}”"
        case Contacted():
            what = "Times contacted" if node.what == "times" else "Last contacted"
            by = f" through the list “{node.list_name}”" if node.list_name is not None else ""
            return f"{what}{by} {compared_words(node.operator, node.value)}"
        case Behaviour() | Did() | Sequence() | Consent():
            return people_words(node)
        case Changed():
            to = f" to one that {compared_words(node.operator, node.value)}" if node.operator is not None else ""
            when = f", at a time that {compared_words(node.when, node.at)}" if node.when is not None else ""
            return f"{field_words(model, entity, node.field)} was changed{to}{when}"
        case Sample():
            start = f" from {node.start:g}" if node.start else ""
            salt = f" of the draw “{node.salt}”" if node.salt else ""
            return f"A stable random {node.percent:g} percent{start}{salt}"
        case Tag(names, operator):
            return f"{'Bears none' if operator == 'none_of' else 'Bears one'} of the tags {', '.join(names)}"
        case Rfm(part, operator, value):
            return f"RFM {part} {compared_words(operator, value)}"
        case Split(name, part, of):
            shares = (
                f"{of} equal parts" if isinstance(of, int) else f"parts of {', '.join(f'{s:g}' for s in of)} percent"
            )
            return f"Part {part} of the split “{name}” into {shares}"
        case _:
            return node_text(node)


def field_words(model: EntityModel, entity: str, path: str) -> str:
    """Return the labels along a path; the path itself where the model does not know it any more."""
    try:
        resolved = model.resolve(entity, path)
    except SegmentError:
        return path
    own = [resolved.field.label] if resolved.field is not None else []
    return " › ".join([*(relation.label for relation in resolved.relations), *own])


def measure_words(model: EntityModel, entity: str, measure: Measure) -> str:
    """Return a measure in words: "Sum of Total of Orders where Status is closed"."""
    rows = field_words(model, entity, measure.related)
    target = _target(model, entity, measure.related)
    of = f"{field_words(model, target, measure.field)} of {rows}" if measure.field is not None else rows
    where = f" (where {say(model, target, measure.where)})" if measure.where is not None else ""
    by = f" by {field_words(model, target, measure.by)}" if measure.by is not None else ""
    named = MEASURES.get(measure.measure, measure.measure)
    return f"{named[:1].upper()}{named[1:]} {of}{by}{where}"


def source_words(model: EntityModel, entity: str, source: str | Measure) -> str:
    """Return a column or sort in words."""
    if isinstance(source, Measure):
        return measure_words(model, entity, source)
    return field_words(model, entity, source)


def _lines(model: EntityModel, entity: str, node: Node, depth: int, before: str = "") -> Iterator[WordLine]:
    match node:
        case Not(All() | AnyOf() as group):
            yield from _lines(model, entity, group, depth, "Not: ")
        case All((inner,)) | AnyOf((inner,)) if not before:
            yield from _lines(model, entity, inner, depth)
        case All(nodes) | AnyOf(nodes):
            heading = _HEADINGS[type(node)]
            yield WordLine(depth, f"{before}{heading[:1].lower() if before else heading[:1]}{heading[1:]}", True)
            for inner in nodes:
                yield from _lines(model, entity, inner, depth + 1)
        case _:
            yield WordLine(depth, _sentence(say(model, entity, node)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _grouped(model: EntityModel, entity: str, nodes: tuple[Node, ...], word: str) -> str:
    said = [
        f"({say(model, entity, n)})" if isinstance(n, All | AnyOf) and len(n.nodes) > 1 else say(model, entity, n)
        for n in nodes
    ]
    return word.join(said)


def _target(model: EntityModel, entity: str, path: str) -> str:
    try:
        return model.resolve(entity, path).entity.name
    except SegmentError:
        return entity


def _whose(model: EntityModel, entity: str, through: str | None) -> str:
    return "Is" if through is None else f"{field_words(model, entity, through)} is"
