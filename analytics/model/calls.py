"""What a telephone call may come to, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Outcome:
    """One way a call may end.

    `is_reached`: the person spoke with the caller. `closes`: the campaign does not call this number again, unless a
    next call is agreed. `again_after`: when to try again if nobody says otherwise. `is_attempt`: nobody answered, and
    enough of these in a row end the trying. `suppresses`: the number is never called again, by any campaign.
    """

    name: str
    label: str
    means: str
    is_reached: bool = False
    closes: bool = False
    again_after: timedelta | None = None
    is_attempt: bool = False
    suppresses: bool = False
    needs_time: bool = False


_ALL = (
    Outcome("interested", "Interested", "Reached and interested; done, or called again at the agreed time", True, True),
    Outcome("not_interested", "Not interested", "Reached, but does not want it; done", True, True),
    Outcome("ordered", "Ordered", "Reached and ordered; done", True, True),
    Outcome("call_back", "Call back", "Reached, asks for another time; called again then", True, needs_time=True),
    Outcome("no_answer", "No answer", "Tried again after 4 hours", again_after=timedelta(hours=4), is_attempt=True),
    Outcome("busy", "Busy", "Tried again after 30 minutes", again_after=timedelta(minutes=30), is_attempt=True),
    Outcome("voicemail", "Voicemail", "Tried again after a day", again_after=timedelta(days=1), is_attempt=True),
    Outcome("wrong_number", "Wrong number", "Somebody else answers there; this number is done", closes=True),
    Outcome(
        "do_not_call",
        "Do not call",
        "Asks not to be called; the number is never called again",
        is_reached=True,
        closes=True,
        suppresses=True,
    ),
)

OUTCOMES: Mapping[str, Outcome] = {outcome.name: outcome for outcome in _ALL}
"""Every outcome by name, in the order a person chooses from."""
