"""The keys that sign links. The newest one that is not retired signs, every one verifies: links never expire."""

from __future__ import annotations

import secrets as random_bytes

from sqlalchemy import Connection, func, select, update

from analytics.errors import StoreError
from analytics.model.clock import Clock
from analytics.store.state import State
from analytics.store.tables import link_key

_LAST_ID = 255  # the id is one byte of a token
_SECRET_BYTES = 32


class LinkKeys:
    """The signing keys in the state."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state, self._clock = state, clock

    def signing(self) -> tuple[int, bytes]:
        """Return (key id, secret of 32 bytes) of the key that signs now; the first call makes the first key."""
        newest = (
            select(link_key.c.id, link_key.c.secret)
            .where(link_key.c.retired_at.is_(None))
            .order_by(link_key.c.id.desc())
            .limit(1)
        )
        with self._state.read() as connection:
            row = connection.execute(newest).first()
        if row is None:
            with self._state.write() as connection:
                row = connection.execute(newest).first()
                return self._add(connection) if row is None else (row.id, row.secret)
        return row.id, row.secret

    def secrets(self) -> dict[int, bytes]:
        """Return the secret of every key by its id, retired ones too."""
        with self._state.read() as connection:
            rows = connection.execute(select(link_key.c.id, link_key.c.secret).order_by(link_key.c.id))
            return {row.id: row.secret for row in rows}

    def rotate(self) -> int:
        """Retire the signing key and return the id of its successor; StoreError when all 255 ids are used."""
        with self._state.write() as connection:
            connection.execute(
                update(link_key).where(link_key.c.retired_at.is_(None)).values(retired_at=self._clock.now())
            )
            return self._add(connection)[0]

    def _add(self, connection: Connection) -> tuple[int, bytes]:
        number = (connection.execute(select(func.max(link_key.c.id))).scalar() or 0) + 1
        if number > _LAST_ID:
            raise StoreError(f"Link keys are numbered 1 to {_LAST_ID} and all are used; keep the present one.")
        secret = random_bytes.token_bytes(_SECRET_BYTES)
        connection.execute(link_key.insert().values(id=number, secret=secret, created_at=self._clock.now()))
        return number, secret
