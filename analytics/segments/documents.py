"""The document form of definitions: read with errors that name the exact place, written without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import (
    MAX_DEPTH,
    All,
    AnyOf,
    Column,
    Definition,
    FieldCondition,
    Measure,
    MeasureCondition,
    Node,
    Not,
    SameRow,
    Sort,
    wrong,
)
from analytics.segments.documents_common import (
    A_PATH,
    as_mapping,
    as_scalar,
    as_text,
    comparison_document,
    given_keys,
    read_comparison,
)
from analytics.segments.documents_kinds import READERS, kind_document
from analytics.segments.operators import MEASURES, PARTS


def read_definition(document: Any) -> Definition:
    """Return the definition a document describes; SegmentError names place and value."""
    known = ("entity", "where", "sql", "columns", "sort", "limit")
    given = as_mapping(document, "the definition", known, required=("entity",))
    where = given.get("where")
    sql = given.get("sql")
    if where is not None and sql is not None:
        raise SegmentError("The definition has both `where` and `sql`; take one of them out.")
    limit = given.get("limit")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise wrong("limit", limit, "a whole number of rows, 0 or more")
    return Definition(
        entity=as_text(given["entity"], "entity", "the name of an entity such as customer_user"),
        where=None if where is None else _node(where, "where", 0),
        columns=tuple(_column(c, f"columns[{n}]") for n, c in enumerate(_list(given, "columns"))),
        sort=tuple(_sort(s, f"sort[{n}]") for n, s in enumerate(_list(given, "sort"))),
        limit=limit,
        sql=None if sql is None else str(as_scalar(as_text(sql, "sql", "one SELECT as text"), "sql")).strip(),
    )


# --- reading ---


def _node(document: Any, place: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise SegmentError(f"{place}: groups are nested more than {MAX_DEPTH} deep; combine some of them.")
    if not isinstance(document, Mapping):
        raise wrong(place, document, f"a condition, which has one of the keys {', '.join(_KINDS)}")
    kinds = [kind for kind in _KINDS if kind in document]
    # A measure of a field has both `related` and `field`.
    kind = "related" if "related" in kinds and set(kinds) <= {"related", "field"} else kinds[0] if kinds else None
    if kind is None:
        raise SegmentError(
            f"{place}: a condition has one of the keys {', '.join(_KINDS)}; "
            f"this one has {', '.join(map(repr, document)) or 'none'}."
        )
    own = _READERS.get(kind)
    return READERS[kind](document, place) if own is None else own(document, place, depth)


def _group(document: Mapping[str, Any], place: str, depth: int) -> Node:
    kind = "all" if "all" in document else "any"
    given = as_mapping(document, place, (kind,))
    nodes = given[kind]
    if not isinstance(nodes, Sequence) or isinstance(nodes, str):
        raise wrong(f"{place}.{kind}", nodes, "a list of conditions")
    if kind == "any" and not nodes:
        raise SegmentError(f"{place}.any is empty, so nobody could fulfil it; add a condition or leave the group out.")
    read = tuple(_node(node, f"{place}.{kind}[{n}]", depth + 1) for n, node in enumerate(nodes))
    return All(read) if kind == "all" else AnyOf(read)


def _not(document: Mapping[str, Any], place: str, depth: int) -> Node:
    return Not(_node(as_mapping(document, place, ("not",))["not"], f"{place}.not", depth + 1))


def _field(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = as_mapping(document, place, ("field", "is", "value", "part"), required=("field", "is"))
    part = given.get("part")
    if part is not None and part not in PARTS:
        raise wrong(f"{place}.part", part, f"one of {', '.join(PARTS)}")
    operator, value = read_comparison(given, place)
    return FieldCondition(as_text(given["field"], f"{place}.field", A_PATH), operator, value, part)


def _related(document: Mapping[str, Any], place: str, depth: int) -> Node:
    known = ("related", "measure", "field", "by", "where", "is", "value")
    given = as_mapping(document, place, known, required=("related", "is"))
    operator, value = read_comparison(given, place)
    return MeasureCondition(_measure(given, place, depth), operator, value)


def _measure(given: Mapping[str, Any], place: str, depth: int) -> Measure:
    measure = given.get("measure", "count")
    if measure not in MEASURES:
        raise wrong(f"{place}.measure", measure, f"one of {', '.join(MEASURES)}")
    field, by, where = given.get("field"), given.get("by"), given.get("where")
    if measure == "count" and field is not None:
        raise SegmentError(f"{place}.field: a count is of rows, not of a field; leave {field!r} out.")
    if measure != "count" and field is None:
        raise SegmentError(f"{place}: {measure} needs a field of the related rows; add `field`.")
    if by is not None and measure not in ("first", "last"):
        raise SegmentError(f"{place}.by: only first and last are ordered; leave {by!r} out of a {measure}.")
    return Measure(
        related=as_text(given["related"], f"{place}.related", "a path to related rows such as orders"),
        measure=measure,
        field=None if field is None else as_text(field, f"{place}.field", A_PATH),
        by=None if by is None else as_text(by, f"{place}.by", "a date field of the related rows"),
        where=None if where is None else _node(where, f"{place}.where", depth + 1),
    )


def _same_row(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = as_mapping(document, place, ("same", "where"), required=("same", "where"))
    related = as_text(given["same"], f"{place}.same", "a path to related rows such as orders")
    return SameRow(related, _node(given["where"], f"{place}.where", depth + 1))


_READERS = {
    "all": _group,
    "any": _group,
    "not": _not,
    "field": _field,
    "related": _related,
    "same": _same_row,
}
_KINDS = (*_READERS, *READERS)


def _column(document: Any, place: str) -> Column:
    if isinstance(document, str):
        return Column(document)
    source = _source(document, place, ("label",))
    label = document.get("label")
    return Column(source, None if label is None else as_text(label, f"{place}.label", "a text"))


def _sort(document: Any, place: str) -> Sort:
    if isinstance(document, str):
        return Sort(document)
    source = _source(document, place, ("direction",))
    direction = document.get("direction", "ascending")
    if direction not in ("ascending", "descending"):
        raise wrong(f"{place}.direction", direction, "one of ascending, descending")
    return Sort(source, direction == "descending")


def _source(document: Any, place: str, more: tuple[str, ...]) -> str | Measure:
    if isinstance(document, Mapping) and "related" in document:
        given = as_mapping(document, place, ("related", "measure", "field", "by", "where", *more))
        return _measure(given, place, 0)
    given = as_mapping(document, place, ("field", *more), required=("field",))
    return as_text(given["field"], f"{place}.field", A_PATH)


def _list(given: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(key, value, "a list")
    return value


# --- writing documents ---


def definition_document(definition: Definition) -> dict[str, Any]:
    """Return the document of a definition."""
    document: dict[str, Any] = {"entity": definition.entity}
    if definition.where is not None:
        document["where"] = node_document(definition.where)
    if definition.sql is not None:
        document["sql"] = definition.sql
    if definition.columns:
        document["columns"] = [
            {**_source_document(c.source), **({"label": c.label} if c.label is not None else {})}
            for c in definition.columns
        ]
    if definition.sort:
        document["sort"] = [
            {**_source_document(s.source), "direction": "descending" if s.descending else "ascending"}
            for s in definition.sort
        ]
    if definition.limit is not None:
        document["limit"] = definition.limit
    return document


def node_document(node: Node) -> dict[str, Any]:
    """Return the document of one node."""
    match node:
        case All(nodes):
            return {"all": [node_document(n) for n in nodes]}
        case AnyOf(nodes):
            return {"any": [node_document(n) for n in nodes]}
        case Not(inner):
            return {"not": node_document(inner)}
        case FieldCondition(field, operator, value, part):
            return {"field": field, **given_keys(part=part), **comparison_document(operator, value)}
        case MeasureCondition(measure, operator, value):
            return {**_source_document(measure), **comparison_document(operator, value)}
        case SameRow(related, where):
            return {"same": related, "where": node_document(where)}
        case _:
            return kind_document(node)


def _source_document(source: str | Measure) -> dict[str, Any]:
    if isinstance(source, str):
        return {"field": source}
    where = None if source.where is None else node_document(source.where)
    return {
        "related": source.related,
        "measure": source.measure,
        **given_keys(field=source.field, by=source.by, where=where),
    }
