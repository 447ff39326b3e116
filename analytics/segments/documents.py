"""The document form of definitions: read with errors that name the exact place, written without loss, loaded too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import (
    BEHAVIOURS,
    MAX_DEPTH,
    All,
    AnyOf,
    Behaviour,
    Changed,
    Column,
    Contacted,
    Definition,
    FieldCondition,
    InList,
    InSegment,
    Measure,
    MeasureCondition,
    Node,
    Not,
    Sample,
    Scalar,
    Sort,
    Value,
    wrong,
)
from analytics.segments.operators import MEASURES, OPERATORS, PARTS


def load_definition(path: Path) -> Definition:
    """Return the definition in a file: YAML 1.2 (.yaml, .yml; so `NO` is Norway and `yes` a word) JSON
    (.json), or the text form (.segment).

    Raises SegmentError naming file, place and what would be right.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SegmentError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}.") from None
    except OSError as error:
        raise SegmentError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return Definition.from_document(_parsed(text, path))
    except SegmentError as error:
        raise SegmentError(f"{path}: {error}") from error


def _parsed(text: str, path: Path) -> Any:
    if path.suffix.lower() == ".segment":
        from analytics.segments.text import parse  # it needs this module

        return parse(text).to_document()
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SegmentError(f"not JSON: {error}.") from None
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise SegmentError(
            f"a definition is a .yaml, .yml, .json or .segment file, not {path.suffix or 'one without ending'}."
        )
    from ruamel.yaml import YAML  # only commands that read files need it
    from ruamel.yaml.error import YAMLError

    try:
        # Pure Python: the C parser reads YAML 1.1, where NO is false.
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise SegmentError(f"not YAML: {' '.join(str(error).split())}.") from None


def read_definition(document: Any) -> Definition:
    """Return the definition a document describes; SegmentError names place and value."""
    known = ("entity", "where", "columns", "sort", "limit")
    given = _mapping(document, "the definition", known, required=("entity",))
    where = given.get("where")
    limit = given.get("limit")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise wrong("limit", limit, "a whole number of rows, 0 or more")
    return Definition(
        entity=_text(given["entity"], "entity", "the name of an entity such as customer_user"),
        where=None if where is None else _node(where, "where", 0),
        columns=tuple(_column(c, f"columns[{n}]") for n, c in enumerate(_list(given, "columns"))),
        sort=tuple(_sort(s, f"sort[{n}]") for n, s in enumerate(_list(given, "sort"))),
        limit=limit,
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
    return _READERS[kind](document, place, depth)


def _group(document: Mapping[str, Any], place: str, depth: int) -> Node:
    kind = "all" if "all" in document else "any"
    given = _mapping(document, place, (kind,))
    nodes = given[kind]
    if not isinstance(nodes, Sequence) or isinstance(nodes, str):
        raise wrong(f"{place}.{kind}", nodes, "a list of conditions")
    if kind == "any" and not nodes:
        raise SegmentError(f"{place}.any is empty, so nobody could fulfil it; add a condition or leave the group out.")
    read = tuple(_node(node, f"{place}.{kind}[{n}]", depth + 1) for n, node in enumerate(nodes))
    return All(read) if kind == "all" else AnyOf(read)


def _not(document: Mapping[str, Any], place: str, depth: int) -> Node:
    return Not(_node(_mapping(document, place, ("not",))["not"], f"{place}.not", depth + 1))


def _field(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("field", "is", "value", "part"), required=("field", "is"))
    part = given.get("part")
    if part is not None and part not in PARTS:
        raise wrong(f"{place}.part", part, f"one of {', '.join(PARTS)}")
    operator, value = _comparison(given, place)
    return FieldCondition(_text(given["field"], f"{place}.field", _A_PATH), operator, value, part)


def _related(document: Mapping[str, Any], place: str, depth: int) -> Node:
    known = ("related", "measure", "field", "by", "where", "is", "value")
    given = _mapping(document, place, known, required=("related", "is"))
    operator, value = _comparison(given, place)
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
        related=_text(given["related"], f"{place}.related", "a path to related rows such as orders"),
        measure=measure,
        field=None if field is None else _text(field, f"{place}.field", _A_PATH),
        by=None if by is None else _text(by, f"{place}.by", "a date field of the related rows"),
        where=None if where is None else _node(where, f"{place}.where", depth + 1),
    )


def _segment(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("segment", "through"))
    return InSegment(_text(given["segment"], f"{place}.segment", "the name of a segment"), _through(given, place))


def _in_list(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("list", "through"))
    return InList(_text(given["list"], f"{place}.list", "the name of a marketing list"), _through(given, place))


def _through(given: Mapping[str, Any], place: str) -> str | None:
    through = given.get("through")
    return None if through is None else _text(through, f"{place}.through", "a path of relations such as customer")


def _contacted(document: Mapping[str, Any], place: str, depth: int) -> Node:
    # `list` is also the key of a condition of its own, so this reader comes first.
    given = _mapping(document, place, ("contacted", "list", "is", "value"), required=("contacted", "is"))
    what = given["contacted"]
    if what not in ("times", "last"):
        raise wrong(f"{place}.contacted", what, "one of times, last")
    operator, value = _comparison(given, place)
    name = given.get("list")
    if name is not None:
        name = _text(name, f"{place}.list", "the name of a marketing list")
    return Contacted(what, operator, value, name)


def _behaviour(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("behaviour", "campaign", "within", "times", "by"))
    behaviour, times, by = given["behaviour"], given.get("times", 1), given.get("by", "human")
    if behaviour not in BEHAVIOURS:
        raise wrong(f"{place}.behaviour", behaviour, f"one of {', '.join(BEHAVIOURS)}")
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise wrong(f"{place}.times", times, "a whole number of times, 1 or more")
    if by not in ("human", "all"):
        raise wrong(f"{place}.by", by, "one of human, all")
    campaign, within = given.get("campaign"), given.get("within")
    if campaign is not None:
        campaign = _text(campaign, f"{place}.campaign", "the name of an email campaign, or any")
    if within is not None:
        within = _text(within, f"{place}.within", "a duration such as 30d")
    return Behaviour(behaviour, None if campaign == "any" else campaign, within, times, by)


def _changed(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("changed", "is", "value", "when", "at"))
    operator, value, when, at = None, None, given.get("when"), None
    if "is" in given:
        operator, value = _comparison(given, place)
    elif "value" in given:
        raise SegmentError(f"{place}: {given['value']!r} needs an operator; add `is`, for example `is: equals`.")
    if when is not None:
        when, at = _comparison({"is": when, **({"value": given["at"]} if "at" in given else {})}, place, "when", "at")
    elif "at" in given:
        raise SegmentError(f"{place}: {given['at']!r} needs an operator; add `when`, for example `when: after`.")
    return Changed(_text(given["changed"], f"{place}.changed", _A_PATH), operator, value, when, at)


def _sample(document: Mapping[str, Any], place: str, depth: int) -> Node:
    given = _mapping(document, place, ("sample", "from", "salt"))
    percent, start = given["sample"], given.get("from", 0)
    for key, number in (("sample", percent), ("from", start)):
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 100:
            raise wrong(f"{place}.{key}", number, "a percentage from 0 to 100")
    if percent + start > 100:
        raise SegmentError(f"{place}: {percent} percent from {start} on would end beyond 100.")
    salt = given.get("salt", "")
    if not isinstance(salt, str):
        raise wrong(f"{place}.salt", salt, "a text")
    return Sample(float(percent), float(start), salt)


_READERS = {
    "all": _group,
    "any": _group,
    "not": _not,
    "field": _field,
    "related": _related,
    "contacted": _contacted,
    "segment": _segment,
    "list": _in_list,
    "behaviour": _behaviour,
    "changed": _changed,
    "sample": _sample,
}
_KINDS = tuple(_READERS)
_A_PATH = "a field or a path to one such as customer.group.name"


def _comparison(
    given: Mapping[str, Any], place: str, operator_key: str = "is", value_key: str = "value"
) -> tuple[str, Value]:
    """Return operator and value, the value fitting the operator's arity."""
    name = given["is"]
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None:
        raise wrong(f"{place}.{operator_key}", name, f"one of {', '.join(OPERATORS)}")
    at = f"{place}.{value_key}"
    if operator.arity == "none":
        if given.get("value") is not None:
            raise SegmentError(f"{at}: {name} takes no value; leave {given['value']!r} out.")
        return operator.name, None
    if given.get("value") is None:
        raise SegmentError(f"{place}: {name} needs a value; add `{value_key}`.")
    value = given["value"]
    if operator.arity == "one":
        return operator.name, _scalar(value, at)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(at, value, "a list such as [a, b]")
    if operator.arity == "two" and len(value) != 2:
        raise wrong(at, value, "a list of two values, the lower and the upper bound")
    if not value:
        raise SegmentError(f"{at}: {name} needs at least one value.")
    return operator.name, tuple(_scalar(v, f"{at}[{n}]") for n, v in enumerate(value))


def _scalar(value: Any, place: str) -> Scalar:
    """Return a JSON scalar; YAML's dates and Python's decimals become text, which loses nothing."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise wrong(place, value, "a finite number")
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= ch <= "\udfff" for ch in value)):
        raise wrong(place, value, "a text: it holds a character no text has")
    if isinstance(value, str | bool | int | float):
        return value
    raise wrong(place, value, "a text, a number or a date")


def _column(document: Any, place: str) -> Column:
    if isinstance(document, str):
        return Column(document)
    source = _source(document, place, ("label",))
    label = document.get("label")
    return Column(source, None if label is None else _text(label, f"{place}.label", "a text"))


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
        given = _mapping(document, place, ("related", "measure", "field", "by", "where", *more))
        return _measure(given, place, 0)
    given = _mapping(document, place, ("field", *more), required=("field",))
    return _text(given["field"], f"{place}.field", _A_PATH)


def _mapping(document: Any, place: str, known: tuple[str, ...], required: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise wrong(place, document, f"a mapping with the keys {', '.join(known)}")
    for key in document:
        if key not in known:
            raise SegmentError(f"{place} has an unknown key {key!r}; there are {', '.join(known)}.")
    for key in required:
        if document.get(key) is None:
            raise SegmentError(f"{place} has no {key!r}; it needs one.")
    return document


def _list(given: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(key, value, "a list")
    return value


def _text(value: Any, place: str, right: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong(place, value, right)
    return value


# --- writing documents ---


def definition_document(definition: Definition) -> dict[str, Any]:
    """Return the document of a definition."""
    document: dict[str, Any] = {"entity": definition.entity}
    if definition.where is not None:
        document["where"] = node_document(definition.where)
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
            return {"field": field, **_given(part=part), **_comparison_document(operator, value)}
        case MeasureCondition(measure, operator, value):
            return {**_source_document(measure), **_comparison_document(operator, value)}
        case InSegment(name, through):
            return {"segment": name, **_given(through=through)}
        case InList(name, through):
            return {"list": name, **_given(through=through)}
        case Contacted(what, operator, value, name):
            return {"contacted": what, **_given(list=name), **_comparison_document(operator, value)}
        case Behaviour(behaviour, campaign, within, times, by):
            return {
                "behaviour": behaviour,
                "campaign": campaign or "any",
                **_given(within=within),
                **({"times": times} if times != 1 else {}),
                **({"by": by} if by != "human" else {}),
            }
        case Changed(field, operator, value, when, at):
            document: dict[str, Any] = {"changed": field}
            if operator is not None:
                document |= _comparison_document(operator, value)
            if when is not None:
                document |= {"when": when, **_given(at=_plain(at))}
            return document
        case Sample(percent, start, salt):
            return {
                "sample": percent,
                **({"from": start} if start else {}),
                **({"salt": salt} if salt else {}),
            }


def _source_document(source: str | Measure) -> dict[str, Any]:
    if isinstance(source, str):
        return {"field": source}
    where = None if source.where is None else node_document(source.where)
    return {
        "related": source.related,
        "measure": source.measure,
        **_given(field=source.field, by=source.by, where=where),
    }


def _comparison_document(operator: str, value: Value) -> dict[str, Any]:
    return {"is": operator, **_given(value=_plain(value))}


def _plain(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
