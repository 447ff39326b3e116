"""The text form of definitions: an expression a person can type, read and written without loss.

    customer_user where customer.group.name in ("Gold", "Silver")
      and count(orders where created_at > today - 90d and internal_status not in ("cancelled")) >= 2
      and not clicked(any campaign within 30d) sort by last_login desc

`parse` of `write` of a definition is that definition. docs/segments.md has the grammar.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import BEHAVIOURS, MAX_DEPTH, Definition
from analytics.segments.moments import UNITS
from analytics.segments.operators import MEASURES, OPERATORS, PARTS

_UNIT = "|".join(sorted((w for words in UNITS.values() for w in words), key=len, reverse=True))
_STEPS = rf"(?:\s*[+-]\s*\d{{1,6}}(?:\s*(?:{_UNIT})\b)?)*"
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?![\w-])"
    rf"|(?:now|today|(?:start of|this) (?:day|week|month|quarter|year))\b{_STEPS}"
)
_DAY = re.compile(r"\d{2}-\d{2}(?![\w-])")
_DURATION = re.compile(rf"\d{{1,6}} ?(?:{_UNIT})\b")
_TOKEN = re.compile(
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
    "campaign", "times", "now", "today", "start", "this", "yes", "no", "empty",
])
# fmt: on
RESERVED = _WORDS | frozenset(BEHAVIOURS) | frozenset(MEASURES) | frozenset(PARTS)

_SIGNS = {"equals": "=", "not_equals": "!=", "at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}
_DATE_SIGNS = {"on_or_after": ">=", "after": ">", "on_or_before": "<=", "before": "<"}
_OF_SIGN = {sign: name for name, sign in _SIGNS.items()}
_DATE_OF_SIGN = {sign: name for name, sign in _DATE_SIGNS.items()}
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
        self.text, self.position = text, position
        line = text.count("\n", 0, position) + 1
        start = text.rfind("\n", 0, position) + 1
        shown = text[start:].split("\n", 1)[0]
        caret = " " * (position - start) + "^"
        super().__init__(f"line {line}, column {position - start + 1}: {message}\n{shown}\n{caret}")


def parse(text: str) -> Definition:
    """Return the definition a text describes; TextError points at the character that is wrong."""
    return Definition.from_document(_Parser(text).definition())


def write(definition: Definition) -> str:
    """Return the text of a definition; `parse` of it is equal to the definition."""
    document = definition.to_document()
    parts = [_path(document["entity"])]
    if "where" in document:
        parts.append(f"where {_node(document['where'])}")
    if "columns" in document:
        shown = [_source(c) + (f" as {_quoted(c['label'])}" if "label" in c else "") for c in document["columns"]]
        parts.append(f"show {', '.join(shown)}")
    if "sort" in document:
        order = [_source(s) + (" desc" if s["direction"] == "descending" else "") for s in document["sort"]]
        parts.append(f"sort by {', '.join(order)}")
    if "limit" in document:
        parts.append(f"limit {document['limit']}")
    return " ".join(parts)


# --- writing ---


def _node(node: dict[str, Any], inside: bool = False) -> str:
    """Return the text of a node; `inside` a group or not, groups are in brackets."""
    for kind, word in (("all", " and "), ("any", " or ")):
        if kind in node:
            nodes = node[kind]
            if len(nodes) < 2:  # a group of one or none is written by its name, to be told from its only node
                return f"{kind}({', '.join(_node(n) for n in nodes)})"
            joined = word.join(_node(n, True) for n in nodes)
            return f"({joined})" if inside else joined
    if "not" in node:
        return f"not {_node(node['not'], True)}"
    return _condition(node)


def _condition(node: dict[str, Any]) -> str:
    if "related" in node:
        return f"{_source(node)} {_comparison(node['is'], node.get('value'))}"
    if "contacted" in node:
        by = f", list {_quoted(node['list'])}" if "list" in node else ""
        return f"contacted({node['contacted']}{by}) {_comparison(node['is'], node.get('value'))}"
    for kind in ("segment", "list"):
        if kind in node:
            through = f" through {_path(node['through'])}" if "through" in node else ""
            return f"in {kind} {_quoted(node[kind])}{through}"
    if "behaviour" in node:
        return _behaviour(node)
    if "changed" in node:
        to = f" to {_comparison(node['is'], node.get('value'))}" if "is" in node else ""
        when = f" when {_comparison(node['when'], node.get('at'))}" if "when" in node else ""
        return f"changed({_path(node['changed'])}{to}{when})"
    if "sample" in node:
        start = f" from {node['from']!r}" if "from" in node else ""
        salt = f" salt {_quoted(node['salt'])}" if "salt" in node else ""
        return f"sample({node['sample']!r}{start}{salt})"
    field = _path(node["field"])
    if "part" in node:
        field = f"{node['part']}({field})"
    return f"{field} {_comparison(node['is'], node.get('value'))}"


def _behaviour(node: dict[str, Any]) -> str:
    campaign = "any campaign" if node["campaign"] == "any" else f"campaign {_quoted(node['campaign'])}"
    within = ""
    if "within" in node:
        raw = node["within"]
        within = f" within {raw if _DURATION.fullmatch(raw) else _quoted(raw)}"
    times = f" {node['times']} times" if "times" in node else ""
    return f"{node['behaviour']}({campaign}{within}{times}{' by all' if node.get('by') == 'all' else ''})"


def _source(source: dict[str, Any]) -> str:
    if "related" not in source:
        return _path(source["field"])
    of = f"{_path(source['field'])} of " if "field" in source else ""
    by = f" by {_path(source['by'])}" if "by" in source else ""
    where = f" where {_node(source['where'])}" if "where" in source else ""
    return f"{source['measure']}({of}{_path(source['related'])}{by}{where})"


def _comparison(name: str, value: Any) -> str:
    operator = OPERATORS[name]
    if operator.arity == "none":
        return {"yes": "is yes", "no": "is no", "empty": "is empty", "not_empty": "is not empty"}[name]
    positive, negation = operator.opposite or name, "not " if operator.is_negative else ""
    if operator.arity == "two":
        return f"{negation}between {_value(value[0])} and {_value(value[1])}"
    if operator.arity == "many":
        return f"{negation}in ({', '.join(map(_value, value))})"
    if name in _SIGNS:
        # A sign before a date means the operator of dates; a number's operator on such a text keeps it in quotes.
        return f"{_SIGNS[name]} {_value(value) if name in ('equals', 'not_equals') else _value(value, dates=False)}"
    if name in _DATE_SIGNS and isinstance(value, str) and _DATE.fullmatch(value):
        return f"{_DATE_SIGNS[name]} {value}"
    return f"{negation}{_PHRASES[positive]} {_value(value)}"


def _value(value: Any, dates: bool = True) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        bare = dates and (_DATE.fullmatch(value) or _DAY.fullmatch(value))
        return value if bare else _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _path(path: str) -> str:
    if _NAME.fullmatch(path) and path not in RESERVED:
        return path
    return "`" + path.replace("`", "``") + "`"


# --- reading ---


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Parser:
    """Reads a text by descent into the document of a definition."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def definition(self) -> dict[str, Any]:
        document: dict[str, Any] = {"entity": self._read_path("the name of an entity")}
        if self._took("where"):
            document["where"] = self._either()
        if self._took("show"):
            document["columns"] = self._several(self._shown)
        if self._took("sort"):
            self._expect("by")
            document["sort"] = self._several(self._sorted)
        if self._took("limit"):
            document["limit"] = self._whole("a whole number of rows")
        token = self._peek()
        if token.kind != "end":
            self._fail("and, or, show, sort by, limit or the end")
        return document

    # groups

    def _either(self) -> dict[str, Any]:
        return self._joined("or", "any", self._both)

    def _both(self) -> dict[str, Any]:
        return self._joined("and", "all", self._single)

    def _joined(self, word: str, kind: str, below: Any) -> dict[str, Any]:
        nodes = [below()]
        while self._took(word):
            nodes.append(below())
        return nodes[0] if len(nodes) == 1 else {kind: nodes}

    def _single(self) -> dict[str, Any]:
        self._depth += 1
        if self._depth > 2 * MAX_DEPTH:
            raise TextError(self._text, self._peek().start, f"groups are nested more than {MAX_DEPTH} deep")
        try:
            if self._took("not"):
                return {"not": self._single()}
            if self._took("("):
                node = self._either()
                self._expect(")")
                return node
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> dict[str, Any]:
        token = self._peek()
        word = token.text if token.kind == "name" else ""
        if word in ("all", "any") and self._after(token).text == "(":
            return {word: self._listed()}
        if word == "in":
            self._next()
            kind = self._word("segment", "list")
            node = {kind: self._string("a name in quotes")}
            return {**node, "through": self._read_path("a path of relations")} if self._took("through") else node
        if word in MEASURES and self._after(token).text == "(":
            return {**self._measure(), **self._compared()}
        if word in PARTS and self._after(token).text == "(":
            self._next()
            self._expect("(")
            field = self._read_path("a date field")
            self._expect(")")
            return {"field": field, "part": word, **self._compared()}
        if word in BEHAVIOURS and self._after(token).text == "(":
            return self._behaved()
        if word in ("contacted", "changed", "sample") and self._after(token).text == "(":
            self._next()
            self._expect("(")
            return {"contacted": self._contacted, "changed": self._changed, "sample": self._sampled}[word]()
        return {"field": self._read_path("a condition"), **self._compared()}

    def _listed(self) -> list[dict[str, Any]]:
        self._next()
        self._expect("(")
        if self._took(")"):
            return []
        nodes = self._several(self._either)
        self._expect(")")
        return nodes

    # kinds of conditions

    def _measure(self) -> dict[str, Any]:
        measure = self._next().text
        self._expect("(")
        path = self._read_path("a path")
        node: dict[str, Any] = {"measure": measure}
        if self._took("of"):
            node["field"], path = path, self._read_path("a path to related rows")
        node["related"] = path
        if self._took("by"):
            node["by"] = self._read_path("a date field")
        if self._took("where"):
            node["where"] = self._either()
        self._expect(")")
        return node

    def _behaved(self) -> dict[str, Any]:
        node: dict[str, Any] = {"behaviour": self._next().text}
        self._expect("(")
        if self._took("any"):
            self._expect("campaign")
            node["campaign"] = "any"
        else:
            self._expect("campaign")
            node["campaign"] = self._string("the name of a campaign in quotes")
        if self._took("within"):
            bare = self._bare(_DURATION)
            node["within"] = bare if bare is not None else self._string("a duration such as 30d")
        if self._peek().kind == "number":
            node["times"] = self._whole("a number of times")
            self._expect("times")
        if self._took("by"):
            self._expect("all")
            node["by"] = "all"
        self._expect(")")
        return node

    def _contacted(self) -> dict[str, Any]:
        node: dict[str, Any] = {"contacted": self._word("times", "last")}
        if self._took(","):
            self._expect("list")
            node["list"] = self._string("the name of a list in quotes")
        self._expect(")")
        return {**node, **self._compared()}

    def _changed(self) -> dict[str, Any]:
        node: dict[str, Any] = {"changed": self._read_path("a field")}
        if self._took("to"):
            node |= self._compared()
        if self._took("when"):
            when = self._compared()
            node |= {"when": when["is"], **({"at": when["value"]} if "value" in when else {})}
        self._expect(")")
        return node

    def _sampled(self) -> dict[str, Any]:
        node: dict[str, Any] = {"sample": self._number("a percentage")}
        if self._took("from"):
            node["from"] = self._number("a percentage")
        if self._took("salt"):
            node["salt"] = self._string("a text in quotes")
        self._expect(")")
        return node

    # comparisons

    def _compared(self) -> dict[str, Any]:
        token = self._peek()
        if token.text in _OF_SIGN and token.kind == "sign":
            self._next()
            date = self._bare(_DATE)
            if date is not None:
                return {"is": _DATE_OF_SIGN.get(token.text, _OF_SIGN[token.text]), "value": date}
            return {"is": _OF_SIGN[token.text], "value": self._scalar()}
        if self._took("is"):
            if self._took("not"):
                self._expect("empty")
                return {"is": "not_empty"}
            return {"is": self._word("yes", "no", "empty")}
        negation = "not_" if self._took("not") else ""
        if self._took("in"):
            self._expect("(")
            values = self._several(self._scalar)
            self._expect(")")
            return {"is": "none_of" if negation else "any_of", "value": values}
        if self._took("between"):
            low = self._scalar()
            self._expect("and")
            return {"is": f"{negation}between", "value": [low, self._scalar()]}
        return {"is": f"{negation}{self._phrase(bool(negation))}", "value": self._scalar()}

    def _phrase(self, negated: bool) -> str:
        if self._took("on"):
            self._expect("or")
            return f"on_or_{self._word('after', 'before')}"
        for word in ("starts", "ends"):
            if self._took(word):
                self._expect("with")
                return f"{word}_with"
        words = ("contains", "matches") if negated else ("contains", "matches", "after", "before")
        token = self._peek()
        if token.text not in words:
            self._fail(f"a comparison: {'' if negated else '=, !=, >, >=, <, <=, is, '}in, between, {', '.join(words)}")
        return self._next().text

    def _scalar(self) -> Any:
        for pattern in (_DATE, _DAY):
            bare = self._bare(pattern)
            if bare is not None:
                return bare
        token = self._peek()
        if token.kind == "number":
            return self._number("a number")
        if token.text in ("true", "false") and token.kind == "name":
            return self._next().text == "true"
        return self._string("a text in quotes, a number or a date")

    # columns and sort

    def _shown(self) -> dict[str, Any]:
        source = self._value_source()
        return {**source, "label": self._string("a label in quotes")} if self._took("as") else source

    def _sorted(self) -> dict[str, Any]:
        source = self._value_source()
        if self._took("desc"):
            return {**source, "direction": "descending"}
        self._took("asc")
        return source

    def _value_source(self) -> dict[str, Any]:
        token = self._peek()
        if token.kind == "name" and token.text in MEASURES and self._after(token).text == "(":
            return self._measure()
        return {"field": self._read_path("a field")}

    # tokens

    def _several(self, one: Any) -> list[Any]:
        items = [one()]
        while self._took(","):
            items.append(one())
        return items

    def _peek(self) -> _Token:
        return self._token(self._at)

    def _after(self, token: _Token) -> _Token:
        return self._token(token.end)

    def _token(self, at: int) -> _Token:
        match = _TOKEN.match(self._text, at)
        if match is None or match.lastgroup is None:
            rest = self._text[at:]
            start = at + len(rest) - len(rest.lstrip())
            return _Token("end" if not rest.strip() else "odd", self._text[start : start + 1], start, start)
        kind = match.lastgroup
        return _Token(kind, match[kind], match.start(kind), match.end())

    def _next(self) -> _Token:
        token = self._peek()
        self._at = token.end
        return token

    def _took(self, text: str) -> bool:
        token = self._peek()
        if token.kind in ("name", "sign") and token.text == text:
            self._at = token.end
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._took(text):
            self._fail(repr(text) if not text.isalpha() else text)

    def _word(self, *words: str) -> str:
        token = self._peek()
        if token.kind != "name" or token.text not in words:
            self._fail(" or ".join(words))
        return self._next().text

    def _bare(self, pattern: re.Pattern[str]) -> str | None:
        start = self._at + len(self._text[self._at :]) - len(self._text[self._at :].lstrip())
        match = pattern.match(self._text, start)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _read_path(self, what: str) -> str:
        token = self._peek()
        if token.kind == "quoted":
            return self._next().text[1:-1].replace("``", "`")
        if token.kind != "name" or token.text in RESERVED:
            hint = f"; write `{token.text}` if it is a name" if token.text in RESERVED else ""
            self._fail(what, hint)
        return self._next().text

    def _string(self, what: str) -> str:
        token = self._peek()
        if token.kind != "text":
            self._fail(what)
        try:
            value = json.loads(token.text, strict=False)
        except json.JSONDecodeError as error:
            raise TextError(
                self._text, token.start + error.pos, f"the text is not written right: {error.msg}"
            ) from None
        self._at = token.end
        return str(value)

    def _number(self, what: str) -> int | float:
        token = self._peek()
        if token.kind != "number":
            self._fail(what)
        self._at = token.end
        return int(token.text) if re.fullmatch(r"-?\d+", token.text) else float(token.text)

    def _whole(self, what: str) -> int:
        token = self._peek()
        number = self._number(what)
        if not isinstance(number, int):
            raise TextError(self._text, token.start, f"expected {what}, found {token.text}")
        return number

    def _fail(self, expected: str, hint: str = "") -> None:
        token = self._peek()
        found = "the end" if token.kind == "end" else repr(token.text)
        raise TextError(self._text, token.start, f"expected {expected}, found {found}{hint}")
