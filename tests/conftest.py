"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.postgres"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "datasets"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED}")
    return SHARED
