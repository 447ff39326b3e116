"""What people did and said, in plain words; and comparisons, which these words share with the others."""

from __future__ import annotations

from typing import Any

from analytics.segments.definition import Behaviour, Consent, Did, Sequence
from analytics.segments.moments import duration_words, moment_words
from analytics.segments.operators import OPERATORS

_BEHAVIOUR = {
    "received": "Received",
    "opened": "Opened",
    "clicked": "Clicked in",
    "bounced": "Bounced in",
    "unsubscribed": "Unsubscribed through",
}
_DID = {
    "page_view": "Visited a page",
    "event": "Fired an event",
    "cart": "Changed a cart",
    "order": "Ordered on a website",
    "search": "Searched on a website",
    "download": "Downloaded a file",
    "outlink": "Followed a link away from a website",
    "goal": "Reached a goal",
    "any": "Did anything on a website",
}
_TEXTS = {"url": "address"}
_TIMES = {"at_least": "at least", "at_most": "at most", "equals": "exactly"}
_CONSENTS = {"granted": "Said yes to", "withdrawn": "Said no to", "none": "Said nothing yet about"}


def people_words(node: Behaviour | Did | Sequence | Consent) -> str:
    """Return what people did or said in words."""
    match node:
        case Behaviour():
            campaign = "any email campaign" if node.campaign is None else f"the email campaign “{node.campaign}”"
            return f"{_BEHAVIOUR[node.behaviour]} {campaign}{_around(node)}"
        case Did():
            return _did(node)
        case Sequence(steps, within, without):
            then = ", then ".join(_inside(step) if n else people_words(step) for n, step in enumerate(steps))
            after = f", and not afterwards: {_inside(without)}" if without is not None else ""
            return f"{then}{after}{f' (within {duration_words(within)})' if within is not None else ''}"
        case Consent(topic, state):
            return f"{_CONSENTS[state]} “{topic}”"


def _did(node: Did) -> str:
    about = [f"{_TEXTS.get(t.column, t.column)} {compared_words(t.operator, t.value)}" for t in node.texts]
    where = f" whose {' and '.join(about)}" if about else ""
    given = (("on", node.website), ("from", node.source), ("by the medium", node.medium), ("with the code", node.code))
    names = "".join(f" {word} “{name}”" for word, name in given if name is not None)
    when = f" at a time that {compared_words(node.when, node.at)}" if node.when is not None else ""
    return f"{_DID[node.event]}{where}{names}{when}{_around(node)}"


def _around(node: Behaviour | Did) -> str:
    operator = node.operator if isinstance(node, Did) else "at_least"
    often = f" {_TIMES[operator]} {node.times} time{'s' if node.times != 1 else ''}"
    times = "" if (operator, node.times) == ("at_least", 1) else often
    within = f" within {duration_words(node.within)}" if node.within else ""
    return f"{times}{within}{', machines included' if node.by == 'all' else ''}"


def _inside(node: Behaviour | Did) -> str:
    words = people_words(node)
    return words[:1].lower() + words[1:]


def compared_words(operator: str, value: Any) -> str:
    """Return an operator and its value in words."""
    label = OPERATORS[operator].label
    if OPERATORS[operator].arity == "none":
        return label
    if isinstance(value, tuple):
        word = " and " if OPERATORS[operator].arity == "two" else ", "
        return f"{label} {word.join(map(_value, value))}"
    return f"{label} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        value = moment_words(value)
    return str(value) if str(value).strip() else f"“{value}”"
