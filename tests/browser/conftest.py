"""A real dashboard in a real browser: `streamlit run app.py` on a free port, headless Chromium, a worker beside it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from analytics.services import Services
from analytics.worker.worker import Worker
from tests.pages import workspace

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "tests" / "screenshots"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
SECONDS = 20.0


@pytest.fixture(scope="module")  # longer, and its event loop would be in the way of other modules' asyncio.run
def browser() -> Iterator[Browser]:
    """The system's Chromium, else Playwright's own; a machine without any fails here."""
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=system, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a small shop in it."""
    return workspace.make(tmp_path_factory.mktemp("browser"), filled=True)


@pytest.fixture(scope="module")
def services(root: Path) -> Iterator[Services]:
    """Services over the same workspace, as another process has them."""
    with workspace.services_of(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def worker(services: Services) -> Iterator[None]:
    """A worker that sends, ingests and imports while the test clicks."""
    stop = threading.Event()
    thread = threading.Thread(target=Worker(services).run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def address(root: Path, worker: None) -> Iterator[str]:
    """Where the dashboard of the workspace listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SHELDUCK_HOME": str(root)}) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/_stcore/health", process)
            yield url
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the dashboard stopped while it started"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {SECONDS:.0f} seconds")


@dataclass
class Screen:
    """A browser window on the dashboard. `complaints` are console errors and requests that left the machine."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page by its address and wait until it is drawn."""
        self.page.goto(f"{self.address}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and nothing is being loaded."""
        expect(self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible(
            timeout=SECONDS * 1000
        )
        expect(self.page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=SECONDS * 1000)

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page in tests/screenshots/."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.locator('[data-testid="stMainBlockContainer"]').first.wait_for()
        height = self.page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        size = self.page.viewport_size or WIDE
        self.page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(height + 80, 3000))})
        self.page.wait_for_timeout(350)  # charts and grids draw on a canvas, which has no event to wait for
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        self.page.set_viewport_size(size)

    def sound(self) -> None:
        """Fail if the page shows an error, the console does, or something was loaded from elsewhere."""
        expect(self.page.locator('[data-testid="stException"]')).to_have_count(0)
        expect(self.page.get_by_text(re.compile("Something went wrong"))).to_have_count(0)
        assert not self.complaints, self.complaints


@pytest.fixture
def screen(browser: Browser, address: str) -> Iterator[Screen]:
    """A wide window in the light theme."""
    with window(browser, address) as opened:
        yield opened


class window:  # noqa: N801  # used as a function in `with`
    """A window on the dashboard: theme "light" or "dark", size WIDE or NARROW."""

    def __init__(self, browser: Browser, address: str, theme: str = "light", size: dict[str, int] = WIDE) -> None:
        self._page = browser.new_page(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
        self._screen = Screen(self._page, address)

    def __enter__(self) -> Screen:
        self._page.on("console", self._console)
        self._page.on("request", lambda request: self._request(request.url))
        return self._screen

    def __exit__(self, *_: object) -> None:
        self._page.close()

    def _console(self, message: ConsoleMessage) -> None:
        # On a deep link Streamlit first looks for its own addresses below the page's, then finds them at the root.
        looking = re.search(r"/[^/]+/_stcore/", message.location["url"])
        if message.type == "error" and not looking:
            self._screen.complaints.append(f"{message.text} ({message.location['url']})")

    def _request(self, url: str) -> None:
        if not url.startswith((self._screen.address, self._screen.address.replace("http", "ws"), "data:", "blob:")):
            self._screen.complaints.append(f"asked for {url}")
