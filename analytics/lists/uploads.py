"""Uploaded lists: made of a file of addresses, numbers or keys, with a report of what became of each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import delete, insert, select

from analytics.engine import Engine
from analytics.errors import ListError, NotFound
from analytics.lists import generations
from analytics.lists.export import write_csv
from analytics.lists.lists import Lists
from analytics.lists.matching import By, Target, contact_by, match, read_keys
from analytics.lists.records import MarketingList, Refresh
from analytics.lists.refresh import compared
from analytics.lists.rows import in_chunks, many
from analytics.lists.stored import contact_of
from analytics.lists.upload_file import Column, UploadFile, best, checked_way, shares
from analytics.model.entity import EntityModel
from analytics.model.progress import Progress, silent
from analytics.segments import Definition, Segments
from analytics.segments.catalogue import Given
from analytics.store import Store
from analytics.store.tables import list_unmatched, list_upload, marketing_list

Mode = Literal["replace", "add"]

_LONGEST = 1_000  # characters of a value that is kept to be looked at


@dataclass(frozen=True)
class Matched:
    """A file read and matched, nothing written yet: which rows it means and what became of its lines.

    `matched` lines mean a row no line before meant, `several` of them more than one (all of these come in), `repeated`
    mean one again; `unmatched` (line, value, reason) are all others.
    """

    file_name: str
    target: Target
    column: Column
    columns: tuple[str, ...]
    line_count: int
    matched: int
    several: int
    repeated: int
    unmatched: pa.Table
    keys: pa.ChunkedArray


@dataclass(frozen=True)
class Upload:
    """A file a list was made of, as it was reported then."""

    id: int
    list_id: int
    file_name: str
    column_name: str
    matched_by: By
    mode: Mode
    line_count: int
    matched: int
    several: int
    repeated: int
    unmatched: int
    created_at: datetime


@dataclass(frozen=True)
class UnmatchedLine:
    """A line that meant nobody, and why."""

    line: int
    value: str
    reason: str


class Uploads:
    """Files that lists are made of. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments, lists: Lists) -> None:
        self._store, self._model, self._segments, self._lists = store, model, segments, lists

    def target(self, entity: str, contact: str | None) -> Target:
        """Return what a new list's lines are matched with; ListError for a contact the entity does not have."""
        path = contact_of(self._model, entity, contact)
        return Target(entity, path.name, path.channel)

    def match(
        self,
        engine: Engine,
        path: Path,
        target: Target | MarketingList,
        *,
        column: str | None = None,
        by: str | None = None,
        has_header: bool | None = None,
        progress: Progress = silent,
    ) -> Matched:
        """Read a .csv, .tsv, .txt, Excel or ODS file and find the rows its lines mean; nothing is written.

        `column` (header, or number from 1), `by` (address, phone, key) and `has_header` are looked for where not given.
        Raises ListError for a file or column that cannot be used, ImportFailed for text that cannot be read.
        """
        goal = Target(target.entity, target.contact, target.channel)
        file = UploadFile(path)
        chosen = self._column(engine, file, goal, column, by, has_header)
        lines = file.lines(chosen, progress)
        found = match(self._store, self._model, self._segments, engine, goal, lines, chosen.by)
        unmatched = _with_rejects(found.unmatched, file)
        return Matched(
            file_name=path.name[:255],
            target=goal,
            column=chosen,
            columns=tuple(file.names()),
            line_count=lines.num_rows + len(file.rejects),
            matched=found.matched,
            several=found.several,
            repeated=found.repeated,
            unmatched=unmatched,
            keys=found.keys,
        )

    def create(
        self,
        name: str,
        matched: Matched,
        *,
        columns: Definition | None = None,
        description: str | None = None,
        progress: Progress = silent,
    ) -> MarketingList:
        """Make a list of a matched file; `columns` may say what is shown of its members. Raises ListError."""
        made = self._lists.create(
            name,
            columns or Definition(matched.target.entity),
            contact=matched.target.contact,
            description=description,
            source="uploaded",
        )
        try:
            self.apply(made, matched, "replace", progress)
        except BaseException:
            self._lists.delete(made)  # a list without the members it was made of would look whole
            raise
        return self._lists.get(made.id)

    def preview(self, name: MarketingList | str | int, matched: Matched, mode: Mode) -> Refresh:
        """Return what a matched file would change: with `replace` members it lacks go, with `add` none does."""
        listed = self._uploaded(name, matched)
        _, present = generations.shown(self._store, listed.id)
        return compared(_members(present, matched.keys, mode), present)

    def apply(
        self, name: MarketingList | str | int, matched: Matched, mode: Mode, progress: Progress = silent
    ) -> Upload:
        """Make a matched file the members of an uploaded list, or add it to them; readers see the old or the new.

        Marks of members stay: who was removed by hand stays out. Raises ListError for another kind of list.
        """
        listed = self._uploaded(name, matched)
        with generations.held(self._store, listed.id):
            generation, present = generations.shown(self._store, listed.id)
            self._forget(listed.id, generation)
            generation += 1
            keys = _members(present, matched.keys, mode)
            generations.write(self._store, listed.id, generation, keys, progress)
            number = self._note(listed.id, matched, mode, generation, progress)
            with self._store.state.write() as connection:
                generations.show(connection, self._store, listed.id, generation)
            generations.forget(self._store, listed.id, generation)
        return next(upload for upload in self.all(listed) if upload.id == number)

    def all(self, name: MarketingList | str | int) -> tuple[Upload, ...]:
        """Return the uploads a list was made of, newest first."""
        listed = self._lists.get(name)
        query = (
            select(list_upload)
            .join(marketing_list, marketing_list.c.id == list_upload.c.list_id)
            .where(list_upload.c.list_id == listed.id, list_upload.c.generation <= marketing_list.c.generation)
            .order_by(list_upload.c.id.desc())
        )
        with self._store.state.read() as connection:
            return tuple(_upload(row) for row in connection.execute(query))

    def unmatched(self, upload_id: int, limit: int | None = 50, offset: int = 0) -> tuple[UnmatchedLine, ...]:
        """Return lines of an upload that meant nobody, in the file's order."""
        query = select(list_unmatched).where(list_unmatched.c.upload_id == upload_id).order_by(list_unmatched.c.line)
        with self._store.state.read() as connection:
            rows = connection.execute(query.limit(limit).offset(offset))
            return tuple(UnmatchedLine(row.line, row.value, row.reason) for row in rows)

    def write_unmatched(self, upload_id: int, path: Path) -> int:
        """Write the lines of an upload that meant nobody to a CSV file, guarded against formulas; returns how many."""
        with self._store.state.read() as connection:
            if connection.execute(select(list_upload.c.id).where(list_upload.c.id == upload_id)).first() is None:
                raise NotFound("upload", upload_id, [])
        return write_csv(path, ("Line", "Value", "Reason"), self._all_unmatched(upload_id))

    def _all_unmatched(self, upload_id: int) -> Iterator[tuple[int, str, str]]:
        offset = 0
        while some := self.unmatched(upload_id, 10_000, offset):
            offset += len(some)
            yield from ((line.line, line.value, line.reason) for line in some)

    def _uploaded(self, name: MarketingList | str | int, matched: Matched) -> MarketingList:
        listed = self._lists.get(name)
        if listed.source != "uploaded":
            raise ListError(f"The list {listed.name!r} is {listed.kind_label}; only an uploaded one takes files.")
        if listed.entity != matched.target.entity:
            raise ListError(
                f"The file was matched with {matched.target.entity}; the list {listed.name!r} is of {listed.entity}."
            )
        return listed

    def _column(
        self, engine: Engine, file: UploadFile, target: Target, column: str | None, by: str | None, header: bool | None
    ) -> Column:
        ways = (
            [checked_way(by)] if by is not None else [w for w in ("address", "key", "phone") if self._offers(target, w)]
        )
        indexes = [file.index_of(column)] if column is not None else range(len(file.first))
        scores: dict[tuple[int, By], float] = {}
        for index in indexes:
            first, *others = file.values(index) or [""]
            values = pa.chunked_array([pa.array(others or [first], pa.string())])  # the first one may be a header
            for way in ways:
                scores[index, way] = shares(values, self._known(engine, target, values, way))
        found = best(scores)
        if found is None and column is not None and by is not None:
            found = indexes[0], ways[0]
        if found is None:
            label = self._model.entity(target.entity).plural.lower()
            raise ListError(
                f"No column of {file.path.name} holds addresses, numbers or keys of {label} in half its lines or more; "
                f"name the column and how to match it. There are {', '.join(file.names())}."
            )
        index, way = found
        first = pa.chunked_array([pa.array([file.first[index]], pa.string())])
        is_value = self._known(engine, target, first, way).null_count == 0
        has_header = not is_value if header is None else header
        return Column(index, file.names()[index] if has_header else f"column {index + 1}", way, has_header)

    def _offers(self, target: Target, way: Any) -> bool:
        return way == "key" or contact_by(self._model, target, way) is not None

    def _known(self, engine: Engine, target: Target, values: pa.ChunkedArray, way: By) -> pa.ChunkedArray:
        """Return what values say, null where nothing; a key says something when there is a row with it."""
        keys = read_keys(self._store, values, way)
        if way != "key":
            return keys
        asked = Given("_asked", "members")
        compiled = self._segments.compiler(engine).rows(Definition(target.entity), (), among=asked, ordered=False)
        rows = engine.arrow(compiled.sql, compiled.params, {asked.name: pa.table({"entity_key": values})}).column("key")
        return pc.if_else(pc.is_in(values, rows.combine_chunks()), values, pa.scalar(None, pa.string()))

    def _forget(self, list_id: int, generation: int) -> None:
        """Delete what an upload left that did not come to its end."""
        generations.forget(self._store, list_id, generation)
        own = (list_upload.c.list_id == list_id) & (list_upload.c.generation > generation)
        with self._store.state.write() as connection:
            connection.execute(delete(list_upload).where(own))

    def _note(self, list_id: int, matched: Matched, mode: Mode, generation: int, progress: Progress) -> int:
        values = {
            "list_id": list_id,
            "file_name": matched.file_name,
            "column_name": matched.column.name[:255],
            "matched_by": matched.column.by,
            "mode": mode,
            "generation": generation,
            "line_count": matched.line_count,
            "matched": matched.matched,
            "several": matched.several,
            "repeated": matched.repeated,
            "unmatched": matched.unmatched.num_rows,
            "created_at": self._store.clock.now(),
        }
        with self._store.state.write() as connection:
            number = int(
                connection.execute(insert(list_upload).values(values).returning(list_upload.c.id)).scalar_one()
            )
        sql = "insert into list_unmatched (upload_id, line, value, reason) values (?, ?, ?, ?)"
        lines = matched.unmatched.column("line")
        for start, some in in_chunks(lines):
            part = matched.unmatched.slice(start, len(some))
            shown = [(value or "").replace("\x00", "")[:_LONGEST] for value in part.column("value").to_pylist()]
            rows = zip(some, shown, part.column("reason").to_pylist(), strict=True)
            with self._store.state.write() as connection:
                many(connection, sql, [(number, *row) for row in rows])
            progress(start + len(some), len(lines), "unmatched lines")
        return number


def _members(present: pa.ChunkedArray, keys: pa.ChunkedArray, mode: Mode) -> pa.ChunkedArray:
    """Return the members after an upload: the file's, or those there were and then the file's new ones."""
    if mode == "replace":
        return keys
    if mode != "add":
        raise ListError(f"{mode!r} is nothing a file does to a list; there are replace, add.")
    new = pc.filter(keys, pc.invert(pc.is_in(keys, present.combine_chunks())))
    return pa.chunked_array([*present.chunks, *new.chunks], pa.string())


def _with_rejects(unmatched: pa.Table, file: UploadFile) -> pa.Table:
    """Return the unmatched lines with those that could not be read, by line."""
    if not file.rejects:
        return unmatched
    more = pa.table(
        {
            "line": pa.array([r.line for r in file.rejects], pa.int64()),
            "value": pa.array([r.value for r in file.rejects], pa.string()),
            "reason": pa.array([r.reason[:200] for r in file.rejects], pa.string()),
        }
    )
    return pa.concat_tables([unmatched.cast(more.schema), more]).sort_by("line")


def _upload(row: Any) -> Upload:
    named = {name: getattr(row, name) for name in Upload.__dataclass_fields__}
    return Upload(**named)
