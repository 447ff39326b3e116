"""A store in a folder whose name needs quoting everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.model.clock import SimulatedClock
from analytics.store import Store
from tests.store.shop import NOW, SHOP


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Jürgen's shop #1 100% {x} &"


@pytest.fixture
def store(folder: Path, clock: SimulatedClock) -> Iterator[Store]:
    with Store.create(folder, clock=clock) as store:
        store.lake.ensure(SHOP)
        yield store
