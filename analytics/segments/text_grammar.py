"""The words, signs and literals of the text form, and how names, values and comparisons are written in it."""

from __future__ import annotations

import json
import re
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import BEHAVIOURS
from analytics.segments.moments import UNITS
from analytics.segments.operators import MEASURES, OPERATORS, PARTS

_UNIT = "|".join(sorted((w for words in UNITS.values() for w in words), key=len, reverse=True))
_STEPS = rf"(?:\s*[+-]\s*\d{{1,6}}(?:\s*(?:{_UNIT})\b)?)*"
DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?![\w-])"
    rf"|(?:now|today|(?:start of|this) (?:day|week|month|quarter|year))\b{_STEPS}"
)
DAY = re.compile(r"\d{2}-\d{2}(?![\w-])")
DURATION = re.compile(rf"\d{{1,6}} ?(?:{_UNIT})\b")
TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*")
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<sign>!=|>=|<=|[=<>(),])
    )""",
    re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# fmt: off
_WORDS = frozenset([
    "where", "and", "or", "not", "all", "any", "in", "is", "between", "contains", "starts", "ends", "with",
    "matches", "after", "before", "on", "show", "sort", "by", "limit", "as", "asc", "desc", "segment", "list",
    "through", "contacted", "changed", "sample", "true", "false", "of", "to", "when", "from", "salt", "within",
    "campaign", "times", "now", "today", "start", "this", "yes", "no", "empty", "some", "tag", "rfm", "split", "part",
])
# fmt: on
RESERVED = _WORDS | frozenset(BEHAVIOURS) | frozenset(MEASURES) | frozenset(PARTS)

_SIGNS = {"equals": "=", "not_equals": "!=", "at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}
DATE_SIGNS = {"on_or_after": ">=", "after": ">", "on_or_before": "<=", "before": "<"}
OF_SIGN = {sign: name for name, sign in _SIGNS.items()}
DATE_OF_SIGN = {sign: name for name, sign in DATE_SIGNS.items()}
_PHRASES = {
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "after": "after",
    "before": "before",
    "on_or_after": "on or after",
    "on_or_before": "on or before",
}


class TextError(SegmentError):
    """A text that is no definition; `position` is the character where it stops making sense."""

    def __init__(self, text: str, position: int, message: str) -> None:
        self.text, self.position, self.problem = text, position, message
        line = text.count("\n", 0, position) + 1
        start = text.rfind("\n", 0, position) + 1
        shown = text[start:].split("\n", 1)[0]
        caret = " " * (position - start) + "^"
        super().__init__(f"line {line}, column {position - start + 1}: {message}\n{shown}\n{caret}")


def comparison(name: str, value: Any) -> str:
    """Return an operator and its value as text."""
    operator = OPERATORS[name]
    if operator.arity == "none":
        return {"yes": "is yes", "no": "is no", "empty": "is empty", "not_empty": "is not empty"}[name]
    positive, negation = operator.opposite or name, "not " if operator.is_negative else ""
    if operator.arity == "two":
        return f"{negation}between {scalar_text(value[0])} and {scalar_text(value[1])}"
    if operator.arity == "many":
        return f"{negation}in ({', '.join(map(scalar_text, value))})"
    if name in _SIGNS:
        # A sign before a date means the operator of dates; a number's operator on such a text keeps it in quotes.
        return f"{_SIGNS[name]} {scalar_text(value, dates=name in ('equals', 'not_equals'))}"
    if name in DATE_SIGNS and isinstance(value, str) and DATE.fullmatch(value):
        return f"{DATE_SIGNS[name]} {value}"
    return f"{negation}{_PHRASES[positive]} {scalar_text(value)}"


def scalar_text(value: Any, dates: bool = True) -> str:
    """Return a value as text; without `dates` those are quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        bare = dates and (DATE.fullmatch(value) or DAY.fullmatch(value))
        return value if bare else quoted(value)
    return repr(value)


def quoted(text: str) -> str:
    """Return a text in quotes."""
    return json.dumps(text, ensure_ascii=False)


def path_text(path: str) -> str:
    """Return a name as text, in backquotes where it would be read as something else."""
    if _NAME.fullmatch(path) and path not in RESERVED:
        return path
    return "`" + path.replace("`", "``") + "`"
