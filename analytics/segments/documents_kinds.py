"""The documents of conditions of a named kind: segments, lists, behaviour, changes, samples, tags and the like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as ListOf
from fractions import Fraction
from typing import Any

from analytics.errors import SegmentError
from analytics.segments import documents_behaviour as behaviour
from analytics.segments.definition import (
    MOST_PARTS,
    RFM_PARTS,
    Behaviour,
    Changed,
    Consent,
    Contacted,
    Did,
    InList,
    InSegment,
    Node,
    Rfm,
    Sample,
    Sequence,
    Split,
    Tag,
    wrong,
)
from analytics.segments.documents_common import (
    A_PATH,
    as_mapping,
    as_text,
    comparison_document,
    given_keys,
    plain,
    read_comparison,
)


def _segment(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("segment", "through"))
    return InSegment(as_text(given["segment"], f"{place}.segment", "the name of a segment"), _through(given, place))


def _in_list(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("list", "through"))
    return InList(as_text(given["list"], f"{place}.list", "the name of a marketing list"), _through(given, place))


def _through(given: Mapping[str, Any], place: str) -> str | None:
    through = given.get("through")
    return None if through is None else as_text(through, f"{place}.through", "a path of relations such as customer")


def _contacted(document: Mapping[str, Any], place: str) -> Node:
    # `list` is also the key of a condition of its own, so this reader comes first.
    given = as_mapping(document, place, ("contacted", "list", "is", "value"), required=("contacted", "is"))
    what = given["contacted"]
    if what not in ("times", "last"):
        raise wrong(f"{place}.contacted", what, "one of times, last")
    operator, value = read_comparison(given, place)
    name = given.get("list")
    if name is not None:
        name = as_text(name, f"{place}.list", "the name of a marketing list")
    return Contacted(what, operator, value, name)


def _changed(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("changed", "is", "value", "when", "at"))
    operator, value, when, at = None, None, given.get("when"), None
    if "is" in given:
        operator, value = read_comparison(given, place)
    elif "value" in given:
        raise SegmentError(f"{place}: {given['value']!r} needs an operator; add `is`, for example `is: equals`.")
    if when is not None:
        when, at = read_comparison(
            {"is": when, **({"value": given["at"]} if "at" in given else {})}, place, "when", "at"
        )
    elif "at" in given:
        raise SegmentError(f"{place}: {given['at']!r} needs an operator; add `when`, for example `when: after`.")
    return Changed(as_text(given["changed"], f"{place}.changed", A_PATH), operator, value, when, at)


def _sample(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("sample", "from", "salt"))
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


def _tag(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("tag", "value"), required=("tag", "value"))
    operator, names = given["tag"], given["value"]
    if operator not in ("any_of", "none_of"):
        raise wrong(f"{place}.tag", operator, "one of any_of, none_of")
    if not isinstance(names, ListOf) or isinstance(names, str) or not names:
        raise wrong(f"{place}.value", names, "a list of tags such as [VIP]")
    read = tuple(as_text(name, f"{place}.value[{n}]", "the name of a tag") for n, name in enumerate(names))
    return Tag(read, operator)


def _rfm(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("rfm", "is", "value"), required=("rfm", "is"))
    part = given["rfm"]
    if part not in RFM_PARTS:
        raise wrong(f"{place}.rfm", part, f"one of {', '.join(RFM_PARTS)}")
    operator, value = read_comparison(given, place)
    return Rfm(part, operator, value)


def _split(document: Mapping[str, Any], place: str) -> Node:
    given = as_mapping(document, place, ("split", "part", "of"), required=("split", "part", "of"))
    name, part, of = as_text(given["split"], f"{place}.split", "a name for the division"), given["part"], given["of"]
    shares = _shares(of, f"{place}.of")
    parts = shares if isinstance(shares, int) else len(shares)
    if isinstance(part, bool) or not isinstance(part, int) or not 1 <= part <= parts:
        raise wrong(f"{place}.part", part, f"a part from 1 to {parts}")
    return Split(name, part, shares)


def _shares(of: Any, place: str) -> int | tuple[float, ...]:
    if isinstance(of, int) and not isinstance(of, bool):
        if not 2 <= of <= MOST_PARTS:
            raise wrong(place, of, f"a number of parts from 2 to {MOST_PARTS}")
        return of
    right = "a number of parts, or a list of percentages such as [50, 30, 20]"
    if not isinstance(of, ListOf) or isinstance(of, str) or not 1 <= len(of) <= MOST_PARTS:
        raise wrong(place, of, right)
    for n, share in enumerate(of):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 100:
            raise wrong(f"{place}[{n}]", share, "a percentage above 0, up to 100")
    total = sum(Fraction(str(share)) for share in of)
    if total > 100:
        raise SegmentError(f"{place}: the parts add up to {float(total):g} percent; they may have 100 at most.")
    return tuple(float(share) for share in of)


READERS: Mapping[str, Callable[[Mapping[str, Any], str], Node]] = {
    "contacted": _contacted,
    "segment": _segment,
    "list": _in_list,
    **behaviour.READERS,
    "changed": _changed,
    "sample": _sample,
    "split": _split,
    "tag": _tag,
    "rfm": _rfm,
}
"""Takes a document and its place, by the key that names its kind. The first of a document's keys in here counts."""


def kind_document(node: Node) -> dict[str, Any]:
    """Return the document of a node of a named kind."""
    match node:
        case InSegment(name, through):
            return {"segment": name, **given_keys(through=through)}
        case InList(name, through):
            return {"list": name, **given_keys(through=through)}
        case Contacted(what, operator, value, name):
            return {"contacted": what, **given_keys(list=name), **comparison_document(operator, value)}
        case Behaviour() | Did() | Sequence() | Consent():
            return behaviour.behaviour_document(node)
        case Changed(field, operator, value, when, at):
            document: dict[str, Any] = {"changed": field}
            if operator is not None:
                document |= comparison_document(operator, value)
            if when is not None:
                document |= {"when": when, **given_keys(at=plain(at))}
            return document
        case Sample(percent, start, salt):
            return {
                "sample": percent,
                **({"from": start} if start else {}),
                **({"salt": salt} if salt else {}),
            }
        case Tag(names, operator):
            return {"tag": operator, "value": list(names)}
        case Rfm(part, operator, value):
            return {"rfm": part, **comparison_document(operator, value)}
        case Split(name, part, of):
            return {"split": name, "part": part, "of": of if isinstance(of, int) else list(of)}
    raise AssertionError(f"no kind of its own: {node!r}")
