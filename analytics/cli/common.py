"""What every command shares: the workspace, tables on the terminal, progress with rate and time left."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from analytics.model.progress import Progress

if TYPE_CHECKING:
    from analytics.services import Services

_FIGURE = re.compile(r"[+-]?[0-9][0-9,.]*( %| [A-Z]{3})?")
_PRINT_SECONDS = 5.0
_FILE_WIDTH = 160  # characters of a line where the output is no terminal: nobody wraps a file at 80

console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
"""Where results go."""

notes = Console(stderr=True, highlight=False)
"""Where progress, warnings and errors go."""


@contextmanager
def services() -> Iterator[Services]:
    """Yield the services of the workspace the command line means (--workspace, SHELDUCK_HOME, or found upward)."""
    from analytics.bootstrap import open_services

    with open_services() as opened:
        yield opened


def use_workspace(folder: str | None) -> None:
    """Make `folder` the workspace of this command."""
    if folder:
        os.environ["SHELDUCK_HOME"] = folder


@contextmanager
def bar() -> Iterator[Progress]:
    """Yield a Progress that draws one line a kind of work on stderr: count, rate, time left.

    Where stderr is no terminal it prints a line every five seconds instead.
    """
    if notes.is_terminal:
        with Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=notes,
            transient=True,
        ) as bars:
            yield _Drawn(bars)
    else:
        yield _Printed()


class _Drawn:
    """Bars on a terminal, one a kind of work; a finished one goes."""

    def __init__(self, bars: Bars) -> None:
        self._bars, self._tasks = bars, dict[str, Any]()

    def __call__(self, done: int, total: int | None, what: str) -> None:
        if total is not None and done >= total:
            if what in self._tasks:
                self._bars.remove_task(self._tasks.pop(what))
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total, rate="")
        task = self._tasks[what]
        speed = next((t.speed for t in self._bars.tasks if t.id == task), None)
        self._bars.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")


class _Printed:
    """Lines for what takes long, where there is no terminal to draw on."""

    def __init__(self) -> None:
        self._begun = self._last = datetime.now(UTC)
        self._what = ""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        now = datetime.now(UTC)
        if what != self._what:
            self._begun = self._last = now
            self._what = what
        if (now - self._last).total_seconds() < _PRINT_SECONDS:
            return
        self._last = now
        rate = done / (now - self._begun).total_seconds()
        left = f", {(total - done) / rate:,.0f} s left" if total is not None and rate else ""
        of = f" of {total:,}" if total is not None else ""
        notes.print(f"{what}: {done:,}{of}, {rate:,.0f}/s{left}")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print rows as a table; numbers are set right. Values may come from anybody, so they are never read as markup."""
    listed = [list(row) for row in rows]
    drawn = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for n, name in enumerate(columns):
        values = [row[n] for row in listed if row[n] not in (None, "")]
        right = bool(values) and all(_is_figure(value) for value in values)
        drawn.add_column(name, justify="right" if right else "left")
    for row in listed:
        drawn.add_row(*(_plain(value) for value in row))
    console.print(drawn)


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) or bool(isinstance(value, str) and _FIGURE.fullmatch(value))


def _plain(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return escape("".join(ch if ch.isprintable() else "·" for ch in str(value)))


def moment(text: str | None, zone: str) -> datetime | None:
    """Return the aware time a person wrote, ISO date or date and time; naive ones are of the time zone `zone`.

    A mere date means its first moment. Raises typer.BadParameter saying what would be right.
    """
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-24 or 2026-11-24T14:30.") from None
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def day(text: str | None) -> date | None:
    """Return the date a person wrote as 2026-11-24; raises typer.BadParameter saying what would be right."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write it as 2026-11-24.") from None


def confirmed(question: str, yes: bool) -> bool:
    """Ask on a terminal unless `yes`; elsewhere only `yes` counts as consent."""
    if yes:
        return True
    if not sys.stdin.isatty():
        notes.print(f"{question} Say so with --yes.")
        return False
    return typer.confirm(question)
