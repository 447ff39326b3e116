"""Workspaces with people in them, and the mail servers sendings go to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.settings import Settings, SmtpSettings
from analytics.store import Store
from tests.delivery.world import open_world

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def model() -> EntityModel:
    return load_model(None)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[Store]:
    with open_world(tmp_path / "Jürgen's shop #1", clock) as store:
        yield store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_store(tmp_path: Path, clock: SimulatedClock, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store whose state is in SQLite, then one with it in PostgreSQL."""
    url = request.getfixturevalue("postgres_url")() if request.param == "postgres" else None
    with open_world(tmp_path / "shop", clock, Settings(state_url=url)) as store:
        yield store


class Server:
    """A mail server in a process of its own."""

    def __init__(self, receipts: Path, *options: str, seed: int = 1) -> None:
        self.receipts = receipts
        receipts.touch()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "moody.py"), str(receipts), str(seed), *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def lines(self, kind: str) -> list[list[str]]:
        """Return the receipts of a kind, taken apart."""
        found = [line.split() for line in self.receipts.read_text().splitlines()]
        return [rest for first, *rest in found if first == kind]

    def settings(self, connections: int = 4, rate_per_minute: int | None = None) -> SmtpSettings:
        """Return what a sender needs to reach it."""
        return SmtpSettings(
            host="127.0.0.1",
            port=self.port,
            security="none",
            connections=connections,
            rate_per_minute=rate_per_minute,
        )

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function that starts a mail server; see moody.py for its options."""
    started: list[Server] = []

    def start(*options: str, seed: int = 1) -> Server:
        started.append(Server(tmp_path / f"receipts {len(started)}", *options, seed=seed))
        return started[-1]

    yield start
    for one in started:
        one.stop()
