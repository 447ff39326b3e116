"""Commands that send: look before, queue, freeze, send with progress; then pause, resume, cancel, settle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.errors import DeliveryError, SenderBusy

if TYPE_CHECKING:
    from analytics.delivery import Preflight, Sending, SendingStatus
    from analytics.model.progress import Progress
    from analytics.services import Services

sendings = typer.Typer(
    help="One sending: pause, resume, cancel, confirm, settle what is uncertain.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[int, typer.Argument(help="Number of the sending, as `shelduck sendings` shows it.")]
_POLL_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("send")(send)
    app.command("sendings")(all_sendings)
    app.add_typer(sendings, name="sending")


def send(
    campaign: Annotated[str, typer.Argument(help="Email campaign, by name or number.")],
    at: Annotated[str | None, typer.Option(help="Start then, as 2026-11-24T14:30; the worker sends it.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Choose the audience as of then; later data is hidden.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry: Annotated[bool, typer.Option(help="Only look what would be sent.")] = False,
    again: Annotated[bool, typer.Option(help="Send it once more although it was sent before.")] = False,
) -> None:
    """Send an email campaign, or go on with a sending of it that is not finished.

    Ctrl-C stops after the mails that are under way; the same command goes on.
    """
    with common.services() as services:
        zone = services.store.settings.timezone
        start, fixed = common.moment(at, zone), common.moment(as_of, zone)
        service = services.sendings
        known = service.all(campaign)
        open_ones = [s for s in known if s.is_unfinished]
        if open_ones and not dry:
            _say(f"Sending {open_ones[0].id} of {open_ones[0].campaign_name!r} is {open_ones[0].status}: going on.")
            _advance(services, open_ones[0].id)
            return
        look = service.preflight(campaign, fixed)
        _show_preflight(look)
        if look.blockers:
            raise typer.Exit(1)
        if dry:
            return
        if known and not again:
            raise DeliveryError(
                f"Campaign {look.campaign_name!r} was sent before (sending {known[0].id}, {known[0].status}). "
                f"Say --again to send it once more to everybody, or clone the campaign."
            )
        if not common.confirmed(f"Send {look.mails:,} mails through {look.server}?", yes):
            raise typer.Exit(1)
        made = service.queue(
            look.campaign_id,
            request_key=f"command line {look.campaign_id}/{len(known) + 1}",
            scheduled_for=start,
            expected_count=look.count,
            as_of=fixed,
        )
        if start is not None and start > services.store.clock.now():
            _say(
                f"Sending {made.id} is scheduled for {start.isoformat()}; a running worker (`shelduck serve`) sends it."
            )
            return
        _advance(services, made.id)


def all_sendings(
    campaign: Annotated[str | None, typer.Argument(help="Email campaign, by name or number; by default all.")] = None,
) -> None:
    """Show sendings, the newest first."""
    with common.services() as services:
        rows = [_row(s, services.sendings.status(s.id)) for s in services.sendings.all(campaign)]
    columns = ("number", "campaign", "status", "mails", "accepted", "left", "uncertain", "failed", "started", "reason")
    common.table(columns, rows)


@sendings.command("show")
def show(number: Number) -> None:
    """Show where a sending stands."""
    with common.services() as services:
        _show_status(services.sendings.get(number), services.sendings.status(number))


@sendings.command("pause")
def pause(number: Number, reason: Annotated[str | None, typer.Option(help="Why, for others.")] = None) -> None:
    """Stop a sending for now; mails under way come to their end."""
    with common.services() as services:
        services.sendings.pause(number, reason)
    _say(f"Sending {number} is paused.")


@sendings.command("resume")
def resume(number: Number) -> None:
    """Go on with a paused sending where it stood."""
    with common.services() as services:
        services.sendings.resume(number)
        _advance(services, number)


@sendings.command("confirm")
def confirm(number: Number) -> None:
    """Agree to the number of people a freeze found, or that a restored sending goes to everybody, and send."""
    with common.services() as services:
        services.sendings.confirm(number)
        _advance(services, number)


@sendings.command("cancel")
def cancel(number: Number, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """End a sending for good: who has no mail yet gets none."""
    with common.services() as services:
        found = services.sendings.get(number)
        if not common.confirmed(f"Cancel sending {number} of {found.campaign_name!r} for good?", yes):
            raise typer.Exit(1)
        services.sendings.cancel(number)
        _show_status(services.sendings.get(number), services.sendings.status(number))


@sendings.command("uncertain")
def uncertain(
    number: Number,
    release: Annotated[bool, typer.Option(help="Send these mails again although they may have arrived.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show the mails of which nobody knows whether they arrived."""
    with common.services() as services:
        found = services.sendings.deliveries(number, "uncertain", limit=1_000_000)
        common.table(
            ("delivery", "address", "handed over", "why", "last reply"),
            [(d.id, d.address, d.handed_at, d.reason, d.code) for d in found],
        )
        if not release or not found:
            return
        question = f"Send {len(found):,} mails again? Some of these people may get them twice."
        if not common.confirmed(question, yes):
            raise typer.Exit(1)
        count = services.sendings.release_uncertain([d.id for d in found])
        _say(f"{count:,} mails wait to be sent again; they keep their Message-ID.")
        if services.sendings.get(number).status == "sending":
            _advance(services, number)


# --- parts ---


def _advance(services: Services, number: int) -> None:
    """Bring a sending as far as it goes now, and show what became of it."""
    from analytics.delivery import export_facts

    with stop_by_signal() as stop, common.bar() as progress:
        _work(services, number, progress, stop)
        export_facts(services.store)  # no worker may run: reports should know all the same
    found, status = services.sendings.get(number), services.sendings.status(number)
    _show_status(found, status)
    if stop.is_set():
        _say("Stopped; the same command goes on.")
        raise typer.Exit(130)
    if status.status in ("confirm", "paused", "cancelled"):
        raise typer.Exit(1)


def _work(services: Services, number: int, progress: Progress, stop: threading.Event) -> None:
    while not stop.is_set():
        status = services.sendings.get(number)
        if status.status == "freezing" or (
            status.status == "scheduled" and status.scheduled_for <= services.store.clock.now()
        ):
            services.sendings.freeze(number, progress)
            continue
        if status.status != "sending":
            return
        try:
            sent = services.sendings.drain(number, progress, stop=stop)
        except SenderBusy:
            _follow(services, number, progress, stop)
        else:
            if sent.status == "sending" and not sent.handled:
                return  # what is left is due later


def _follow(services: Services, number: int, progress: Progress, stop: threading.Event) -> None:
    """Show what another process does with the sending for a moment."""
    status = services.sendings.status(number)
    progress(status.finished, status.total, "mails")
    stop.wait(_POLL_SECONDS)


@contextmanager
def stop_by_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()
        common.notes.print("Stopping after the mails that are under way ...")

    former = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _show_preflight(look: Preflight) -> None:
    rows: list[tuple[str, object]] = [
        ("campaign", look.campaign_name),
        ("marketing list", f"{look.list_name}, {look.rows:,} rows"),
        ("mails", look.mails),
        ("held out", look.held_out),
        ("same address as another", look.same_address),
        ("no usable address", look.no_address),
        *((f"suppressed: {reason.replace('_', ' ')}", count) for reason, count in sorted(look.suppressed.items())),
        ("links lead to", look.base_url),
        ("sent through", look.server),
    ]
    common.table(("", ""), [(name, f"{value:,}" if isinstance(value, int) else value) for name, value in rows])
    for warning in look.warnings:
        common.notes.print(f"Note: {warning}", style="yellow", markup=False, soft_wrap=True)
    for blocker in look.blockers:
        common.notes.print(f"Blocked: {blocker}", style="red", markup=False, soft_wrap=True)


def _show_status(found: Sending, status: SendingStatus) -> None:
    _say(
        f"Sending {found.id} of {found.campaign_name!r} is {status.status}."
        + (f" {status.reason}" if status.reason else "")
    )
    rows = [(state.replace("_", " "), count) for state, count in status.counts.items() if count]
    if rows:
        common.table(("state", "deliveries"), rows)
    if status.next_due is not None and status.status == "sending":
        wait = max(0.0, (status.next_due - datetime.now(UTC)).total_seconds())
        _say(
            f"The next deferred mail is tried again at {status.next_due.isoformat(timespec='seconds')} "
            f"(in {wait:,.0f} seconds), by a running worker or by this command then."
        )
    if status.counts["uncertain"]:
        _say(f"Look at the uncertain ones with `shelduck sending uncertain {found.id}`.")
    if status.status == "confirm" or found.is_undecided:
        _say(f"Agree with `shelduck sending confirm {found.id}`, or `shelduck sending cancel {found.id}`.")
    elif status.status == "paused":
        _say(f"Go on with `shelduck sending resume {found.id}`.")


def _row(found: Sending, status: SendingStatus) -> tuple[object, ...]:
    counts = status.counts
    left = sum(counts[state] for state in ("planned", "leased", "handed", "deferred"))
    started = None if found.started_at is None else found.started_at.isoformat(timespec="seconds")
    return (
        found.id,
        found.campaign_name,
        status.status,
        status.total,
        counts["accepted"],
        left,
        counts["uncertain"],
        counts["rejected"] + counts["bounced"],
        started,
        status.reason,
    )


def _say(text: str) -> None:
    common.console.print(text, markup=False, soft_wrap=True)
