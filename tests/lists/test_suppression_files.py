"""Suppressions come from files and go to files, and every line is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.errors import ListError
from analytics.lists import Suppressions
from analytics.lists.suppression_files import export_suppressions, import_suppressions
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import NOW

FILE = """address;reason;note;since\r
Ada@Example.com;complaint;called us;2026-01-02T10:00\r
bob@example.com;;;\r
\r
nobody;;;\r
cy@example.com;whim;;\r
dee@example.com;manual;;yesterday\r
*@Spam.example;;bought addresses;\r
*@spam;;;\r
BOB@example.com;;;\r
"""


def test_a_file_is_taken_and_each_line_accounted_for(store: Store, suppressions: Suppressions, tmp_path: Path) -> None:
    file = tmp_path / "old system.csv"
    file.write_text(FILE, encoding="utf-8-sig")
    report = import_suppressions(store, file, reason="unsubscribed")
    assert (report.lines, report.added, report.known) == (8, 3, 1)
    assert [(bad.line, bad.value, bad.reason.split(";")[0]) for bad in report.bad] == [
        (5, "nobody", "it is no e-mail address"),
        (6, "whim", "it is no reason"),
        (7, "yesterday", "it is no time"),
        (9, "*@spam", "it is no domain"),
    ]
    [ada] = suppressions.all("ada@example.com")
    assert (ada.reason, ada.note, ada.source) == ("complaint", "called us", "file old system.csv")
    assert ada.created_at == datetime(2026, 1, 2, 9, tzinfo=UTC), "a time without a zone is one of the workspace's"
    [bob] = suppressions.all("bob@example.com")
    assert (bob.reason, bob.created_at) == ("unsubscribed", NOW)
    assert [block.domain for block in suppressions.domains()] == ["spam.example"]
    again = import_suppressions(store, file, reason="unsubscribed")
    assert (again.added, again.known, len(again.bad)) == (0, 4, 4)


def test_what_was_exported_comes_back_the_same(store: Store, suppressions: Suppressions, tmp_path: Path) -> None:
    suppressions.add("+formula@example.com", "manual", "=evil()", note="-1")
    suppressions.add("ada@example.com", "hard_bounce", "bounce", at=datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC))
    suppressions.add("ada@example.com", "complaint", "complaint")
    suppressions.block_domain("bücher.example", "dashboard", "a note")
    file = tmp_path / "out.csv"
    assert export_suppressions(store, file) == 4
    assert "\n=" not in file.read_text() and ",=" not in file.read_text()
    with Store.create(tmp_path / "other", Settings()) as other:
        report = import_suppressions(other, file)
        assert (report.added, report.bad) == (4, ())
        there = Suppressions(other)
        kept = {(s.address_key, s.reason, s.note, s.created_at) for s in there.all()}
        assert kept == {(s.address_key, s.reason, s.note, s.created_at) for s in suppressions.all()}
        assert [(b.domain, b.note) for b in there.domains()] == [("xn--bcher-kva.example", "a note")]


def test_many_lines_go_in_turn(store: Store, suppressions: Suppressions, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("address\n" + "".join(f"p{n % 2_500}@example.com\n" for n in range(3_000)))
    report = import_suppressions(store, file)
    assert (report.lines, report.added, report.known) == (3_000, 2_500, 500)
    page = suppressions.page(limit=10, offset=2_495)
    assert (len(page.rows), page.total) == (5, 2_500)
    walked = [s.address_key for at in range(0, 2_500, 500) for s in suppressions.page(limit=500, offset=at).rows]
    assert len(set(walked)) == 2_500 and walked == [s.address_key for s in suppressions.each()]


def test_a_search_finds_parts_and_takes_no_wildcards(suppressions: Suppressions) -> None:
    for address in ("ada@example.com", "adam@example.org", "a_b@example.com"):
        suppressions.add(address)
    suppressions.add("ada@example.com", "complaint")

    def found(search: str, reason: str | None = None) -> set[str]:
        page = suppressions.page(search, reason=reason)
        assert page.total == len(page.rows)
        return {s.address_key for s in page.rows}

    assert found("ADA") == {"ada@example.com", "adam@example.org"}
    assert found(" Ada@Example.com ") == {"ada@example.com"}
    assert found("_") == {"a_b@example.com"} and found("%") == set()
    assert found("", "complaint") == {"ada@example.com"} and found("adam", "complaint") == set()


def test_a_file_that_cannot_be_read_is_named(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    for content, match in (
        (b"mail\nada@example.com\n", "lacks address"),
        (b"address,colour\na@example.com,red\n", "colour, which nobody knows"),
        (b"address\n\xff\xfe\n", "not in UTF-8"),
    ):
        file.write_bytes(content)
        with pytest.raises(ListError, match=match):
            import_suppressions(store, file)
    with pytest.raises(ListError, match="cannot be read"):
        import_suppressions(store, tmp_path / "absent.csv")
    with pytest.raises(ListError, match="no reason"):
        import_suppressions(store, file, reason="whim")


def test_zero_bytes_and_days_beyond_the_calendar_cost_their_line_at_most(
    store: Store, suppressions: Suppressions, tmp_path: Path
) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(
        "address,note,since\nada@example.com,call\x00ed us,\nbob@example.com,,0001-01-01T00:00+02:00\n"
        "cy@example.com,,\n"
    )
    report = import_suppressions(store, file)
    assert (report.added, [(bad.line, bad.value) for bad in report.bad]) == (2, [(3, "0001-01-01T00:00+02:00")])
    (ada,) = suppressions.all("ada@example.com")
    assert ada.note == "called us", "PostgreSQL keeps no text with a zero byte"
