"""What every page says at its top."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics.bootstrap import create_services
from analytics.store.meta import set_meta
from analytics.views.workspace import standing

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_fresh_workspace_sends_to_its_sink_and_has_no_worker(tmp_path: Path) -> None:
    with create_services(tmp_path / "w") as services:
        shown = standing(services, NOW)
    assert shown.sink == str(tmp_path / "w" / "sink")
    assert not shown.worker_runs
    assert not shown.is_demo


def test_a_worker_counts_as_running_while_it_beats(tmp_path: Path) -> None:
    with create_services(tmp_path / "w") as services:
        set_meta(services.store.state, "worker_seen", NOW.isoformat())
        assert standing(services, NOW + timedelta(seconds=20)).worker_runs
        assert not standing(services, NOW + timedelta(seconds=40)).worker_runs
        set_meta(services.store.state, "worker_seen", "nonsense")
        assert not standing(services, NOW).worker_runs


def test_a_mail_server_ends_the_sink_and_the_demo_is_said(tmp_path: Path) -> None:
    settings = {"smtp": {"host": "mail.example.com"}, "public_url": "https://m.example.com"}
    with create_services(tmp_path / "w", settings=settings) as services:
        set_meta(services.store.state, "demo", True)
        shown = standing(services, NOW)
    assert shown.sink is None
    assert shown.is_demo
