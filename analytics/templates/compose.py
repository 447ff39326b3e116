"""Putting the parts of a mail together, and checking a template by doing so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

from markupsafe import escape

from analytics.errors import TemplateError
from analytics.model.entity import EntityModel, FieldType
from analytics.templates.check import CONSTANTS, PREFERENCES_NAME, UNSUBSCRIBE_NAME, Variables
from analytics.templates.marks import (
    BEGIN,
    BEGUN,
    BETWEEN,
    PIXEL_MARK,
    UNNUMBERED,
    UNSUBSCRIBE_MARK,
    Piece,
    pieces,
)
from analytics.templates.part import MOST_LINKS, Part, Recipient, Shared, flat_constants
from analytics.templates.plaintext import to_text
from analytics.templates.values import reader

LONGEST_SUBJECT = 255
_BODY = re.compile(r"<body\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.I)
_HEAD = re.compile(r"\s*(?:<!doctype[^>]*>\s*)?(?:<html\b[^>]*>\s*)?(?:<head\b.*?</head\s*>\s*)?", re.I | re.S)
_END = re.compile(r"</body\s*>|</html\s*>", re.I)
_HIDDEN = (
    "display:none;max-height:0;max-width:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;"
    "color:transparent;opacity:0"
)
_FOOTER = (
    "margin:0;padding:24px 16px;text-align:center;font-family:Arial,Helvetica,sans-serif;font-size:12px;"
    "line-height:18px;color:#6b7280"
)


@dataclass(frozen=True)
class CompiledTemplate:
    """A template that has been checked.

    `paths` are the dotted paths below `entity.` it shows, sorted, all over to-one relations; `types` their field
    types. `links` are the addresses it leads to, variables shown as {entity.id}. `has_unsubscribe` says whether its
    author put an unsubscribe link; without one, a footer is added.
    """

    subject: str
    preheader: str | None
    html: str
    text: str | None
    entity: str | None
    paths: tuple[str, ...]
    types: Mapping[str, FieldType]
    has_unsubscribe: bool
    links: tuple[str, ...]
    model: EntityModel = field(repr=False, compare=False)


@dataclass(frozen=True)
class Variant:
    """One way a template can turn out: which of its pieces a recipient gets."""

    html: tuple[Piece, ...]
    text: tuple[Piece, ...]


class Composer:
    """Composes the mails of one template with one set of constants."""

    def __init__(
        self,
        template: CompiledTemplate,
        constants: Mapping[str, Any],
        *,
        zone: str,
        track: bool,
    ) -> None:
        """Take `constants` by name (`shop.name`, ..., `today`); times are shown in `zone`.

        With `track`, links become tracked links and an open pixel is added. Raises TemplateError, UnknownVariable.
        """
        variables = Variables(template.entity, template.model)
        self.constants = flat_constants({**dict.fromkeys(CONSTANTS), **constants})
        self.shared = Shared(variables, self.constants, zone, track)
        self._track = track
        self._shop = str(constants.get("shop.name") or "")
        self._subject = Part(self.shared, template.subject, "subject", html=False, links=False)
        self._subject_pieces = None if self._subject.has_flow else pieces(self._subject.expand(""))
        self._html = Part(self.shared, template.html, "html", html=True)
        preheader = template.preheader
        self._preheader = (
            Part(self.shared, preheader, "preheader", html=True, is_plain=True, links=False) if preheader else None
        )
        self._text = Part(self.shared, template.text, "text", html=False) if template.text is not None else None
        self.paths = tuple(
            (f"_e{n}", path, reader(kind, path)) for n, (path, kind) in enumerate(variables.paths.items())
        )

    @property
    def links(self) -> Mapping[int, str]:
        """The links whose address is the same for everybody, by number."""
        return self.shared.links

    @property
    def uses_preferences(self) -> bool:
        """Whether a mail leads to the recipient's preference page."""
        return self.shared.variables.uses_preferences

    def recipient(self, values: Mapping[str, Any], unsubscribe_url: str, preferences_url: str = "") -> Recipient:
        """Return a recipient with the values of its row, by dotted path, native or as JSON kept them."""
        names = dict(self.constants)
        for name, path, read in self.paths:
            names[name] = read(values.get(path))
        names[UNSUBSCRIBE_NAME] = unsubscribe_url
        names[PREFERENCES_NAME] = preferences_url
        return Recipient(names)

    def subject(self, recipient: Recipient) -> str:
        """Return the subject in one line: line ends and control characters become spaces."""
        found = self._subject_pieces
        if found is None:
            found = pieces(self._subject.expand(self._subject.outline(recipient)))
        return one_line(self.as_text(found, recipient))

    def outline(self, recipient: Recipient) -> str:
        """Return what tells one variant from another: equal outlines have equal variants."""
        outline = self._html.outline(recipient)
        if self._preheader is not None:
            outline += BETWEEN + self._preheader.outline(recipient)
        if self._text is not None:
            outline += BETWEEN + self._text.outline(recipient)
        return outline

    def variant(self, outline: str) -> Variant:
        """Return the variant of an outline."""
        outlines = iter(outline.split(BETWEEN))
        html, numbered = self._numbered(self._html.expand(next(outlines)), 0)
        if self._preheader is not None:
            html = _after_body(html, f'<div style="{_HIDDEN}">{self._preheader.expand(next(outlines))}</div>')
        if not self._has_unsubscribe(html):
            html = _before_end(
                html,
                f'<div style="{_FOOTER}">{_sentence(_escaped(self._shop))}'
                f'<a href="{UNSUBSCRIBE_MARK}" style="color:#6b7280">Unsubscribe</a></div>\n',
            )
        if self._text is None:
            text = to_text(html)
        else:
            text, _ = self._numbered(self._text.expand(next(outlines)), numbered)
        if not self._has_unsubscribe(text):
            text = f"{text.rstrip()}\n\n-- \n{_sentence(self._shop)}Unsubscribe: {UNSUBSCRIBE_MARK}\n"
        if self._track:
            html = _before_end(
                html,
                f'<img src="{PIXEL_MARK}" width="1" height="1" alt="" '
                f'style="display:block;border:0;width:1px;height:1px">\n',
            )
        return Variant(pieces(html), pieces(text))

    def as_html(self, found: tuple[Piece, ...], recipient: Recipient) -> str:
        """Return pieces without links as HTML."""
        return "".join([self._filled(piece, recipient, html=True) for piece in found])

    def as_text(self, found: tuple[Piece, ...], recipient: Recipient) -> str:
        """Return pieces without links as plain text."""
        return "".join([self._filled(piece, recipient, html=False) for piece in found])

    def _filled(self, piece: Piece, recipient: Recipient, *, html: bool) -> str:
        if piece.kind == "text":
            return piece.text
        if piece.kind == "E":
            hole = self.shared.holes[piece.number]
            return hole.html(recipient) if html else hole.text(recipient)
        if piece.kind in ("U", "R"):
            address = str(recipient.names[UNSUBSCRIBE_NAME if piece.kind == "U" else PREFERENCES_NAME])
            return _escaped(address) if html else address
        return ""

    def _has_unsubscribe(self, marked: str) -> bool:
        return UNSUBSCRIBE_MARK in marked or any(
            piece.kind == "E" and self.shared.holes[piece.number].needs_unsubscribe for piece in _all(pieces(marked))
        )

    def _numbered(self, marked: str, numbered: int) -> tuple[str, int]:
        """Give personal links of loops the numbers after all others; return how many have been given."""
        first = len(self.shared.links) + len(self.shared.personal) + 1
        numbers = count(first + numbered)
        marked, more = re.subn(UNNUMBERED, lambda _: f"{BEGIN}{next(numbers)}{BEGUN}", marked)
        if numbered + more > MOST_LINKS:
            raise TemplateError(f"A mail has more than {MOST_LINKS:,} links of its own; loop less often.")
        return marked, numbered + more


def compile_template(
    subject: str,
    preheader: str | None,
    html: str,
    text: str | None,
    entity: str | None,
    model: EntityModel,
) -> CompiledTemplate:
    """Check a template and return it compiled; `entity` None makes one for rows of any entity.

    Raises UnknownVariable naming variable, place and what there is; TemplateError for syntax that is not allowed, a
    path over a to-many relation, a subject that is empty or too long. The checks see every branch, not only those a
    first recipient would take.
    """
    if entity is not None:
        model.entity(entity)
    if not subject.strip():
        raise TemplateError("The template needs a subject.")
    for name, source in (("subject", subject), ("preheader", preheader or "")):
        if len(source) > LONGEST_SUBJECT:
            raise TemplateError(f"The {name} has {len(source)} characters; at most {LONGEST_SUBJECT} are kept.")
    if not html.strip():
        raise TemplateError("The template needs an HTML part; a mail of text alone is one paragraph of it.")
    draft = CompiledTemplate(subject, preheader or None, html, text, entity, (), {}, False, (), model)
    composer = Composer(draft, _SAMPLES, zone="UTC", track=True)
    variables = composer.shared.variables
    types = dict(sorted(variables.paths.items()))
    return CompiledTemplate(
        subject=subject,
        preheader=preheader or None,
        html=html,
        text=text,
        entity=entity,
        paths=tuple(types),
        types=types,
        has_unsubscribe="html" in variables.uses_unsubscribe,
        links=_shown_links(composer),
        model=model,
    )


_SAMPLES: Mapping[str, Any] = {
    "shop.name": "shop",
    "sender.name": "sender",
    "sender.email": "shop@example.com",
    "campaign.name": "campaign",
    "campaign.code": "code",
    "today": date(2000, 1, 1),
}


def one_line(text: str) -> str:
    """Return a text as one line: every run of line ends and control characters is one space."""
    return _CONTROLS.sub(" ", text).strip() if not text.isprintable() else text.strip()


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def _shown_links(composer: Composer) -> tuple[str, ...]:
    shared = composer.shared
    paths = {name: f"entity.{path}" for name, path, _ in composer.paths}
    found = {**shared.links, **shared.personal}

    def shown(piece: Piece) -> str:
        if piece.kind == "E":
            return "{" + paths.get(shared.holes[piece.number].name or "", "...") + "}"
        return piece.text

    return tuple("".join(map(shown, pieces(found[number]))) or "{...}" for number in sorted(found))


def _all(found: tuple[Piece, ...]) -> list[Piece]:
    return [each for piece in found for each in (piece, *piece.inside)]


def _after_body(html: str, insert: str) -> str:
    found = _BODY.search(html) or _HEAD.match(html)
    at = found.end() if found else 0
    return html[:at] + insert + html[at:]


def _before_end(html: str, insert: str) -> str:
    ends = list(_END.finditer(html))
    at = next((end.start() for end in reversed(ends) if end[0].lower().startswith("</body")), None)
    if at is None:
        at = ends[-1].start() if ends else len(html)
    return html[:at] + insert + html[at:]


def _sentence(shop: str) -> str:
    return f"You get this mail from {shop}. " if shop else ""


def _escaped(text: str) -> str:
    return str(escape(text))
