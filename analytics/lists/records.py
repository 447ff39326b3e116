"""What lists are as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from analytics.segments import Definition

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("dynamic", "static")
SOURCES = ("definition", "picked", "uploaded")
"""Where the members of a list come from: its definition, people who pick them, files of theirs."""


@dataclass(frozen=True)
class MarketingList:
    """A marketing list: who is meant, and at which contact they are reached.

    `definition` is what counts: with a stored segment its rows, with the list's own columns, sort and conditions.
    `own` is what the list itself adds to the segment, the same as `definition` without one.
    """

    id: int
    name: str
    description: str | None
    entity: str
    kind: str  # dynamic: asked anew each time; static: members as of the last refresh
    channel: str  # email, phone
    contact: str  # name of the entity's contact path
    definition: Definition
    own: Definition
    segment: str | None  # name of the stored segment it is built on
    version: int
    generation: int
    refreshed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    source: str = "definition"  # of a static list's members: definition, picked, uploaded
    keeps_contacted: bool = False  # whether rows it contacted stay when the definition no longer has them

    @property
    def is_static(self) -> bool:
        """Whether members are written down and stay until somebody changes them."""
        return self.kind == "static"

    @property
    def is_refreshable(self) -> bool:
        """Whether its written members come from its definition, which may give others by now."""
        return self.is_static and self.source == "definition"

    @property
    def kind_label(self) -> str:
        """What people call this kind of list: dynamic, static, manual or uploaded."""
        return {"picked": "manual", "uploaded": "uploaded"}.get(self.source, self.kind)


@dataclass(frozen=True)
class ListCounts:
    """How many rows a list has. Removed rows are no members; unsubscribed ones are, but are not mailed.

    `without_contact` are among those not unsubscribed. `suppressed` are members nobody mails or calls whatever the list
    (their address, its domain, their number), unsubscribed ones included; `reachable` the members with nothing in the
    way. Of a telephone list also: members with a number that cannot be dialled, and members whose number another member
    has too, who make one call together with that one.
    """

    members: int
    removed: int
    unsubscribed: int
    without_contact: int
    suppressed: int
    reachable: int
    bad_numbers: int = 0
    shared_numbers: int = 0


@dataclass(frozen=True)
class Members:
    """A page of members.

    `rows`: entity_key, title, address, contacted_times, last_contacted_at, is_subscribed, then c0, c1, ... for the
    list's own columns; `labels` names all of them for people. `total` is the number of members that match the search.
    """

    rows: pa.Table
    labels: tuple[str, ...]
    total: int

    @property
    def df(self) -> pd.DataFrame:
        """The page as a pandas frame under names for people."""
        return self.rows.rename_columns(list(self.labels)).to_pandas()


@dataclass(frozen=True)
class Refresh:
    """What a refresh of a static list changes: keys that come in and go out, and how many members it has then."""

    total: int
    entered: tuple[str, ...]
    left: tuple[str, ...]
