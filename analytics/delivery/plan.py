"""From a sending's frozen settings and a ledger row to the mail: what is kept renders the same body again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from analytics.delivery.records import Row
from analytics.model.clock import Clock
from analytics.model.entity import EntityModel
from analytics.model.token import Signer
from analytics.store import Store
from analytics.templates import compile_template
from analytics.templates.mail import MailPlan

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Rendered(Protocol):
    """A mail ready to leave."""

    @property
    def message(self) -> bytes:
        """The message with CRLF line ends."""
        ...

    @property
    def sha256(self) -> bytes:
        """What the body is recognised by."""
        ...

    @property
    def links(self) -> Mapping[int, str]:
        """Targets that are this recipient's own, by number."""
        ...


class Plan(Protocol):
    """Makes the mails of one sending."""

    @property
    def constant_links(self) -> Mapping[int, str]:
        """Targets that are the same for everybody, by number."""
        ...

    def render(self, row: Row) -> Rendered:
        """Return the mail of a row; raises TemplateError when its values do not make one."""
        ...


class TemplatePlan:
    """Makes mails of the template a sending froze."""

    def __init__(self, mails: MailPlan, clock: Clock) -> None:
        self._mails, self._clock = mails, clock

    @property
    def constant_links(self) -> Mapping[int, str]:
        """Targets that are the same for everybody, by number."""
        return self._mails.constant_links

    def render(self, row: Row) -> Rendered:
        """Return the mail of a row."""
        return self._mails.render(
            row.id, row.address, _decode(row.values), message_id=row.message_id, date=self._clock.now()
        )


def plan_of(store: Store, model: EntityModel, row: Any, signer: Signer | None = None) -> TemplatePlan:
    """Return the plan of a sending, whose row of the state is `row`; `signer` is by default that of the newest key.

    Raises TemplateError.
    """
    frozen = row.settings
    template = frozen["template"]
    compiled = compile_template(
        template["subject"],
        template["preheader"],
        template["html"],
        template["text"],
        frozen["list"]["entity"],
        model,
    )
    frozen_at = datetime.fromisoformat(row.snapshot["frozen_at"])
    mails = MailPlan(
        compiled,
        signer=signer or Signer(*store.keys.signing()),
        base_url=frozen["base_url"],
        sending_id=row.id,
        sender_name=frozen["sender_name"],
        sender_email=frozen["sender_email"],
        campaign_name=frozen["campaign_name"],
        campaign_code=frozen["campaign_code"],
        shop_name=frozen["shop_name"],
        today=frozen_at.astimezone(ZoneInfo(frozen["zone"])).date(),
        zone=frozen["zone"],
    )
    return TemplatePlan(mails, store.clock)
