"""A small entity model and a plan over it, for tests of templates."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, date, datetime
from email.message import EmailMessage
from typing import Any

from analytics.model.entity import ContactPath, Entity, EntityModel, Field, FieldType, Relation
from analytics.model.token import Signer, Verifier
from analytics.templates import CompiledTemplate, MailPlan, compile_template

SECRET = b"k" * 32
SIGNER, VERIFIER = Signer(1, SECRET), Verifier({1: SECRET})
BASE = "https://t.shop.example"
DATE = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DELIVERY = 4711


def entity(name: str, fields: dict[str, FieldType], **more: Any) -> Entity:
    return Entity(
        name, name.title(), f"{name}s", "id", {n: Field(n, kind, n.title()) for n, kind in fields.items()}, **more
    )


MODEL = EntityModel.of(
    [
        entity("customer_group", {"id": "text", "name": "text"}),
        entity(
            "customer",
            {"id": "text", "name": "text", "group_id": "text"},
            relations={"group": Relation("group", "Group", "customer_group", "one", "group_id", "id")},
        ),
        entity(
            "customer_user",
            {
                "id": "text",
                "email": "text",
                "first_name": "text",
                "last_name": "text",
                "website": "text",
                "customer_id": "text",
                "created_at": "datetime",
                "birthday": "date",
                "total": "money",
                "score": "number",
                "visits": "integer",
                "enabled": "boolean",
            },
            relations={
                "customer": Relation("customer", "Customer", "customer", "one", "customer_id", "id"),
                "orders": Relation("orders", "Orders", "order", "many", "id", "customer_user_id"),
            },
            contacts=(ContactPath("email", "email", "email"),),
        ),
        entity("order", {"id": "text", "customer_user_id": "text", "total": "money"}),
    ]
)


def compiled(
    html: str,
    subject: str = "Hello",
    text: str | None = None,
    preheader: str | None = None,
    entity: str | None = "customer_user",
) -> CompiledTemplate:
    return compile_template(subject, preheader, html, text, entity, MODEL)


def plan(template: CompiledTemplate, **changed: Any) -> MailPlan:
    given: dict[str, Any] = {
        "signer": SIGNER,
        "base_url": BASE,
        "sending_id": 12,
        "sender_name": "Shop",
        "sender_email": "shop@example.com",
        "campaign_name": "Spring",
        "campaign_code": "spring-26",
        "shop_name": "Teal & Co",
        "today": date(2026, 3, 4),
        **changed,
    }
    return MailPlan(template, **given)


def sent(made: MailPlan, values: dict[str, Any] | None = None, address: str = "ada@example.com", **more: Any) -> Any:
    given = {"message_id": "<4711@example.com>", "date": DATE, **more}
    return made.render(DELIVERY, address, values or {}, **given)


def parsed(message: bytes) -> tuple[EmailMessage, str, str]:
    """The message, its text and its HTML, line ends as \\n."""
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    text, html = (part.get_content().replace("\r\n", "\n") for part in read.iter_parts())
    return read, text, html


def resolved(body: str, constant: dict[int, str], personal: dict[int, str], escape: Any = str) -> str:
    """A body with every tracked address replaced by the target its token stands for."""

    def target(found: re.Match[str]) -> str:
        token = VERIFIER.verify(found[1], "c")
        assert token is not None and token.delivery_id == DELIVERY
        return escape({**constant, **personal}[token.link_number])

    return re.sub(re.escape(f"{BASE}/c/") + r"([\w-]{40})", target, body)
