"""Who is on a list: pages of members, one member, how many there are, the audience of a sending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine import Engine, quote
from analytics.errors import ListError, NotFound
from analytics.lists.address import address_keys
from analytics.lists.counting import Asked, mail_counts, phone_counts
from analytics.lists.phones import country_path, read_phones
from analytics.lists.records import ListCounts, MarketingList, Members
from analytics.lists.state import removed_count, states_of
from analytics.lists.stored import contact_of
from analytics.model.address import address_key
from analytics.model.entity import ContactPath, Entity, EntityModel
from analytics.segments import Compiled, Definition, Output, Segments
from analytics.segments.catalogue import Given
from analytics.segments.shown import column_label, unique_labels
from analytics.segments.state import given_of, state_tables
from analytics.store import Store

_FIXED = ("position", "entity_key", "address", "address_key")
_COUNTRY = "_country"
_TIME = pa.timestamp("us", tz="UTC")
_SPELT = ("text", "enum", "multi_enum")  # types of fields that are searched, and sorted whatever their case
_TEXTS = ("entity_key", "title", "address")

# What is known of each row, from the table `s` of rows something happened to.
_STATE = {
    "contacted_times": "coalesce(s.times, 0)",
    "last_contacted_at": "s.last",
    "is_subscribed": "coalesce(s.unsubscribed, 0) = 0",
}


def member_sources(listed: MarketingList, removed: bool = False) -> Mapping[str, Any]:
    """Return where the rows of a list come from, as `Compiler.rows` takes it; with `removed` those taken out."""
    taken_out = Given.of_list("removed", listed.id)
    if removed:
        return {"among": taken_out}
    if listed.is_static:
        return {"members": Given.of_list("members", listed.id), "without": taken_out}
    kept = Given.of_list("contacted", listed.id) if listed.keeps_contacted else None
    return {"also": kept, "without": taken_out}


class MemberQueries:
    """Reads the members of lists. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments) -> None:
        self._store, self._model, self._segments = store, model, segments

    def page(
        self,
        engine: Engine,
        listed: MarketingList,
        limit: int,
        offset: int,
        search: str,
        *,
        removed: bool = False,
        sort: tuple[str, bool] | None = None,
    ) -> Members:
        """Return a page of members; see `Lists.members`."""
        more: dict[str, Any] = {"search": self._search(listed, search), **member_sources(listed, removed)}
        definition = Definition(listed.entity) if removed else listed.definition
        total = self._number(engine, definition, more)
        if sort is None:
            compiled = self._segments.compiler(engine).rows(definition, (), limit=limit, offset=offset, **more)
            keys = self._run(engine, compiled).column("key")
        else:
            keys = self._sorted(engine, listed, definition, more, sort, limit, offset)
        return Members(self._with_state(listed, self._rows(engine, listed, keys)), self.labels(listed), total)

    def total(self, engine: Engine, listed: MarketingList) -> int:
        """Return how many members a list has."""
        return self._number(engine, listed.definition, member_sources(listed, False))

    def keys(
        self, engine: Engine, listed: MarketingList, search: str = "", *, removed: bool = False
    ) -> pa.ChunkedArray:
        """Return the keys of all members that match a search, in no order."""
        compiled = self._segments.compiler(engine).rows(
            Definition(listed.entity) if removed else listed.definition,
            (),
            ordered=False,
            search=self._search(listed, search),
            **member_sources(listed, removed),
        )
        return self._run(engine, compiled).column("key")

    def labels(self, listed: MarketingList) -> tuple[str, ...]:
        """Return what the columns of a page are called, all different."""
        entity, path = self._entity(listed)
        fixed = ["Key", "Title", path.name.capitalize(), "Contacted", "Last contacted", "Subscribed"]
        own = [column_label(self._model, entity, c) for c in listed.definition.columns]
        return tuple(unique_labels([*fixed, *own]))

    def find(self, engine: Engine, listed: MarketingList, member: str) -> str:
        """Return the key of a member by key or by contact; see `Lists.find`."""
        _, path = self._entity(listed)
        sources = {**member_sources(listed, False), "without": None}
        compiled = self._segments.compiler(engine).rows(
            listed.definition, (Output("address", path.path),), search=((path.path,), member.strip()), **sources
        )
        rows = self._run(engine, compiled)
        pairs = list(zip(rows.column("key").to_pylist(), rows.column("address").to_pylist(), strict=True))
        wanted = address_key(member)
        by_key = [key for key, _ in pairs if key == member.strip()]
        by_contact = [key for key, address in pairs if wanted is not None and address_key(address) == wanted]
        if not by_key and not by_contact:
            raise NotFound(f"member of {listed.name!r}", member, [str(key) for key, _ in pairs[:10]])
        return str((by_key or by_contact)[0])

    def counts(self, engine: Engine, listed: MarketingList) -> ListCounts:
        """Return how many members a list has, and how many of them cannot be reached."""
        _, path = self._entity(listed)
        country = self._country(listed, path)
        outputs = [Output("address", path.path), *([Output("country", country)] if country is not None else [])]
        compiled = self._segments.compiler(engine).rows(
            listed.definition, tuple(outputs), ordered=False, **member_sources(listed, False)
        )
        with self._store.state.read() as connection:
            removed = removed_count(connection, listed.id)
        silent = Given.of_list("unsubscribed", listed.id)
        given = state_tables(self._store, {g.name: g for g in (*compiled.given, silent)}.values())
        asked = Asked(engine, compiled.sql, compiled.params, given, given[silent.name])
        return (mail_counts if listed.channel == "email" else phone_counts)(self._store, asked, removed)

    def audience(self, engine: Engine, listed: MarketingList, paths: Sequence[str] = ()) -> pa.Table:
        """Return who a sending to the list would meet; see `Lists.audience`."""
        entity, path = self._entity(listed)
        wanted = tuple(dict.fromkeys(paths))
        for fixed in _FIXED if listed.channel == "email" else (*_FIXED, "problem"):
            if fixed in wanted:
                raise ListError(
                    f"The field {fixed!r} of {entity.name} is called like a column every audience has; declare it "
                    f"under another name to use it in a template."
                )
        outputs = [Output("address", path.path)]
        if "title" not in wanted:
            outputs.append(Output("title", entity.title or entity.key))
        outputs += [Output(p, p) for p in wanted]
        country = self._country(listed, path)
        if country is not None:
            outputs.append(Output(_COUNTRY, country))
        sources = {**member_sources(listed, False), "without": Given.of_list("silent", listed.id)}
        compiled = self._segments.compiler(engine).rows(
            listed.definition, tuple(replace(o, name=f"c{n}") for n, o in enumerate(outputs)), **sources
        )
        rows = self._run(engine, compiled).rename_columns(["entity_key", *(o.name for o in outputs)])
        if listed.channel == "email":
            rows = rows.add_column(2, "address_key", address_keys(rows.column("address")))
        else:
            countries = None if country is None else rows.column(_COUNTRY)
            read = read_phones(rows.column("address"), countries, self._store.settings.phone_country)
            rows = rows.drop_columns([_COUNTRY]) if country is not None else rows
            rows = rows.add_column(2, "address_key", read.column("key"))
            rows = rows.append_column("problem", read.column("problem"))
        return rows.add_column(0, "position", pa.array(range(rows.num_rows), pa.int64()))

    def batches(self, engine: Engine, listed: MarketingList) -> Iterator[pa.RecordBatch]:
        """Yield all members in the list's order, with columns as those of a page; of an empty list one empty batch."""
        outputs = self._outputs(listed)
        compiled = self._segments.compiler(engine).rows(listed.definition, outputs, **member_sources(listed, False))
        known = Given.of_list("known", listed.id)
        given = state_tables(self._store, {g.name: g for g in (*compiled.given, known)}.values())
        state = ", ".join(f"{value} as {name}" for name, value in _STATE.items())
        own = "".join(f", r.{quote(o.name)}" for o in outputs[2:])
        sql = f"""
            select r.key as entity_key, r.title, r.address, {state} {own}
            from (select row_number() over () as _n, * from ({compiled.sql}) as i) as r
                left join {quote(known.name)} as s on s.entity_key = r.key
            order by r._n
        """  # noqa: S608  # compiled by us, values are bound
        count = 0
        for batch in engine.batches(sql, compiled.params, given=given):
            count += batch.num_rows
            yield batch
        if not count:
            schema = engine.arrow(sql, compiled.params, given).schema
            yield pa.RecordBatch.from_pylist([], schema=schema)

    # --- parts ---

    def _number(self, engine: Engine, definition: Definition, more: Mapping[str, Any]) -> int:
        compiled = self._segments.compiler(engine).rows(definition, (), only_count=True, **more)
        return int(engine.value(compiled.sql, compiled.params, given_of(self._store, compiled)))

    def _rows(self, engine: Engine, listed: MarketingList, keys: pa.ChunkedArray) -> pa.Table:
        """Return what is shown of some rows, in the order of their keys.

        Looked up for the page alone: carrying every column of a million rows through a sort took four times as long.
        """
        page = Given("_page", "members")
        compiled = self._segments.compiler(engine).rows(
            Definition(listed.entity), self._outputs(listed), among=page, ordered=False
        )
        rows = engine.arrow(compiled.sql, compiled.params, {page.name: pa.table({"entity_key": keys})})
        return rows.take(pc.index_in(keys, rows.column("key").combine_chunks()).combine_chunks())

    def _sorted(
        self,
        engine: Engine,
        listed: MarketingList,
        definition: Definition,
        more: Mapping[str, Any],
        sort: tuple[str, bool],
        limit: int,
        offset: int,
    ) -> pa.ChunkedArray:
        """Return the keys of a page in the order of one column, rows without a value last, equal ones by key."""
        column, direction = self._column(listed, sort[0]), "desc" if sort[1] else "asc"
        own = tuple(o for o in self._outputs(listed) if o.name == column)
        compiled = self._segments.compiler(engine).rows(definition, own, ordered=False, **more)
        given = dict(given_of(self._store, compiled))
        source, value = f"({compiled.sql}) as r", f"r.{quote('key' if column == 'entity_key' else column)}"
        if column in _STATE:
            known = Given.of_list("known", listed.id)
            given |= state_tables(self._store, [known])
            source, value = f"{source} left join {quote(known.name)} as s on s.entity_key = r.key", _STATE[column]
        elif self._is_text(listed, column):
            value = f"lower({value})"
        sql = f"""
            select r.key from {source} order by {value} {direction} nulls last, r.key limit $_limit offset $_offset
        """  # noqa: S608  # compiled by us, the column is one of ours, values are bound
        return engine.arrow(sql, {**compiled.params, "_limit": limit, "_offset": offset}, given).column("key")

    def _column(self, listed: MarketingList, asked: str) -> str:
        """Return the column of a page called so, by its name or by its label; ListError names those there are."""
        names = ("entity_key", "title", "address", *_STATE, *(o.name for o in self._outputs(listed)[2:]))
        labels = self.labels(listed)
        paths = {c.source: f"c{n}" for n, c in enumerate(listed.definition.columns) if isinstance(c.source, str)}
        known = paths | dict(zip((label.casefold() for label in labels), names, strict=True)) | {n: n for n in names}
        found = known.get(asked) or known.get(asked.strip().casefold())
        if found is None:
            raise ListError(f"{asked!r} is no column of the list {listed.name!r}; there are {', '.join(labels)}.")
        return found

    def _is_text(self, listed: MarketingList, column: str) -> bool:
        if column in _TEXTS or column in _STATE:
            return column in _TEXTS
        source = listed.definition.columns[int(column[1:])].source
        return isinstance(source, str) and self._type(listed.entity, source) in _SPELT

    def _type(self, entity: str, path: str) -> str:
        resolved = self._model.resolve(entity, path)
        return "text" if resolved.field is None else resolved.field.type

    def _search(self, listed: MarketingList, search: str) -> tuple[tuple[str, ...], str] | None:
        """Return where and what to look for: the title, the contact and every text column of the list."""
        if not search.strip():
            return None
        entity, path = self._entity(listed)
        own = [c.source for c in listed.definition.columns if isinstance(c.source, str)]
        texts = [source for source in own if self._type(listed.entity, source) in _SPELT]
        return tuple(dict.fromkeys([entity.title or entity.key, path.path, *texts])), search.strip()

    def _run(self, engine: Engine, compiled: Compiled) -> pa.Table:
        return engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))

    def _country(self, listed: MarketingList, path: ContactPath) -> str | None:
        """Return the path of the country a telephone list's numbers are read with, if there is one."""
        return None if listed.channel == "email" else country_path(self._model, listed.entity, path.path)

    def _entity(self, listed: MarketingList) -> tuple[Entity, ContactPath]:
        return self._model.entity(listed.entity), contact_of(self._model, listed.entity, listed.contact)

    def _outputs(self, listed: MarketingList) -> tuple[Output, ...]:
        entity, path = self._entity(listed)
        own = (Output(f"c{n}", c.source) for n, c in enumerate(listed.definition.columns))
        return (Output("title", entity.title or entity.key), Output("address", path.path), *own)

    def _with_state(self, listed: MarketingList, rows: pa.Table) -> pa.Table:
        keys = rows.column("key").to_pylist()
        with self._store.state.read() as connection:
            found = states_of(connection, listed.id, keys)
        states = [found.get(key) for key in keys]
        times = pa.array([s.contacted_times if s else 0 for s in states], pa.int64())
        last = pa.array([s.last_contacted_at if s else None for s in states], _TIME)
        subscribed = pa.array([not (s and s.unsubscribed_at) for s in states], pa.bool_())
        rows = rows.rename_columns(["entity_key", *rows.column_names[1:]])
        for n, (name, values) in enumerate(zip(_STATE, (times, last, subscribed), strict=True)):
            rows = rows.add_column(3 + n, name, values)
        return rows
