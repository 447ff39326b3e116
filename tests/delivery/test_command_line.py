"""The commands that send."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from analytics.cli import sending as commands
from analytics.delivery import LocalSink, Sendings
from analytics.delivery.ledger import SENDER_LEASE
from analytics.errors import DeliveryError
from analytics.model.entity import EntityModel
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.leases import this_process
from tests.delivery.conftest import HERE
from tests.delivery.world import make_campaign, open_world, people, put_people

ROOT = HERE.parents[1]


@pytest.fixture
def workspace(tmp_path: Path, model: EntityModel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SHELDUCK_HOME", str(tmp_path / "shop"))
    with open_world(tmp_path / "shop", settings=Settings(name="Shop")) as store:
        put_people(store, people(40))
        make_campaign(store, model)
        yield store


def shelduck(*arguments: str) -> Result:
    app = typer.Typer()
    commands.register(app)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def refused(*arguments: str) -> str:
    result = shelduck(*arguments)
    assert isinstance(result.exception, DeliveryError), result.output
    return str(result.exception)


def test_send_looks_queues_freezes_and_sends(workspace: Store, model: EntityModel) -> None:
    result = shelduck("send", "Spring news", "--yes")
    assert result.exit_code == 0, result.output
    assert "local sink" in result.output
    assert "is done" in result.output
    assert len(LocalSink(workspace.folder.sink).messages()) == 40
    listed = shelduck("sendings")
    assert "Spring news" in listed.output
    assert "done" in listed.output
    assert "accepted" in shelduck("sending", "show", "1").output
    assert Sendings(workspace, model).status(1).counts["accepted"] == 40


def test_send_without_consent_sends_nothing(workspace: Store, model: EntityModel) -> None:
    assert shelduck("send", "Spring news").exit_code == 1
    assert shelduck("send", "Spring news", "--dry").exit_code == 0
    assert not Sendings(workspace, model).all()


def test_a_campaign_is_sent_twice_only_when_told_so(workspace: Store) -> None:
    assert shelduck("send", "Spring news", "--yes").exit_code == 0
    assert "--again" in refused("send", "Spring news", "--yes")
    assert shelduck("send", "Spring news", "--yes", "--again").exit_code == 0
    assert len(LocalSink(workspace.folder.sink).messages()) == 80


def test_a_blocked_campaign_says_why(workspace: Store) -> None:
    Settings.of({"smtp": {"host": "mx.example.com"}}).save(workspace.folder.root)
    result = shelduck("send", "Spring news", "--yes")
    assert result.exit_code == 1
    assert "public_url" in result.output


def test_a_later_start_is_left_to_the_worker(workspace: Store, model: EntityModel) -> None:
    result = shelduck("send", "Spring news", "--yes", "--at", "2099-01-01")
    assert result.exit_code == 0
    assert "scheduled" in result.output
    assert Sendings(workspace, model).get(1).status == "scheduled"


def test_pause_resume_cancel(workspace: Store, model: EntityModel) -> None:
    Sendings(workspace, model).queue("Spring news", "k")
    assert shelduck("sending", "pause", "1").exit_code == 0
    assert shelduck("send", "Spring news", "--yes").exit_code == 1  # it says that it is paused
    assert shelduck("sending", "cancel", "1").exit_code == 1
    assert shelduck("sending", "resume", "1").exit_code == 0
    assert len(LocalSink(workspace.folder.sink).messages()) == 40
    assert "done" in refused("sending", "cancel", "1", "--yes")


def test_a_changed_audience_waits_for_confirm(workspace: Store, model: EntityModel) -> None:
    sendings = Sendings(workspace, model)
    sendings.queue("Spring news", "k", expected_count=5)
    result = shelduck("send", "Spring news", "--yes")
    assert result.exit_code == 1
    assert "shelduck sending confirm 1" in result.output
    assert shelduck("sending", "confirm", "1").exit_code == 0
    assert sendings.get(1).status == "done"


def test_uncertain_mails_are_listed_and_released(workspace: Store, model: EntityModel) -> None:
    sendings = Sendings(workspace, model)
    sendings.queue("Spring news", "k")
    sendings.freeze(1)
    with workspace.state.write() as connection:
        connection.exec_driver_sql(
            "update delivery set state = 'handed', lease_owner = 'dead' where entity_key = '0000003'"
        )
    assert shelduck("send", "Spring news").exit_code == 0
    listed = shelduck("sending", "uncertain", "1")
    assert "Person3@example.org" in listed.output
    assert shelduck("sending", "uncertain", "1", "--release", "--yes").exit_code == 0
    assert sendings.status(1).counts["accepted"] == 40


def test_another_process_that_sends_is_followed(workspace: Store, model: EntityModel) -> None:
    sendings = Sendings(workspace, model)
    sendings.queue("Spring news", "k")
    sendings.freeze(1)
    held = workspace.leases.acquire(SENDER_LEASE, this_process(), timedelta(seconds=0.4))
    assert held is not None
    assert shelduck("send", "Spring news").exit_code == 0  # goes on itself when that lease has run out
    assert sendings.get(1).status == "done"


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(workspace: Store, model: EntityModel) -> None:
    put_people(workspace, people(1_500))
    command = [sys.executable, "-c", _MAIN, "send", "Spring news", "--yes"]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        sink = LocalSink(workspace.folder.sink)
        deadline = time.monotonic() + 60
        while len(list(sink.files())) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    status = Sendings(workspace, model).status(1)
    assert status.counts["leased"] == status.counts["handed"] == status.counts["uncertain"] == 0
    assert status.counts["accepted"] == len(list(sink.files())) < 1_500
    assert shelduck("send", "Spring news").exit_code == 0
    assert len(list(sink.files())) == 1_500


_MAIN = """
import sys
import typer
from analytics.cli import sending
app = typer.Typer()
sending.register(app)
app(standalone_mode=True)
"""
