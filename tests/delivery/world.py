"""A shop with customer users, a list, a template and a campaign: what a sending needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from analytics.campaigns import EmailCampaigns, MarketingCampaigns
from analytics.delivery import Sendings
from analytics.entities import load_model
from analytics.lists import Lists
from analytics.model.clock import Clock
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from analytics.templates import Templates

HTML = (
    "<html><body><p>Hello {{ entity.first_name | default('friend') }}</p>"
    '<a href="https://shop.example.com/new">New things</a> '
    '<a href="https://shop.example.com/basket/{{ entity.id }}">Your basket</a></body></html>'
)


def open_world(folder: Path, clock: Clock | None = None, settings: Settings | None = None) -> Store:
    """Make a workspace with the shipped model's tables."""
    store = Store.create(folder, settings or Settings(), clock)
    for entity in load_model(None).entities.values():
        store.lake.ensure(entity.schema)
    return store


def put_people(store: Store, people: Sequence[dict[str, Any]]) -> None:
    """Put customer users into the lake; each a mapping with at least id and email."""
    schema = load_model(None).entity("customer_user").schema
    names = [c.name for c in schema.columns if any(c.name in p for p in people)]
    store.lake.merge("customer_user", pa.table({n: [p.get(n) for p in people] for n in names}))


def people(count: int, domain: str = "example.org") -> list[dict[str, Any]]:
    """Return so many people with addresses of their own."""
    return [{"id": f"{n:07d}", "email": f"Person{n}@{domain}", "first_name": f"Person {n}"} for n in range(count)]


def make_campaign(store: Store, model: EntityModel, *, holdout: int = 0, code: str | None = None) -> int:
    """Make list, template and email campaign and return the campaign's number."""
    segments = Segments(store, model)
    definition = Definition.from_document(
        {"entity": "customer_user", "sort": [{"field": "id", "direction": "ascending"}]}
    )
    Lists(store, model, segments).create("Everybody", definition, contact="email")
    Templates(store, model).save("News", "Hello {{ entity.first_name }}", HTML, entity="customer_user")
    marketing = MarketingCampaigns(store).create("Spring", code=code).id if code else None
    made = EmailCampaigns(store).create(
        "Spring news",
        marketing_list="Everybody",
        template="News",
        marketing_campaign=marketing,
        sender_name="The shop",
        sender_email="shop@example.com",
        holdout_percent=holdout,
    )
    return made.id


def sendings(store: Store, model: EntityModel) -> Sendings:
    """Return the sendings of a workspace."""
    return Sendings(store, model)
