"""How many members of a list can be reached, and what is in the way of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from analytics.engine import Engine
from analytics.lists.address import address_keys
from analytics.lists.phones import read_phones
from analytics.lists.records import ListCounts
from analytics.model.address import domain_of, domains_above
from analytics.store import Store
from analytics.store.tables import domain_block, suppression

# Candidates alone get their exact key made: addresses that may be suppressed when compared in lower case, and all that
# are not plain ASCII.
_CANDIDATE = """
    lower(trim(address)) in (select address_key from _suppressed)
    or not regexp_full_match(trim(address), '[!-~]+')
    or exists (
        select 1 from _blocked as b
        where ends_with(lower(trim(address)), '@' || b.domain) or ends_with(lower(trim(address)), '.' || b.domain)
    )
"""


@dataclass(frozen=True)
class Asked:
    """A query of members (columns key and address, and country where numbers are read with one) and its tables."""

    engine: Engine
    sql: str
    params: Mapping[str, Any]
    given: Mapping[str, pa.Table]
    unsubscribed: pa.Table  # column entity_key


def mail_counts(store: Store, asked: Asked, removed: int) -> ListCounts:
    """Return the counts of a list that is mailed."""
    sql = f"""
        with judged as (
            select u.entity_key is not null as unsubscribed, coalesce(trim(r.address), '') = '' as unreached,
                s.address is not null as suppressed
            from ({asked.sql}) as r left join _unsubscribed as u on u.entity_key = r.key
                left join _suppressed as s on s.address = r.address
        )
        select count(*), count(*) filter (where unsubscribed), count(*) filter (where not unsubscribed and unreached),
            count(*) filter (where suppressed),
            count(*) filter (where not unsubscribed and not unreached and not suppressed)
        from judged
    """  # noqa: S608  # compiled by us, values are bound
    given = {**asked.given, "_unsubscribed": asked.unsubscribed, "_suppressed": suppressed_addresses(store, asked)}
    members, silent, without, suppressed, reachable = asked.engine.rows(sql, asked.params, given)[0]
    return ListCounts(members, removed, silent, without, suppressed, reachable)


def suppressed_addresses(store: Store, asked: Asked) -> pa.Table:
    """Return the different addresses among members that nobody mails: column `address`, as it is written."""
    with store.state.read() as connection:
        keys = [row[0] for row in connection.execute(select(suppression.c.address_key).distinct())]
        domains = [row[0] for row in connection.execute(select(domain_block.c.domain))]
    if not keys and not domains:
        return pa.table({"address": pa.array([], pa.string())})
    known = {
        "_suppressed": pa.table({"address_key": pa.array(keys, pa.string())}),
        "_blocked": pa.table({"domain": pa.array(domains, pa.string())}),
    }
    sql = f"select distinct address from ({asked.sql}) as r where address is not null and ({_CANDIDATE})"  # noqa: S608  # ours
    candidates = asked.engine.arrow(sql, asked.params, {**asked.given, **known}).column("address").cast(pa.string())
    blocked, suppressed = set(domains), set(keys)
    found = [
        address
        for address, key in zip(candidates.to_pylist(), address_keys(candidates).to_pylist(), strict=True)
        if key is not None and (key in suppressed or not blocked.isdisjoint(domains_above(domain_of(key))))
    ]
    return pa.table({"address": pa.array(found, pa.string())})


def phone_counts(store: Store, asked: Asked, removed: int) -> ListCounts:
    """Return the counts of a list that is called; numbers with one key make one call."""
    rows = asked.engine.arrow(asked.sql, asked.params, asked.given)
    countries = rows.column("country") if "country" in rows.column_names else None
    keys = read_phones(rows.column("address"), countries, store.settings.phone_country).column("key")
    with store.state.read() as connection:
        query = select(suppression.c.address_key).where(suppression.c.address_key.startswith("+"))
        refused = [row[0] for row in connection.execute(query)]
    silent = pc.is_in(rows.column("key"), asked.unsubscribed.column("entity_key").combine_chunks())
    suppressed = pc.is_in(keys, pa.array(refused, pa.string()))
    empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(rows.column("address")), ""), True)
    heard = pc.invert(silent)
    usable = pc.drop_null(pc.filter(keys, heard))
    return ListCounts(
        members=rows.num_rows,
        removed=removed,
        unsubscribed=_many(silent),
        without_contact=_many(pc.and_(heard, empty)),
        suppressed=_many(suppressed),
        reachable=_many(pc.and_(pc.and_(heard, pc.is_valid(keys)), pc.invert(suppressed))),
        bad_numbers=_many(pc.and_(pc.and_(heard, pc.invert(empty)), pc.is_null(keys))),
        shared_numbers=len(usable) - len(usable.unique()),
    )


def _many(truths: pa.ChunkedArray) -> int:
    return int(pc.sum(truths).as_py() or 0)
