"""The commands about who is on a list, run as a person types them."""

from __future__ import annotations

from pathlib import Path

from tests.lists.test_commands import Run, shelduck

__all__ = ["shelduck"]


def test_a_manual_list_is_made_and_added_to(shelduck: Run) -> None:
    code, out, err = shelduck("list", "create", "Hand", "--manual")
    assert code == 0, err
    assert "manual list of customer users" in out and "0 members" in out
    code, out, err = shelduck("list", "add", "Hand", "3", "ADA@example.com", "zz")
    assert (code, out) == (1, "2 added, 0 put back, 0 on it already.\n")
    assert "zz is neither key nor address of a row." in err
    assert shelduck("list", "add", "Hand", "--segment", "buyers.yaml")[1] == "1 added, 0 put back, 1 on it already.\n"
    out = shelduck("list", "show", "Hand", "--sort", "Key", "--descending")[1]
    assert out.index("cy@example.com") < out.index("ada@example.com")
    assert shelduck("list", "add", "Hand")[0] == 2
    assert shelduck("list", "create", "None")[0] == 2


def test_a_file_makes_a_list_and_another_one_changes_it(shelduck: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mail\nada@example.com\nada@example.com\nwho@example.org\n")
    code, out, err = shelduck("list", "upload", "Up", "a.csv", "--yes", "--unmatched", "bad.csv")
    assert code == 0, err
    assert (
        "3 lines, matched by address in mail: 1 matched (0 of them several rows each), 1 repeated, 1 unmatched" in out
    )
    assert "no customer user has this address" in out
    assert "who@example.org" in (tmp_path / "bad.csv").read_text()
    (tmp_path / "b.csv").write_text("2\n3\n")
    code, out, _ = shelduck("list", "upload", "up", "b.csv")
    assert code == 1 and "2 to come in, 1 to go out, 2 members then." in out
    assert shelduck("list", "upload", "up", "b.csv", "--add", "--yes")[0] == 0
    assert "uploaded list of customer users" in shelduck("list", "show", "Up")[1]
    assert "3 members" in shelduck("list", "show", "Up", "--limit", "0")[1]
    assert shelduck("list", "upload", "Up", "absent.csv", "--yes")[0] == 1


def test_members_are_marked_at_once_exported_and_explained(shelduck: Run, tmp_path: Path) -> None:
    shelduck("list", "create", "Buyers", "--segment", "buyers.yaml", "--keep-contacted")
    assert shelduck("list", "mark", "Buyers", "unsubscribe", "--search", "ada")[0] == 1
    assert shelduck("list", "mark", "Buyers", "unsubscribe", "--search", "ada", "--yes")[1] == "1 changed.\n"
    code, out, _ = shelduck("list", "explain", "Buyers", "ada@example.com")
    assert code == 0 and "1 is on the list. It fulfils the conditions." in out and "It unsubscribed on" in out
    assert "3 is not on the list. It does not fulfil the conditions." in shelduck("list", "explain", "Buyers", "3")[1]
    for name in ("out.xlsx", "out.parquet"):
        assert shelduck("list", "export", "Buyers", name)[1] == f"2 members written to {name}.\n"
        assert (tmp_path / name).stat().st_size > 0
    assert "let its name end in .csv, .xlsx, .parquet" in shelduck("list", "export", "Buyers", "out.doc")[2]


def test_lists_are_combined_by_command(shelduck: Run) -> None:
    shelduck("list", "create", "Buyers", "--segment", "buyers.yaml")
    shelduck("list", "create", "All", "--segment", "customer_user where email is not empty")
    code, out, err = shelduck("list", "combine", "Others", "minus", "All", "Buyers")
    assert code == 0, err
    assert out.endswith("1 members.\n")
    assert shelduck("list", "combine", "X", "plus", "All", "Buyers")[0] == 1
