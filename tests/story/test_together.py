"""Dashboard, collector, worker, command line and a notebook at the same time on the same data."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pandas as pd

from analytics import Workspace
from tests.story.conftest import BROWSER, SECONDS

ROUNDS, USERS, HITS = 5, 60, 240


def users(number: int) -> pd.DataFrame:
    """Everybody bears the number of the import, so a half-written one would show two."""
    names = [f"u{n:02d}" for n in range(USERS)]
    return pd.DataFrame(
        {
            "id": names,
            "email": [f"{name}@example.com" for name in names],
            "first_name": f"round {number}",
            "enabled": True,
            "created_at": "2026-01-01T00:00:00Z",
        }
    )


def test_five_at_once_see_whole_states_and_no_lock(
    shelduck: Callable[..., str], collector: Callable[[], str], tmp_path: Path
) -> None:
    home: Path = shelduck.home  # type: ignore[attr-defined]
    shelduck("init", "--name", "Busy shop")
    users(0).to_csv(tmp_path / "users.csv", index=False)
    shelduck("import", str(tmp_path / "users.csv"), "--entity", "customer_user")
    (tmp_path / "all.yaml").write_text("entity: customer_user\nwhere: {field: enabled, is: 'yes'}\n")
    shelduck("list", "create", "Everybody", "--segment", str(tmp_path / "all.yaml"))
    shelduck("template", "save", "Hello", "--starter", "Plain letter")
    shelduck("campaign", "create", "First", "--list", "Everybody", "--template", "Hello")

    address = collector()
    environment = {**os.environ, "SHELDUCK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = tmp_path / "done"
    worker = subprocess.Popen(
        [sys.executable, "-m", "analytics.cli", "worker"], env=environment, stdout=subprocess.PIPE, text=True
    )
    pages = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("read_pages.py")), str(done)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stop, troubles, seen = threading.Event(), [], []
    threads = [
        threading.Thread(target=hit, args=(address, troubles)),
        threading.Thread(target=ask, args=(home, stop, seen, troubles)),
    ]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, ROUNDS + 1):
            users(number).to_csv(tmp_path / "users.csv", index=False)
            shelduck("import", str(tmp_path / "users.csv"), "--entity", "customer_user")
            if number == 2:
                # The worker may have taken it already, or take it from here: both are right.
                shelduck("send", "First", "--yes")
        threads[0].join(SECONDS)
        await_events(home)
    finally:
        stop.set()
        done.touch()
        for thread in threads:
            thread.join(SECONDS)
        said, wrong = pages.communicate(timeout=2 * SECONDS)
        worker.terminate()
        log, _ = worker.communicate(timeout=SECONDS)

    assert troubles == []
    assert pages.returncode == 0 and said.strip().endswith("rounds") and said.count("\n") == 1, said + wrong
    assert "error" not in log.lower() and "locked" not in log.lower(), log
    assert seen == sorted(seen) and len(set(seen)) > 1, "a reader went back in time, or saw nothing happen"
    with Workspace.open(home) as workspace:
        assert workspace.sql("select distinct first_name as name from customer_user")["name"].tolist() == [
            f"round {ROUNDS}"
        ]
        assert workspace.sql("select count(*) as n from events where kind = 'page_view'")["n"][0] == HITS
        (row,) = workspace.report("efficiency").df("email campaign").to_dict("records")
        assert (row["recipients"], row["delivered"]) == (USERS, USERS)


def hit(address: str, troubles: list[str]) -> None:
    """Send page views to the collector; each has to be taken."""
    with httpx.Client(headers={"User-Agent": BROWSER}, timeout=SECONDS) as client:
        for number in range(HITS):
            parameters = {
                "idsite": "1",
                "rec": "1",
                "_id": f"{number % 20:016x}",
                "url": f"https://shop.example.com/{number}",
            }
            answer = client.get(f"{address}/matomo.php", params=parameters)
            if answer.status_code != 200:
                troubles.append(f"hit {number}: {answer.status_code}")


def ask(home: Path, stop: threading.Event, seen: list[int], troubles: list[str]) -> None:
    """Ask what a notebook asks, over and over; note the import that was seen."""
    with Workspace.open(home) as workspace:
        while not stop.is_set():
            try:
                names = workspace.sql("select distinct first_name as name from customer_user")["name"].tolist()
                workspace.report("efficiency").df()
            except Exception as error:  # whatever it is, the test is to name it
                troubles.append(repr(error))
                return
            if len(names) != 1:
                troubles.append(f"half an import was seen: {names}")
                return
            seen.append(int(names[0].split()[1]))


def await_events(home: Path) -> None:
    """Wait until the worker has put every hit into the lake."""
    deadline = time.monotonic() + SECONDS
    with Workspace.open(home) as workspace:
        while workspace.sql("select count(*) as n from events")["n"][0] < HITS:
            assert time.monotonic() < deadline, "the worker did not take in the hits"
            time.sleep(0.2)
