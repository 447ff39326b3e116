"""Address keys: the one form under which two spellings of an e-mail address are the same address."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator

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
    ascii_domain = _ascii(domain)
    if ascii_domain is None:
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local or len(local.encode()) > 64:
        return None
    key = f"{local}@{ascii_domain}"
    return key if len(key) <= _MAX_LENGTH else None


def domain_key(domain: str | None) -> str | None:
    """Return the one form of a domain, lower case and IDNA, or None when no address can be at it.

    It may be written as people do: Example.com, @example.com, *@example.com, *.example.com, example.com. with a dot.
    """
    text = unicodedata.normalize("NFC", (domain or "").strip()).lower()
    for start in ("*@", "@", "*."):
        text = text.removeprefix(start)
    text = text.removesuffix(".")
    return domain_of(key) if (key := address_key(f"a@{text}")) is not None else None


def domain_of(key: str) -> str:
    """Return the domain of an address key."""
    return key.rpartition("@")[2]


def domains_above(domain: str) -> Iterator[str]:
    """Yield a domain itself and every one it is below, the top-level domain left out."""
    labels = domain.split(".")
    return (".".join(labels[n:]) for n in range(len(labels) - 1))


def blocked_by(domain: str, blocked: Collection[str]) -> str | None:
    """Return which of some blocked domains covers a domain: the domain itself or one it is below."""
    return next((above for above in domains_above(domain) if above in blocked), None)


def _ascii(domain: str) -> str | None:
    """Return a domain in IDNA form (RFC 5891), None when it is none or has no dot."""
    try:
        found = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = found.split(".")
    return None if len(labels) < 2 or any(not label or len(label) > 63 for label in labels) else found
