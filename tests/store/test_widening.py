"""A column of texts that is declared as a list now: what was written is taken apart, once."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from analytics.engine import read
from analytics.errors import StoreError
from analytics.model.table import Column, TableSchema
from analytics.store import Store

BEFORE = TableSchema(
    name="person",
    kind="entity",
    key="id",
    columns=(Column("id", "text"), Column("tags", "text"), Column("count", "integer")),
)
AFTER = replace(BEFORE, columns=(Column("id", "text"), Column("tags", "text_list"), Column("count", "integer")))


def rows(store: Store) -> list[tuple[object, ...]]:
    return read(store, lambda engine: engine.rows("select id, tags, count from person order by id"))


def test_texts_are_taken_apart_and_everything_else_stays(store: Store) -> None:
    store.lake.ensure(BEFORE)
    store.lake.merge(
        "person",
        pa.table(
            {
                "id": ["1", "2", "3", "4"],
                "tags": ["custom tag, second tag", "b; a, c ;b", None, " "],
                "count": [1, 2, None, 4],
            }
        ),
    )
    store.lake.ensure(AFTER)
    assert rows(store) == [
        ("1", ["custom tag", "second tag"], 1),
        ("2", ["a, c", "b"], 2),
        ("3", None, None),
        ("4", [], 4),
    ]
    version = store.lake.version("person")
    store.lake.ensure(AFTER)
    assert store.lake.version("person") == version
    store.lake.merge("person", pa.table({"id": ["3"], "tags": [["x"]], "count": [3]}))
    assert rows(store)[2] == ("3", ["x"], 3)


def test_an_empty_table_takes_the_new_type_too(store: Store) -> None:
    store.lake.ensure(BEFORE)
    store.lake.ensure(replace(AFTER, columns=(*AFTER.columns, Column("more", "text"))))
    store.lake.merge("person", pa.table({"id": ["1"], "tags": [["a"]], "count": [1], "more": ["m"]}))
    assert rows(store) == [("1", ["a"], 1)]


def test_a_list_does_not_become_a_text_again(store: Store) -> None:
    store.lake.ensure(AFTER)
    with pytest.raises(StoreError, match="is text_list in the lake and cannot become text"):
        store.lake.ensure(BEFORE)


def test_personal_values_stay_out_of_the_commit_log(store: Store) -> None:
    email = Column("email", "text", personal=True)
    store.lake.ensure(replace(BEFORE, columns=(*BEFORE.columns, email)))
    person = {"id": ["1"], "tags": ["a"], "count": [1], "email": ["ada@example.com"]}
    store.lake.merge("person", pa.table(person))
    store.lake.ensure(replace(AFTER, columns=(*AFTER.columns, email)))
    logs = sorted((store.lake.root / "person" / "_delta_log").glob("*.json"))
    assert any("numRecords" in log.read_text() for log in logs)
    assert not any("ada@example.com" in log.read_text() for log in logs)
