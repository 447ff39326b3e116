"""A workspace in Berlin's time with the small shop in its lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.engine import Engine
from analytics.model.clock import SimulatedClock
from analytics.segments import Segments
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill, make_rows
from tests.segments.stories import make_stories, tell


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = Settings.of({"timezone": ZONE, "threads": 2})
    with Store.create(tmp_path / "shop", settings, SimulatedClock(NOW)) as store:
        fill(store, make_rows(1))
        yield store


@pytest.fixture(scope="session")
def quiet_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The same for tests that only read: made once."""
    settings = Settings.of({"timezone": ZONE, "threads": 2})
    with Store.create(tmp_path_factory.mktemp("quiet") / "shop", settings, SimulatedClock(NOW)) as store:
        fill(store, make_rows(1))
        tell(store, make_stories(1, NOW), NOW)
        yield store


@pytest.fixture(scope="session")
def quiet_engine(quiet_store: Store) -> Iterator[Engine]:
    with Engine(quiet_store.snapshot(), quiet_store.settings, now=NOW) as engine:
        yield engine


@pytest.fixture
def engine(store: Store) -> Iterator[Engine]:
    with Engine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
        yield engine


@pytest.fixture
def segments(store: Store) -> Segments:
    return Segments(store, MODEL)
