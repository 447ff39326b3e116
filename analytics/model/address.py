"""Address keys: the one form under which two spellings of an e-mail address are the same address."""

from __future__ import annotations

import unicodedata

_MAX_LENGTH = 254  # RFC 5321 4.5.3.1.3 less the angle brackets


def address_key(address: str | None) -> str | None:
    """Return the key of an e-mail address, or None when it cannot be mailed.

    Trimmed, NFC, lower case, the domain in IDNA form; dots and plus-tags stay, because they are
    different mailboxes at most providers. Control characters and white space inside, a missing or
    doubled `@`, an empty side, a domain without a dot and more than 254 characters give None
    (RFC 5321 4.5.3.1, RFC 5891).
    """
    if address is None:
        return None
    text = unicodedata.normalize("NFC", address.strip()).lower()
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or "@" in local:
        return None
    if any(ch.isspace() or unicodedata.category(ch).startswith("C") for ch in text):
        return None
    if any(ch in '<>(),;:\\"[]' for ch in text):
        return None
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = ascii_domain.split(".")
    if len(labels) < 2 or any(not label or len(label) > 63 for label in labels):
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local or len(local.encode()) > 64:
        return None
    key = f"{local}@{ascii_domain}"
    return key if len(key) <= _MAX_LENGTH else None
