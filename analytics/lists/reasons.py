"""Why a row is on a list or not: its conditions, and what happened to it in the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from analytics.engine import Engine
from analytics.lists.records import MarketingList
from analytics.lists.state import states_of
from analytics.segments import Membership, Segments
from analytics.segments.catalogue import Given
from analytics.segments.state import state_tables
from analytics.store import Store


@dataclass(frozen=True)
class Reason:
    """Whether a row is on a list, why in a sentence, and what its definition says of the row now.

    `fulfils` is None for lists whose members people name. A removed row is on the list no more, whatever else holds.
    """

    key: str
    is_member: bool
    sentence: str
    fulfils: Membership | None
    removed_at: datetime | None
    unsubscribed_at: datetime | None
    contacted_times: int
    last_contacted_at: datetime | None


def reason(store: Store, segments: Segments, listed: MarketingList, engine: Engine, member: str) -> Reason:
    """Explain one row, named by key or by an address one row has; SegmentError when there is no such row."""
    explained = segments.explain(listed.definition, engine, member)
    key = explained.key
    with store.state.read() as connection:
        state = states_of(connection, listed.id, [key]).get(key)
    times = state.contacted_times if state else 0
    kept = listed.keeps_contacted and times > 0
    belongs, sentence = _belongs(store, listed, explained, kept)
    if state and state.removed_at:
        belongs, sentence = False, f"It was removed by hand on {state.removed_at:%Y-%m-%d %H:%M} UTC."
    return Reason(
        key=key,
        is_member=belongs,
        sentence=sentence,
        fulfils=explained if listed.source == "definition" else None,
        removed_at=state.removed_at if state else None,
        unsubscribed_at=state.unsubscribed_at if state else None,
        contacted_times=times,
        last_contacted_at=state.last_contacted_at if state else None,
    )


def _belongs(store: Store, listed: MarketingList, explained: Membership, kept: bool) -> tuple[bool, str]:
    if listed.is_static:
        given = Given.of_list("members", listed.id)
        members = state_tables(store, [given])[given.name].column("entity_key")
        is_written = explained.key in set(members.to_pylist())
        if listed.source == "picked":
            return is_written, "Somebody picked it." if is_written else "Nobody picked it."
        if listed.source == "uploaded":
            return is_written, "An uploaded file names it." if is_written else "No uploaded file names it."
        at = f"{listed.refreshed_at:%Y-%m-%d %H:%M} UTC" if listed.refreshed_at else "never"
        now = "fulfils" if explained.is_member else "does not fulfil"
        was = "was" if is_written else "was not"
        return is_written, f"It {was} on the list at the last refresh ({at}); it {now} the conditions now."
    if explained.is_member:
        return True, "It fulfils the conditions."
    if kept:
        return True, "It does not fulfil the conditions any more, and stays because the list contacted it before."
    return False, "It does not fulfil the conditions."
