"""What people did and said, and samples of them, as the rows of the builder show it: words, details, steps, shares."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analytics.segments.definition import EVENT_TEXTS, MOST_PARTS, Behaviour, Did, EventText

EVENTS: Mapping[str, str] = {
    "page_view": "visit a page",
    "order": "place an order",
    "cart": "change a cart",
    "search": "search",
    "event": "fire an event",
    "download": "download a file",
    "outlink": "follow a link",
    "goal": "reach a goal",
    "any": "do anything",
}
"""What can be done on websites: {as a definition writes it: words after "did" and "then"}."""

MAILS: Mapping[str, str] = {
    "received": "receive a mail",
    "opened": "open a mail",
    "clicked": "click in a mail",
    "bounced": "have a mail bounce",
    "unsubscribed": "unsubscribe through a mail",
}
"""What can be done with mails, in the same way."""

DETAILS: Mapping[str, str] = {
    "url": "address of the page",
    "title": "title of the page",
    "category": "category of the event",
    "action": "action of the event",
    "name": "name",
    "source": "campaign source",
    "medium": "campaign medium",
    "code": "campaign code",
    "when": "date or time",
}
"""What of an event on a website can be looked at besides its kind: {field of Did, or text: words}."""

TIMES: Mapping[str, str] = {"at_least": "at least", "at_most": "at most", "equals": "exactly"}
CONSENTS: Mapping[str, str] = {"granted": "Said yes to", "withdrawn": "Said no to", "none": "Never said anything on"}
RFM: Mapping[str, str] = {
    "recency": "Bought lately (recency)",
    "frequency": "Bought often (frequency)",
    "monetary": "Spent much (monetary)",
    "score": "All three as a score",
}
SCORES = tuple(f"{r}-{f}-{m}" for r in range(1, 6) for f in range(1, 6) for m in range(1, 6))
"""Every RFM score there is, the best first."""

_NAMES = ("source", "medium", "code")
_UNITS = {"min": "minute", "h": "hour", "d": "day", "w": "week"}
_SPOKEN = re.compile(
    r"(?:(?:with)?in )?(?:the )?(?:last )?(\d{1,5}) ?(min(?:utes?)?|h(?:ours?)?|d(?:ays?)?|w(?:eeks?)?)?"
)
_WRITTEN = re.compile(r"(\d{1,5})(min|[hdw])")


def details(node: Did) -> tuple[str, ...]:
    """Return which of DETAILS an event is looked at by."""
    given = [name for name in _NAMES if getattr(node, name) is not None]
    return (*(text.column for text in node.texts), *given, *(["when"] if node.when is not None else []))


def with_details(node: Did, chosen: Sequence[str]) -> Did:
    """Return the node looked at by just these; a new one has no value yet, the others keep theirs."""
    if set(chosen) == set(details(node)):
        return node
    kept = tuple(text for text in node.texts if text.column in chosen)
    known = {text.column for text in kept}
    new = tuple(EventText(name, "contains") for name in chosen if name in EVENT_TEXTS and name not in known)
    names: dict[str, Any] = {name: (getattr(node, name) or "") if name in chosen else None for name in _NAMES}
    when = (node.when or "on_or_after", node.at) if "when" in chosen else (None, None)
    return replace(node, texts=(*kept, *new), when=when[0], at=when[1], **names)


def typed_duration(text: str) -> str:
    """Return a duration as a definition writes it: "12 hours" or "in the last 12 hours" for 12h, "30" for 30d."""
    spoken = _SPOKEN.fullmatch(text.strip().lower())
    if spoken is None:
        return text.strip()
    unit = spoken[2] or "d"
    return f"{int(spoken[1])}{'min' if unit.startswith('min') else unit[0]}"


def duration_words(duration: str) -> str:
    """Return a duration in words: 12h is "12 hours"; what is written in another way stays as it is."""
    written = _WRITTEN.fullmatch(duration)
    if written is None:
        return duration
    return f"{int(written[1])} {_UNITS[written[2]]}{'' if int(written[1]) == 1 else 's'}"


def step_choices() -> Mapping[str, str]:
    """Return what a step of a sequence can be: {what `step_name` returns: words}."""
    return {
        **{f"did.{event}": words for event, words in EVENTS.items()},
        **{f"mail.{name}": words for name, words in MAILS.items()},
    }


def step_name(step: Behaviour | Did) -> str:
    """Return the name of what a step is."""
    return f"mail.{step.behaviour}" if isinstance(step, Behaviour) else f"did.{step.event}"


def step_of(name: str, present: Behaviour | Did) -> Behaviour | Did:
    """Return the step of a name, with what it has in common with the present one."""
    kind, what = name.split(".", 1)
    if kind == "mail":
        if isinstance(present, Behaviour):
            return replace(present, behaviour=what)
        return Behaviour(what, within=present.within, by=present.by)
    return replace(present, event=what) if isinstance(present, Did) else Did(what, within=present.within, by=present.by)


def equal_shares(parts: int) -> tuple[float, ...]:
    """Return the percentages of so many parts of one size, cut to a tenth so that they fit into 100."""
    return (1000 // parts / 10,) * parts


def shares_words(shares: Sequence[float]) -> str:
    """Return the percentages of parts as they are typed: 50, 30, 20."""
    return ", ".join(f"{share!r}".removesuffix(".0") for share in shares)


def typed_shares(text: str) -> tuple[float, ...] | None:
    """Return the percentages in a text such as "50, 30, 20" or "50/30/20"; None if it has none or too many."""
    parts = [part.strip().removesuffix("%").strip() for part in re.split(r"[,;/]", text) if part.strip()]
    try:
        shares = tuple(float(part) for part in parts)
    except ValueError:
        return None
    able = 1 <= len(shares) <= MOST_PARTS and all(0 < share <= 100 for share in shares)
    return shares if able and sum(shares) <= 100 + 1e-9 else None
