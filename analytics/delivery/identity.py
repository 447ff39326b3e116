"""What a delivery is called and which group a person falls into: the same on any machine, for ever."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal

BUCKETS = 2**32
"""How many buckets people are spread over."""


def bucket(salt: str, purpose: str, scope: str, person: str) -> int:
    """Return the bucket (0 to BUCKETS - 1) of a person: the first 32 bits of md5("salt:purpose:scope:person")."""
    return int(hashlib.md5(f"{salt}:{purpose}:{scope}:{person}".encode(), usedforsecurity=False).hexdigest()[:8], 16)


def buckets_below(percent: Decimal) -> int:
    """Return how many of the buckets, from 0 on, hold `percent` of the people."""
    return int(percent * BUCKETS / 100)


def holdout_scope(marketing_campaign_id: int | None, email_campaign_id: int) -> str:
    """Return the scope of a holdout: within one marketing campaign the same people stay out of every mail."""
    if marketing_campaign_id is not None:
        return f"marketing campaign {marketing_campaign_id}"
    return f"email campaign {email_campaign_id}"


def message_namespace(workspace_id: str, request_key: str) -> uuid.UUID:
    """Return the namespace of a sending's Message-IDs; its request key is unique where ids come again by a restore."""
    return uuid.uuid5(uuid.UUID(workspace_id), f"sending {request_key}")


def message_id(namespace: uuid.UUID, address_key: str, sender_email: str) -> str:
    """Return the Message-ID (RFC 5322 3.6.4) of the one mail an address gets in a sending: a UUIDv5 (RFC 9562 5.5)."""
    return f"<{uuid.uuid5(namespace, address_key)}@{sender_domain(sender_email)}>"


def sender_domain(sender_email: str) -> str:
    """Return the domain of a mail address in ASCII."""
    domain = sender_email.rpartition("@")[2].strip().lower()
    return domain if domain.isascii() else domain.encode("idna").decode("ascii")
