"""`shelduck demo`: a shop that lives, made in a minute, marked as a demo."""

from __future__ import annotations

import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.model.progress import Progress
from analytics.store import Folder
from analytics.store.meta import get_meta, set_meta

if TYPE_CHECKING:
    from analytics.demo.play import Stage
    from analytics.services import Services

SEED = 2026
_SETTINGS = {
    "name": "Marlow & Finch (demo)",
    "timezone": "Europe/Berlin",
    "base_currency": "EUR",
    "sender_name": "Marlow & Finch",
    "sender_email": "shop@example.com",
}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(demo)


def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Then start everything and send a campaign live.")] = False,
    seed: Annotated[int, typer.Option(help="The shop is made from this number.")] = SEED,
    size: Annotated[str, typer.Option(help="full: 5,000 customer users; small: 400, for a quick look.")] = "full",
) -> None:
    """Make the demo shop with 18 months of orders and four past campaigns; with --serve send a fifth one live.

    A workspace that is no demo is never changed: --serve then just serves it.
    """
    from analytics.bootstrap import open_services
    from analytics.demo.shop import SIZES

    if size not in SIZES:
        raise typer.BadParameter(f"{size!r} is no size; there are {', '.join(SIZES)}.")
    folder = Folder(Folder.find() or Path.cwd() / "data")
    if _mark(folder).exists():
        common.console.print("The demo was interrupted while it was made; it is made anew.")
        _clear(folder)
    if folder.is_workspace:
        with open_services(folder) as services:
            known = get_meta(services.store.state, "demo")
        if known is None:
            common.console.print(f"{folder.root} is a workspace of your own: it is left as it is.", markup=False)
    if not folder.is_workspace:
        _make(folder, seed, size)
    if serve:
        _serve(folder)


def _make(folder: Folder, seed: int, size: str) -> None:
    from analytics.bootstrap import create_services
    from analytics.demo.play import Stage, play_past
    from analytics.demo.shop import SIZES, make_shop
    from analytics.model.clock import SimulatedClock

    begun, today = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
    common.console.print(f"Making the demo shop in {folder.root} (seed {seed})", markup=False, soft_wrap=True)
    shop = make_shop(seed, today, SIZES[size])
    counts = ", ".join(f"{len(table):,} {name.replace('_', ' ')}s" for name, table in shop.tables.items())
    common.console.print(f"  {counts}", soft_wrap=True)
    clock = SimulatedClock(shop.opened_at)
    folder.make()
    _mark(folder).touch()
    with create_services(folder, clock=clock, settings=_SETTINGS) as services, common.bar() as progress:
        state = services.store.state
        set_meta(state, "demo", {"seed": seed, "size": size, "today": today.isoformat()})
        play_past(Stage(services, shop, seed, _say, progress), clock, today)
    _mark(folder).unlink()
    common.console.print(f"The past was played in {time.monotonic() - begun:,.0f} seconds.")


def _serve(folder: Folder) -> None:
    from analytics.bootstrap import open_services
    from analytics.cli.serve import serve_all

    with open_services(folder) as services:
        known = get_meta(services.store.state, "demo")
        is_new = known is not None and not known.get("live")
        raise typer.Exit(serve_all(services, lambda stop: _tell(services, stop) if is_new else None))


def _tell(services: Services, stop: threading.Event) -> None:
    """Send the live campaign and tell what came of it; a failure is told too, and what runs goes on."""
    from analytics.cli import report
    from analytics.demo.live import Stopped, await_ingest, play_live
    from analytics.errors import AnalyticsError

    addresses = get_meta(services.store.state, "addresses")
    try:
        with common.bar() as progress:
            stage = _stage(services, progress)
            played = play_live(stage, addresses["collector"], stop)
            if played is None:
                return
            await_ingest(stage, datetime.now(UTC), stop)
        report.draw(services.reports.efficiency())
        truth = played.truth
        common.console.print(
            f"What the recipients of {played.campaign!r} really did: {truth.opened:,} people opened, {truth.clicked:,} "
            f"clicked, {played.orders:,} ordered, {truth.unsubscribed:,} unsubscribed; {truth.machine_requests:,} of "
            f"{truth.requests:,} requests to mail links were machines'.",
            markup=False,
            soft_wrap=True,
        )
        common.console.print(f"Look at it: {addresses['dashboard']}   (Ctrl-C stops everything)", soft_wrap=True)
    except Stopped:
        return
    except AnalyticsError as error:
        common.notes.print(str(error), style="red", markup=False, soft_wrap=True)


def _stage(services: Services, progress: Progress) -> Stage:
    from analytics.demo.play import Stage
    from analytics.demo.shop import SIZES, make_shop

    known = get_meta(services.store.state, "demo")
    shop = make_shop(known["seed"], datetime.fromisoformat(known["today"]), SIZES[known["size"]])
    return Stage(services, shop, known["seed"], _say, progress)


def _say(line: str) -> None:
    common.console.print(f"  {line}", markup=False, soft_wrap=True)


def _mark(folder: Folder) -> Path:
    """Return the file that stands while a demo is being made: what is there then is nobody's own."""
    return folder.root / ".demo-in-the-making"


def _clear(folder: Folder) -> None:
    """Remove a half-made demo; entity declarations stay, they are the user's or the checkout's."""
    folder.settings_file.unlink(missing_ok=True)
    for part in folder.parts:
        if part != folder.model:
            shutil.rmtree(part, ignore_errors=True)
    for name in ("sink", "frozen"):
        shutil.rmtree(folder.root / name, ignore_errors=True)
    for file in folder.root.glob(f"{folder.state_file.name}*"):
        file.unlink()
    _mark(folder).unlink()
