"""Members as files: CSV, workbook and Parquet hold the same rows, no cell is a formula, a failed one leaves nothing."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.engine import Engine
from analytics.errors import ListError
from analytics.lists import Lists
from analytics.lists.export import write_members
from analytics.model.clock import SimulatedClock
from analytics.model.spreadsheet import guarded, guarded_column
from analytics.settings import Settings
from analytics.store import Store
from tests.lists.test_lists import COMPANIES, PEOPLE, user
from tests.segments.shop import NOW, ZONE, fill

LABELS = ["Key", "Title", "Email", "Contacted", "Last contacted", "Subscribed", "=Name", "credit"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": PEOPLE, "company": COMPANIES})
        yield store


@pytest.fixture
def listed(lists: Lists, store: Store) -> None:
    columns = [{"field": "first name", "label": "=Name"}, {"field": "credit", "label": "credit"}]
    made = lists.create("All", user(columns=columns, sort=["first name"]), contact="email")
    lists.remove("All", ["e"])
    lists.unsubscribe("All", ["c"])
    with store.state.write() as connection:
        lists.contacted(connection, made.id, ["a"], datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


@pytest.mark.usefixtures("listed")
def test_every_kind_of_file_holds_the_members_in_the_lists_order(lists: Lists, engine: Engine, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    for kind in ("csv", "xlsx", "parquet"):
        path = tmp_path / f"all.{kind}"
        assert lists.export(engine, "All", path, lambda at, of, what: seen.append((at, of))) == 4
    assert seen == [(4, 4)] * 3
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == [*LABELS[:6], "'=Name", "credit"]
    assert [row[0] for row in rows[1:]] == ["b", "a", "c", "d"]
    assert rows[1][6] == "'=1+1"
    assert rows[2][3:] == ["1", "2026-01-02T03:04:00+00:00", "yes", "Ada", "1.5000"]
    assert rows[3][2:6] == ["", "0", "", "no"]

    sheet = openpyxl.load_workbook(tmp_path / "all.xlsx").active
    assert sheet is not None
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0] == LABELS
    assert [row[0] for row in cells[1:]] == ["b", "a", "c", "d"]
    assert cells[2][3:] == [1, datetime(2026, 1, 2, 4, 4), "yes", "Ada", 1.5]  # noqa: DTZ001  # a worksheet has no zone
    formula = sheet["G2"]
    assert (formula.value, formula.data_type, formula.quotePrefix) == ("=1+1", "s", True)

    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column_names == LABELS
    assert table.column("=Name").to_pylist()[0] == "=1+1"
    assert table.column("credit").to_pylist()[1] == Decimal("1.5000")
    assert table.column("Last contacted").to_pylist()[1] == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.usefixtures("listed")
def test_a_file_that_cannot_be_written_leaves_nothing_and_harms_no_former_one(
    lists: Lists, engine: Engine, tmp_path: Path
) -> None:
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(ListError, match=r"members\.doc does not say what to write; let its name end in \.csv, \.xlsx"):
        lists.export(engine, "All", tmp_path / "members.doc")
    for kind in ("csv", "xlsx", "parquet"):
        with pytest.raises(ListError, match="cannot be written"):
            lists.export(engine, "All", tmp_path / "absent" / f"all.{kind}")
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_an_export_that_breaks_off_leaves_the_former_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"all.{kind}"
    path.write_text("former")

    def breaks() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"a": ["1"]})
        raise RuntimeError("the disk of the lake went away")

    with pytest.raises(RuntimeError):
        list(write_members(path, ["A"], breaks(), ZONE))
    assert path.read_text() == "former"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_an_empty_list_makes_a_file_with_its_header(lists: Lists, engine: Engine, tmp_path: Path, kind: str) -> None:
    lists.create("None", user({"field": "tier", "is": "equals", "value": "Silver"}), contact="email")
    lists.remove("None", ["b"])
    path = tmp_path / f"none.{kind}"
    assert lists.export(engine, "None", path) == 0
    if kind == "parquet":
        assert pq.read_table(path).num_rows == 0
    elif kind == "csv":
        assert path.read_text().startswith("Key,Title,Email")
    else:
        assert zipfile.ZipFile(path).testzip() is None


def test_what_a_worksheet_cannot_hold_is_refused_not_cut(tmp_path: Path) -> None:
    long = pa.RecordBatch.from_pydict({"a": ["x" * 40_000]})
    with pytest.raises(ListError, match=r"'A' of member 1 has 40,000 characters.*32,767; export the list as CSV"):
        list(write_members(tmp_path / "a.xlsx", ["A"], [long], ZONE))
    many = pa.RecordBatch.from_pydict({"a": pa.array([None] * 1_048_576, pa.string())})
    with pytest.raises(ListError, match="has room for 1,048,575 members"):
        list(write_members(tmp_path / "a.xlsx", ["A"], [many], ZONE))
    assert list(tmp_path.iterdir()) == []


def test_a_worksheet_keeps_every_digit_and_old_dates(tmp_path: Path) -> None:
    values = {
        "n": [12345678901234567],
        "d": [Decimal("0.1000")],
        "t": [datetime(1850, 5, 6, tzinfo=UTC)],
        "l": [["a", "b"]],
    }
    list(write_members(tmp_path / "a.xlsx", list(values), [pa.RecordBatch.from_pydict(values)], ZONE))
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]] == ["12345678901234567", 0.1, "1850-05-06T00:00:00+00:00", "a; b"]


@given(st.lists(st.none() | st.text(st.sampled_from("=+-@\t\r\n\x00＝＋－＠ax'1")), max_size=8))
def test_a_column_is_guarded_as_each_of_its_cells_is(texts: list[str | None]) -> None:
    assert guarded_column(pa.array(texts, pa.string())).to_pylist() == [guarded(text) for text in texts]
