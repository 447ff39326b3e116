"""A collector of one's own process and people who answer mails, for stories told from end to end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest

from analytics import Workspace
from analytics.store.addresses import address_of

SECONDS = 60.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture
def shelduck(tmp_path: Path) -> Callable[..., str]:
    """Run a command line in the workspace `shop` below tmp_path; its output comes back, a failure fails the test."""
    home = tmp_path / "Jürgen's shop"

    def run(*arguments: str, fails: int = 0) -> str:
        environment = {**os.environ, "SHELDUCK_HOME": str(home), "COLUMNS": "160"}
        command = [sys.executable, "-m", "analytics.cli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == fails, f"shelduck {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    run.home = home  # type: ignore[attr-defined]
    return run


@pytest.fixture
def collector(shelduck: Callable[..., str]) -> Iterator[Callable[[], str]]:
    """Start the collector of the workspace as its own process; returns its address, the one mails lead to."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> str:
        home = shelduck.home  # type: ignore[attr-defined]
        with Workspace.open(home) as workspace:
            address = address_of(workspace.services.store, "collector")
        command = [sys.executable, "-m", "analytics.cli", "collector"]
        process = subprocess.Popen(command, env={**os.environ, "SHELDUCK_HOME": str(home)}, stdout=subprocess.DEVNULL)
        started.append(process)
        deadline = time.monotonic() + SECONDS
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "the collector did not start"
            try:
                if httpx.get(f"{address}/healthz").status_code == 200:
                    return address
            except httpx.TransportError:
                time.sleep(0.05)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


class Recipient:
    """Somebody with a browser who got a mail."""

    def __init__(self, file: Path, collector: str, number: int) -> None:
        self.message = message_from_bytes(file.read_bytes(), policy=policy.default)
        self.address = str(self.message["To"].addresses[0].addr_spec)
        self.html = self.message.get_body(("html",)).get_content().replace("&amp;", "&")
        self.client = httpx.Client(
            headers={"User-Agent": BROWSER, "X-Forwarded-For": f"198.18.7.{number}"}, follow_redirects=False
        )
        self._collector, self._number = collector, number

    def links(self) -> list[str]:
        return list(dict.fromkeys(re.findall(r'href="([^"]+/c/[^"]+)"', self.html)))

    def open(self) -> None:
        (pixel,) = re.findall(r'src="([^"]+/o/[^"]+)"', self.html)
        assert self.client.get(pixel).headers["content-type"] == "image/gif"

    def click(self, number: int = 0) -> str:
        answer = self.client.get(self.links()[number])
        assert answer.status_code == 302
        return answer.headers["location"]

    def unsubscribe(self) -> None:
        (url,) = re.findall(r"<(http[^>]+/u/[^>]+)>", self.message["List-Unsubscribe"])
        answer = self.client.post(url, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200

    def hit(self, **parameters: str) -> None:
        common = {"rec": "1", "_id": f"{self._number:016x}", "send_image": "0"}
        assert self.client.get(f"{self._collector}/matomo.php", params={**common, **parameters}).status_code == 204


@pytest.fixture
def recipients(shelduck: Callable[..., str]) -> Iterator[Callable[[str], dict[str, Recipient]]]:
    """Everybody whose mail is in the sink, by address; they reach the collector at the given one."""
    everybody: list[Recipient] = []

    def read(collector: str) -> dict[str, Recipient]:
        files = sorted((shelduck.home / "sink").rglob("*.eml"))  # type: ignore[attr-defined]
        everybody.extend(Recipient(file, collector, number) for number, file in enumerate(files, 1))
        assert len({p.address for p in everybody}) == len(everybody), "somebody got two mails"
        return {p.address: p for p in everybody}

    yield read
    for person in everybody:
        person.client.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small demo shop whose past was played."""
    home = tmp_path_factory.mktemp("demo") / "Müller & Söhne #1"
    environment = {**os.environ, "SHELDUCK_HOME": str(home)}
    command = [sys.executable, "-m", "analytics.cli", "demo", "--size", "small"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return home
