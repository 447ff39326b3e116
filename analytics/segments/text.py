"""The text form of definitions: an expression a person can type, read and written without loss.

    customer_user where customer.group.name in ("Gold", "Silver")
      and count(orders where created_at > today - 90d and internal_status not in ("cancelled")) >= 2
      and not clicked(any campaign within 30d) sort by last_login desc

`parse` of `write` of a definition is that definition. docs/segments.md has the grammar.
"""

from __future__ import annotations

from typing import Any

from analytics.segments.definition import MAX_DEPTH, Definition
from analytics.segments.operators import MEASURES, PARTS
from analytics.segments.sql_form import is_sql_form, parse_sql, write_sql
from analytics.segments.text_grammar import RESERVED, TextError, comparison, path_text, quoted
from analytics.segments.text_kinds import CALLS, WORDS, WRITERS
from analytics.segments.text_reader import Reader

__all__ = ["RESERVED", "TextError", "parse", "write"]


def parse(text: str) -> Definition:
    """Return the definition a text describes; TextError points at the character that is wrong."""
    if is_sql_form(text):
        return parse_sql(text)
    return Definition.from_document(_Parser(text).definition())


def write(definition: Definition) -> str:
    """Return the text of a definition; `parse` of it is equal to the definition."""
    if definition.sql is not None:
        return write_sql(definition)
    document = definition.to_document()
    parts = [path_text(document["entity"])]
    if "where" in document:
        parts.append(f"where {_node(document['where'])}")
    if "columns" in document:
        shown = [_source(c) + (f" as {quoted(c['label'])}" if "label" in c else "") for c in document["columns"]]
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
        return f"{_source(node)} {comparison(node['is'], node.get('value'))}"
    if "same" in node:
        return f"some {path_text(node['same'])} where ({_node(node['where'])})"
    for kind, text in WRITERS.items():
        if kind in node:
            return text(node)
    field = path_text(node["field"])
    if "part" in node:
        field = f"{node['part']}({field})"
    return f"{field} {comparison(node['is'], node.get('value'))}"


def _source(source: dict[str, Any]) -> str:
    if "related" not in source:
        return path_text(source["field"])
    of = f"{path_text(source['field'])} of " if "field" in source else ""
    by = f" by {path_text(source['by'])}" if "by" in source else ""
    where = f" where {_node(source['where'])}" if "where" in source else ""
    return f"{source['measure']}({of}{path_text(source['related'])}{by}{where})"


# --- reading ---


class _Parser(Reader):
    """Reads a text by descent into the document of a definition."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def definition(self) -> dict[str, Any]:
        document: dict[str, Any] = {"entity": self.path("the name of an entity")}
        if self.took("where"):
            document["where"] = self._either()
        if self.took("show"):
            document["columns"] = self.several(self._shown)
        if self.took("sort"):
            self.expect("by")
            document["sort"] = self.several(self._sorted)
        if self.took("limit"):
            document["limit"] = self.whole("a whole number of rows")
        token = self.peek()
        if token.kind != "end":
            self.fail("and, or, show, sort by, limit or the end")
        return document

    # groups

    def _either(self) -> dict[str, Any]:
        return self._joined("or", "any", self._both)

    def _both(self) -> dict[str, Any]:
        return self._joined("and", "all", self._single)

    def _joined(self, word: str, kind: str, below: Any) -> dict[str, Any]:
        nodes = [below()]
        while self.took(word):
            nodes.append(below())
        return nodes[0] if len(nodes) == 1 else {kind: nodes}

    def _single(self) -> dict[str, Any]:
        self._depth += 1
        if self._depth > 2 * MAX_DEPTH:
            raise self.error(self.peek().start, f"groups are nested more than {MAX_DEPTH} deep")
        try:
            if self.took("not"):
                return {"not": self._single()}
            if self.took("("):
                node = self._either()
                self.expect(")")
                return node
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> dict[str, Any]:
        token = self.peek()
        word = token.text if token.kind == "name" else ""
        if word in ("all", "any") and self.after(token).text == "(":
            return {word: self._listed()}
        if word in MEASURES and self.after(token).text == "(":
            return {**self._measure(), **self.compared()}
        if word in PARTS and self.after(token).text == "(":
            self.next()
            self.expect("(")
            field = self.path("a date field")
            self.expect(")")
            return {"field": field, "part": word, **self.compared()}
        if word == "some":
            return self._same_row()
        if word in CALLS and self.after(token).text == "(":
            return CALLS[word](self)
        if word in WORDS:
            return WORDS[word](self)
        return {"field": self.path("a condition"), **self.compared()}

    def _listed(self) -> list[dict[str, Any]]:
        self.next()
        self.expect("(")
        if self.took(")"):
            return []
        nodes = self.several(self._either)
        self.expect(")")
        return nodes

    def _same_row(self) -> dict[str, Any]:
        self.next()
        related = self.path("a path to related rows")
        self.expect("where")
        self.expect("(")
        where = self._either()
        self.expect(")")
        return {"same": related, "where": where}

    # measures

    def _measure(self) -> dict[str, Any]:
        measure = self.next().text
        self.expect("(")
        path = self.path("a path")
        node: dict[str, Any] = {"measure": measure}
        if self.took("of"):
            node["field"], path = path, self.path("a path to related rows")
        node["related"] = path
        if self.took("by"):
            node["by"] = self.path("a date field")
        if self.took("where"):
            node["where"] = self._either()
        self.expect(")")
        return node

    # columns and sort

    def _shown(self) -> dict[str, Any]:
        source = self._value_source()
        return {**source, "label": self.string("a label in quotes")} if self.took("as") else source

    def _sorted(self) -> dict[str, Any]:
        source = self._value_source()
        if self.took("desc"):
            return {**source, "direction": "descending"}
        self.took("asc")
        return source

    def _value_source(self) -> dict[str, Any]:
        token = self.peek()
        if token.kind == "name" and token.text in MEASURES and self.after(token).text == "(":
            return self._measure()
        return {"field": self.path("a field")}
