"""How long work tells how far it is: one callable, drawn by a command line or kept in the jobs table."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Takes how many of how many are done; called from the thread that works, some times a second at most."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Note that `done` of `total` (None: not known yet) units of `what` ("rows", "mails") are done."""
        ...


def silent(done: int, total: int | None, what: str) -> None:
    """Show nothing."""
