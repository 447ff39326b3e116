"""What a mail looks like, for a screen: nothing tracked, nothing signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.templates.compose import CompiledTemplate, Composer


@dataclass(frozen=True)
class PreviewParts:
    """The parts of a mail as a reader sees them. `html` comes from whoever wrote the template: show it in a sandbox."""

    subject: str
    html: str
    text: str


def preview(
    template: CompiledTemplate,
    values: Mapping[str, Any],
    *,
    constants: Mapping[str, Any] | None = None,
    zone: str = "UTC",
    unsubscribe_url: str = "#unsubscribe",
    preferences_url: str = "#preferences",
) -> PreviewParts:
    """Return a mail with these values (by dotted path below `entity.`; missing ones are null), links untracked.

    `constants` are the values of a sending (`shop.name`, `campaign.code`, `today`, ...). Raises TemplateError when it
    cannot be rendered with these values.
    """
    composer = Composer(template, constants or {}, zone=zone, track=False)
    recipient = composer.recipient(values, unsubscribe_url, preferences_url)
    variant = composer.variant(composer.outline(recipient))
    return PreviewParts(
        subject=composer.subject(recipient),
        html=composer.as_html(variant.html, recipient),
        text=composer.as_text(variant.text, recipient),
    )
