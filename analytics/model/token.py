"""Signed tokens of tracked links, pixels and unsubscribe addresses.

A token is url-safe base64 without padding of: version (1 byte), key id (1), purpose (1), delivery id (8, big endian),
link number (2) and the first 17 bytes of HMAC-SHA256 (RFC 2104) over all of it: 30 bytes, so that no character of the
base64 has bits to spare. It names no address and no target: there is nothing
to redirect to but what the sending stored. Tokens never expire; retired keys still verify.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Purpose = Literal["c", "o", "u", "p", "v", "l"]
"""click, open, unsubscribe, preferences, view in browser, landing (marks a visit, opens nothing)."""

PURPOSES: tuple[Purpose, ...] = ("c", "o", "u", "p", "v", "l")
_VERSION = 1
_BODY = struct.Struct(">BBcQH")
_TAG_BYTES = 17
TOKEN_LENGTH = (_BODY.size + _TAG_BYTES) * 4 // 3
"""Characters of every token."""
_SEAL = b"\x00seal\x00"  # no token's body begins with it: its first byte is the version


@dataclass(frozen=True)
class Token:
    """What a verified token says. `link_number` is 0 where the purpose has no links."""

    purpose: Purpose
    delivery_id: int
    link_number: int = 0


class Signer:
    """Signs with one key."""

    def __init__(self, key_id: int, secret: bytes) -> None:
        """Take the id (1 to 255) and the secret of a key, as `LinkKeys.signing` returns them."""
        self._key_id = key_id
        self._mac = hmac.new(secret, digestmod="sha256")

    def sign(self, purpose: Purpose, delivery_id: int, link_number: int = 0) -> str:
        """Return the token, `TOKEN_LENGTH` characters of A-Z a-z 0-9 - _."""
        body = _BODY.pack(_VERSION, self._key_id, purpose.encode(), delivery_id, link_number)
        mac = self._mac.copy()
        mac.update(body)
        return base64.urlsafe_b64encode(body + mac.digest()[:_TAG_BYTES]).decode()

    def seal(self, text: str) -> str:
        """Return a seal of a text we give away and want back unchanged: the key id and HMAC-SHA256, url-safe base64."""
        return _seal(self._key_id, self._mac, text)


class Verifier:
    """Verifies tokens of every key it was given."""

    def __init__(self, secrets: Mapping[int, bytes]) -> None:
        """Take the secrets by key id, as `LinkKeys.secrets` returns them."""
        self._macs = {key_id: hmac.new(secret, digestmod="sha256") for key_id, secret in secrets.items()}

    def verify(self, text: str, purpose: Purpose) -> Token | None:
        """Return the token, or None if it is cut, forged, of an unknown key or made for another purpose."""
        # altchars below adds - and _ to the alphabet and leaves + and /, so these are refused here: one spelling only.
        if len(text) != TOKEN_LENGTH or not text.isascii() or "+" in text or "/" in text:
            return None
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, tag = raw[: _BODY.size], raw[_BODY.size :]
        version, key_id, found, delivery_id, link_number = _BODY.unpack(body)
        kept = self._macs.get(key_id)
        if kept is None:
            return None
        mac = kept.copy()
        mac.update(body)
        if not hmac.compare_digest(tag, mac.digest()[:_TAG_BYTES]):
            return None
        if version != _VERSION or found != purpose.encode():
            return None
        return Token(purpose, delivery_id, link_number)

    def is_sealed(self, text: str, seal: str) -> bool:
        """Return whether one of the keys sealed this very text."""
        return any(hmac.compare_digest(_seal(number, mac, text), seal) for number, mac in self._macs.items())


def _seal(key_id: int, mac: hmac.HMAC, text: str) -> str:
    made = mac.copy()
    made.update(_SEAL + text.encode())
    return base64.urlsafe_b64encode(bytes((key_id,)) + made.digest()).rstrip(b"=").decode()
