"""Who may not be mailed, and why: suppressed addresses, blocked domains, what people said about a topic.

Judged twice by the same rules: for all at once when a sending is frozen, and for each row again when it is taken.

    complaint > hard_bounce > unsubscribed > manual > domain_blocked > topic_declined, no_consent

The first that applies is named. A topic of policy opt_out is mailed unless somebody said no, one of policy opt_in only
to who said yes; the newest word of an address on a topic counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from analytics.delivery.statements import first, rows_of, run
from analytics.model.address import blocked_by, domain_of, domains_above
from analytics.store import Store
from analytics.store.tables import domain_block

BLOCKED, DECLINED, NO_CONSENT = "domain_blocked", "topic_declined", "no_consent"
_WEIGHTS = {"complaint": 3, "hard_bounce": 2, "unsubscribed": 1}
_MANY = 500


def heavier(one: str | None, other: str) -> str:
    """Return the reason that says more about why nobody mails an address."""
    return other if one is None or _WEIGHTS.get(other, 0) > _WEIGHTS.get(one, 0) else one


def topic_reason(policy: str, granted: bool | None) -> str | None:
    """Return why a topic's mail may not go to somebody with this newest word on it (None: never asked)."""
    if granted is None:
        return NO_CONSENT if policy == "opt_in" else None
    return None if granted else DECLINED


@dataclass(frozen=True)
class Objections:
    """Everything that speaks against mailing anybody, as of one moment.

    suppressed: (address_key, reason), one row each. domains: blocked ones. policy: that of the topic, None without one.
    consents: (address_key, granted), the newest word of each on the topic.
    """

    suppressed: pa.Table
    domains: frozenset[str]
    policy: str | None
    consents: pa.Table

    def blocked_among(self, domains: Iterable[str]) -> list[str]:
        """Return those of some domains of addresses that are blocked themselves or below a blocked one."""
        return [domain for domain in domains if blocked_by(domain, self.domains) is not None]


def objections(store: Store, topic_id: int | None) -> Objections:
    """Return what speaks against mailing anybody about a topic (None: a mail without one)."""
    reasons: dict[str, str] = {}
    with store.state.read() as connection:
        for key, reason in run(connection, "select address_key, reason from suppression"):
            reasons[key] = heavier(reasons.get(key), reason)
        domains = frozenset(connection.execute(select(domain_block.c.domain)).scalars())
        policy = None if topic_id is None else _policy(connection, topic_id)
        consents = {} if policy is None else _newest(connection, topic_id)
    return Objections(_pairs(reasons, "reason", pa.string()), domains, policy, _pairs(consents, "granted", pa.bool_()))


def reasons_against(connection: Connection, keys: Sequence[str], topic_id: int | None = None) -> Mapping[str, str]:
    """Return the reason why an address is not mailed (about a topic), for those of `keys` that are not."""
    if not keys:
        return {}
    reasons: dict[str, str] = {}
    for key, reason in _of(connection, "select address_key, reason from suppression where address_key in", keys):
        reasons[key] = heavier(reasons.get(key), reason)
    named = sorted({above for key in keys for above in domains_above(domain_of(key))})
    blocked = {domain for (domain,) in _of(connection, "select domain from domain_block where domain in", named)}
    for key in keys if blocked else ():
        if blocked_by(domain_of(key), blocked) is not None:
            reasons.setdefault(key, BLOCKED)
    policy = None if topic_id is None else _policy(connection, topic_id)
    if policy is not None:
        said = _newest(connection, topic_id, keys)
        for key in keys:
            against = topic_reason(policy, said.get(key))
            if against is not None:
                reasons.setdefault(key, against)
    return reasons


def _policy(connection: Connection, topic_id: int) -> str:
    policy = first(connection, "select policy from topic where id = ?", (topic_id,))
    assert policy is not None, "a topic an email campaign is about cannot be deleted"
    return str(policy)


def _newest(connection: Connection, topic_id: int | None, keys: Sequence[str] | None = None) -> dict[str, bool]:
    """Return the newest word of each address on a topic."""
    sql = "select address_key, granted from consent where topic_id = ?"
    if keys is None:
        found = run(connection, f"{sql} order by at, id", (topic_id,))
    else:
        found = run(connection, f"{sql} and address_key in {rows_of(1, len(keys))} order by at, id", (topic_id, *keys))
    return {key: bool(granted) for key, granted in found}


def _of(connection: Connection, sql: str, values: Sequence[str]) -> list[Any]:
    """Return the rows of a query that ends with `in`, for many values."""
    found: list[Any] = []
    for start in range(0, len(values), _MANY):
        some = values[start : start + _MANY]
        found += run(connection, f"{sql} {rows_of(1, len(some))}", some).fetchall()
    return found


def _pairs(values: Mapping[str, Any], name: str, kind: pa.DataType) -> pa.Table:
    return pa.table({"address_key": pa.array(list(values), pa.string()), name: pa.array(list(values.values()), kind)})
