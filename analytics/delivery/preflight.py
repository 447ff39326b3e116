"""Whether a campaign may be sent, and what that would mean, before anything is queued."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from analytics.settings import Settings
from analytics.store import Store
from analytics.store.addresses import address_of

_PRIVATE_ENDINGS = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "test",
    "invalid",
    "example",
    "home.arpa",
)  # RFC 6761, 6762, 8375 and names that only a house knows


@dataclass(frozen=True)
class Preflight:
    """What a sending of a campaign would be now.

    rows: rows of the list. count: people it is for (planned and held out), the number to confirm. same_address: rows
    that share the address of another; no_address: rows without a usable one; suppressed: by reason. blockers: why it
    may not be queued, each a sentence that says what would help. warnings: what a person should know. base_url: where
    the mails' links lead. server: where the mails go.
    """

    campaign_id: int
    campaign_name: str
    list_name: str
    count: int
    rows: int
    same_address: int
    no_address: int
    suppressed: Mapping[str, int]
    held_out: int
    blockers: tuple[str, ...]
    warnings: tuple[str, ...]
    base_url: str
    server: str

    @property
    def mails(self) -> int:
        """How many mails would leave."""
        return self.count - self.held_out


def base_url(store: Store) -> str:
    """Return the address mails' links lead to: the public one, without a real mail server the collector's own."""
    settings = store.settings
    if settings.public_url is not None:
        return settings.public_url
    return address_of(store, "collector")


def server_name(settings: Settings) -> str:
    """Return where mails go, in words."""
    if settings.smtp is None:
        return "the local sink (no mail leaves this machine)"
    return f"{settings.smtp.host}:{settings.smtp.port}"


def blockers(settings: Settings) -> list[str]:
    """Return why these settings may not send: with a real mail server, links have to work for its recipients."""
    if settings.smtp is None:
        return []
    wanted = (
        "a mail server is set (smtp), so links and unsubscribe have to work for everybody: set public_url to an "
        "https address of the collector that is reachable from outside, such as https://mail.example.com"
    )
    if settings.public_url is None:
        return [f"There is no public_url, and {wanted}."]
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https":
        return [f"public_url {settings.public_url} is not https, and {wanted}."]
    if is_private(parts.hostname or ""):
        return [f"public_url {settings.public_url} is an address only this network knows, and {wanted}."]
    return []


def warnings(store: Store, campaign: Any) -> list[str]:
    """Return what a person should know of a campaign's surroundings."""
    found = []
    settings = store.settings
    if settings.smtp is None:
        found.append("No mail server is set: the mails go to the local sink and reach nobody.")
    if settings.public_url is None:
        found.append(f"Links lead to {base_url(store)}, where `shelduck serve` answers on this machine.")
    if campaign.marketing_campaign_id is None:
        found.append("The campaign belongs to no marketing campaign: visits and orders cannot be counted for it.")
    return found


def is_private(host: str) -> bool:
    """Return whether a host is this machine or one that only the local network knows, by its name or number alone."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    if "." not in name or name.rpartition(".")[2].isdigit():
        return True
    return any(name == ending or name.endswith(f".{ending}") for ending in _PRIVATE_ENDINGS)
