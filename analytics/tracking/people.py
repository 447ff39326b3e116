"""Whose deliveries and user ids these are: look-ups in the state and the lake, some thousand at a time."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import pyarrow as pa
from sqlalchemy import BigInteger, select, type_coerce

from analytics.engine import Engine, quote
from analytics.model.address import address_key
from analytics.model.token import Verifier
from analytics.store import Store
from analytics.store.tables import delivery, sending

_AT_ONCE = 5_000
_WITH_ADDRESS = ("customer_user", "contact")
"""Entities whose key a shop may send as user id, the first one that has it counts."""

T = TypeVar("T")


class People:
    """Look-ups of one ingest."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._verifier = Verifier(store.keys.secrets())
        self._sendings: list[Any] | None = None

    def tokens(self, tokens: Sequence[str]) -> pa.Table:
        """Return (token, delivery_id) of the landing tokens that are genuine."""
        found = [(token, self._verifier.verify(token, "l")) for token in tokens]
        genuine = [(token, said.delivery_id) for token, said in found if said is not None]
        return pa.table(
            {
                "token": pa.array([token for token, _ in genuine], pa.string()),
                "delivery_id": pa.array([number for _, number in genuine], pa.int64()),
            }
        )

    def deliveries(self, numbers: Sequence[int]) -> pa.Table:
        """Return (delivery_id, sending_id, email_campaign_id, person, accepted_at in microseconds) as far as known.

        A delivery whose row is gone still has the sending whose range of ids it lies in.
        """
        rows = list(self._rows(numbers))
        if not {row[1] for row in rows} <= {row.id for row in self._all_sendings()}:
            self._sendings = None  # one was queued meanwhile
        campaigns = {row.id: row.email_campaign_id for row in self._all_sendings()}
        found = [(number, sending_id, campaigns.get(sending_id), person, at) for number, sending_id, person, at in rows]
        if len(found) < len(numbers):
            found += self._without_row(set(numbers).difference(row[0] for row in rows), campaigns)
        names = ("delivery_id", "sending_id", "email_campaign_id", "person", "accepted_at")
        kinds = (pa.int64(), pa.int64(), pa.int64(), pa.string(), pa.int64())
        columns = zip(*found, strict=True) if found else ([] for _ in names)
        return pa.table([pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)], names=names)

    def _without_row(self, numbers: set[int], campaigns: dict[int, int]) -> list[tuple[int, int, Any, None, None]]:
        placed = [(number, self._sending_of(number)) for number in sorted(numbers)]
        return [
            (n, sending_id, campaigns.get(sending_id), None, None) for n, sending_id in placed if sending_id is not None
        ]

    def declared(self, user_ids: Sequence[str]) -> pa.Table:
        """Return (user_id, person): the address a user id is, carries, or is the key of.

        Forms: an address; a key of a customer user or contact; Oro's `id=42; email=ada@example.com; visitor-id=51`.
        """
        persons = {user_id: _own_address(user_id) for user_id in user_ids}
        keys = {user_id: _own_key(user_id) for user_id, person in persons.items() if person is None}
        addresses = self._addresses({key for key in keys.values() if key is not None})
        for user_id, key in keys.items():
            persons[user_id] = addresses.get(key) if key is not None else None
        named = [(user_id, person) for user_id, person in persons.items() if person is not None]
        return pa.table(
            {
                "user_id": pa.array([user_id for user_id, _ in named], pa.string()),
                "person": pa.array([person for _, person in named], pa.string()),
            }
        )

    def _rows(self, numbers: Sequence[int]) -> Iterator[Any]:
        accepted = type_coerce(delivery.c.accepted_at, BigInteger).label("at")
        wanted = select(delivery.c.id, delivery.c.sending_id, delivery.c.person, accepted)
        with self._store.state.read() as connection:
            for some in _batches(sorted(n for n in numbers if 0 <= n < 2**63), _AT_ONCE):
                yield from connection.execute(wanted.where(delivery.c.id.in_(some)))

    def _all_sendings(self) -> list[Any]:
        if self._sendings is None:
            columns = sending.c
            wanted = select(
                columns.id, columns.email_campaign_id, columns.first_delivery_id, columns.last_delivery_id
            ).order_by(columns.first_delivery_id)
            with self._store.state.read() as connection:
                self._sendings = list(connection.execute(wanted))
        return self._sendings

    def _sending_of(self, number: int) -> int | None:
        ranges = [row for row in self._all_sendings() if row.first_delivery_id is not None]
        place = bisect_right(ranges, number, key=lambda row: row.first_delivery_id) - 1
        if place < 0 or ranges[place].last_delivery_id is None or number > ranges[place].last_delivery_id:
            return None
        return int(ranges[place].id)

    def _addresses(self, keys: set[str]) -> dict[str, str]:
        """Return {entity key: address key} of those keys that are customer users' or contacts'."""
        found: dict[str, str] = {}
        if not keys:
            return found
        wanted = pa.table({"key": pa.array(sorted(keys), pa.string())})
        with Engine(self._store.snapshot(), self._store.settings, now=self._store.clock.now()) as engine:
            engine.register("wanted", wanted)
            for name in reversed(_WITH_ADDRESS):
                pinned = engine.snapshot.tables.get(name)
                if (
                    pinned is None
                    or pinned.schema.key is None
                    or "email" not in {c.name for c in pinned.schema.columns}
                ):
                    continue
                key = quote(pinned.schema.key)
                sql = f"select {key}, email from {quote(name)} semi join wanted on wanted.key = {key}"  # noqa: S608  # declared names
                for entity_key, address in engine.rows(sql):
                    person = address_key(address)
                    if person is not None:
                        found[entity_key] = person
        return found


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


_PAIR = re.compile(r"\s*([A-Za-z_-]+)\s*=\s*([^;]*?)\s*(?:;|$)")


def _own_address(user_id: str) -> str | None:
    if "@" not in user_id:
        return None
    return address_key(user_id) or address_key(dict(_PAIR.findall(user_id)).get("email"))


def _own_key(user_id: str) -> str | None:
    if "=" not in user_id:
        return user_id.strip() or None
    key = dict(_PAIR.findall(user_id)).get("id")
    return None if key in (None, "", "guest") else key
