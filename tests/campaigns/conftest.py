"""A store with two lists and three templates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from analytics.campaigns import EmailCampaigns, MarketingCampaigns
from analytics.model.clock import SimulatedClock
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import marketing_list, template

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEPT = {"created_at": NOW, "updated_at": NOW}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = Settings.of({"sender_name": "Teal & Co", "sender_email": "news@example.com"})
    with Store.create(tmp_path / "shop", settings, SimulatedClock(NOW)) as store:
        with store.state.write() as connection:
            for name, entity, channel in (
                ("Buyers", "customer_user", "email"),
                ("Orders", "order", "email"),
                ("Callers", "lead", "phone"),
            ):
                values = {"kind": "dynamic", "contact": channel, "definition": {}, **KEPT}
                connection.execute(insert(marketing_list).values(name=name, entity=entity, channel=channel, **values))
            for name, entity in (("Hello", "customer_user"), ("Thanks", "order"), ("Any", None)):
                values = {"subject": "s", "html": "h", "version": 1, **KEPT}
                connection.execute(insert(template).values(name=name, entity=entity, **values))
        yield store


@pytest.fixture
def marketing(store: Store) -> MarketingCampaigns:
    return MarketingCampaigns(store)


@pytest.fixture
def emails(store: Store) -> EmailCampaigns:
    return EmailCampaigns(store)
