"""Uploaded lists: the column is found, every line accounted for, another one replaces or adds, hostile ones refused."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from sqlalchemy import func, insert, select

from analytics.engine import Engine
from analytics.errors import AnalyticsError, ImportFailed, ListError, NotFound
from analytics.lists import Lists, Uploads
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import list_member, list_unmatched, list_upload
from tests.lists.test_lists import PEOPLE, keys
from tests.segments.shop import MODEL, NOW, ZONE, fill

File = Callable[[str, str], Path]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": PEOPLE, "person": [{"id": "p1", "email": "bob@example.com", "phone": "+49 30 901820"}]})
        yield store


@pytest.fixture
def uploads(store: Store, segments: Segments, lists: Lists) -> Uploads:
    return Uploads(store, MODEL, segments, lists)


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


def test_every_line_of_a_file_is_accounted_for(
    uploads: Uploads, lists: Lists, engine: Engine, file: File, tmp_path: Path
) -> None:
    path = file(
        "people.csv",
        "Name;E-Mail\r\nBob;BOB@example.com\r\nAda;ada@example.com\r\nAgain;bob@EXAMPLE.com\r\n"
        "Nobody;who@example.org\r\nBlank;\r\n=1+1;=cmd()\r\nToo;many;values\r\n",
    )
    matched = uploads.match(engine, path, uploads.target("user", "email"))
    assert (matched.column.name, matched.column.by, matched.column.has_header) == ("E-Mail", "address", True)
    assert (matched.line_count, matched.matched, matched.several, matched.repeated) == (7, 2, 1, 1)
    assert lists.all() == ()
    made = uploads.create("Up", matched)
    assert (made.kind_label, keys(lists, engine, "Up")) == ("uploaded", ["b", "a", "d"])
    (upload,) = uploads.all("Up")
    assert (upload.line_count, upload.matched, upload.several, upload.repeated, upload.unmatched) == (7, 2, 1, 1, 4)
    assert [(u.line, u.value, u.reason) for u in uploads.unmatched(upload.id)] == [
        (5, "who@example.org", "no user has this address"),
        (6, "", "no e-mail address"),
        (7, "=cmd()", "no e-mail address"),
        (8, "Too;many;values", "the line has 3 values, the header names 2 columns"),
    ]
    assert [u.line for u in uploads.unmatched(upload.id, 2, 1)] == [6, 7]
    assert uploads.write_unmatched(upload.id, tmp_path / "bad.csv") == 4
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as written:
        assert list(csv.reader(written))[3] == ["7", "'=cmd()", "no e-mail address"]
    with pytest.raises(NotFound):
        uploads.write_unmatched(99, tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("text", "by", "has_header", "expected"),
    [
        ("bob@example.com\nada@example.com\n", "address", False, "bad"),
        ("address\nbob@example.com\n", "address", True, "b"),
        ("bob@example.com", "address", False, "b"),
        ("x,e\nx,c\nx,zz\n", "key", False, "ec"),
        ("id,note\ne,ada@example.com likes it\nb,\n", "key", True, "eb"),
        ("number\n+49 (30) 90 18 20\n", "phone", True, "b"),
        ("\ufeffwer\tmail\nBob\tbob@example.com\n", "address", True, "b"),
        ("mail\n\"bob@example.com\"\n'ada@example.com'\n", "address", True, "b"),
    ],
)
def test_column_header_and_way_are_found(
    uploads: Uploads, store: Store, engine: Engine, file: File, text: str, by: str, has_header: bool, expected: str
) -> None:
    matched = uploads.match(engine, file("a.csv", text), uploads.target("user", "email"))
    assert (matched.column.by, matched.column.has_header) == (by, has_header)
    assert "".join(matched.keys.to_pylist()) == expected
    assert matched.line_count == matched.matched + matched.repeated + matched.unmatched.num_rows


def test_column_way_and_header_may_be_said(uploads: Uploads, engine: Engine, file: File) -> None:
    path = file("a.csv", "a@x.example,bob@example.com,c\nada@example.com,zz,e\n")
    target = uploads.target("user", "email")
    assert uploads.match(engine, path, target, column="2", by="address").keys.to_pylist() == ["b"]
    matched = uploads.match(engine, path, target, column="c", by="key", has_header=True)
    assert (matched.keys.to_pylist(), matched.column.name) == (["e"], "c")
    assert uploads.match(engine, path, target, column="3").keys.to_pylist() == ["c", "e"]
    with pytest.raises(ListError, match=r"has no column 'mail'; there are a@x\.example, bob@example\.com, c, or"):
        uploads.match(engine, path, target, column="mail")
    with pytest.raises(ListError, match="'name' is no way to match lines; there are address, phone, key"):
        uploads.match(engine, path, target, by="name")
    with pytest.raises(ListError, match=r"No column of b\.csv holds addresses, numbers or keys of users in half"):
        uploads.match(engine, file("b.csv", "Vorname,Nachname\nAda,Lovelace\n"), target)
    with pytest.raises(ListError, match="user has no contact 'fax'"):
        uploads.target("user", "fax")


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_spreadsheet_is_read_with_keys_as_they_were_typed(
    uploads: Uploads, store: Store, tmp_path: Path, kind: str
) -> None:
    fill(store, {"user": [{"id": "1001", "email": "x@example.com"}]})
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in (("Kunde",), (1001,), (77,), (None,)):
            book.active.append(row)
        book.save(path)
    else:
        _ods(path, ["Kunde", "1001", "77"])
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        matched = uploads.match(engine, path, uploads.target("user", "email"))
    assert (matched.column.by, matched.keys.to_pylist()) == ("key", ["1001"])
    assert matched.unmatched.to_pylist() == [{"line": 3, "value": "77", "reason": "no user has this key"}]


def test_another_file_replaces_or_adds_after_a_diff(
    uploads: Uploads, lists: Lists, store: Store, engine: Engine, file: File
) -> None:
    target = uploads.target("user", "email")
    made = uploads.create("Up", uploads.match(engine, file("a.csv", "e\nb\n"), target))
    lists.remove("Up", ["b"])
    second = uploads.match(engine, file("b.csv", "c\nb\n"), made)
    change = uploads.preview("Up", second, "add")
    assert (change.entered, change.left, change.total) == (("c",), (), 3)
    change = uploads.preview("Up", second, "replace")
    assert (change.entered, change.left, change.total) == (("c",), ("e",), 2)
    assert keys(lists, engine, "Up") == ["e"]
    uploads.apply("Up", second, "add")
    assert keys(lists, engine, "Up") == ["e", "c"]
    uploads.apply("Up", second, "replace")
    assert keys(lists, engine, "Up") == ["c"]
    assert [(u.file_name, u.mode) for u in uploads.all("Up")] == [
        ("b.csv", "replace"),
        ("b.csv", "add"),
        ("a.csv", "replace"),
    ]
    with store.state.read() as connection:
        assert connection.execute(select(func.count()).select_from(list_member)).scalar() == 2
    lists.create("Dyn", Definition("user"), contact="email")
    with pytest.raises(ListError, match="is dynamic; only an uploaded one takes files"):
        uploads.apply("Dyn", second, "add")
    with pytest.raises(ListError, match="'merge' is nothing a file does to a list"):
        uploads.preview("Up", second, "merge")  # type: ignore[arg-type]


def test_what_a_killed_upload_left_is_never_seen_and_goes(
    uploads: Uploads, lists: Lists, store: Store, engine: Engine, file: File
) -> None:
    matched = uploads.match(engine, file("a.csv", "e\nb\nzz\n"), uploads.target("user", "email"))
    made = uploads.create("Up", matched)
    with store.state.write() as connection:
        left = {"list_id": made.id, "file_name": "half.csv", "column_name": "c", "matched_by": "key", "mode": "add"}
        counts = dict.fromkeys(("line_count", "matched", "several", "repeated", "unmatched"), 1)
        number = connection.execute(
            insert(list_upload).values(**left, **counts, generation=2, created_at=NOW).returning(list_upload.c.id)
        ).scalar_one()
        connection.execute(insert(list_unmatched).values(upload_id=number, line=1, value="x", reason="y"))
        connection.execute(insert(list_member).values(list_id=made.id, generation=2, entity_key="a", position=0))
    assert keys(lists, engine, "Up") == ["e", "b"]
    assert [u.file_name for u in uploads.all("Up")] == ["a.csv"]
    uploads.apply("Up", matched, "replace")
    assert [u.file_name for u in uploads.all("Up")] == ["a.csv", "a.csv"]
    with store.state.read() as connection:
        assert connection.execute(select(func.count()).select_from(list_unmatched)).scalar() == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.exe", b"MZ", "has an ending that says nothing about its content"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a\x00b\x00", "holds zero bytes"),
        ("a.xlsx", b"not a workbook", "cannot be read as a spreadsheet"),
        ("a.xlsx", b"PK\x03\x04broken", "cannot be read as a spreadsheet"),
        ("a.ods", b"", "cannot be read as a spreadsheet"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(
    uploads: Uploads, engine: Engine, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AnalyticsError, match=words):
        uploads.match(engine, path, uploads.target("user", "email"))


def test_a_spreadsheet_that_unpacks_to_gigabytes_is_refused(
    uploads: Uploads, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "analytics.entities.importing.spreadsheets._MOST_UNPACKED", 1 << 24
    )  # a gigabyte takes seconds to pack
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/a.xml", b"\x00" * ((1 << 24) + 1))
    with pytest.raises(ImportFailed, match="unpacks to more than 1 GB"):
        uploads.match(engine, path, uploads.target("user", "email"))
    with pytest.raises(ListError, match="is not there or no file"):
        uploads.match(engine, tmp_path / "absent.csv", uploads.target("user", "email"))


def test_two_cells_in_opposite_corners_end_no_process(uploads: Uploads, engine: Engine, tmp_path: Path) -> None:
    for name, (row, column) in {"far.xlsx": (1_048_575, 16_383), "wide.xlsx": (20, 16_383)}.items():
        with xlsxwriter.Workbook(str(tmp_path / name)) as book:
            sheet = book.add_worksheet()
            for n, text in enumerate(("Mail", "ada@example.com", "bob@example.com")):
                sheet.write_string(n, 0, text)
            sheet.write_string(row, column, "x")
    target = uploads.target("user", "email")
    with pytest.raises(ImportFailed, match="1,048,576 rows and 16,384 columns"):
        uploads.match(engine, tmp_path / "far.xlsx", target)
    assert uploads.match(engine, tmp_path / "wide.xlsx", target, column="Mail").keys.to_pylist() == ["a", "d", "b"]


def test_a_quote_that_is_never_closed_costs_its_line_alone(uploads: Uploads, engine: Engine, file: File) -> None:
    matched = uploads.match(
        engine, file("a.csv", 'mail\nbob@example.com\n"oops\nada@example.com\n'), uploads.target("user", "email")
    )
    assert matched.keys.to_pylist() == ["b", "a", "d"]
    assert [row["line"] for row in matched.unmatched.to_pylist()] == [3]


@pytest.mark.parametrize(
    ("content", "unmatched"),
    [
        (b"mail\nbob@example.com\n" + b"x" * 200_000 + b"\n", [(3, "a value is longer than 131,072 characters")]),
        ("mail,näme,ö\nbob@example.com,ä,\n".encode() + b'"\xffda\nx,y,\n', [(3, "a quote is"), (4, "no e-mail")]),
        ("mail,nä".encode() + b"me\xff\n" + "bob@example.com,ä\nx,ö\n".encode(), [(3, "no e-mail address")]),
        (b"mail,x\nbob@example.com,\n" + b"bob@example.com,\n" * 300 + b'"\x00da\nx,y\n', [(303, ""), (304, "no ")]),
    ],
)
def test_lines_beyond_measure_or_encoding_cost_themselves_alone(
    uploads: Uploads, engine: Engine, tmp_path: Path, content: bytes, unmatched: list[tuple[int, str]]
) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    matched = uploads.match(engine, path, uploads.target("user", "email"), column="mail", by="address")
    assert matched.keys.to_pylist() == ["b"]
    found = [(row["line"], row["reason"]) for row in matched.unmatched.to_pylist()]
    assert [line for line, _ in found] == [line for line, _ in unmatched]
    assert all(told.startswith(reason) for (_, told), (_, reason) in zip(found, unmatched, strict=True))
    made = uploads.create("Odd", matched)
    kept = uploads.unmatched(uploads.all(made)[0].id)
    assert len(kept) == len(unmatched) and not any("\x00" in line.value for line in kept)


def test_the_lines_of_a_large_file_are_told_as_they_come(uploads: Uploads, engine: Engine, file: File) -> None:
    seen: list[tuple[int, int | None]] = []
    text = "mail\n" + "".join(f"person{n}@example.com\n" for n in range(45_000))
    matched = uploads.match(
        engine,
        file("a.csv", text),
        uploads.target("user", "email"),
        progress=lambda at, of, what: seen.append((at, of)),
    )
    assert (matched.line_count, matched.unmatched.num_rows) == (45_000, 45_000)
    assert seen == [(20_000, None), (40_000, None), (45_000, None)]


def _ods(path: Path, cells: list[str]) -> None:
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        f"</table:table-row>"
        for cell in cells
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", kind)
        packed.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}office:1.0" xmlns:table="{names}table:1.0" '
            f'xmlns:text="{names}text:1.0"><office:body><office:spreadsheet><table:table table:name="S">{rows}'
            f"</table:table></office:spreadsheet></office:body></office:document-content>",
        )
        packed.writestr("META-INF/manifest.xml", "<manifest/>")
