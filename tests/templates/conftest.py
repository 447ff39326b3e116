"""A store for stored templates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.model.clock import SimulatedClock
from analytics.settings import Settings
from analytics.store import Store
from analytics.templates import Templates
from tests.templates.shop import MODEL


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = Settings.of({"name": "Teal & Co", "timezone": "Europe/Berlin", "threads": 1})
    with Store.create(tmp_path / "shop", settings, SimulatedClock(datetime(2026, 3, 4, 12, tzinfo=UTC))) as store:
        yield store


@pytest.fixture
def templates(store: Store) -> Templates:
    return Templates(store, MODEL)
