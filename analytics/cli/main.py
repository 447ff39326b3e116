"""The command `shelduck`: one entry, one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from analytics.cli import common
from analytics.errors import AnalyticsError

PARTS = (
    "data",
    "audience",
    "lists",
    "segments",
    "consent",
    "tags",
    "template",
    "campaign",
    "sending",
    "calling",
    "tracking",
    "report",
    "serve",
    "demo",
)

app = typer.Typer(
    name="shelduck",
    help="Turn a shop's own data into marketing that can prove its worth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main(
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", "-w", help="Folder of the workspace; by default SHELDUCK_HOME or the nearest one."),
    ] = None,
) -> None:
    """Turn a shop's own data into marketing that can prove its worth.

    Exit codes: 0 done, 1 refused with a sentence on stderr, 2 wrong usage, 130 stopped with Ctrl-C.
    """
    common.use_workspace(workspace)


for _part in PARTS:
    importlib.import_module(f"analytics.cli.{_part}").register(app)


def run(arguments: list[str] | None = None) -> None:
    """Run a command line and leave with its exit code."""
    try:
        app(args=arguments)
    except AnalyticsError as error:
        common.notes.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
