"""The text of conditions on what people did and said: behaviour, events on websites, sequences, consents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analytics.segments.definition import BEHAVIOURS, CONSENT_STATES, EVENT_TEXTS, WEB_EVENTS
from analytics.segments.text_grammar import DURATION, comparison, quoted
from analytics.segments.text_reader import Reader

Document = dict[str, Any]

_NAMED = {"website": "a website", "source": "a source", "medium": "a medium", "code": "a campaign code"}
_TIMES = {"at_least": "", "at_most": "at most ", "equals": "exactly "}


# --- writing ---


def _behaviour_text(node: Document) -> str:
    campaign = "any campaign" if node["campaign"] == "any" else f"campaign {quoted(node['campaign'])}"
    times = f" {node['times']} times" if "times" in node else ""
    return f"{node['behaviour']}({campaign}{_within(node)}{times}{_by(node)})"


def _did_text(node: Document) -> str:
    parts = [node["did"]]
    parts += [f"{name} {comparison(node[name]['is'], node[name].get('value'))}" for name in EVENT_TEXTS if name in node]
    if "times" in node:
        parts.append(f"{_TIMES[node.get('is', 'at_least')]}{node['times']} times")
    parts += [f"{'from ' if key == 'source' else ''}{key} {quoted(node[key])}" for key in _NAMED if key in node]
    when = f" when {comparison(node['when'], node.get('at'))}" if "when" in node else ""
    return f"did({' '.join(parts)}{_within(node)}{when}{_by(node)})"


def _within(node: Document) -> str:
    if "within" not in node:
        return ""
    raw = node["within"]
    return f" within {raw if DURATION.fullmatch(raw) else quoted(raw)}"


def _by(node: Document) -> str:
    return " by all" if node.get("by") == "all" else ""


def _sequence_text(node: Document) -> str:
    steps = " then ".join(map(_step_text, node["sequence"]))
    without = f" without {_step_text(node['without'])}" if "without" in node else ""
    return f"sequence({steps}{without}{_within(node)})"


def _step_text(node: Document) -> str:
    return _behaviour_text(node) if "behaviour" in node else _did_text(node)


def _consent_text(node: Document) -> str:
    return f"consent({quoted(node['consent'])}) is {node['is']}"


WRITERS: Mapping[str, Callable[[Document], str]] = {
    "behaviour": _behaviour_text,
    "sequence": _sequence_text,
    "did": _did_text,
    "consent": _consent_text,
}
"""Takes the document of a node, by the key that names its kind."""


# --- reading ---


def _behaved(read: Reader) -> Document:
    node: Document = {"behaviour": read.next().text}
    read.expect("(")
    if read.took("any"):
        read.expect("campaign")
        node["campaign"] = "any"
    else:
        read.expect("campaign")
        node["campaign"] = read.string("the name of a campaign in quotes")
    if read.took("within"):
        node["within"] = _duration(read)
    if read.peek().kind == "number":
        node["times"] = read.whole("a number of times")
        read.expect("times")
    if read.took("by"):
        read.expect("all")
        node["by"] = "all"
    read.expect(")")
    return node


def _duration(read: Reader) -> str:
    bare = read.bare(DURATION)
    return bare if bare is not None else read.string("a duration such as 30d")


def _did(read: Reader) -> Document:
    read.call()
    node: Document = {"did": read.word(*WEB_EVENTS)}
    while not read.took(")"):
        start = read.peek().start
        clause = _clause(read)
        twice = [key for key in clause if key in node]
        if twice:
            raise read.error(start, f"{twice[0]} was said already")
        node |= clause
    return node


def _clause(read: Reader) -> Document:
    token = read.peek()
    if token.kind == "number":
        return _counted(read, "at_least")
    word = token.text if token.kind == "name" else ""
    if word in EVENT_TEXTS:
        read.next()
        return {word: read.compared()}
    if word == "from":
        read.next()
        word = read.word("source")
        return {word: read.string(f"{_NAMED[word]} in quotes")}
    if word in _NAMED and word != "source":
        read.next()
        return {word: read.string(f"{_NAMED[word]} in quotes")}
    match word:
        case "at":
            read.next()
            return _counted(read, f"at_{read.word('least', 'most')}")
        case "exactly":
            read.next()
            return _counted(read, "equals")
        case "within":
            read.next()
            return {"within": _duration(read)}
        case "when":
            read.next()
            when = read.compared()
            return {"when": when["is"], **({"at": when["value"]} if "value" in when else {})}
        case "by":
            read.next()
            read.expect("all")
            return {"by": "all"}
    known = [*EVENT_TEXTS, "website", "from source", "medium", "code", "within", "when", "by all"]
    read.fail(f"a number of times, {', '.join(known)} or ')'")
    raise AssertionError("fail raises")


def _counted(read: Reader, operator: str) -> Document:
    times = read.whole("a number of times")
    read.expect("times")
    return {"times": times, **({"is": operator} if operator != "at_least" else {})}


def _sequence(read: Reader) -> Document:
    read.call()
    steps = [_step(read)]
    while read.took("then"):
        steps.append(_step(read))
    node: Document = {"sequence": steps}
    if read.took("without"):
        node["without"] = _step(read)
    if read.took("within"):
        node["within"] = _duration(read)
    read.expect(")")
    return node


def _step(read: Reader) -> Document:
    token = read.peek()
    if token.kind == "name" and token.text == "did":
        return _did(read)
    if token.kind != "name" or token.text not in BEHAVIOURS:
        read.fail(f"a step: {', '.join(BEHAVIOURS)} or did")
    return _behaved(read)


def _consent(read: Reader) -> Document:
    read.call()
    topic = read.string("the name of a topic in quotes")
    read.expect(")")
    read.expect("is")
    return {"consent": topic, "is": read.word(*CONSENT_STATES)}


CALLS: Mapping[str, Callable[[Reader], Document]] = {
    **dict.fromkeys(BEHAVIOURS, _behaved),
    "did": _did,
    "sequence": _sequence,
    "consent": _consent,
}
