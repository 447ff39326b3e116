"""Client addresses, as much of them as may be kept."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Bytes of an IPv6 address that are zeroed for 0 to 4 anonymised bytes. Its last bytes name the machine inside one
# home's network, so zeroing as many as of an IPv4 address would hide nobody: /64, /48, /24 and all, as Matomo does.
_IPV6_BYTES = (0, 8, 10, 13, 16)


def anonymised(address: Address, count: int) -> Address:
    """Return an address with its last `count` bytes (of IPv4) zeroed; of IPv6 so many that the same is hidden."""
    zeroed = min(count, 4) if isinstance(address, ipaddress.IPv4Address) else _IPV6_BYTES[min(count, 4)]
    return type(address)(int(address) >> 8 * zeroed << 8 * zeroed)


def kept_address(text: str, count: int) -> str | None:
    """Return a written address anonymised by `count` bytes, None for what is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return str(anonymised(address, count))
