"""Commands about calling: campaigns, the next person, outcomes, the sheet on paper and back."""

from __future__ import annotations

import getpass
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common

if TYPE_CHECKING:
    from analytics.calls import CallCampaign, NextCall
    from analytics.services import Services

calls = typer.Typer(help="Calls to telephone lists.", no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[str, typer.Argument(help="Name or number of the call campaign.")]
Caller = Annotated[str | None, typer.Option("--as", help="Who calls; by default who is signed in here.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(calls, name="call")


@calls.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the call campaign.")],
    marketing_list: Annotated[str, typer.Option("--list", help="Telephone list, by name or number.")],
    script: Annotated[str, typer.Option(help="What the caller says, or @FILE: a text with the variables of mails.")],
    marketing: Annotated[str | None, typer.Option(help="Code or name of its marketing campaign.")] = None,
    cost: Annotated[str | None, typer.Option(help="What it costs, in the base currency: 12.50.")] = None,
    attempts: Annotated[int, typer.Option(help="Calls in a row nobody answers, then a person is left alone.")] = 5,
) -> None:
    """Make a call campaign."""
    text = _text_of(script)
    with common.services() as s:
        made = s.calls.create(
            name,
            marketing_list=marketing_list,
            script=text,
            marketing_campaign=marketing,
            cost=cost,
            most_attempts=attempts,
        )
        _standing(s, made)


@calls.command("all")
def all_campaigns() -> None:
    """Show every call campaign and how far it is."""
    with common.services() as s, s.engine() as engine:
        rows = []
        for c in s.calls.all():
            p = s.calls.progress(engine, c.id)
            rows.append((c.id, c.name, c.list_name, p.numbers, p.ready, p.waiting, p.called, p.reached, p.do_not_call))
    header = ("number", "name", "list", "numbers", "to call", "later", "called", "reached", "do not call")
    common.table(header, rows)


@calls.command("show")
def show(name: Named) -> None:
    """Show how far a campaign is, and why members cannot be called."""
    with common.services() as s:
        _standing(s, s.calls.get(name))


@calls.command("next")
def next_person(
    name: Named,
    caller: Caller = None,
    any_hour: Annotated[bool, typer.Option("--any-hour", help="Outside calling hours too.")] = False,
) -> None:
    """Show the next person to call, held for you for 15 minutes."""
    with common.services() as s, s.engine() as engine:
        found = s.calls.next(engine, name, _caller(caller), any_hour=any_hour)
        if found is None:
            common.console.print("Nobody is to be called now.")
            return
        _print(found, s.store.settings.timezone)


@calls.command("note")
def note(
    name: Named,
    phone: Annotated[str, typer.Argument(help="The number that was called.")],
    outcome: Annotated[str, typer.Argument(help="interested, not_interested, ordered, call_back, no_answer, ...")],
    text: Annotated[str | None, typer.Option("--note", help="What was said.")] = None,
    next_call: Annotated[str | None, typer.Option("--next", help="When to call again: 2026-11-24T14:30.")] = None,
    at: Annotated[str | None, typer.Option(help="When the call was; by default now.")] = None,
    caller: Caller = None,
    key: Annotated[str | None, typer.Option(help="Request key: the same one again notes no second call.")] = None,
) -> None:
    """Note what came of a call."""
    with common.services() as s, s.engine() as engine:
        zone = s.store.settings.timezone
        made = s.calls.note(
            engine,
            name,
            phone,
            outcome,
            request_key=key or uuid.uuid4().hex,
            caller=_caller(caller),
            note=text,
            next_call_at=common.moment(next_call, zone),
            at=common.moment(at, zone),
        )
    again = f" Next call {made.next_call_at:%Y-%m-%d %H:%M} UTC." if made.next_call_at else ""
    common.console.print(f"{made.phone_key}: {made.outcome}.{again}", markup=False)


@calls.command("sheet")
def sheet(name: Named, limit: Annotated[int, typer.Option(min=1, help="So many lines.")] = 50) -> None:
    """Show the call sheet: those to call now first, then the later ones, then the finished ones."""
    with common.services() as s, s.engine() as engine:
        lines = s.calls.sheet(engine, name).ordered()
        rows = [
            (
                *(line.phone_key, line.title, line.status.replace("_", " "), line.attempts, line.last_outcome),
                f"{line.next_call_at:%Y-%m-%d %H:%M}" if line.next_call_at else None,
            )
            for line in lines[:limit]
        ]
    common.table(("number", "name", "status", "calls", "last outcome", "next call (UTC)"), rows)
    if len(lines) > limit:
        common.console.print(f"{len(lines) - limit:,} more.")


@calls.command("export")
def export(
    name: Named,
    file: Annotated[Path, typer.Argument(help="A file ending in .csv, or in .html to print.")],
    limit: Annotated[int, typer.Option(min=1, help="At most so many people.")] = 50,
    hours: Annotated[float, typer.Option(min=0.1, max=168, help="How long nobody else is given them.")] = 12,
    caller: Caller = None,
) -> None:
    """Take people along on paper: they are held for you, and `shelduck call import` reads the outcomes back."""
    from analytics.calls.files import write_sheet

    with common.services() as s, s.engine() as engine:
        count = write_sheet(s.calls, engine, name, file, _caller(caller), limit, timedelta(hours=hours))
    common.console.print(f"{file}: {count:,} people, held for {hours:g} hours.", markup=False)


@calls.command("import")
def import_outcomes(
    name: Named,
    file: Annotated[Path, typer.Argument(help="The sheet as CSV, outcomes filled in.")],
    caller: Caller = None,
) -> None:
    """Note the outcomes of a sheet; the same file again notes nothing twice. Exit code 1 if lines do not fit."""
    from analytics.calls.files import read_outcomes

    with common.services() as s, s.engine() as engine:
        report = read_outcomes(s.calls, engine, name, file, _caller(caller), s.store.settings.timezone)
    common.console.print(f"{report.noted:,} calls noted, {report.empty:,} lines without an outcome.")
    for number, why in report.bad:
        common.notes.print(f"Line {number}: {why}", style="red", markup=False, soft_wrap=True)
    if report.bad:
        raise typer.Exit(1)


def _caller(named: str | None) -> str:
    return named or getpass.getuser()


def _text_of(script: str) -> str:
    if not script.startswith("@"):
        return script
    try:
        return Path(script[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{script[1:]} cannot be read as text: {error}.") from None


def _standing(s: Services, campaign: CallCampaign) -> None:
    with s.engine() as engine:
        p = s.calls.progress(engine, campaign.id)
    common.console.print(
        f"{campaign.name}: {p.numbers:,} numbers of {p.members:,} members; "
        f"{p.ready:,} to call now, {p.waiting:,} later, "
        f"{p.called:,} called, {p.reached:,} reached, {p.do_not_call:,} under do-not-call.",
        markup=False,
        soft_wrap=True,
    )
    for problem, count in sorted(p.problems.items()):
        common.console.print(f"  cannot be called, {problem}: {count:,}")


def _print(found: NextCall, zone: str) -> None:
    local = found.local
    there = "local time unknown"
    if local.earliest is not None and local.latest is not None:
        span = f"{local.earliest:%H:%M}"
        if local.earliest.replace(tzinfo=None) != local.latest.replace(tzinfo=None):
            span += f" to {local.latest:%H:%M}, several time zones"
        said = {True: "within calling hours", False: "outside calling hours", None: "calling hours depend on the zone"}
        there = f"{span} there, {said[local.is_calling_time]}"
    lines = [f"{found.international}  {found.line.title}", there, "", found.script]
    if found.history:
        lines += ["", "Before:"]
        lines += [
            f"  {c.at:%Y-%m-%d %H:%M} {c.channel} {c.what}: {c.how} {c.note or ''}".rstrip() for c in found.history
        ]
    common.console.print("\n".join(lines), markup=False, soft_wrap=True)
