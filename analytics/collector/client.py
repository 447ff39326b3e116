"""Whose request it is: the client's address behind trusted proxies, as much of it as may be kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache

from analytics.model.network import Address, anonymised

_LONGEST = 512  # bytes of the header from the right: a dozen hops
_REMEMBERED = 8192


def client_addresses(
    trusted_proxies: Sequence[str], anonymise_bytes: int
) -> Callable[[str | None, bytes | None], str | None]:
    """Return a function (peer's address, X-Forwarded-For as sent) -> client address to keep, or None if unknown.

    The header counts only when the peer is one of `trusted_proxies` (addresses or networks): then the right-most
    address in it that is no trusted proxy is the client, since everything left of it was written by the client
    itself. An entry that is no address ends the search at the proxy that passed it on. `anonymise_bytes` last bytes of
    an IPv4 address become zero; of an IPv6 address so many that the same is hidden (64, 80, 104 or all bits).
    """
    networks = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies]

    @lru_cache(maxsize=_REMEMBERED)
    def is_trusted(address: Address) -> bool:
        return any(address in network for network in networks)

    @lru_cache(maxsize=_REMEMBERED)
    def remembered(peer: str | None, forwarded: bytes | None) -> str | None:
        address = _address(peer) if peer else None
        if forwarded is not None and address is not None and is_trusted(address):
            for entry in reversed(forwarded.split(b",")):
                hop = _address(entry.strip().decode("latin-1"))
                if hop is None:
                    break
                address = hop
                if not is_trusted(hop):
                    break
        return None if address is None else str(anonymised(address, anonymise_bytes))

    def client(peer: str | None, forwarded: bytes | None) -> str | None:
        # What stands far left is the client's invention, and must not fill the memory.
        return remembered(peer, forwarded if forwarded is None else forwarded[-_LONGEST:])

    return client


def _address(text: str) -> Address | None:
    """Return the address in a header entry: with or without port, brackets or quotes; mapped IPv4 as IPv4."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
