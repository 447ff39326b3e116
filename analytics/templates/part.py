"""One part of a template, taken apart once: what is constant, which expressions vary, where its links are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context
from markupsafe import escape

from analytics.errors import TemplateError
from analytics.templates.check import OWN_PAGES, UNSUBSCRIBE_NAME, Checker, Variables, constant_name, parse, place_of
from analytics.templates.filters import as_text
from analytics.templates.links import Address, html_addresses, text_addresses, unquoted_values
from analytics.templates.marks import BEGIN, BEGUN, END, MARKS, OPAQUE, UNNUMBERED, mark
from analytics.templates.null import is_null
from analytics.templates.sandbox import MailEnvironment, Rendered, environment

MOST_LINKS = 2_000


class Recipient:
    """The values of one recipient by flat name, with the contexts expressions are rendered in."""

    __slots__ = ("_html", "_text", "names")

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self._html: Context | None = None
        self._text: Context | None = None

    def context(self, template: Rendered, html: bool) -> Context:
        """Return the context of HTML or of text, made when first asked for."""
        known = self._html if html else self._text
        if known is None:
            known = template.context(self.names)
            if html:
                self._html = known
            else:
                self._text = known
        return known


class Hole:
    """One expression that differs between mails. `name` is its flat name when it is a plain variable."""

    def __init__(self, expression: nodes.Expr, place: str, zone: str) -> None:
        self._expression, self._place, self._zone = expression, place, zone
        self.name = expression.name if isinstance(expression, nodes.Name) else None
        self.needs_unsubscribe = UNSUBSCRIBE_NAME in names_of(expression)

    def html(self, recipient: Recipient) -> str:
        """Return the value as HTML, escaped."""
        if self.name is not None:
            value = recipient.names[self.name]
            return escape(value if type(value) is str else as_text(value, self._zone))
        return self._as_html.render(recipient.context(self._as_html, html=True))

    def text(self, recipient: Recipient) -> str:
        """Return the value as plain text."""
        if self.name is not None:
            value = recipient.names[self.name]
            return value if type(value) is str else as_text(value, self._zone)
        return self._as_text.render(recipient.context(self._as_text, html=False))

    @cached_property
    def _as_html(self) -> Rendered:
        return rendered(environment(True, self._zone), self._expression, self._place)

    @cached_property
    def _as_text(self) -> Rendered:
        return rendered(environment(False, self._zone), self._expression, self._place)


@dataclass
class Shared:
    """What the parts of one template share: variables, constants by flat name, holes and links."""

    variables: Variables
    constants: Mapping[str, Any]
    zone: str
    track: bool
    holes: list[Hole] = field(default_factory=list)
    links: dict[int, str] = field(default_factory=dict)
    personal: dict[int, str] = field(default_factory=dict)
    _hole_numbers: dict[str, int] = field(default_factory=dict)
    _link_numbers: dict[str, int] = field(default_factory=dict)

    def hole(self, expression: nodes.Expr, place: str) -> int:
        """Return the number of an expression; equal ones have the same."""
        key = repr(expression)
        if key not in self._hole_numbers:
            self._hole_numbers[key] = len(self.holes)
            self.holes.append(Hole(expression, place, self.zone))
        return self._hole_numbers[key]

    def link(self, address: Address, *, again: bool) -> int:
        """Return the number of a link; with `again` an address that has been seen keeps its number."""
        if again and address.text in self._link_numbers:
            return self._link_numbers[address.text]
        number = len(self.links) + len(self.personal) + 1
        if number > MOST_LINKS:
            raise TemplateError(f"The template has more than {MOST_LINKS:,} links; fewer will do.")
        (self.links if address.is_fixed else self.personal)[number] = address.text
        self._link_numbers.setdefault(address.text, number)
        return number


class Part:
    """One part: its text with marks, which differs between recipients only where loops and conditions decide."""

    def __init__(
        self, shared: Shared, source: str, place: str, *, html: bool, is_plain: bool = False, links: bool = True
    ) -> None:
        """Take the source apart. `is_plain` source is text that goes into HTML: the preheader.

        Raises TemplateError or UnknownVariable naming the place.
        """
        self._shared, self._place, self._html = shared, place, html
        self._env: MailEnvironment = environment(html, shared.zone)
        tree = parse(self._env, source, place)
        Checker(shared.variables, place).check(tree)
        if is_plain:
            for data in tree.find_all(nodes.TemplateData):
                data.data = str(escape(data.data))
        self._spans: list[tuple[str, nodes.TemplateData | None, bool]] = []
        self._walk(tree.body, in_loop=False)
        if html and not is_plain:
            self._check_quotes()
        if shared.track and links:
            self._mark_links()
        self._texts: list[str] = []
        self._flow: Rendered | None = None
        if all(isinstance(node, nodes.Output) for node in tree.body):
            self._whole = "".join(data.data for _, data, _ in self._spans if data is not None)
        else:
            self._whole = ""
            for data in tree.find_all(nodes.TemplateData):
                self._texts.append(data.data)
                data.data = mark("T", len(self._texts) - 1)
            self._flow = Rendered(self._env, tree, place)

    @property
    def has_flow(self) -> bool:
        """Whether loops or conditions decide what a recipient gets."""
        return self._flow is not None

    def outline(self, recipient: Recipient) -> str:
        """Return which pieces of the source a recipient gets; equal outlines expand to equal texts."""
        flow = self._flow
        return "" if flow is None else flow.render(recipient.context(flow, self._html))

    def expand(self, outline: str) -> str:
        """Return the text with marks that an outline stands for."""
        if self._flow is None:
            return self._whole
        return re.sub(_TEXT_MARK, lambda found: self._texts[int(found[1])], outline)

    # --- taking apart ---

    def _walk(self, body: Iterable[nodes.Node], in_loop: bool) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                self._output(node, in_loop)
                continue
            self._spans.append((OPAQUE, None, in_loop))
            if isinstance(node, nodes.If):
                branches: list[Sequence[nodes.Node]] = [node.body, *([other] for other in node.elif_), node.else_]
                for branch in branches:
                    self._walk(branch, in_loop)
                    self._spans.append((OPAQUE, None, in_loop))
            elif isinstance(node, nodes.For):
                self._walk(node.body, in_loop=True)
                self._spans.append((OPAQUE, None, True))
                self._walk(node.else_, in_loop)
                self._spans.append((OPAQUE, None, in_loop))

    def _output(self, node: nodes.Output, in_loop: bool) -> None:
        """Put marks in place of expressions; what a loop or `set` decides stays an expression."""
        kept: list[nodes.Expr] = []
        for child in node.nodes:
            text = self._constant(child)
            if text is None:
                kept.append(child)
            elif kept and isinstance(kept[-1], nodes.TemplateData):
                kept[-1].data += text
            else:
                kept.append(nodes.TemplateData(text, lineno=child.lineno))
        node.nodes = kept
        for child in kept:
            if isinstance(child, nodes.TemplateData):
                self._spans.append((child.data, child, in_loop))
            else:
                self._spans.append((OPAQUE, None, in_loop))

    def _constant(self, child: nodes.Expr) -> str | None:
        """Return the text or mark of a piece of output, None when only rendering can tell."""
        if isinstance(child, nodes.TemplateData):
            return child.data
        names = names_of(child)
        if any(not name.startswith("_") for name in names):
            return None
        if isinstance(child, nodes.Name) and child.name in OWN_PAGES:
            return OWN_PAGES[child.name]
        place = place_of(self._place, child.lineno)
        if names <= self._shared.constants.keys():
            fixed = rendered(self._env, child, place)
            return MARKS.sub("", fixed.render(fixed.context(self._shared.constants)))
        return mark("E", self._shared.hole(child, place))

    def _check_quotes(self) -> None:
        for attribute in unquoted_values("".join(piece for piece, _, _ in self._spans)):
            written = MARKS.split(attribute.strip())[0]
            raise TemplateError(f'{self._place}: put quotes around the value of {written}"...", it may hold spaces.')

    def _mark_links(self) -> None:
        text = "".join(piece for piece, _, _ in self._spans)
        find = html_addresses if self._html else text_addresses
        edits: list[tuple[int, int, str]] = []
        for address in list(find(text)):
            span = self._at(address.start)
            if address.is_fixed:
                edits.append((address.start, address.end, mark("L", self._link(address))))
                continue
            begin = UNNUMBERED if self._spans[span][2] else f"{BEGIN}{self._link(address)}{BEGUN}"
            # Beside a character of the source's own text, so that a mark never ends up inside a branch.
            first, last = (address.start - 1, address.end) if self._html else (address.start, address.end - 1)
            edits.append((first, first + 1, text[first] + begin if self._html else begin + text[first]))
            edits.append((last, last + 1, END + text[last] if self._html else text[last] + END))
        for start, end, new in reversed(edits):
            self._replace(start, end, new)

    def _link(self, address: Address) -> int:
        return self._shared.link(address, again=not self._html)

    def _at(self, position: int) -> int:
        """Return which span holds the character at `position`."""
        begun = 0
        for n, (piece, _, _) in enumerate(self._spans):
            if begun <= position < begun + len(piece):
                return n
            begun += len(piece)
        return len(self._spans) - 1

    def _replace(self, start: int, end: int, new: str) -> None:
        """Replace characters of the source's own text."""
        begun = 0
        for n, (piece, data, in_loop) in enumerate(self._spans):
            if data is not None and begun <= start and end <= begun + len(piece):
                data.data = piece[: start - begun] + new + piece[end - begun :]
                self._spans[n] = (data.data, data, in_loop)
                return
            begun += len(piece)


_TEXT_MARK = re.compile(mark("T", 0).replace("0", "([0-9]+)"))


def rendered(env: MailEnvironment, expression: nodes.Expr, place: str) -> Rendered:
    """Return a template that renders one expression."""
    return Rendered(env, nodes.Template([nodes.Output([expression], lineno=expression.lineno)], lineno=1), place)


def names_of(expression: nodes.Expr) -> set[str]:
    """Return the names an expression reads, `range` left out."""
    found = {node.name for node in expression.find_all(nodes.Name)}
    if isinstance(expression, nodes.Name):
        found.add(expression.name)
    return found - {"range"}


def flat_constants(constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constants (`shop.name`, ...) by flat name, without what could be taken for a mark."""
    return {
        constant_name(name): None if is_null(value) else MARKS.sub("", value) if isinstance(value, str) else value
        for name, value in constants.items()
    }
