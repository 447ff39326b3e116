"""`shelduck ingest` and `shelduck website`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner, Result

from analytics.cli import tracking
from analytics.errors import NotFound, TrackingError
from analytics.store import Store
from tests.tracking.lines import hit, spool


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("SHELDUCK_HOME", str(store.folder.root))
    app = typer.Typer()
    tracking.register(app)
    yield lambda *words: CliRunner().invoke(app, list(words))


def test_ingest_prints_its_totals_and_how_far_it_is_complete(store: Store, run: object) -> None:
    spool(store, [hit(1, "matomo", "idsite=7"), b"broken\n"])
    said: Result = run("ingest")  # type: ignore[operator]
    assert said.exit_code == 0, said.output
    assert "2 lines of 1 files, 1 events, 1 into quarantine" in said.output
    assert "Complete through 20" in said.output
    again: Result = run("ingest")  # type: ignore[operator]
    assert "0 lines of 0 files" in again.output


def test_websites_are_made_listed_shown_and_pasted(run: object) -> None:
    def output(*words: str) -> str:
        said: Result = run("website", *words)  # type: ignore[operator]
        assert said.exit_code == 0, said.output
        return said.output

    assert "Tracking website Shop (shop-eu) is there." in output("create", "Shop", "shop-eu", "https://s.example.com")
    assert "shop-eu" in output("all") and "https://s.example.com" in output("show", "shop-eu")
    assert "matomo.php" in output("snippet", "shop-eu", "--collector", "https://t.example.com")
    assert "tracking.php" in output("snippet", "Shop", "--collector", "https://t.example.com", "--flavour", "oro")


def test_mistakes_are_sentences(run: object) -> None:
    missing: Result = run("website", "show", "nobody")  # type: ignore[operator]
    assert isinstance(missing.exception, NotFound)
    bad: Result = run("website", "create", "S", "no good", "https://s.example.com")  # type: ignore[operator]
    assert isinstance(bad.exception, TrackingError)
    run("website", "create", "Shop", "shop-eu", "https://s.example.com")  # type: ignore[operator]
    nowhere: Result = run("website", "snippet", "shop-eu")  # type: ignore[operator]
    assert nowhere.exit_code == 2 and "--collector" in nowhere.output
