"""Who is in a sending: the list's rows judged one by one, in DuckDB, all at once.

One row per row of the audience. Rows with equal address share one delivery, which the first of them by the list's
order gets. What speaks against mailing somebody is judged for all, then holdout. Deliveries are numbered in the order
of their addresses: so the ledger's rows and both its indexes grow at their ends, where in the list's order every chunk
of a million rows would touch every page of the index over addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.delivery.eligibility import BLOCKED, DECLINED, NO_CONSENT, Objections, objections
from analytics.delivery.identity import buckets_below, message_namespace, sender_domain
from analytics.engine import Engine, quote
from analytics.errors import DeliveryError
from analytics.lists import Lists
from analytics.model.entity import EntityModel
from analytics.segments import Segments
from analytics.store import SnapshotGone, Store

_BATCH = 50_000
_FIXED = ("position", "entity_key", "address", "address_key")

JUDGED = """
with ranked as (
    select a.*, row_number() over (partition by a.address_key order by a.position) as nth from given_audience a
),
judged as (
    select r.*, {against} as against,
        case
            when r.address_key is null and coalesce(trim(r.address), '') = '' then 'no_address'
            when r.address_key is null then 'bad_address'
            when r.nth = 1 then 'delivery'
            else 'same_address'
        end as status,
        ('0x' || substr(md5($prefix || r.address_key), 1, 8))::ubigint < $held_out as is_held_out,
        sha1($namespace::blob || encode(r.address_key)) as digest
    from ranked r
    left join given_suppression s on s.address_key = r.address_key
    {joins}
)
select
    position,
    entity_key,
    address,
    address_key,
    status,
    case when status <> 'delivery' then null
         when against is not null then 'skipped'
         when is_held_out then 'held_out'
         else 'planned' end as state,
    case when status = 'delivery' then against end as reason,
    case when status <> 'delivery' or against is not null or not $has_holdout then null
         when is_held_out then 'holdout'
         else 'mailed' end as arm,
    case when status = 'delivery' then
         split_part(nfc_normalize(trim(address, $blanks)), '@', 1)
         || '@' || split_part(address_key, '@', 2) end as mail_address,
    case when status = 'delivery' then
         '<' || substr(digest, 1, 8) || '-' || substr(digest, 9, 4) || '-5' || substr(digest, 14, 3) || '-'
         || case when substr(digest, 17, 1) in ('0', '4', '8', 'c') then '8'
                 when substr(digest, 17, 1) in ('1', '5', '9', 'd') then '9'
                 when substr(digest, 17, 1) in ('2', '6', 'a', 'e') then 'a' else 'b' end
         || substr(digest, 18, 3) || '-'
         || substr(digest, 21, 12) || $domain end as message_id,
    case when status = 'delivery' then {values} end as "values"
from judged
order by address_key nulls last, position
"""
_BLANKS = " \t\r\n\v\f\u00a0\u2003\u3000"


@contextmanager
def frozen_audience(
    store: Store, model: EntityModel, row: Any
) -> Iterator[tuple[Iterator[pa.RecordBatch], Mapping[str, int]]]:
    """Yield (batches of the judged audience of a sending, the versions of the lake's tables it was read from).

    `row` is the sending's row of the state. There is at least one batch.
    """
    for last in (False, True):
        try:
            opened = _open(store, model, row)
            break
        except SnapshotGone:
            if last:
                raise
    engine, batches = opened
    with engine:
        yield batches, engine.snapshot.versions


def _open(store: Store, model: EntityModel, row: Any) -> tuple[Engine, Iterator[pa.RecordBatch]]:
    engine = Engine(store.snapshot(), store.settings, as_of=row.as_of, now=store.clock.now())
    try:
        lists = Lists(store, model, Segments(store, model))
        paths = row.settings["paths"]
        audience = lists.audience(engine, lists.get(row.settings["list"]["id"]), paths)
        against = objections(store, topic_of(row.settings))
        return engine, judge(engine, audience, against, **_terms(store, row), paths=paths)
    except BaseException:
        engine.close()
        raise


def topic_of(settings: Mapping[str, Any]) -> int | None:
    """Return the topic a sending is about, from what it froze."""
    topic = settings.get("topic")
    return None if topic is None else topic["id"]


def _terms(store: Store, row: Any) -> dict[str, Any]:
    settings = row.settings
    return {
        "salt": store.workspace_id,
        "scope": settings["holdout_scope"],
        "holdout_percent": Decimal(settings["holdout_percent"]),
        "namespace": message_namespace(store.workspace_id, row.request_key).bytes,
        "sender_email": settings["sender_email"],
    }


def judge(
    engine: Engine,
    audience: pa.Table,
    against: Objections,
    *,
    salt: str,
    scope: str,
    holdout_percent: Decimal,
    namespace: bytes,
    sender_email: str,
    paths: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Yield the audience judged, in the order of address_key and position.

    Columns: position, entity_key, address, address_key, status, state, reason, arm, mail_address (as it is written to),
    message_id, values (JSON text), number (1.. over deliveries; null without an address).
    """
    missing = {*_FIXED, *paths} - set(audience.column_names)
    if missing:
        raise DeliveryError(f"The audience lacks {', '.join(sorted(missing))}.")
    # A variable may be called like any column of the query.
    names = [f"v{n}" for n in range(len(paths))]
    given = audience.select([*_FIXED, *paths]).rename_columns([*_FIXED, *names])
    engine.register("given_audience", given)
    reason, joins = _objected(engine, against)
    sql = (
        JUDGED.replace("{values}", _values(paths, given.schema)).replace("{against}", reason).replace("{joins}", joins)
    )
    parameters = {
        "prefix": f"{salt}:holdout:{scope}:",
        "held_out": buckets_below(holdout_percent),
        "has_holdout": holdout_percent > 0,
        "namespace": namespace,
        "domain": f"@{sender_domain(sender_email)}>",
        "blanks": _BLANKS,
    }
    batches = engine.batches(sql, parameters, _BATCH)
    first = next(batches, None)
    if first is None:
        first = engine.arrow(f"select * from ({sql}) limit 0", parameters).to_batches()  # noqa: S608  # our own text
        first = first[0] if first else _empty(engine, sql, parameters)
    return _numbered(first, batches)


def _empty(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> pa.RecordBatch:
    schema = engine.arrow(f"select * from ({sql}) limit 0", parameters).schema  # noqa: S608  # our own text
    return pa.RecordBatch.from_pylist([], schema=schema)


def _numbered(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Number deliveries as they come; rows behind one with its address bear its number."""
    count = 0
    batch: pa.RecordBatch | None = first
    while batch is not None:
        begun = pc.equal(batch.column("status"), "delivery").cast(pa.int64())
        numbers = pc.add(pc.cumulative_sum(begun), count)
        if batch.num_rows:
            count = numbers[-1].as_py()
        has_address = pc.is_valid(batch.column("address_key"))
        yield batch.append_column("number", pc.if_else(has_address, numbers, pa.scalar(None, pa.int64())))
        batch = next(rest, None)


def _values(paths: Sequence[str], schema: pa.Schema) -> str:
    """Return the expression of a row's variables as JSON text: times as ISO text in UTC, money as text, exact."""
    if not paths:
        return "'{}'"
    fields = (f"{quote(path)} := {_value(f'v{n}', schema.field(f'v{n}').type)}" for n, path in enumerate(paths))
    return f"to_json(struct_pack({', '.join(fields)}))::varchar"


def _value(column: str, kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f+00:00')"
    if pa.types.is_decimal(kind) or pa.types.is_date(kind):
        return f"cast({column} as varchar)"
    if pa.types.is_floating(kind):
        return f"case when isfinite({column}) then {column} end"  # JSON has no word for the others
    return column


def _objected(engine: Engine, against: Objections) -> tuple[str, str]:
    """Return (expression of the reason against a row, further joins it needs); whom nothing concerns costs nothing."""
    engine.register("given_suppression", against.suppressed)
    reasons, joins = ["s.reason"], []
    if against.domains:
        domain = "split_part(address_key, '@', 2)"
        at = engine.rows(f"select distinct {domain} from given_audience where address_key is not null")  # noqa: S608
        blocked = against.blocked_among(name for (name,) in at)
        engine.register("given_blocked", pa.table({"domain": pa.array(blocked, pa.string())}))
        joins.append("left join given_blocked b on b.domain = split_part(r.address_key, '@', 2)")
        reasons.append(f"case when b.domain is not null then '{BLOCKED}' end")
    if against.policy is not None:
        engine.register("given_consent", against.consents)
        joins.append("left join given_consent c on c.address_key = r.address_key")
        unasked = f"when c.granted is null then '{NO_CONSENT}' " if against.policy == "opt_in" else ""
        reasons.append(f"case {unasked}when not c.granted then '{DECLINED}' end")
    return f"coalesce({', '.join(reasons)})" if len(reasons) > 1 else reasons[0], " ".join(joins)


def judged_counts(
    engine: Engine, audience: pa.Table, against: Objections, *, salt: str, scope: str, holdout_percent: Decimal
) -> Mapping[str, int]:
    """Return how many rows of an audience come to what: rows, no_address, bad_address, same_address, planned,
    held_out, and `skipped <reason>` for each reason there is."""
    counts = dict.fromkeys(("no_address", "bad_address", "same_address", "planned", "held_out"), 0)
    counts["rows"] = audience.num_rows
    batches = judge(
        engine,
        audience,
        against,
        salt=salt,
        scope=scope,
        holdout_percent=holdout_percent,
        namespace=b"",
        sender_email="shop@example.com",
        paths=(),
    )
    for batch in batches:
        table = pa.Table.from_batches([batch]).select(["status", "state", "reason"])
        for group in table.group_by(["status", "state", "reason"]).aggregate([([], "count_all")]).to_pylist():
            name = group["state"] or group["status"]
            name = f"skipped {group['reason']}" if name == "skipped" else name
            counts[name] = counts.get(name, 0) + group["count_all"]
    return counts
