"""Which rows of an entity the lines of a file mean: by address, by telephone number, or by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from analytics.engine import Engine
from analytics.errors import ListError
from analytics.lists.address import address_keys
from analytics.lists.phones import country_path, read_phones
from analytics.lists.records import MarketingList
from analytics.lists.stored import contact_of
from analytics.model.entity import ContactPath, EntityModel
from analytics.segments import Definition, Output, Segments
from analytics.segments.state import given_of
from analytics.store import Store

By = Literal["address", "phone", "key"]
WAYS: tuple[By, ...] = get_args(By)

_NOTHING = {"address": "no e-mail address", "phone": "no telephone number that can be dialled", "key": "nothing here"}
_NOBODY = {"address": "has this address", "phone": "has this number", "key": "has this key"}


@dataclass(frozen=True)
class Target:
    """What lines are matched with: rows of an entity, reached by a contact."""

    entity: str
    contact: str
    channel: str


@dataclass(frozen=True)
class Found:
    """What became of lines. `keys` are the rows they mean, in the order of the lines, each once.

    `matched` counts lines that mean somebody no line before meant, `several` those of them that mean more than one row,
    `repeated` lines that mean somebody again; `unmatched` has line, value and reason of all others.
    """

    keys: pa.ChunkedArray
    matched: int
    several: int
    repeated: int
    unmatched: pa.Table


def contact_by(model: EntityModel, target: Target | MarketingList, by: By) -> ContactPath | None:
    """Return the contact lines are compared with: the list's own where it fits, else the entity's first that does."""
    channel = "email" if by == "address" else "phone"
    if target.channel == channel:
        return contact_of(model, target.entity, target.contact)
    return next((c for c in model.entity(target.entity).contacts if c.channel == channel), None)


def keys_with(
    store: Store, model: EntityModel, segments: Segments, engine: Engine, target: Target | MarketingList, by: By
) -> pa.Table:
    """Return `key` and `match` of every row: what a line has to say to mean it; ListError without such a contact."""
    outputs: tuple[Output, ...] = ()
    if by != "key":
        path = contact_by(model, target, by)
        if path is None:
            what = "e-mail address" if by == "address" else "telephone number"
            raise ListError(f"{target.entity} has no {what}, so lines cannot be matched by it; match them by key.")
        country = country_path(model, target.entity, path.path) if by == "phone" else None
        outputs = (Output("match", path.path), *((Output("country", country),) if country else ()))
    compiled = segments.compiler(engine).rows(Definition(target.entity), outputs, ordered=False)
    rows = engine.arrow(compiled.sql, compiled.params, given_of(store, compiled))
    if by == "key":
        return rows.append_column("match", rows.column("key"))
    if by == "address":
        made: pa.ChunkedArray = address_keys(rows.column("match"))
    else:
        countries = rows.column("country") if "country" in rows.column_names else None
        made = read_phones(rows.column("match"), countries, store.settings.phone_country).column("key")
    return pa.table({"key": rows.column("key"), "match": made})


def read_keys(store: Store, values: pa.ChunkedArray, by: By) -> pa.ChunkedArray:
    """Return what each value says as `keys_with` has it, null where it says nothing of the kind."""
    if by == "address":
        return address_keys(values)
    if by == "phone":
        return read_phones(values, None, store.settings.phone_country).column("key")
    return values


def match(
    store: Store,
    model: EntityModel,
    segments: Segments,
    engine: Engine,
    target: Target | MarketingList,
    lines: pa.Table,
    by: By,
) -> Found:
    """Match `lines` (line, value) with the rows of an entity."""
    rows = keys_with(store, model, segments, engine, target, by)
    given = {"_lines": lines.append_column("match", read_keys(store, lines.column("value"), by)), "_rows": rows}
    pairs = engine.arrow(
        """
        with firsts as (select match, min(line) as line from _lines where match is not null group by match)
        select r.key, f.line from firsts as f join _rows as r on r.match = f.match order by f.line, r.key
        """,
        (),
        given,
    )
    label = model.entity(target.entity).label.lower()
    unmatched = engine.arrow(
        """
        select line, value, case when match is null then $nothing else $nobody end as reason from _lines as l
        where match is null or not exists (select 1 from _rows as r where r.match = l.match) order by line
        """,
        {"nothing": _NOTHING[by], "nobody": f"no {label} {_NOBODY[by]}"},
        given,
    )
    matched = len(pairs.column("line").unique())
    several = int(
        engine.value(
            "select count(*) from (select line from _pairs group by line having count(*) > 1)", (), {"_pairs": pairs}
        )
    )
    repeated = lines.num_rows - matched - unmatched.num_rows
    return Found(pairs.column("key"), matched, several, repeated, unmatched)
