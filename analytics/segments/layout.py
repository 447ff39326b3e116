"""The text form laid out over several lines, one condition a line, so that two versions can be compared by line."""

from __future__ import annotations

from analytics.segments.definition import All, AnyOf, Definition, Node, Not
from analytics.segments.text import write

_ENTITY = "x"
_BEFORE = f"{_ENTITY} where "


def laid_out(definition: Definition) -> str:
    """Return the text form of a definition with a line for every condition; `parse_text` of it is the definition."""
    if definition.sql is not None:
        return write(definition)
    head, *rest = _around(definition)
    lines = [head]
    if definition.where is not None:
        first, *others = _node(definition.where, "")
        lines += [f"where {first}", *others]
    return "\n".join([*lines, *rest])


def node_text(node: Node) -> str:
    """Return the text form of one node, in one line."""
    return write(Definition(_ENTITY, node)).removeprefix(_BEFORE)


def _around(definition: Definition) -> list[str]:
    """Return the lines beside the conditions: entity, columns, sort, limit."""
    bare = Definition(definition.entity)
    lines = [write(bare)]
    for part in (
        Definition(definition.entity, columns=definition.columns),
        Definition(definition.entity, sort=definition.sort),
        Definition(definition.entity, limit=definition.limit),
    ):
        if part != bare:
            lines.append(write(part).removeprefix(lines[0]).strip())
    return lines


def _node(node: Node, indent: str) -> list[str]:
    """Return the lines of a node; the first has no indent, the others stand below it."""
    if isinstance(node, All | AnyOf) and len(node.nodes) > 1:
        word = "and" if isinstance(node, All) else "or"
        lines: list[str] = []
        for n, inner in enumerate(node.nodes):
            first, *others = _inside(inner, f"{indent}  ")
            lines += [f"{indent}  {word} {first}" if n else first, *others]
        return lines
    if isinstance(node, Not):
        first, *others = _inside(node.node, indent)
        return [f"not {first}", *others]
    return [node_text(node)]


def _inside(node: Node, indent: str) -> list[str]:
    """Return the lines of a node inside a group: a group of several is in brackets."""
    if isinstance(node, All | AnyOf) and len(node.nodes) > 1:
        first, *others = _node(node, indent)
        return ["(", f"{indent}  {first}", *others, f"{indent})"]
    return _node(node, indent)
