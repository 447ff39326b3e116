"""The text of conditions of a named kind: segments, lists, contacts, behaviour, changes, samples, splits, tags, RFM.

A kind is written by the key of its document and read by the word it starts with: `CALLS` those a bracket follows,
`WORDS` the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analytics.segments import text_behaviour
from analytics.segments.definition import RFM_PARTS
from analytics.segments.text_grammar import comparison, path_text, quoted
from analytics.segments.text_reader import Reader

Document = dict[str, Any]


# --- writing ---


def _contacted_text(node: Document) -> str:
    by = f", list {quoted(node['list'])}" if "list" in node else ""
    return f"contacted({node['contacted']}{by}) {comparison(node['is'], node.get('value'))}"


def _member_text(kind: str) -> Callable[[Document], str]:
    def text(node: Document) -> str:
        through = f" through {path_text(node['through'])}" if "through" in node else ""
        return f"in {kind} {quoted(node[kind])}{through}"

    return text


def _changed_text(node: Document) -> str:
    to = f" to {comparison(node['is'], node.get('value'))}" if "is" in node else ""
    when = f" when {comparison(node['when'], node.get('at'))}" if "when" in node else ""
    return f"changed({path_text(node['changed'])}{to}{when})"


def _sample_text(node: Document) -> str:
    start = f" from {node['from']!r}" if "from" in node else ""
    salt = f" salt {quoted(node['salt'])}" if "salt" in node else ""
    return f"sample({node['sample']!r}{start}{salt})"


def _tag_text(node: Document) -> str:
    return f"tag {'not ' if node['tag'] == 'none_of' else ''}in ({', '.join(map(quoted, node['value']))})"


def _rfm_text(node: Document) -> str:
    return f"rfm({node['rfm']}) {comparison(node['is'], node.get('value'))}"


def _split_text(node: Document) -> str:
    of = node["of"] if isinstance(node["of"], int) else f"({', '.join(map(repr, node['of']))})"
    return f"split({quoted(node['split'])} part {node['part']} of {of})"


WRITERS: Mapping[str, Callable[[Document], str]] = {
    "contacted": _contacted_text,  # before list, which it may have as a key
    "segment": _member_text("segment"),
    "list": _member_text("list"),
    **text_behaviour.WRITERS,
    "changed": _changed_text,
    "sample": _sample_text,
    "split": _split_text,
    "tag": _tag_text,
    "rfm": _rfm_text,
}
"""Takes the document of a node, by the key that names its kind."""


# --- reading ---


def _member(read: Reader) -> Document:
    read.next()
    kind = read.word("segment", "list")
    node = {kind: read.string("a name in quotes")}
    return {**node, "through": read.path("a path of relations")} if read.took("through") else node


def _contacted(read: Reader) -> Document:
    read.call()
    node: Document = {"contacted": read.word("times", "last")}
    if read.took(","):
        read.expect("list")
        node["list"] = read.string("the name of a list in quotes")
    read.expect(")")
    return {**node, **read.compared()}


def _changed(read: Reader) -> Document:
    read.call()
    node: Document = {"changed": read.path("a field")}
    if read.took("to"):
        node |= read.compared()
    if read.took("when"):
        when = read.compared()
        node |= {"when": when["is"], **({"at": when["value"]} if "value" in when else {})}
    read.expect(")")
    return node


def _sampled(read: Reader) -> Document:
    read.call()
    node: Document = {"sample": read.number("a percentage")}
    if read.took("from"):
        node["from"] = read.number("a percentage")
    if read.took("salt"):
        node["salt"] = read.string("a text in quotes")
    read.expect(")")
    return node


def _tagged(read: Reader) -> Document:
    read.next()
    operator = "none_of" if read.took("not") else "any_of"
    read.expect("in")
    read.expect("(")
    names = read.several(lambda: read.string("the name of a tag in quotes"))
    read.expect(")")
    return {"tag": operator, "value": names}


def _rfm(read: Reader) -> Document:
    read.call()
    node = {"rfm": read.word(*RFM_PARTS)}
    read.expect(")")
    return {**node, **read.compared()}


def _split(read: Reader) -> Document:
    read.call()
    node: Document = {"split": read.string("a name in quotes")}
    read.expect("part")
    node["part"] = read.whole("the number of a part")
    read.expect("of")
    if read.took("("):
        node["of"] = read.several(lambda: read.number("a percentage"))
        read.expect(")")
    else:
        node["of"] = read.whole("a number of parts, or percentages in brackets")
    read.expect(")")
    return node


WORDS: Mapping[str, Callable[[Reader], Document]] = {"in": _member, "tag": _tagged}
CALLS: Mapping[str, Callable[[Reader], Document]] = {
    **text_behaviour.CALLS,
    "contacted": _contacted,
    "changed": _changed,
    "sample": _sampled,
    "split": _split,
    "rfm": _rfm,
}
