"""Scripts: a text with template variables that a person reads from a screen, in the sandbox mails are rendered in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analytics.errors import TemplateError
from analytics.model.entity import EntityModel
from analytics.templates.check import CONSTANTS, UNSUBSCRIBE, UNSUBSCRIBE_NAME, Variables
from analytics.templates.marks import pieces
from analytics.templates.part import Part, Recipient, Shared, flat_constants
from analytics.templates.values import reader


class Script:
    """A checked script. `paths` are the dotted paths below `entity.` it shows."""

    def __init__(
        self, source: str, entity: str, model: EntityModel, constants: Mapping[str, Any], zone: str = "UTC"
    ) -> None:
        """Check `source`; `constants` are values by name (`shop.name`, `sender.name`, `campaign.name`, `today`, ...).

        Raises UnknownVariable and TemplateError as templates of mails do.
        """
        variables = Variables(entity, model)
        self._constants = flat_constants({**dict.fromkeys(CONSTANTS), **constants})
        self._shared = Shared(variables, self._constants, zone, track=False)
        self._part = Part(self._shared, source, "script", html=False, links=False)
        if variables.uses_unsubscribe:
            raise TemplateError(f"script: {UNSUBSCRIBE} is for mails; on the telephone people say what they want.")
        self._readers = tuple(
            (f"_e{n}", path, reader(kind, path)) for n, (path, kind) in enumerate(variables.paths.items())
        )
        self.paths = tuple(sorted(variables.paths))

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the script for a row, given its values by dotted path; missing ones are null.

        Raises TemplateError when it cannot be rendered with these values.
        """
        names = dict(self._constants)
        for name, path, read in self._readers:
            names[name] = read(values.get(path))
        names[UNSUBSCRIBE_NAME] = ""
        recipient = Recipient(names)
        found = pieces(self._part.expand(self._part.outline(recipient)))
        holes = self._shared.holes
        return "".join(p.text if p.kind == "text" else holes[p.number].text(recipient) for p in found)
