"""Claims: a number is given to one caller at a time, across all campaigns, until it is noted, given back or run out.

A claim is a row of the state that carries its own end, so a caller whose machine died blocks a number for minutes at
most. Claims run by the machine's time, as leases do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.calls.records import CallCampaign, SheetLine
from analytics.calls.sheet import read_standings, status_of, suppressed_numbers
from analytics.model.clock import SystemClock
from analytics.store import Store
from analytics.store.tables import call_claim

HOLD = timedelta(minutes=15)
"""How long a caller has a number; asking again prolongs it."""


@dataclass(frozen=True)
class Claimant:
    """Who calls: `owner` tells two sessions of one caller apart."""

    caller: str
    owner: str


def claim_one(
    store: Store, campaign: CallCampaign, lines: Iterable[SheetLine], who: Claimant, hold: timedelta = HOLD
) -> tuple[SheetLine, datetime] | None:
    """Give `who` the first of `lines` that may be called and nobody has; returns it and until when.

    Judged anew in the transaction that takes it: what others noted or suppressed meanwhile counts.
    """
    machine, now = SystemClock().now(), store.clock.now()
    with store.state.write() as connection:
        connection.execute(delete(call_claim).where(call_claim.c.until <= machine))
        taken = set(connection.execute(select(call_claim.c.phone_key)).scalars())
        for line in lines:
            if line.phone_key in taken or not _may_be_called(connection, campaign, line.phone_key, now):
                continue
            _insert(connection, campaign, line, who, machine + hold)
            return line, machine + hold
    return None


def kept(store: Store, who: Claimant) -> tuple[int, str] | None:
    """Return (campaign, number) that `who` has, if any."""
    with store.state.read() as connection:
        row = connection.execute(
            select(call_claim.c.call_campaign_id, call_claim.c.phone_key).where(
                call_claim.c.owner == who.owner, call_claim.c.until > SystemClock().now()
            )
        ).first()
    return None if row is None else (row.call_campaign_id, row.phone_key)


def prolong(store: Store, campaign: CallCampaign, phone_key: str, who: Claimant) -> datetime | None:
    """Give `who` more time for a number it has; None, and the number is given back, when it may not be called."""
    until = SystemClock().now() + HOLD
    with store.state.write() as connection:
        own = (call_claim.c.phone_key == phone_key) & (call_claim.c.owner == who.owner)
        if not _may_be_called(connection, campaign, phone_key, store.clock.now()):
            connection.execute(delete(call_claim).where(own))
            return None
        changed = connection.execute(update(call_claim).where(own).values(until=until))
        return until if changed.rowcount else None


def release(store: Store, owner: str, phone_key: str | None = None) -> int:
    """Give back what an owner has, or one number of it; returns how many."""
    query = delete(call_claim).where(call_claim.c.owner == owner)
    if phone_key is not None:
        query = query.where(call_claim.c.phone_key == phone_key)
    with store.state.write() as connection:
        return int(connection.execute(query).rowcount)


def reserve(
    store: Store, campaign: CallCampaign, lines: Iterable[SheetLine], who: Claimant, hold: timedelta
) -> tuple[SheetLine, ...]:
    """Give `who` every one of `lines` that may be called and nobody has, for a sheet taken along on paper."""
    machine, now = SystemClock().now(), store.clock.now()
    with store.state.write() as connection:
        connection.execute(delete(call_claim).where(call_claim.c.until <= machine))
        taken = set(connection.execute(select(call_claim.c.phone_key)).scalars())
        got = tuple(
            line
            for line in lines
            if line.phone_key not in taken and _may_be_called(connection, campaign, line.phone_key, now)
        )
        for line in got:
            _insert(connection, campaign, line, who, machine + hold)
    return got


def claim_of(connection: Connection, phone_key: str) -> Any:
    """Return the row of the claim of a number, run out or not; None without one."""
    return connection.execute(select(call_claim).where(call_claim.c.phone_key == phone_key)).first()


def claimed(connection: Connection, campaign_id: int) -> int:
    """Return how many numbers of a campaign somebody has now."""
    query = select(func.count()).where(
        call_claim.c.call_campaign_id == campaign_id, call_claim.c.until > SystemClock().now()
    )
    return int(connection.execute(query).scalar_one())


def _may_be_called(connection: Connection, campaign: CallCampaign, phone_key: str, now: datetime) -> bool:
    standing = read_standings(connection, campaign.id, phone_key).get(phone_key)
    return status_of(standing, now) in ("due", "new") and not suppressed_numbers(connection, phone_key)


def _insert(connection: Connection, campaign: CallCampaign, line: SheetLine, who: Claimant, until: datetime) -> None:
    connection.execute(
        insert(call_claim).values(
            phone_key=line.phone_key,
            call_campaign_id=campaign.id,
            owner=who.owner,
            caller=who.caller,
            entity_key=line.entity_key,
            entity_keys=list(line.keys),
            person=line.person,
            until=until,
        )
    )
