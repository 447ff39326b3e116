"""The small shop of the segments' tests, with its lists."""

from __future__ import annotations

import pytest

from analytics.lists import Lists, Suppressions
from analytics.segments import Segments
from analytics.store import Store
from tests.segments.conftest import engine, segments, store
from tests.segments.shop import MODEL

__all__ = ["engine", "lists", "segments", "store", "suppressions"]


@pytest.fixture
def lists(store: Store, segments: Segments) -> Lists:
    return Lists(store, MODEL, segments)


@pytest.fixture
def suppressions(store: Store) -> Suppressions:
    return Suppressions(store)
