"""Noting what came of a call: once per request key, with all that follows from it in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from analytics.calls.claims import claim_of
from analytics.calls.records import Call, CallCampaign
from analytics.errors import CampaignError
from analytics.lists.state import note_contacted
from analytics.lists.suppressions import DO_NOT_CALL
from analytics.model.calls import OUTCOMES, Outcome
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import FIRST_OF_INSTANCE, call, call_campaign, call_claim, suppression

_LONGEST_NOTE = 5_000
_LONGEST_CALLER = 100
_LONGEST_KEY = 100
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Who:
    """Who was called: the first row with the number, all rows with it, the person."""

    entity_key: str
    keys: tuple[str, ...]
    person: str


@dataclass(frozen=True)
class Asked:
    """What a caller reports of one call."""

    phone_key: str
    outcome: str
    request_key: str
    caller: str | None = None
    note: str | None = None
    next_call_at: datetime | None = None
    at: datetime | None = None


def note_call(store: Store, campaign: CallCampaign, asked: Asked, look_up: Callable[[str], Who | None]) -> Call:
    """Write down a call and return it; one with the same request key that is there already is returned as it is.

    Whom the number belongs to is known from the claim, else `look_up` tells. Raises CampaignError for what cannot be.
    """
    outcome = _checked(store, asked)
    known = _known(store, campaign, asked)
    if known is not None:
        return known
    with store.state.read() as connection:
        row = claim_of(connection, asked.phone_key)
    if row is not None and row.call_campaign_id == campaign.id:
        who: Who | None = Who(row.entity_key, tuple(row.entity_keys), row.person)
    else:  # a hold of another campaign may name a row of another list, even of another entity
        who = look_up(asked.phone_key)
    with store.state.write() as connection:
        again = _by_key(connection, asked.request_key)
        if again is None:
            who = who or _called_before(connection, campaign, asked.phone_key)
            if who is None:
                raise CampaignError(
                    f"{asked.phone_key} is not on the list {campaign.list_name!r}, which {campaign.name!r} calls."
                )
            _write(connection, store, campaign, asked, outcome, who)
            again = _by_key(connection, asked.request_key)
    return made(again)


def _checked(store: Store, asked: Asked) -> Outcome:
    outcome = OUTCOMES.get(asked.outcome)
    if outcome is None:
        raise CampaignError(f"{asked.outcome!r} is no outcome of a call; there are {', '.join(OUTCOMES)}.")
    if not asked.request_key or len(asked.request_key) > _LONGEST_KEY:
        raise CampaignError(f"The request key {asked.request_key[:40]!r} has to have 1 to {_LONGEST_KEY} characters.")
    for what, text, longest in (("note", asked.note, _LONGEST_NOTE), ("caller", asked.caller, _LONGEST_CALLER)):
        if text is not None and len(text) > longest:
            raise CampaignError(f"The {what} has {len(text):,} characters; at most {longest:,} are kept.")
    now = store.clock.now()
    at = asked.at or now
    if at > now + _CLOCKS_DIFFER:
        raise CampaignError(f"The call to {asked.phone_key} at {at:%Y-%m-%d %H:%M} UTC lies in the future.")
    if outcome.needs_time and asked.next_call_at is None:
        raise CampaignError(f"When is {asked.phone_key} to be called back? Outcome {outcome.name} needs the next call.")
    if asked.next_call_at is not None:
        if outcome.suppresses or (outcome.closes and not outcome.is_reached):
            raise CampaignError(
                f"After {outcome.label.lower()!r} there is no next call to {asked.phone_key}; leave it out."
            )
        if asked.next_call_at <= at:
            raise CampaignError(
                f"The next call at {asked.next_call_at:%Y-%m-%d %H:%M} UTC is not after the call itself; "
                f"name a later time."
            )
    return outcome


def _known(store: Store, campaign: CallCampaign, asked: Asked) -> Call | None:
    with store.state.read() as connection:
        row = _by_key(connection, asked.request_key)
    if row is None:
        return None
    if row.call_campaign_id != campaign.id or row.phone_key != asked.phone_key:
        raise CampaignError(
            f"The request key {asked.request_key!r} belongs to the call to {row.phone_key} in {row.campaign!r}; "
            f"every call has one of its own."
        )
    return made(row)


def _write(
    connection: Connection, store: Store, campaign: CallCampaign, asked: Asked, outcome: Outcome, who: Who
) -> None:
    at = asked.at or store.clock.now()
    number = _next_number(connection, store.instance)
    connection.execute(
        insert(call).values(
            id=number,
            call_campaign_id=campaign.id,
            request_key=asked.request_key,
            phone_key=asked.phone_key,
            entity_key=who.entity_key,
            person=who.person,
            outcome=outcome.name,
            note=(asked.note or "").strip() or None,
            caller=(asked.caller or "").strip() or None,
            next_call_at=asked.next_call_at or _again(connection, campaign, asked.phone_key, outcome, at),
            at=at,
        )
    )
    note_contacted(connection, campaign.list_id, who.keys, at)
    if outcome.suppresses:
        row = {
            "address_key": asked.phone_key,
            "reason": DO_NOT_CALL,
            "source": f"call campaign {campaign.name}",
            "delivery_id": None,
            "created_at": at,
        }
        upsert(connection, suppression, [row], ["address_key", "reason"])
    own = (call_claim.c.phone_key == asked.phone_key) & (call_claim.c.call_campaign_id == campaign.id)
    connection.execute(delete(call_claim).where(own))


def _again(
    connection: Connection, campaign: CallCampaign, phone_key: str, outcome: Outcome, at: datetime
) -> datetime | None:
    """Return when to try again, None after the last attempt or when there is nothing to try."""
    if outcome.again_after is None:
        return None
    before = connection.execute(
        select(call.c.outcome)
        .where(call.c.call_campaign_id == campaign.id, call.c.phone_key == phone_key, call.c.at <= at)
        .order_by(call.c.at.desc(), call.c.id.desc())
        .limit(campaign.most_attempts)
    ).scalars()
    in_vain = 1
    for name in before:
        if not OUTCOMES[name].is_attempt:
            break
        in_vain += 1
    return at + outcome.again_after if in_vain < campaign.most_attempts else None


def _next_number(connection: Connection, instance: int) -> int:
    """Return the first free call number of this instance: above all an older copy of the workspace exported."""
    base = instance * FIRST_OF_INSTANCE
    last = connection.execute(select(func.max(call.c.id)).where(call.c.id >= base)).scalar()
    return max(base, last or 0) + 1


def _called_before(connection: Connection, campaign: CallCampaign, phone_key: str) -> Who | None:
    """Return whom a number belonged to when the campaign called it last: the row may have left the list since."""
    row = connection.execute(
        select(call.c.entity_key, call.c.person)
        .where(call.c.call_campaign_id == campaign.id, call.c.phone_key == phone_key)
        .order_by(call.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Who(row.entity_key, (row.entity_key,), row.person)


def joined() -> Any:
    """Return the query of calls with the name of their campaign."""
    return select(call, call_campaign.c.name.label("campaign")).join(
        call_campaign, call_campaign.c.id == call.c.call_campaign_id
    )


def made(row: Any) -> Call:
    """Return a call as a value."""
    return Call(**row._mapping)


def _by_key(connection: Connection, request_key: str) -> Any:
    return connection.execute(joined().where(call.c.request_key == request_key)).first()
