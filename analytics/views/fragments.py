"""One condition as text: written, and read with errors that point at the character."""

from __future__ import annotations

from analytics.errors import SegmentError
from analytics.segments import TextError, parse_text
from analytics.segments.definition import Node
from analytics.segments.layout import node_text

_HEAD = "any_entity where "


class FragmentError(SegmentError):
    """A text that is no condition; `position` is the character where it stops making sense."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.text, self.position = text, position
        super().__init__(f"{problem}\n{text}\n{' ' * position}^")


def text_of(node: Node) -> str:
    """Return the text form of one condition or group."""
    return node_text(node)


def read(text: str) -> Node:
    """Return the condition a text says; FragmentError points at the character that is wrong."""
    line = " ".join(text.split("\n"))
    try:
        made = parse_text(_HEAD + line)
    except TextError as error:
        raise FragmentError(line, max(0, error.position - len(_HEAD)), error.problem) from None
    if made.where is None or made.columns or made.sort or made.limit is not None:
        raise FragmentError(line, 0, "a condition is expected here, without columns, order or limit")
    return made.where
