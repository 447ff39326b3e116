"""Suppressions: addresses and domains nobody mails, whatever the list, each with its reasons.

They belong to the address, not to a row: whichever entity or list leads to it, it is not mailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, true

from analytics.errors import ListError
from analytics.lists.phones import phone_key
from analytics.model.address import address_key, domain_key, domain_of, domains_above
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import domain_block, suppression

DO_NOT_CALL = "do_not_call"
"""The reason that is of a telephone number, not of an e-mail address."""

REASONS = ("complaint", "hard_bounce", "unsubscribed", "manual", DO_NOT_CALL)
"""Why an address is suppressed, the weightiest first: of several reasons the first is named."""

_MANY = 500
_NEWEST = (suppression.c.created_at.desc(), suppression.c.address_key.desc(), suppression.c.reason.desc())
"""The order of an index."""


@dataclass(frozen=True)
class Suppression:
    """One reason not to mail an address, and where it came from."""

    address_key: str
    reason: str
    source: str
    delivery_id: int | None
    created_at: datetime
    note: str | None = None


@dataclass(frozen=True)
class SuppressionPage:
    """Some suppressions of many, the newest first; `total` is how many match the search."""

    rows: tuple[Suppression, ...]
    total: int


@dataclass(frozen=True)
class DomainBlock:
    """A domain nobody mails, the domains below it included, and where that came from."""

    domain: str
    source: str
    note: str | None
    created_at: datetime


class Suppressions:
    """The suppressed addresses and blocked domains of a workspace.

    Keeps no state of its own; may be shared by threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        address: str,
        reason: str = "manual",
        source: str = "command line",
        delivery_id: int | None = None,
        at: datetime | None = None,
        note: str | None = None,
    ) -> bool:
        """Suppress an address (or its key) for a reason; False when it is for that reason already.

        For `do_not_call` the address is a telephone number, written internationally or as in the country of the
        setting `phone_country`. `at` is when it happened, by default now; `note` is what people should know of it.
        Raises ListError for what is no address and for an unknown reason.
        """
        key = self._number(address) if reason == DO_NOT_CALL else address_key(address)
        if key is None and reason == DO_NOT_CALL:
            raise ListError(f"{address!r} is no telephone number that can be dialled; write +44 20 7946 0123.")
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
            "note": note or None,
        }
        own = (suppression.c.address_key == key) & (suppression.c.reason == reason)
        with self._store.state.write() as connection:
            if connection.execute(select(suppression.c.reason).where(own)).first() is not None:
                return False
            upsert(connection, suppression, [row], ["address_key", "reason"])
            return True

    def remove(self, address: str, reason: str | None = None) -> int:
        """Take back one reason, or all, for an address; returns how many there were."""
        key = self._key(address)
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
            query = query.where(suppression.c.address_key == self._key(address))
        with self._store.state.read() as connection:
            return tuple(Suppression(**row._mapping) for row in connection.execute(query))

    def page(self, search: str = "", limit: int = 100, offset: int = 0, reason: str | None = None) -> SuppressionPage:
        """Return some suppressions, the newest first: those with `search` in their address, of one reason or of all."""
        text = search.strip().lower()
        wanted: list[ColumnElement[bool]] = [true()]
        if (key := address_key(text)) is not None:
            wanted.append(suppression.c.address_key == key)
        elif text:
            wanted.append(suppression.c.address_key.contains(text, autoescape=True))
        if reason is not None:
            wanted.append(suppression.c.reason == reason)
        with self._store.state.read() as connection:
            total = connection.execute(select(func.count()).select_from(suppression).where(*wanted)).scalar_one()
            rows = connection.execute(select(suppression).where(*wanted).order_by(*_NEWEST).limit(limit).offset(offset))
            return SuppressionPage(tuple(Suppression(**row._mapping) for row in rows), int(total))

    def each(self) -> Iterator[Suppression]:
        """Yield every suppression, the newest first, without keeping them all."""
        with self._store.state.read() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(select(suppression).order_by(*_NEWEST)):
                yield Suppression(**row._mapping)

    def count(self) -> int:
        """Return how many addresses are suppressed."""
        query = select(func.count(suppression.c.address_key.distinct()))
        with self._store.state.read() as connection:
            return int(connection.execute(query).scalar_one())

    # --- domains ---

    def block_domain(
        self, domain: str, source: str = "command line", note: str | None = None, at: datetime | None = None
    ) -> bool:
        """Let nobody mail addresses of a domain or of one below it; False when it is blocked already.

        It may be written Example.com, @example.com or *.example.com. Raises ListError for what is no domain.
        """
        key = _domain(domain)
        row = {
            "domain": key,
            "source": source[:200],
            "note": note or None,
            "created_at": at or self._store.clock.now(),
        }
        with self._store.state.write() as connection:
            known = connection.execute(select(domain_block.c.domain).where(domain_block.c.domain == key)).first()
            upsert(connection, domain_block, [row], ["domain"])
            return known is None

    def unblock_domain(self, domain: str) -> bool:
        """Take back the block of a domain; False when there is none of this very domain."""
        with self._store.state.write() as connection:
            gone = connection.execute(delete(domain_block).where(domain_block.c.domain == _domain(domain)))
            return bool(gone.rowcount)

    def domains(self) -> tuple[DomainBlock, ...]:
        """Return every blocked domain, by name."""
        with self._store.state.read() as connection:
            rows = connection.execute(select(domain_block).order_by(domain_block.c.domain))
            return tuple(DomainBlock(**row._mapping) for row in rows)

    def block_of(self, address: str) -> DomainBlock | None:
        """Return the block that covers an address: that of its domain or of one above; None without one."""
        key = address_key(address)
        if key is None:
            return None
        above = list(domains_above(domain_of(key)))
        with self._store.state.read() as connection:
            rows = connection.execute(select(domain_block).where(domain_block.c.domain.in_(above))).all()
        found = sorted(rows, key=lambda row: above.index(row.domain))
        return DomainBlock(**found[0]._mapping) if found else None

    def _key(self, address: str) -> str:
        """Return the key of an e-mail address or telephone number, else the text as it is."""
        return address_key(address) or self._number(address) or address

    def _number(self, number: str) -> str | None:
        return phone_key(number, default_country=self._store.settings.phone_country)


def _domain(domain: str) -> str:
    key = domain_key(domain)
    if key is None:
        raise ListError(f"{domain!r} is no domain of addresses; write example.com, which covers mail.example.com too.")
    return key


def _weight(reason: str) -> int:
    return REASONS.index(reason) if reason in REASONS else len(REASONS)


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _MANY):
        yield keys[start : start + _MANY]
