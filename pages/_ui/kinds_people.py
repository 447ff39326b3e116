"""The rows for what people did on websites and with mails, one thing after another, and what they consented to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from analytics.segments.definition import BEHAVIOURS, Behaviour, Consent, Did, EventText, Node, Sequence
from analytics.views import conditions as c
from analytics.views import happenings as h
from analytics.views import suggestions
from pages._ui import session, values
from pages._ui.desk import Desk

Step = Behaviour | Did

_TOPICS = "pages/audience/suppressions.py"
_BACK = ("24h", "7d", "30d", "90d", "365d")
_APART = ("24h", "3d", "7d", "14d", "30d", "90d")


# --- with mails ---


def behaviour(desk: Desk, node: Behaviour, entity: str, key: str) -> Node:
    """Draw the row of what somebody did with mails."""
    what = values.select("What", BEHAVIOURS, node.behaviour, lambda b: h.MAILS.get(b, b), f"{key}.what")
    campaign = _campaign(desk, node, key)
    count = _at_least(node.times, f"{key}.times")
    within = period(node.within, f"{key}.within")
    return Behaviour(what, campaign, within, count, cast(Any, _by(node.by, key)))


def _campaign(desk: Desk, node: Behaviour, key: str) -> str | None:
    offered = [values.ANY, *desk.names("campaign")]
    words = lambda n: n or "of any campaign"  # noqa: E731  # one line beside its only use
    return values.select("Campaign", offered, node.campaign or values.ANY, words, f"{key}.campaign") or None


def _at_least(present: int, key: str) -> int:
    offered = {str(n): "once or more" if n == 1 else f"{n} times or more" for n in (1, 2, 3, 5, 10)}
    picked = values.typed_or_chosen("How often", offered, str(present), key, "How often")
    return int(picked) if picked is not None and picked.isascii() and picked.isdigit() and int(picked) else present


# --- on websites ---


def did(desk: Desk, node: Did, entity: str, key: str) -> Node:
    """Draw the row of what somebody did on websites."""
    event = values.select("What", [*h.EVENTS], node.event, lambda e: h.EVENTS.get(e, e), f"{key}.what")
    with _line(f"{key}.often"):
        operator, count = _times(node, key)
        within = period(node.within, f"{key}.within")
    website = _website(desk, node, key)
    by = _by(node.by, key)
    made = replace(node, event=event, website=website, times=count, operator=operator, within=within, by=cast(Any, by))
    return _looked_at(desk, made, entity, key)


def _times(node: Did, key: str) -> tuple[str, int]:
    operator = values.select("How often", [*h.TIMES], node.operator, h.TIMES.__getitem__, f"{key}.times-op")
    least = 1 if operator == "at_least" else 0
    count = st.number_input(
        "Times", least, 2**31 - 1, max(least, node.times), 1, key=f"{key}.times.{least}",
        label_visibility="collapsed",
    )  # fmt: skip
    st.caption("time" if count == 1 else "times", width="content")
    return operator, int(count)


def _website(desk: Desk, node: Did, key: str) -> str | None:
    names = {site.identifier: site.name for site in desk.services.websites.all()}
    words = lambda n: f"on {names.get(n, n)}" if n else "on any website"  # noqa: E731  # one line beside its only use
    return values.select("Website", [values.ANY, *names], node.website or values.ANY, words, f"{key}.website") or None


def _by(present: str, key: str) -> str:
    words = {"human": "people only", "all": "machines too"}
    return values.select("Counted", [*words], present, words.__getitem__, f"{key}.by")


def _looked_at(desk: Desk, node: Did, entity: str, key: str) -> Did:
    """Draw what of the event is looked at besides its kind, and each of these on a line of its own."""
    present = h.details(node)
    with _line(f"{key}.looked"):
        chosen = st.multiselect(
            "Only where", [*h.DETAILS], present, format_func=h.DETAILS.__getitem__, key=f"{key}.details",
            placeholder="Only where … (page, campaign, date)", label_visibility="collapsed",
        )  # fmt: skip
    made = h.with_details(node, chosen)
    texts = tuple(_text(desk, text, entity, f"{key}.{text.column}") for text in made.texts)
    names = {n: _name(n, getattr(made, n), key) for n in ("source", "medium", "code") if n in chosen}
    made = replace(made, texts=texts, **cast(Any, names))
    return _when(desk, made, entity, key) if made.when is not None else made


def _text(desk: Desk, text: EventText, entity: str, key: str) -> EventText:
    choice = c.FieldChoice("", h.DETAILS[text.column], "text", tuple(_seen(text.column)))
    with _line(key, choice.label):
        return cast(EventText, values.compared(desk, choice, c.operator_choices(choice), text, entity, key, None, True))


def _name(name: str, present: str, key: str) -> str:
    with _line(f"{key}.{name}", f"{h.DETAILS[name]} is"):
        offered = {value: value for value in _seen(f"campaign_{name}")}
        return values.typed_or_chosen("Value", offered, present or None, f"{key}.{name}", "Choose or type") or ""


def _when(desk: Desk, node: Did, entity: str, key: str) -> Did:
    choice = c.FieldChoice("", "", "datetime")
    shown, given = c.seen(node.when or "", node.at)
    with _line(f"{key}.when", h.DETAILS["when"]):
        operator = values.operator_choice(c.operator_choices(choice), shown, f"{key}.when.op")
        made = values.value(desk, choice, operator, given, f"{key}.when", entity, None)
    if (operator.name, made) == (shown, given):
        return node
    when, at = c.compared(operator.name, made)
    return replace(node, when=when, at=at)


def _seen(column: str) -> tuple[str, ...]:
    return _events(str(session.services().store.folder.root), column)


@st.cache_data(ttl=60, max_entries=100, show_spinner=False)
def _events(root: str, column: str) -> tuple[str, ...]:
    return suggestions.event_texts(session.services(), column)


@contextmanager
def _line(key: str, words: str | None = None) -> Iterator[None]:
    """Draw a line of a row that has several."""
    with st.container(
        key=f"fields-line-{key}".replace(".", "-"), horizontal=True, vertical_alignment="center", gap="xsmall"
    ):
        if words is not None:
            st.caption(words, width="content")
        yield


def period(present: str | None, key: str) -> str | None:
    """Draw the choice of how far back something counts: always (None), or a duration such as "30d" or "12h"."""
    offered = {"": "at any time", **{d: f"in the last {h.duration_words(d)}" for d in _spans(_BACK, present)}}
    picked = values.typed_or_chosen("Within", offered, present or "", key, "at any time")
    return _duration(picked, present)


def _spans(offered: tuple[str, ...], present: str | None) -> tuple[str, ...]:
    return offered if present is None or present in offered else (*offered, present)


def _duration(picked: str | None, present: str | None) -> str | None:
    return None if picked is None else picked if picked == present else h.typed_duration(picked)


# --- one after the other ---


def sequence(desk: Desk, node: Sequence, entity: str, key: str) -> Node:
    """Draw the row of things done one after another, or not followed by another."""
    area = st.container(key=f"steps-{key}".replace(".", "-"), gap="xsmall")  # filled once it is known how many
    without = _ending(node, key)
    least = 1 if without else 2
    steps = [*node.steps, *[Did("order")] * (least - len(node.steps))]
    if st.button("Another step", key=f"{key}.more", icon=":material/add:", type="tertiary"):
        steps.append(Did("order"))
    if len(steps) > least and st.button("Without the last step", key=f"{key}.less", type="tertiary"):
        steps.pop()
    with area:
        words = ["First", *["then"] * len(steps)]
        made = tuple(_step(desk, step, entity, f"{key}.s{n}", words[n]) for n, step in enumerate(steps))
    after = None
    if without:
        after = _step(desk, node.without or Did("order"), entity, f"{key}.without", "not followed by")
    within = _apart(node.within or ("7d" if without else None), bool(without), key)
    return Sequence(made, within, after)


def _ending(node: Sequence, key: str) -> bool:
    words = {"all": "Whatever follows", "without": "Not followed by …"}
    present = "all" if node.without is None else "without"
    return values.select("Ending", [*words], present, words.__getitem__, f"{key}.ending") == "without"


def _apart(present: str | None, needed: bool, key: str) -> str | None:
    words = "within {} of the last step" if needed else "all within {}"
    offered = {d: words.format(h.duration_words(d)) for d in _spans(_APART, present)}
    if not needed:
        offered = {"": "however long it takes", **offered}
    picked = values.typed_or_chosen("Within", offered, present or (None if needed else ""), f"{key}.apart", "How soon")
    return _duration(picked or None, present)


def _step(desk: Desk, step: Step, entity: str, key: str, words: str) -> Step:
    choices = h.step_choices()
    with _line(key, words):
        name = values.select("Step", [*choices], h.step_name(step), choices.__getitem__, f"{key}.what")
        made = step if name == h.step_name(step) else h.step_of(name, step)
        within = period(made.within, f"{key}.within")
        by = cast(Any, _by(made.by, key))
        if isinstance(made, Behaviour):
            return replace(made, campaign=_campaign(desk, made, key), within=within, by=by)
        made = replace(made, website=_website(desk, made, key), within=within, by=by)
        return _looked_at(desk, made, entity, key)


# --- what they said ---


def consent(desk: Desk, node: Consent, entity: str, key: str) -> Node:
    """Draw the row of what somebody said to a topic; without any topic it says where one is made."""
    state = values.select("Said", [*h.CONSENTS], node.state, h.CONSENTS.__getitem__, f"{key}.state")
    names = {topic.name: topic.name for topic in desk.services.topics.all()}
    present = next((name for name in names if name.casefold() == node.topic.casefold()), node.topic) or None
    if not names and present is None:
        st.caption("There is no topic people could say yes or no to.", width="content")
        st.page_link(_TOPICS, label="Make one", icon=":material/add:", query_params={"tab": "topics"})
        return replace(node, state=state)
    picked = values.typed_or_chosen("Topic", names, present, f"{key}.topic", "Which topic")
    return Consent(node.topic if picked == present else picked or "", state)


ROWS: Mapping[type, tuple[str, Any]] = {
    Behaviour: ("mail condition", behaviour),
    Did: ("condition on websites", did),
    Sequence: ("sequence", sequence),
    Consent: ("consent", consent),
}
"""What each kind is called, and the function that draws it."""
