"""Stored segments, and what any definition gives on a snapshot: how many rows, which, and by which SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, delete, insert, select, update

from analytics.engine import Engine, read
from analytics.errors import NotFound, SegmentError
from analytics.model.address import address_key
from analytics.model.entity import EntityModel
from analytics.segments.catalogue import ListSource
from analytics.segments.compiler import Compiled, Compiler, Output
from analytics.segments.cost import MOST_SECONDS, Cost, measured
from analytics.segments.definition import Definition
from analytics.segments.difference import Difference, difference
from analytics.segments.explain import Explainer, Membership
from analytics.segments.moments import Moment
from analytics.segments.queries import AskedQueries
from analytics.segments.readable import Query, readable
from analytics.segments.shown import shown_columns
from analytics.segments.sql_check import SqlLook, look, refuse_strangers, strangers
from analytics.segments.state import StoredCatalogue, by_name, given_of
from analytics.segments.uses import Use, lists_on, refuse_when_named, uses
from analytics.segments.versions import SegmentVersion, copy_name, note_version, versions_of
from analytics.segments.written import written
from analytics.store import Store
from analytics.store.tables import segment as segment_table

if TYPE_CHECKING:
    import pandas as pd

_NAME_LENGTH = 255


@dataclass(frozen=True)
class Segment:
    """A stored segment; `version` rises with every change of its definition."""

    id: int
    name: str
    description: str | None
    definition: Definition
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Sample:
    """Some rows of a segment: `columns` are labels for people, `rows` an Arrow table with those names."""

    columns: tuple[str, ...]
    rows: pa.Table

    @property
    def df(self) -> pd.DataFrame:
        """The rows as a pandas frame."""
        return self.rows.to_pandas()


class Segments:
    """The segments of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model

    @property
    def catalogue(self) -> StoredCatalogue:
        """What definitions may name: stored segments, lists, campaigns."""
        return StoredCatalogue(self._store)

    # --- stored segments ---

    def save(self, name: str, definition: Definition, description: str | None = None) -> Segment:
        """Store a definition under `name`, in place of a former one of that name (whatever its case).

        It is compiled and run for one row first. The version rises when the definition changed. Raises SegmentError
        for a name that is empty or too long, for a definition that does not fit, and for one that leads back to itself.
        """
        name = _checked_name(name)
        self.test(definition, segment=name)
        now = self._store.clock.now()
        document = definition.to_document()
        with self._store.state.write() as connection:
            known = by_name(connection, segment_table, name, (segment_table.c.definition, segment_table.c.entity))
            if known is None:
                values: dict[str, Any] = {"name": name, "description": description, "version": 1, "created_at": now}
                values |= {"entity": definition.entity, "definition": document, "updated_at": now}
                made = insert(segment_table).values(**values).returning(segment_table.c.id)
                number = connection.execute(made).scalar_one()
            else:
                number = known.id
                self._check_lists(connection, known, definition)
                note_version(connection, known.id)  # of a segment older than its versions
                changes: dict[str, Any] = {"name": name, "updated_at": now}
                if description is not None:
                    changes["description"] = description
                if known.definition != document:
                    changes |= {"definition": document, "entity": definition.entity}
                    changes["version"] = segment_table.c.version + 1
                connection.execute(update(segment_table).where(segment_table.c.id == number).values(**changes))
            note_version(connection, number)
            return _segment(connection.execute(select(segment_table).where(segment_table.c.id == number)).one())

    def rename(self, name: str, new_name: str) -> Segment:
        """Give a segment another name; SegmentError when it is taken, or when other definitions name the segment."""
        new_name = _checked_name(new_name)
        known = self.get(name)
        with self._store.state.write() as connection:
            taken = by_name(connection, segment_table, new_name, ())
            if taken is not None and taken.id != known.id:
                raise SegmentError(f"There is a segment {taken.name!r} already; choose another name.")
            if known.name.casefold() != new_name.casefold():
                refuse_when_named(connection, known.name)
            connection.execute(
                update(segment_table)
                .where(segment_table.c.id == known.id)
                .values(name=new_name, updated_at=self._store.clock.now())
            )
        return self.get(new_name)

    def get(self, name: str | int) -> Segment:
        """Return the segment of this name (whatever its case) or id; NotFound lists those there are."""
        with self._store.state.read() as connection:
            found = by_name(connection, segment_table, name, ())
            if found is None:
                names = connection.execute(select(segment_table.c.name).order_by(segment_table.c.name))
                raise NotFound("segment", name, [row.name for row in names])
            return _segment(connection.execute(select(segment_table).where(segment_table.c.id == found.id)).one())

    def resolve(self, source: Definition | Mapping[str, Any] | Path | str, entity: str | None = None) -> Definition:
        """Return the definition `source` is or names: document, file, text or SQL form, a stored segment's name.

        With `entity` text is SQL that gives its keys. Raises SegmentError for what cannot be read, NotFound for an
        unknown name.
        """
        own = written(source, entity)
        return own if own is not None else self.get(str(source)).definition

    def all(self) -> tuple[Segment, ...]:
        """Return every segment, by name."""
        with self._store.state.read() as connection:
            rows = connection.execute(select(segment_table)).all()
        return tuple(sorted((_segment(row) for row in rows), key=lambda s: s.name.casefold()))

    def delete(self, name: str | int) -> None:
        """Delete a segment; SegmentError when a list or another segment is built on it, NotFound without one."""
        found = self.get(name)
        with self._store.state.write() as connection:
            lists = lists_on(connection, found.id, found.name)
            if lists:
                names = ", ".join(map(repr, lists))
                raise SegmentError(f"The segment {found.name!r} is what the list {names} is built on; delete it first.")
            refuse_when_named(connection, found.name)
            connection.execute(delete(segment_table).where(segment_table.c.id == found.id))

    # --- versions ---

    def versions(self, name: str | int) -> tuple[SegmentVersion, ...]:
        """Return what every save left, newest first; NotFound without the segment."""
        found = self.get(name)
        with self._store.state.write() as connection:
            note_version(connection, found.id)
            return versions_of(connection, found.id)

    def version(self, name: str | int, number: int) -> SegmentVersion:
        """Return one version; NotFound lists those there are."""
        kept = self.versions(name)
        found = next((v for v in kept if v.version == number), None)
        if found is None:
            raise NotFound(f"version of {self.get(name).name!r}", number, [str(v.version) for v in kept])
        return found

    def diff(self, name: str | int, old: int, new: int) -> Difference:
        """Return what changed from one version to another; NotFound without one of them."""
        before, after = self.version(name, old), self.version(name, new)
        return difference(self._model, before.definition, after.definition)

    def restore(self, name: str | int, number: int) -> Segment:
        """Make an old version's definition the present one, as a new version; it is tested like any other.

        Raises NotFound without it, SegmentError when it does not fit the model or what is stored any more.
        """
        found = self.get(name)
        return self.save(found.name, self.version(found.id, number).definition)

    def clone(self, name: str | int, new_name: str | None = None) -> Segment:
        """Store a copy under another name, by default "Name copy" or the next free one; SegmentError when taken."""
        found = self.get(name)
        taken = [s.name for s in self.all()]
        new_name = _checked_name(new_name) if new_name is not None else copy_name(found.name, taken)
        same = next((t for t in taken if t.casefold() == new_name.casefold()), None)
        if same is not None:
            raise SegmentError(f"There is a segment {same!r} already; choose another name.")
        return self.save(new_name, found.definition, found.description)

    def used_by(self, name: str | int) -> tuple[Use, ...]:
        """Return the lists built on a segment, and the lists and segments whose conditions name it."""
        found = self.get(name)
        with self._store.state.read() as connection:
            return uses(connection, found.id, found.name)

    # --- what a definition gives ---

    def count(self, definition: Definition, engine: Engine) -> int:
        """Return how many rows a definition has."""
        compiled = self.compiler(engine).count(definition)
        return int(engine.value(compiled.sql, compiled.params, given_of(self._store, compiled)))

    def keys(self, definition: Definition, engine: Engine) -> pa.Table:
        """Return the keys of the rows in order: columns `position` (from 0) and `key`."""
        compiled = self.compiler(engine).keys(definition)
        keys = engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))
        return keys.add_column(0, "position", pa.array(range(keys.num_rows), pa.int64()))

    def sample(self, definition: Definition, engine: Engine, limit: int = 10) -> Sample:
        """Return the first rows in order: key, what a person knows them by, contacts, the definition's columns."""
        outputs, labels = shown_columns(self._model, definition)
        compiled = self.compiler(engine).rows(definition, outputs, limit=limit)
        rows = engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))
        return Sample(labels, rows.rename_columns(list(labels)))

    def explain(self, definition: Definition, engine: Engine, key: str) -> Membership:
        """Return whether the row with `key` is in a segment, and which conditions hold for it by which values.

        An e-mail address may stand for the key where it is one row's contact. Raises SegmentError when the entity has
        no such row, or several with the address.
        """
        return Explainer(self.compiler, self._rows).explain(definition, engine, self._key(definition, engine, key))

    def find(self, entity: str, engine: Engine, row: str) -> str:
        """Return the key of the row of an entity that `row` names: by its key, or by an address it alone is reached at.

        Raises SegmentError when there is no such row, or several with the address.
        """
        definition = Definition(entity)
        key = self._key(definition, engine, row)
        if not self._rows(engine, self.compiler(engine).rows(definition, (), only=key)):
            label = self._model.entity(entity).label.lower()
            raise SegmentError(f"There is no {label} with the key or address {row!r}.")
        return key

    def sql(self, definition: Definition, engine: Engine | None = None) -> Query:
        """Return the query of a definition's keys for people to read; without an engine relative dates are of now."""
        moment = Moment.of(engine) if engine is not None else self._moment()
        compiled = Compiler(self._model, moment, self.catalogue).keys(definition)
        return readable(compiled)

    def check(self, definition: Definition) -> None:
        """Raise SegmentError, naming the place, where a definition does not fit the entity model."""
        Compiler(self._model, self._moment(), self.catalogue).check(definition)

    def test(self, definition: Definition, *, segment: str | None = None, dynamic_list: str | None = None) -> None:
        """Check a definition and run it for one row with its columns and order, as it is before it is stored.

        `segment` or `dynamic_list` is the name it is to be stored under. Raises SegmentError where it does not fit the
        entity model, when it leads back to itself, and when it cannot be run.
        """
        draft = _Draft(self._store, definition, segment, dynamic_list)
        Compiler(self._model, self._moment(), draft).check(definition)
        read(self._store, lambda engine: self._run_once(definition, engine))

    def compiler(self, engine: Engine) -> Compiler:
        """Return a compiler at the engine's moment; it makes one query."""
        return Compiler(self._model, Moment.of(engine), self.catalogue, AskedQueries(engine))

    def check_sql(self, entity: str, sql: str, engine: Engine | None = None, limit: int = 10) -> SqlLook:
        """Return what SQL gives as a segment of `entity`: count, sample, warnings, and what is wrong with it.

        It reads the newest snapshot without an engine. Raises ModelError for an entity there is not.
        """
        if engine is None:
            return read(self._store, lambda fresh: self.check_sql(entity, sql, fresh, limit))

        def sample(definition: Definition) -> tuple[tuple[str, ...], pa.Table]:
            found = self.sample(definition, engine, limit)
            return found.columns, found.rows

        return look(self._model.entity(entity), sql, engine, lambda d: self.count(d, engine), sample)

    def cost(self, definition: Definition, engine: Engine, seconds: float = MOST_SECONDS) -> Cost:
        """Return what one count of a definition costs: measured, or estimated when it takes longer than `seconds`.

        Raises SegmentError for a definition that does not fit.
        """
        queries = AskedQueries(engine, seconds)
        compiled = Compiler(self._model, Moment.of(engine), self.catalogue, queries).count(definition)
        return measured(compiled, lambda: given_of(self._store, compiled), engine, seconds)

    def _rows(self, engine: Engine, compiled: Compiled) -> list[tuple[Any, ...]]:
        return engine.rows(compiled.sql, compiled.params, given_of(self._store, compiled))

    def _key(self, definition: Definition, engine: Engine, row: str) -> str:
        """Return the key of the row with an address; `row` itself when it is a key, no address, or nobody's."""
        wanted, entity = address_key(row), self._model.entities.get(definition.entity)
        paths = tuple(c.path for c in entity.contacts if c.channel == "email") if entity is not None else ()
        if wanted is None or entity is None or not paths:
            return row
        outputs = tuple(Output(f"c{n}", path) for n, path in enumerate(paths))
        # An address is also found in other case and with another form of its domain, so by what precedes that alone.
        local = row.strip().rpartition("@")[0]
        search = (paths, local) if local.isascii() else None
        compiled = self.compiler(engine).rows(Definition(entity.name), outputs, search=search)
        found = [key for key, *held in self._rows(engine, compiled) if key == row or wanted in map(address_key, held)]
        if row in found or not found:
            return row
        if len(found) > 1:
            raise SegmentError(
                f"{len(found):,} {entity.plural.lower()} are reached at {row}; name one by its key, such as {found[0]}."
            )
        return str(found[0])

    def _moment(self) -> Moment:
        return Moment.at(self._store.clock.now(), self._store.settings)

    def _run_once(self, definition: Definition, engine: Engine) -> None:
        outputs, _ = shown_columns(self._model, definition)
        compiled = self.compiler(engine).rows(definition, outputs, limit=1)
        try:
            engine.rows(compiled.sql, compiled.params, given_of(self._store, compiled))
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise SegmentError(f"The definition cannot be run on the data there is: {reason}.") from error
        if definition.sql is not None:
            entity = self._model.entity(definition.entity)
            refuse_strangers(strangers(AskedQueries(engine), engine, entity, definition.sql), entity)

    def _check_lists(self, connection: Connection, known: Any, definition: Definition) -> None:
        if known.entity == definition.entity:
            return
        lists = lists_on(connection, known.id, known.name)
        if lists:
            raise SegmentError(
                f"The segment {known.name!r} cannot change from {known.entity} to {definition.entity}: the list "
                f"{lists[0]!r} is built on it. Save it under another name."
            )


class _Draft(StoredCatalogue):
    """The catalogue as it will be once a definition is saved, so that a cycle is seen before it is stored."""

    def __init__(self, store: Store, definition: Definition, segment: str | None, dynamic_list: str | None) -> None:
        super().__init__(store)
        self._definition = definition
        self._segment, self._list = (name and name.strip().casefold() for name in (segment, dynamic_list))

    def segment(self, name: str, place: str) -> Definition:
        return self._definition if name.strip().casefold() == self._segment else super().segment(name, place)

    def marketing_list(self, name: str, place: str) -> ListSource:
        if name.strip().casefold() == self._list:
            return ListSource(0, name, False, self._definition)
        return super().marketing_list(name, place)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _NAME_LENGTH or any(not ch.isprintable() for ch in name):
        raise SegmentError(f"{name!r} is no name for a segment; give it 1 to {_NAME_LENGTH} printable characters.")
    return name


def _segment(row: Any) -> Segment:
    return Segment(
        id=row.id,
        name=row.name,
        description=row.description,
        definition=Definition.from_document(row.definition),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
