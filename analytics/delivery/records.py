"""The values the parts of a delivery hand each other."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

State = Literal[
    "planned",
    "leased",
    "handed",
    "accepted",
    "deferred",
    "rejected",
    "uncertain",
    "skipped",
    "held_out",
    "bounced",
    "complained",
    "unsubscribed",
]
Status = Literal["scheduled", "freezing", "confirm", "sending", "paused", "done", "cancelled"]

UNDECIDED: tuple[State, ...] = ("planned", "leased", "handed", "deferred")
"""States a sending still has to work on."""


@dataclass(frozen=True)
class Row:
    """One leased row of the ledger. `values` is the JSON text of the template's variables."""

    id: int
    address_key: str
    address: str
    entity_key: str
    message_id: str
    values: str
    attempts: int


@dataclass(frozen=True)
class Handed:
    """A mail that is about to leave. `links` are the personal targets by number."""

    id: int
    body_sha256: bytes
    links: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What became of a row. `due_at` is when a deferred one may be tried again; `attempts` counts the tries so far."""

    row: Row
    state: State
    code: str | None
    reason: str | None
    attempts: int
    due_at: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What a mail transaction came to.

    `counts` tells whether it was a try of this recipient's; `fatal` that the server refuses us altogether (it wants a
    log-in), so that no other recipient would fare better.
    """

    state: Literal["accepted", "deferred", "rejected", "uncertain"]
    code: str
    counts: bool = True
    fatal: bool = False


@dataclass(frozen=True)
class Sent:
    """What `drain` did: how many rows came to each state, and when the next deferred one is due (None: none is)."""

    sending_id: int
    status: Status
    accepted: int
    deferred: int
    rejected: int
    uncertain: int
    skipped: int
    next_due: datetime | None
    seconds: float

    @property
    def handled(self) -> int:
        """Rows that came to some result."""
        return self.accepted + self.deferred + self.rejected + self.uncertain + self.skipped


@dataclass(frozen=True)
class Tuning:
    """How a sender behaves; the defaults are right for real servers.

    retry: waits before a deferred row's next tries, after the last of them it is rejected. lease: how long a row is
    leased. sender_ttl: how long a killed sender keeps others out. patience: how long to wait for another sender.
    reconnect: first and longest pause of a connection that failed. most_failures: connections failing in a row that
    pause the sending. reply: how long to wait for a reply (RFC 5321 4.5.3.2). tls: in place of the system's trust.
    """

    batch: int = 100
    retry: tuple[timedelta, ...] = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720))
    lease: timedelta = timedelta(minutes=10)
    sender_ttl: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(0)
    reconnect: tuple[float, float] = (0.5, 30.0)
    most_failures: int = 50
    first_checked: int = 500
    most_rejected: int = 50
    connect: float = 30.0
    reply: float = 300.0
    final_reply: float = 600.0
    tls: ssl.SSLContext | None = None


DrainResult = Sent


@dataclass(frozen=True)
class Delivery:
    """A row of the ledger as people look at it."""

    id: int
    sending_id: int
    address: str
    entity_key: str
    arm: str | None
    state: State
    reason: str | None
    code: str | None
    attempts: int
    due_at: datetime
    handed_at: datetime | None
    accepted_at: datetime | None
    updated_at: datetime
    message_id: str
    values: Mapping[str, Any]
