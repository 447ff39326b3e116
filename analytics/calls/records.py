"""The values the parts of calling hand each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Status = Literal["due", "new", "waiting", "closed", "given_up", "do_not_call"]


@dataclass(frozen=True)
class CallCampaign:
    """One call campaign, with the names of what it refers to. `cost` is in the workspace's base currency.

    After `most_attempts` calls in a row that nobody answered a person is left alone.
    """

    id: int
    name: str
    description: str | None
    list_id: int
    list_name: str
    entity: str
    script: str
    most_attempts: int
    marketing_campaign_id: int | None
    marketing_campaign_name: str | None
    code: str | None
    cost: Decimal | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Call:
    """One call that was made, or tried."""

    id: int
    call_campaign_id: int
    campaign: str
    request_key: str
    phone_key: str
    entity_key: str
    person: str
    outcome: str
    note: str | None
    caller: str | None
    next_call_at: datetime | None
    at: datetime


@dataclass(frozen=True)
class LocalTime:
    """What the clocks say where a number is. `zones` is empty where nobody knows.

    `earliest` and `latest` differ where a number may be in several zones; `is_calling_time` is None where it depends
    on the zone or nothing is known.
    """

    zones: tuple[str, ...]
    earliest: datetime | None
    latest: datetime | None
    is_calling_time: bool | None


@dataclass(frozen=True)
class SheetLine:
    """One number of a campaign and where it stands. `keys` are all rows that share the number, the first one first."""

    phone_key: str
    entity_key: str
    keys: tuple[str, ...]
    title: str
    person: str
    status: Status
    attempts: int
    last_outcome: str | None
    last_at: datetime | None
    next_call_at: datetime | None


@dataclass(frozen=True)
class Contact:
    """One earlier contact: a mail that left, or a call. `what` is the campaign, `how` what came of it."""

    at: datetime
    channel: Literal["email", "phone"]
    what: str
    how: str
    note: str | None = None
    caller: str | None = None


@dataclass(frozen=True)
class NextCall:
    """The person a caller has now: nobody else is given the number until `until` (the machine's time)."""

    campaign: CallCampaign
    line: SheetLine
    international: str
    script: str
    local: LocalTime
    history: tuple[Contact, ...]
    until: datetime


@dataclass(frozen=True)
class Progress:
    """Where a campaign stands, in numbers to dial (rows that share one count once).

    `members` counts rows. `problems` says how many rows have a number that cannot be dialled, by reason. `outcomes`
    counts numbers by their last outcome.
    """

    members: int
    problems: Mapping[str, int]
    numbers: int
    due: int
    new: int
    waiting: int
    closed: int
    given_up: int
    do_not_call: int
    claimed: int
    calls: int
    called: int
    reached: int
    next_at: datetime | None
    outcomes: Mapping[str, int]

    @property
    def is_done(self) -> bool:
        """Whether nobody is left to call, now or later."""
        return self.due + self.new + self.waiting == 0

    @property
    def ready(self) -> int:
        """How many can be called now."""
        return self.due + self.new
