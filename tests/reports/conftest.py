"""An empty shop whose workspace clock stands a month after its mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.settings import Settings
from analytics.store import Store
from tests.reports.world import DAY, NOON, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings = Settings(timezone="Europe/Berlin")
    with Store.create(tmp_path / "shop", settings, SimulatedClock(NOON + 30 * DAY)) as store:
        yield World(store, load_model(None))
