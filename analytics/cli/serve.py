"""`shelduck serve` and its three parts: dashboard, collector and worker."""

from __future__ import annotations

import signal
import sys
import threading
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer

from analytics.cli import common
from analytics.cli.supervise import Part, Supervisor, command, leave_with_supervisor
from analytics.errors import SettingsError
from analytics.store.addresses import address_of, free_port, port_of, take_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analytics.services import Services

_HOST = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(serve)
    app.command()(dashboard)
    app.command()(collector)
    app.command()(worker)


def serve() -> None:
    """Start dashboard, collector and worker together; Ctrl-C stops all of them."""
    with common.services() as services:
        raise typer.Exit(serve_all(services))


def serve_all(services: Services, meanwhile: Callable[[threading.Event], None] | None = None) -> int:
    """Run the three parts of the workspace until Ctrl-C; returns the exit code. `meanwhile` is called once they run."""
    addresses = take_addresses(services.store)
    parts = [
        Part(
            name,
            command("--workspace", str(services.store.folder.root), name, *_port(addresses, name)),
            environment={"PYTHONUNBUFFERED": "1"},
        )
        for name in ("collector", "worker", "dashboard")
    ]
    log = services.store.folder.logs / "serve.log"

    def tell(stop: threading.Event) -> None:
        # By now Ctrl-C is heard: who reads that it stops everything may press it.
        common.console.print(f"Dashboard  {addresses['dashboard']}", soft_wrap=True)
        common.console.print(f"Collector  {addresses['collector']}", soft_wrap=True)
        common.console.print(f"Log        {log}", soft_wrap=True, markup=False)
        common.console.print("Ctrl-C stops everything.")
        if meanwhile is not None:
            meanwhile(stop)

    return Supervisor(parts, log, lambda line: common.notes.print(line, markup=False)).run(tell)


def _port(addresses: Mapping[Any, str], name: str) -> list[str]:
    return ["--port", str(port_of(addresses[name]))] if name in addresses else []


def dashboard(port: Annotated[int, typer.Option(help="By default the one of last time, if it is free.")] = 0) -> None:
    """Start the dashboard alone, on this machine only."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web.cli import main as streamlit

    with common.services() as services:
        port = port or free_port(_HOST, port_of(address_of(services.store, "dashboard")))
    leave_with_supervisor()
    common.console.print(f"Dashboard  http://{_HOST}:{port}")
    options = {
        "server.address": _HOST,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    # Beside a folder pages/ a fresh server takes the first deep link for one of its old kind of pages: "not found".
    PagesManager.uses_pages_directory = False
    flags = [f"--{name}={value}" for name, value in options.items()]
    streamlit(["run", str(app_file()), *flags], prog_name="streamlit")


def collector(
    port: Annotated[int, typer.Option(help="By default the one that links in mails lead to.")] = 0,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; another than 127.0.0.1 needs public_url.")
    ] = None,
) -> None:
    """Start the collector alone: opens, clicks, unsubscribes and page visits arrive there."""
    from analytics.collector.serve import run

    log_lines()
    leave_with_supervisor()
    with common.services() as services:
        settings = services.store.settings
        port = port or port_of(address_of(services.store, "collector"))
        run(services.store, host or settings.collector_host, port)


def worker() -> None:
    """Start the worker alone: it sends, ingests, imports and tidies up."""
    from analytics.worker import Worker

    log_lines()
    leave_with_supervisor()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with common.services() as services:
        Worker(services).run(stop)


def app_file() -> Path:
    """Return the dashboard's script: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(str(resources.files("analytics")))
    for candidate in (package.parent / "app.py", package / "_shipped" / "app.py"):
        if candidate.is_file():
            return candidate
    raise SettingsError("dashboard", str(package), "app.py beside the package; install Shelduck again")


def log_lines() -> None:
    """Make the log of this process plain lines on stdout, each with its time."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False, sort_keys=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
