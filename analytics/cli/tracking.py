"""`shelduck ingest` and `shelduck website`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common

if TYPE_CHECKING:
    from analytics.tracking import IngestReport

website = typer.Typer(help="Websites whose visits are tracked.", no_args_is_help=True)

_PAUSE = 1.0  # seconds between two looks at the spool


def register(app: typer.Typer) -> None:
    """Add the commands to `shelduck`."""
    app.command()(ingest)
    app.add_typer(website, name="website")


def ingest(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after about so many lines.")] = None,
) -> None:
    """Put what the collector wrote and what the ledger noted into the lake, each line and fact once."""
    from analytics.calls import export_calls
    from analytics.delivery import export_facts
    from analytics.tracking import apply_control, complete_through
    from analytics.tracking import ingest as take_in

    with common.services() as s:
        while True:
            apply_control(s.store)
            with common.bar() as progress:
                report = take_in(s.store, progress, limit=limit)
            export_facts(s.store)
            export_calls(s.store)
            if report.lines or not follow:
                _print(report)
            if not follow:
                break
            time.sleep(_PAUSE)
        common.console.print(f"Complete through {complete_through(s.store).isoformat(timespec='seconds')}.")


def _print(report: IngestReport) -> None:
    rate = f", {report.lines / report.seconds:,.0f} lines/s" if report.lines and report.seconds else ""
    common.console.print(
        f"{report.lines:,} lines of {report.files:,} files, {report.events:,} events, "
        f"{report.quarantined:,} into quarantine, {report.seconds:.1f} s{rate}."
    )


@website.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    identifier: Annotated[str, typer.Argument(help="What clients send as idsite: letters, digits, _ and -.")],
    url: Annotated[str, typer.Argument(help="Its address, https://shop.example.com.")],
    order_field: Annotated[str, typer.Option(help="The order field that its order numbers equal.")] = "identifier",
    campaign: Annotated[list[str] | None, typer.Option(help="Marketing campaign, by code or id; repeatable.")] = None,
) -> None:
    """Add a tracking website."""
    with common.services() as s:
        campaigns = [s.marketing_campaigns.get(_number_or_name(each)).id for each in campaign or ()]
        made = s.websites.create(name, identifier, url, order_field=order_field, campaigns=campaigns)
        common.console.print(f"Tracking website {made.name} ({made.identifier}) is there.", markup=False)


@website.command("all")
def show_all() -> None:
    """List the tracking websites."""
    with common.services() as s:
        rows = [(w.identifier, w.name, w.url, w.order_field, len(w.campaign_ids)) for w in s.websites.all()]
        common.table(("identifier", "name", "address", "order field", "campaigns"), rows)


@website.command()
def show(identifier: Annotated[str, typer.Argument(help="Identifier or name.")]) -> None:
    """Show one tracking website."""
    with common.services() as s:
        found = s.websites.get(identifier)
        names = {c.id: f"{c.name} ({c.code})" for c in s.marketing_campaigns.all()} if found.campaign_ids else {}
        common.table(
            ("what", "value"),
            [
                ("name", found.name),
                ("identifier", found.identifier),
                ("address", found.url),
                ("order field", found.order_field),
                ("marketing campaigns", ", ".join(names[c] for c in found.campaign_ids)),
                ("created", found.created_at.isoformat(timespec="seconds")),
            ],
        )


@website.command()
def snippet(
    identifier: Annotated[str, typer.Argument(help="Identifier or name.")],
    collector: Annotated[
        str | None, typer.Option(help="Address of the collector; by default the workspace's public_url.")
    ] = None,
    flavour: Annotated[str, typer.Option(help="matomo or oro.")] = "matomo",
) -> None:
    """Print the text to paste into every page of a website."""
    with common.services() as s:
        address = collector or s.store.settings.public_url
        if address is None:
            raise typer.BadParameter("The workspace has no public_url; name the collector with --collector.")
        common.console.print(
            s.websites.snippet(identifier, address, flavour),
            markup=False,
            soft_wrap=True,
            end="",
        )


def _number_or_name(text: str) -> int | str:
    return int(text) if text.isdigit() else text
