"""Suppressions: addresses nobody mails, whatever the list, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from analytics.errors import ListError
from analytics.model.address import address_key
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import suppression

REASONS = ("complaint", "hard_bounce", "unsubscribed", "manual")
"""Why an address is suppressed, the weightiest first: of several reasons the first is named."""

_MANY = 500


@dataclass(frozen=True)
class Suppression:
    """One reason not to mail an address, and where it came from."""

    address_key: str
    reason: str
    source: str
    delivery_id: int | None
    created_at: datetime
    note: str | None = None


class Suppressions:
    """The suppressed addresses of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        address: str,
        reason: str = "manual",
        source: str = "command line",
        delivery_id: int | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Suppress an address (or its key) for a reason; False when it is for that reason already.

        `at` is when it happened, by default now. Raises ListError for what is no address and for an unknown reason.
        """
        key = address_key(address)
        if key is None:
            raise ListError(f"{address!r} is no e-mail address, so it cannot be suppressed; write ada@example.com.")
        if reason not in REASONS:
            raise ListError(f"{reason!r} is no reason to suppress {key}; there are {', '.join(REASONS)}.")
        row = {
            "address_key": key,
            "reason": reason,
            "source": source[:200],
            "delivery_id": delivery_id,
            "created_at": at or self._store.clock.now(),
        }
        own = (suppression.c.address_key == key) & (suppression.c.reason == reason)
        with self._store.state.write() as connection:
            if connection.execute(select(suppression.c.reason).where(own)).first() is not None:
                return False
            upsert(connection, suppression, [row], ["address_key", "reason"])
            return True

    def remove(self, address: str, reason: str | None = None) -> int:
        """Take back one reason, or all, for an address; returns how many there were."""
        key = address_key(address) or address
        statement = delete(suppression).where(suppression.c.address_key == key)
        if reason is not None:
            statement = statement.where(suppression.c.reason == reason)
        with self._store.state.write() as connection:
            return int(connection.execute(statement).rowcount)

    def reasons(self, address_keys: Iterable[str]) -> dict[str, str]:
        """Return {address key: weightiest reason} of those among `address_keys` that are suppressed."""
        found: dict[str, str] = {}
        keys = list(address_keys)
        with self._store.state.read() as connection:
            for some in _chunks(keys):
                query = select(suppression.c.address_key, suppression.c.reason).where(
                    suppression.c.address_key.in_(some)
                )
                for key, reason in connection.execute(query):
                    if key not in found or _weight(reason) < _weight(found[key]):
                        found[key] = reason
        return found

    def all(self, address: str | None = None) -> tuple[Suppression, ...]:
        """Return every suppression, newest first; with `address` only those of it."""
        query = select(suppression).order_by(
            suppression.c.created_at.desc(), suppression.c.address_key, suppression.c.reason
        )
        if address is not None:
            query = query.where(suppression.c.address_key == (address_key(address) or address))
        with self._store.state.read() as connection:
            return tuple(Suppression(**row._mapping) for row in connection.execute(query))

    def count(self) -> int:
        """Return how many addresses are suppressed."""
        query = select(func.count(suppression.c.address_key.distinct()))
        with self._store.state.read() as connection:
            return int(connection.execute(query).scalar_one())


def _weight(reason: str) -> int:
    return REASONS.index(reason) if reason in REASONS else len(REASONS)


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _MANY):
        yield keys[start : start + _MANY]
