"""The demo shop: played once, served, a campaign sent live, everything stopped with Ctrl-C, and nothing sent twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

from analytics import Workspace
from analytics.store.meta import get_meta
from tests.story.conftest import SECONDS

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@contextmanager
def serving(home: Path) -> Iterator[subprocess.Popen[str]]:
    """`make run`'s command on a workspace; ends with Ctrl-C, which has to end it cleanly."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "analytics.cli", "demo", "--serve"],
        env={**os.environ, "SHELDUCK_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(4 * SECONDS, process.kill)  # whoever waits for a line that never comes is set free
    watchdog.start()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=SECONDS)
        watchdog.cancel()
        assert process.returncode == 0, rest


def until(process: subprocess.Popen[str], words: str) -> str:
    """Read what the process prints up to the line with these words."""
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if words in line:
            return told
    raise AssertionError(f"it ended without saying {words!r}:\n{told}")


def test_the_past_was_played_through_the_product_and_says_it_is_a_demo(demo: Path) -> None:
    with Workspace.open(demo) as workspace:
        assert get_meta(workspace.services.store.state, "demo")["size"] == "small"
        assert workspace.services.store.settings.smtp is None
        campaigns = workspace.report("efficiency").df("email campaign")
        assert len(campaigns) == 4
        assert (campaigns["delivered"] > 0).all() and (campaigns["clicks_human"] <= campaigns["clicks_all"]).all()
        span = workspace.sql('select max(created_at) - min(created_at) as span from "order"')["span"][0]
        assert span.days > 500
        (calls,) = workspace.report("calls").df().to_dict("records")
        assert calls["called"] > 10 and 0 < calls["reached"] < calls["called"] and calls["do_not_call"] == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_answers_its_question(path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELDUCK_HOME", str(demo))
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs stay out of the repository"
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_a_live_campaign_is_sent_once_and_the_report_finds_its_robots(demo: Path) -> None:
    with serving(demo) as process:
        told = until(process, "Look at it:")
        address = re.search(r"Look at it: (http://127\.0\.0\.1:\d+)", told)
        assert address is not None and httpx.get(address[1]).status_code == 200
    truth = re.search(r"really did: ([\d,]+) people opened, ([\d,]+) clicked, ([\d,]+) ordered", told)
    robots = re.search(r"([\d,]+) of ([\d,]+) requests to mail links were machines'", told)
    assert truth is not None and robots is not None, told
    opened, clicked, ordered = (int(number.replace(",", "")) for number in truth.groups())
    mails = len(list((demo / "sink").rglob("*.eml")))
    with Workspace.open(demo) as workspace:
        report = workspace.report("efficiency", email_campaign="Offers of the week")
        (row,) = report.df("email campaign").to_dict("records")
        assert row["opens_human"] == opened
        # Whoever clicks the moment a gateway scans the same mail is taken for a machine: a few at most.
        assert clicked - 3 <= row["clicks_human"] <= clicked
        assert ordered - 3 <= row["orders"] <= ordered
        machines = report.df("machines")
        found = machines[(machines["verdict"] == "machine") & machines["rule"].isna()]["hits"].sum()
        expected = int(robots[1].replace(",", ""))
        assert abs(found - expected) <= 0.05 * expected

    with serving(demo) as process:
        until(process, "Ctrl-C stops everything")
    assert len(list((demo / "sink").rglob("*.eml"))) == mails


def test_a_workspace_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "own", name="Mine"):
        pass
    command = [sys.executable, "-m", "analytics.cli", "-w", str(tmp_path / "own"), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "left as it is" in done.stdout
    with Workspace.open(tmp_path / "own") as workspace:
        assert workspace.sql("select count(*) as n from customer_user")["n"][0] == 0


def test_a_demo_interrupted_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    environment = {**os.environ, "SHELDUCK_HOME": str(tmp_path / "demo")}
    command = [sys.executable, "-u", "-m", "analytics.cli", "demo", "--size", "small"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    until(process, "imported the shop's export")
    process.kill()
    process.communicate()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "made anew" in done.stdout
    with Workspace.open(tmp_path / "demo") as workspace:
        assert len(workspace.report("efficiency").df("email campaign")) == 4
