"""The mail that was sent, rendered again from what was kept, and compared with what left."""

from __future__ import annotations

import email
import json
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from typing import Any

from analytics.delivery.plan import plan_of
from analytics.delivery.records import Row
from analytics.model.entity import EntityModel
from analytics.model.token import Signer
from analytics.store import Store


@dataclass(frozen=True)
class SentMail:
    """A mail as it is rendered now from the sending's template and the delivery's values.

    `is_same` tells whether its body is byte for byte the one whose SHA-256 was noted before it left; None when none
    ever left. `html` comes from whoever wrote the template: show it in a sandbox.
    """

    subject: str
    html: str
    text: str
    is_same: bool | None


def rendered_again(store: Store, model: EntityModel, sending: Any, delivery: Any) -> SentMail:
    """Return the mail of a delivery; `sending` and `delivery` are rows of the state. Raises TemplateError.

    The key that signed its links may have been retired since, so every key is tried.
    """
    row = Row(
        delivery.id,
        delivery.address_key,
        delivery.address,
        delivery.entity_key,
        delivery.message_id,
        json.dumps(delivery.values),
        delivery.attempts,
    )
    kept = None if delivery.body_sha256 is None else bytes(delivery.body_sha256)
    mail = plan_of(store, model, sending).render(row)
    for pair in sorted(store.keys.secrets().items(), reverse=True):
        if kept is None or mail.sha256 == kept:
            break
        mail = plan_of(store, model, sending, Signer(*pair)).render(row)
    message = email.message_from_bytes(mail.message, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return SentMail(
        subject=str(message["Subject"]),
        html=_part(message, "html"),
        text=_part(message, "plain"),
        is_same=None if kept is None else mail.sha256 == kept,
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())
