"""What tokens stand for: keys that verify them and targets that clicks go to, kept in memory once read."""

from __future__ import annotations

import bisect
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, select

from analytics.model.landing import landing_url
from analytics.model.token import TOKEN_LENGTH, Purpose, Signer, Token, Verifier
from analytics.store import Store
from analytics.store.tables import link, sending

_KEEP_TARGETS = 50_000
_KEEP_SENDINGS = 5_000
_RELOAD_SECONDS = 1.0
_WEB = re.compile(r"https?://[^/?#][!-~]*", re.IGNORECASE | re.ASCII)


class Keys:
    """Verifies and signs tokens; learns keys that were made after it was, at most once a second."""

    def __init__(self, store: Store) -> None:
        """Read the keys there are; a state without any is fine."""
        self._store = store
        self._guard = threading.Lock()
        self._verifier, self._known = Verifier({}), frozenset[int]()
        self._signer: Signer | None = None
        self._loaded_at = float("-inf")
        self.load()

    def verify(self, text: str, purpose: Purpose) -> Token | None:
        """Return what the token says, or None for one that is cut, forged or made for another purpose."""
        return self._verifier.verify(text, purpose)

    def may_be_new(self, text: str) -> bool:
        """Return whether the token names a key that is not known here, so that the state may have it."""
        return len(text) == TOKEN_LENGTH and _key_id(text) not in self._known

    @property
    def pause(self) -> float:
        """Seconds until the state may be asked again; forged key ids shall not keep it busy."""
        return max(0.0, self._loaded_at + _RELOAD_SECONDS - time.monotonic())

    def load(self, since: float = float("inf")) -> None:
        """Read the keys from the state, unless another request did after `since` (of time.monotonic).

        For a thread, not the event loop.
        """
        with self._guard:
            if self._loaded_at > since:
                return
            now = time.monotonic()
            secrets = self._store.keys.secrets()
            self._verifier, self._known = Verifier(secrets), frozenset(secrets)
            # Every key verifies for ever, so the newest will do, retired or not.
            self._signer = Signer(max(secrets), secrets[max(secrets)]) if secrets else None
            self._loaded_at = now

    def seal(self, text: str) -> str:
        """Return a seal of a text that goes into a form and has to come back as it was."""
        assert self._signer is not None, "a token was verified, so there is a key"
        return self._signer.seal(text)

    def is_sealed(self, text: str, seal: str) -> bool:
        """Return whether we sealed this very text."""
        return seal.isascii() and self._verifier.is_sealed(text, seal)

    def preferences(self, token: Token) -> str:
        """Return the token of the preference page of a verified token's delivery."""
        assert self._signer is not None, "a token was verified, so there is a key"
        return self._signer.sign("p", token.delivery_id)

    def landing(self, token: Token) -> str:
        """Return the landing token of a click: it ties the visit to the delivery and opens nothing."""
        assert self._signer is not None, "a token was verified, so there is a key"
        return self._signer.sign("l", token.delivery_id, token.link_number)


def _key_id(text: str) -> int:
    """Return the second byte of the token: it lies in the first three characters of the base64."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    high, low = alphabet.find(text[1]), alphabet.find(text[2])
    return -1 if min(high, low) < 0 else (high & 0x0F) << 4 | low >> 2


@dataclass(frozen=True)
class _Sending:
    id: int
    first: int
    last: int
    code: str | None
    constant: Mapping[int, str]


class Links:
    """Targets of tracked links: constant ones once per sending, personal ones once per delivery."""

    def __init__(self, store: Store, keys: Keys) -> None:
        """Read nothing yet."""
        self._state, self._keys = store.state, keys
        self._guard = threading.Lock()
        self._sendings: list[_Sending] = []  # by first delivery id; the ranges do not overlap
        self._personal: OrderedDict[tuple[int, int], str] = OrderedDict()

    def known(self, token: Token) -> bytes | None:
        """Return the address to redirect to if memory has it; no I/O, so the event loop may ask."""
        found = self._sending(token.delivery_id)
        if found is None:
            return None
        target = found.constant.get(token.link_number)
        if target is None:
            target = self._personal.get((token.delivery_id, token.link_number))
        return None if target is None else self._location(found, token, target)

    def find(self, token: Token) -> bytes | None:
        """Return the address to redirect to, reading the state; None where the sending has no such link."""
        with self._state.read() as connection:
            found = self._sending(token.delivery_id) or self._read_sending(connection, token.delivery_id)
            if found is None:
                return None
            target = found.constant.get(token.link_number) or self._read_link(connection, found, token)
        return None if target is None else self._location(found, token, target)

    def _sending(self, delivery_id: int) -> _Sending | None:
        sendings = self._sendings  # replaced, never changed: no lock needed to read
        place = bisect.bisect_right(sendings, delivery_id, key=lambda one: one.first) - 1
        return sendings[place] if place >= 0 and delivery_id <= sendings[place].last else None

    def _read_sending(self, connection: Connection, delivery_id: int) -> _Sending | None:
        row = connection.execute(
            select(sending.c.id, sending.c.first_delivery_id, sending.c.last_delivery_id, sending.c.settings).where(
                sending.c.first_delivery_id <= delivery_id, sending.c.last_delivery_id >= delivery_id
            )
        ).first()
        if row is None:
            return None
        constant = connection.execute(
            select(link.c.number, link.c.url).where(link.c.sending_id == row.id, link.c.delivery_id == 0)
        )
        found = _Sending(
            row.id,
            row.first_delivery_id,
            row.last_delivery_id,
            _code(row.settings),
            {row.number: row.url for row in constant},
        )
        with self._guard:
            kept = [one for one in self._sendings if one.first != found.first][-_KEEP_SENDINGS + 1 :]
            self._sendings = sorted([*kept, found], key=lambda one: one.first)
        return found

    def _read_link(self, connection: Connection, found: _Sending, token: Token) -> str | None:
        """Return a link of this delivery, or a constant one written since the sending was read."""
        place = and_(
            link.c.sending_id == found.id,
            link.c.number == token.link_number,
            link.c.delivery_id.in_((0, token.delivery_id)),
        )
        target = connection.execute(select(link.c.url).where(place).order_by(link.c.delivery_id.desc())).scalar()
        if target is not None:
            with self._guard:
                self._personal[token.delivery_id, token.link_number] = target
                while len(self._personal) > _KEEP_TARGETS:
                    self._personal.popitem(last=False)
        return target

    def _location(self, found: _Sending, token: Token, target: str) -> bytes | None:
        return location(
            landing_url(target, code=found.code, sending_id=found.id, landing_token=self._keys.landing(token))
        )


def location(url: str) -> bytes | None:
    """Return a web address as a Location header carries it; None for what is none, or what a header cannot hold."""
    return url.encode() if _WEB.fullmatch(url) else None


def _code(settings: Any) -> str | None:
    """Return the code of the marketing campaign a sending belonged to when it was queued."""
    code = settings.get("campaign_code") if isinstance(settings, Mapping) else None
    return str(code) if code else None
