"""What a sending keeps of its campaign, whatever becomes of that later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from analytics.campaigns import EmailCampaign
from analytics.delivery.identity import holdout_scope
from analytics.delivery.preflight import base_url
from analytics.lists import Lists, MarketingList
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Segments
from analytics.segments.definition import All
from analytics.store import Store
from analytics.store.tables import template
from analytics.templates import compile_template

_TEMPLATE = ("id", "name", "version", "entity", "subject", "preheader", "html", "text")


def frozen_settings(store: Store, model: EntityModel, campaign: EmailCampaign) -> dict[str, Any]:
    """Return the settings of a new sending: template, list with its definition, topic, sender, addresses of links."""
    settings = store.settings
    segments = Segments(store, model)
    listed = Lists(store, model, segments).get(campaign.list_id)
    with store.state.read() as connection:
        mail = connection.execute(select(template).where(template.c.id == campaign.template_id)).one()
    compiled = compile_template(mail.subject, mail.preheader, mail.html, mail.text, listed.entity, model)
    return {
        "template": {name: mail._mapping[name] for name in _TEMPLATE},
        "list": {
            "id": listed.id,
            "name": listed.name,
            "version": listed.version,
            "entity": listed.entity,
            "contact": listed.contact,
            "kind": listed.kind,
            "segment": listed.segment,
            "definition": _who(segments, listed).to_document(),
        },
        "topic": _topic(campaign),
        "paths": list(compiled.paths),
        "campaign_name": campaign.name,
        "campaign_code": campaign.code,
        "marketing_campaign_id": campaign.marketing_campaign_id,
        "sender_name": campaign.sender_name or settings.sender_name,
        "sender_email": campaign.sender_email,
        "shop_name": settings.name,
        "zone": settings.timezone,
        "base_url": base_url(store),
        "holdout_percent": str(campaign.holdout_percent),
        "holdout_scope": holdout_scope(campaign.marketing_campaign_id, campaign.id),
    }


def _who(segments: Segments, listed: MarketingList) -> Definition:
    """Return who is meant, with the conditions of the stored segment in place of its name: it may change later.

    Where the segment is more than conditions (it has a limit, or is SQL) its name stays.
    """
    if listed.segment is None:
        return listed.definition
    stored = segments.get(listed.segment).definition
    if stored.limit is not None or getattr(stored, "sql", None) is not None:
        return listed.definition
    parts = tuple(node for node in (stored.where, listed.own.where) if node is not None)
    return replace(listed.definition, where=All(parts) if len(parts) > 1 else parts[0] if parts else None)


def _topic(campaign: EmailCampaign) -> dict[str, Any] | None:
    """Return the topic with its policy as it is now; a sender looks at the policy of then again."""
    if campaign.topic_id is None:
        return None
    return {"id": campaign.topic_id, "name": campaign.topic_name, "policy": campaign.topic_policy}
