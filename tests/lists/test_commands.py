"""The commands of segments and lists, run as a person types them, exit codes included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.bootstrap import create_services
from analytics.cli.main import run
from tests.segments.shop import fill

Run = Callable[..., tuple[int, str, str]]

SEGMENT = """
entity: customer_user
where:
  all:
    - {field: country, is: any_of, value: [NO, DE]}
    - {related: orders, is: at_least, value: 1}
columns: [{field: country, label: "Land"}]
sort: [{field: email}]
"""


@pytest.fixture
def shelduck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    with create_services(tmp_path / "shop") as services:
        users = [
            {"id": "1", "email": "ada@example.com", "country": "NO"},
            {"id": "2", "email": "=bob@example.com", "country": "DE"},
            {"id": "3", "email": "cy@example.com", "country": "FR"},
        ]
        orders = [
            {"id": f"o{n}", "customer_user_id": who, "created_at": datetime(2026, month, 1, tzinfo=UTC)}
            for n, (who, month) in enumerate([("1", 1), ("2", 3), ("3", 1)])
        ]
        fill(services.store, {"customer_user": users, "order": orders}, services.model)
    (tmp_path / "buyers.yaml").write_text(SEGMENT)

    def type_in(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            run(["--workspace", str(tmp_path / "shop"), *words])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return type_in


def test_a_segment_is_counted_sampled_shown_and_stored(shelduck: Run) -> None:
    code, out, _ = shelduck("segment", "buyers.yaml", "--sql", "--save", "Buyers")
    assert code == 0
    assert out.startswith("2 customer users\n")
    assert "ada@example.com" in out and "Land" in out and "$p1" in out and "-- $p1 = 'NO'" in out
    assert "Stored as Buyers, version 1." in out
    assert "customer_user" in shelduck("segments")[1]
    assert shelduck("segment", "buyers", "--sample", "0")[1] == "2 customer users\n"


def test_a_segment_may_be_typed(shelduck: Run, tmp_path: Path) -> None:
    text = 'customer_user where country in ("NO", "DE") and count(orders) >= 1'
    assert shelduck("segment", text, "--sample", "0")[1] == "2 customer users\n"
    (tmp_path / "a.segment").write_text(text)
    assert shelduck("segment", "a.segment", "--sample", "0")[1] == "2 customer users\n"
    code, _, err = shelduck("segment", "customer_user where country ~ 3")
    assert code == 1 and "line 1, column 29" in err
    assert shelduck("list", "create", "Typed", "--segment", text)[0] == 0


def test_a_row_is_explained(shelduck: Run) -> None:
    code, out, _ = shelduck("segment", "buyers.yaml", "--sample", "0", "--explain", "3")
    assert code == 0
    assert "3 is not in the segment.\nno   all\n  no   {" in out and "saw: FR" in out and "saw: 1" in out
    assert "no customer user with the key or address '9'" in shelduck("segment", "buyers.yaml", "--explain", "9")[2]


def test_conditions_of_one_related_row_are_explained_one_by_one(shelduck: Run) -> None:
    text = "customer_user where some orders where (created_at > 2026-02-01 and country is empty)"
    code, out, _ = shelduck("segment", text, "--sample", "0", "--explain", "1")
    assert code == 0 and "no   some orders where   saw: nothing\n  no   {" in out
    assert '"where": {"field": "country", "is": "empty"}}   saw: no value' in out


def test_as_of_hides_what_came_later(shelduck: Run) -> None:
    assert shelduck("segment", "buyers.yaml", "--as-of", "2026-02-01", "--sample", "0")[1] == "1 customer user\n"


def test_a_wrong_segment_is_one_sentence_and_exit_code_1(shelduck: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("entity: customer_user\nwhere: {field: contry, is: equals, value: NO}\n")
    code, out, err = shelduck("segment", "bad.yaml")
    assert (code, out) == (1, "")
    assert "where.field: customer_user has no field or relation 'contry'" in err
    assert shelduck("segment", "absent.yaml")[0] == 1
    assert shelduck("segment", "Absent")[2].startswith("No segment 'Absent'")
    assert shelduck("segment")[0] == 2


def test_a_list_is_made_shown_changed_and_exported(shelduck: Run, tmp_path: Path) -> None:
    code, out, err = shelduck("list", "create", "Buyers", "--segment", "buyers.yaml")
    assert code == 0, err
    assert "2 members, 2 of them reachable" in out
    assert shelduck("list", "remove", "buyers", "ADA@example.com")[1] == "Removed ADA@example.com.\n"
    assert "is removed already" in shelduck("list", "remove", "buyers", "1")[1]
    assert "1 member, 1 of them reachable" in shelduck("list", "show", "Buyers")[1]
    assert "ada@example.com" in shelduck("list", "show", "Buyers", "--removed")[1]
    assert shelduck("list", "restore", "Buyers", "1")[0] == 0
    assert shelduck("list", "unsubscribe", "Buyers", "1")[0] == 0
    assert shelduck("list", "export", "Buyers", "out.csv")[1] == "2 members written to out.csv.\n"
    assert "'=bob@example.com" in (tmp_path / "out.csv").read_text()
    assert "Buyers" in shelduck("list", "all")[1]
    assert shelduck("list", "delete", "Buyers", "--yes")[0] == 0
    assert shelduck("list", "show", "Buyers")[0] == 1


def test_a_static_list_is_refreshed_only_when_somebody_says_so(shelduck: Run) -> None:
    shelduck("segment", "buyers.yaml", "--save", "Buyers")
    code, out, err = shelduck(
        "list", "create", "Still", "--segment", "Buyers", "--kind", "static", "--as-of", "2026-02-01"
    )
    assert code == 0, err
    assert "static list of customer users, on the segment Buyers" in " ".join(out.split())
    assert "1 member," in out
    code, out, _ = shelduck("list", "refresh", "Still")
    assert code == 1 and "1 to come in, 0 to go out, 2 members then." in out
    assert shelduck("list", "refresh", "Still", "--yes")[0] == 0
    assert "2 members" in shelduck("list", "show", "Still", "--limit", "0")[1]
    assert "'Still' is built on" in shelduck("segment", "Buyers", "--delete")[2]


def test_a_list_of_what_has_no_contact_is_refused(shelduck: Run, tmp_path: Path) -> None:
    (tmp_path / "products.yaml").write_text("entity: product\n")
    code, _, err = shelduck("list", "create", "P", "--segment", "products.yaml")
    assert code == 1 and "'product' has no contact" in err
    code, _, err = shelduck("list", "create", "P", "--segment", "buyers.yaml", "--contact", "fax")
    assert code == 1 and "customer_user has no contact 'fax'; it has email" in err


def test_addresses_are_suppressed_and_freed(shelduck: Run) -> None:
    assert shelduck("suppress", "Ada@example.com")[1] == "Ada@example.com is suppressed.\n"
    assert "already" in shelduck("suppress", "ada@example.com")[1]
    assert "ada@example.com" in shelduck("suppress")[1]
    assert shelduck("unsuppress", "ada@example.com")[1] == "ada@example.com may be mailed again.\n"
    code, _, err = shelduck("suppress", "nobody")
    assert code == 1 and "is no e-mail address" in err


def test_files_domains_topics_and_consents_are_handled_by_command(shelduck: Run, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("address,note\nada@example.com,called\n*@spam.example,\n")
    assert shelduck("suppress", "--file", "old.csv")[1] == (
        "2 lines: 2 suppressed now, 0 suppressed already, 0 not taken.\n"
    )
    assert "called" in shelduck("suppress", "--search", "ada")[1]
    (tmp_path / "bad.csv").write_text("address\nnobody\n")
    code, out, _ = shelduck("suppress", "--file", "bad.csv")
    assert code == 1 and "it is no e-mail address" in out
    assert shelduck("block-domain", "Example.com", "--note", "ours")[1] == "Example.com is blocked.\n"
    assert "example.com is blocked" in shelduck("unsuppress", "ada@example.com")[1]
    assert "ours" in shelduck("block-domain")[1] and "spam.example" in shelduck("block-domain")[1]
    assert shelduck("unblock-domain", "example.com")[1] == "example.com may be mailed again.\n"
    assert shelduck("suppressions", "out.csv")[1] == "1 written to out.csv.\n"
    assert shelduck("topic", "create", "News", "--policy", "opt_in")[0] == 0
    assert shelduck("topic", "create", "News")[0] == 1
    assert "opt_out" in shelduck("topic", "change", "news", "--policy", "opt_out", "--place", "1")[1]
    said = shelduck("consent", "record", "ada@example.com", "News", "--wording", "Want news?", "--no")
    assert said[1] == "ada@example.com said no to News.\n"
    assert "Want news?" in shelduck("consent", "show", "ada@example.com")[1]
    (tmp_path / "said.csv").write_text("address,topic,granted\nbob@example.com,News,yes\n")
    assert "1 written down" in shelduck("consent", "import", "said.csv", "--wording", "News?")[1]
    code, out, _ = shelduck("topic", "all")
    assert code == 0 and "News" in out
    assert "is kept" in shelduck("topic", "delete", "News")[2]


def test_versions_of_a_segment_are_listed_compared_and_restored(shelduck: Run) -> None:
    shelduck("segment", 'customer_user where country = "NO"', "--save", "North")
    shelduck("segment", 'customer_user where country = "DE" and count(orders) >= 1', "--save", "North")
    code, out, _ = shelduck("segments", "versions", "north")
    assert code == 0
    assert "Changed: Country is NO → Country is DE; Added: Number of Orders is at least 1" in out
    code, out, _ = shelduck("segments", "diff", "North")
    assert code == 0
    assert '\n- where country = "NO"\n' in out and "\n+   and count(orders) >= 1\n" in out
    assert shelduck("segments", "restore", "North", "1")[1] == "North is as version 1 was, now version 3.\n"
    assert shelduck("segments", "diff", "North", "1", "3")[1] == "Nothing is different.\n"
    code, _, err = shelduck("segments", "restore", "North", "8")
    assert (code, err) == (1, "No version of 'North' 8. There are: 3, 2, 1.\n")


def test_segments_are_copied_renamed_and_say_who_uses_them(shelduck: Run) -> None:
    shelduck("segment", "buyers.yaml", "--save", "Buyers")
    assert shelduck("segments", "clone", "Buyers")[1] == "Stored as Buyers copy.\n"
    assert shelduck("segments", "rename", "buyers copy", "Others")[1] == "Buyers copy is called Others now.\n"
    assert shelduck("segments", "uses", "Others")[1] == "Nothing uses the segment Others.\n"
    shelduck("list", "create", "All buyers", "--segment", "Buyers")
    assert "built on it" in shelduck("segments", "uses", "Buyers")[1]
    assert "Others" in shelduck("segments")[1]


def test_versions_of_a_list_and_its_copy(shelduck: Run) -> None:
    shelduck("list", "create", "All", "--segment", "buyers.yaml")
    assert "Saved (UTC)" in shelduck("list", "versions", "All")[1]
    assert shelduck("list", "diff", "All")[1] == "Nothing is different.\n"
    assert shelduck("list", "clone", "All")[1] == "Made All copy (no. 2).\n"
    assert shelduck("list", "clone", "All", "all")[0] == 1


def test_the_history_of_a_segment_and_a_list_is_measured_and_shown(shelduck: Run) -> None:
    shelduck("segment", "buyers.yaml", "--save", "Buyers")
    code, out, _ = shelduck("segments", "history", "buyers", "--who", "5")
    assert code == 0
    assert [line.split()[2:5] for line in out.splitlines() if line.strip()[:2] == "20"] == [["1", "2"], ["1", "2", "0"]]
    assert "Entered: nobody\nLeft: nobody\n" in out
    shelduck("list", "create", "All", "--segment", "Buyers")
    shelduck("list", "remove", "All", "1")
    out = shelduck("list", "history", "All", "--who", "1")[1]
    assert "Left: 1\n" in out
    assert shelduck("segments", "history", "Nobody")[0] == 1


def test_overlap_is_shown_as_a_matrix_and_exactly(shelduck: Run) -> None:
    shelduck("segment", "buyers.yaml", "--save", "Buyers")
    shelduck("segment", 'customer_user where country in ("NO", "FR")', "--save", "Others")
    shelduck("suppress", "cy@example.com")
    code, out, _ = shelduck("segments", "overlap", "buyers", "others", "--suppressed")
    assert code == 0
    assert "1 (33.3 %)" in out and "Without address" in out and "Others + Suppressed addresses" in out
    assert "Addresses" in out and "Rows" in shelduck("segments", "overlap", "Buyers", "Others")[1]
    assert "name 2 to 8" in shelduck("segments", "overlap", "Buyers")[2]
