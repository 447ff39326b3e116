"""How far the lake is complete: what a report says about the freshness of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from analytics.store import Store
from analytics.store.tables import delivery_fact, sending


@dataclass(frozen=True)
class CutOff:
    """All events and delivery facts before `moment` are in the report; later ones may be."""

    events: datetime
    deliveries: datetime

    @property
    def moment(self) -> datetime:
        """The lower of the two marks."""
        return min(self.events, self.deliveries)


def cut_off(store: Store, as_of: datetime | None = None) -> CutOff:
    """Return the complete-through marks; ask before taking the snapshot they are to hold for.

    With `as_of` no mark is later than that moment.
    """
    from analytics.tracking import complete_through  # brings the rules about user agents along, which metrics need not

    marks = (complete_through(store), deliveries_complete_through(store))
    return CutOff(*(m if as_of is None else min(m, as_of) for m in marks))


def deliveries_complete_through(store: Store) -> datetime:
    """Return the time up to which every fact of the ledger is in the lake.

    A fact waits in the outbox until it is exported; a freeze that is under way has none of its rows there yet.
    """
    with store.state.read() as connection:
        now = store.clock.now()
        oldest = connection.execute(
            select(func.min(delivery_fact.c.at)).where(delivery_fact.c.batch.is_(None))
        ).scalar()
        freezing = connection.execute(select(sending.c.snapshot).where(sending.c.status == "freezing")).scalars()
        begun = [datetime.fromisoformat(kept["frozen_at"]) for kept in freezing if kept and "frozen_at" in kept]
    missing = [*begun, *([] if oldest is None else [oldest])]
    return min([now, *(at - timedelta(microseconds=1) for at in missing)])
