"""The documents of conditions on what people did and said: behaviour, events on websites, sequences, consents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as ListOf
from typing import Any, Literal

from analytics.errors import SegmentError
from analytics.segments.definition import (
    BEHAVIOURS,
    CONSENT_STATES,
    EVENT_TEXTS,
    WEB_EVENTS,
    Behaviour,
    Consent,
    Did,
    EventText,
    Node,
    Sequence,
    wrong,
)
from analytics.segments.documents_common import (
    as_mapping,
    as_text,
    comparison_document,
    given_keys,
    plain,
    read_comparison,
)

TIMES_OPERATORS = ("at_least", "at_most", "equals")
_FROM = ("website", "source", "medium", "code")
_DID = ("did", *EVENT_TEXTS, *_FROM, "times", "is", "within", "when", "at", "by")


def _behaviour(document: Mapping[str, Any], place: str) -> Behaviour:
    given = as_mapping(document, place, ("behaviour", "campaign", "within", "times", "by"))
    behaviour, campaign = given["behaviour"], given.get("campaign")
    if behaviour not in BEHAVIOURS:
        raise wrong(f"{place}.behaviour", behaviour, f"one of {', '.join(BEHAVIOURS)}")
    if campaign is not None:
        campaign = as_text(campaign, f"{place}.campaign", "the name of an email campaign, or any")
    named = None if campaign == "any" else campaign
    return Behaviour(behaviour, named, _within(given, place), _times(given, place, 1), _by(given, place))


def _did(document: Mapping[str, Any], place: str) -> Did:
    given = as_mapping(document, place, _DID)
    event, operator = given["did"], given.get("is", "at_least")
    if event not in WEB_EVENTS:
        raise wrong(f"{place}.did", event, f"one of {', '.join(WEB_EVENTS)}")
    if operator not in TIMES_OPERATORS:
        raise wrong(f"{place}.is", operator, f"one of {', '.join(TIMES_OPERATORS)}, which compare the number of times")
    when, at = given.get("when"), None
    if when is not None:
        when, at = read_comparison(
            {"is": when, **({"value": given["at"]} if "at" in given else {})}, place, "when", "at"
        )
    elif "at" in given:
        raise SegmentError(f"{place}: {given['at']!r} needs an operator; add `when`, for example `when: after`.")
    texts = []
    for name in EVENT_TEXTS:
        if name in given:
            compared = as_mapping(given[name], f"{place}.{name}", ("is", "value"), required=("is",))
            texts.append(EventText(name, *read_comparison(compared, f"{place}.{name}")))
    from_where = {
        key: None if given.get(key) is None else as_text(given[key], f"{place}.{key}", "a text") for key in _FROM
    }
    return Did(
        event=event,
        texts=tuple(texts),
        times=_times(given, place, 1 if operator == "at_least" else 0),
        operator=operator,
        within=_within(given, place),
        when=when,
        at=at,
        by=_by(given, place),
        **from_where,
    )


def _times(given: Mapping[str, Any], place: str, least: int) -> int:
    times = given.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not least <= times < 2**31:
        raise wrong(f"{place}.times", times, f"a whole number of times, {least} or more")
    return times


def _within(given: Mapping[str, Any], place: str) -> str | None:
    within = given.get("within")
    return None if within is None else as_text(within, f"{place}.within", "a duration such as 30d")


def _by(given: Mapping[str, Any], place: str) -> Literal["human", "all"]:
    by = given.get("by", "human")
    if by not in ("human", "all"):
        raise wrong(f"{place}.by", by, "one of human, all")
    return "all" if by == "all" else "human"


def _sequence(document: Mapping[str, Any], place: str) -> Sequence:
    given = as_mapping(document, place, ("sequence", "within", "without"))
    listed = given["sequence"]
    if not isinstance(listed, ListOf) or isinstance(listed, str):
        raise wrong(f"{place}.sequence", listed, "a list of steps, each a behaviour or a did")
    steps = tuple(_step(step, f"{place}.sequence[{n}]") for n, step in enumerate(listed))
    without = None if given.get("without") is None else _step(given["without"], f"{place}.without")
    within = _within(given, place)
    if len(steps) < (2 if without is None else 1):
        raise SegmentError(f"{place}.sequence needs two steps, or one and a `without`; this one has {len(steps)}.")
    if without is not None and within is None:
        raise SegmentError(f"{place}: say in which time the last step is not followed; add `within`, for example 7d.")
    return Sequence(steps, within, without)


def _step(document: Any, place: str) -> Behaviour | Did:
    if not isinstance(document, Mapping) or not ("behaviour" in document or "did" in document):
        raise wrong(place, document, "a step: a behaviour or a did")
    step = _behaviour(document, place) if "behaviour" in document else _did(document, place)
    if step.times != 1 or (isinstance(step, Did) and step.operator != "at_least"):
        raise SegmentError(f"{place}.times: a step happens once; write it {step.times} times instead.")
    return step


def _consent(document: Mapping[str, Any], place: str) -> Consent:
    given = as_mapping(document, place, ("consent", "is"), required=("consent", "is"))
    if given["is"] not in CONSENT_STATES:
        raise wrong(f"{place}.is", given["is"], f"one of {', '.join(CONSENT_STATES)}")
    return Consent(as_text(given["consent"], f"{place}.consent", "the name of a topic"), given["is"])


READERS: Mapping[str, Callable[[Mapping[str, Any], str], Node]] = {
    "behaviour": _behaviour,
    "sequence": _sequence,
    "did": _did,
    "consent": _consent,
}
"""Takes a document and its place, by the key that names its kind."""


def behaviour_document(node: Behaviour | Did | Sequence | Consent) -> dict[str, Any]:
    """Return the document of a node of these kinds."""
    match node:
        case Behaviour(behaviour, campaign, within, times, by):
            return {
                "behaviour": behaviour,
                "campaign": campaign or "any",
                **given_keys(within=within),
                **({"times": times} if times != 1 else {}),
                **({"by": by} if by != "human" else {}),
            }
        case Did():
            return {
                "did": node.event,
                **{t.column: comparison_document(t.operator, t.value) for t in node.texts},
                **given_keys(**{key: getattr(node, key) for key in _FROM}),
                **({"times": node.times} if (node.times, node.operator) != (1, "at_least") else {}),
                **({"is": node.operator} if node.operator != "at_least" else {}),
                **given_keys(within=node.within),
                **({"when": node.when, **given_keys(at=plain(node.at))} if node.when is not None else {}),
                **({"by": node.by} if node.by != "human" else {}),
            }
        case Sequence(steps, within, without):
            return {
                "sequence": [behaviour_document(step) for step in steps],
                **given_keys(without=None if without is None else behaviour_document(without), within=within),
            }
        case Consent(topic, state):
            return {"consent": topic, "is": state}
