"""A real store with the shipped entities, in a folder whose name needs quoting everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.settings import Settings
from analytics.store import Store
from tests.entities.shop import Shop

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def model() -> EntityModel:
    return load_model()


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[Store]:
    settings = Settings.of({"timezone": "Europe/Berlin", "base_currency": "EUR"})
    with Store.create(tmp_path / "Jürgen's shop #1 100% {x} &", settings, clock) as store:
        yield store


@pytest.fixture
def shop(store: Store, model: EntityModel, clock: SimulatedClock, tmp_path: Path) -> Shop:
    return Shop(store, model, clock, tmp_path / "Dateien für Öl & mehr")
