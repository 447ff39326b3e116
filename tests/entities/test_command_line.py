"""The commands about data, as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from analytics.cli import data
from analytics.errors import AnalyticsError, ImportFailed, MappingError, WorkspaceError

MAPPING = """
entity = "order"

[options]
timezone = "Europe/London"

[map]
id = "no"
total = "sum(n * price)"

[map.items]
sku = "sku"
quantity = "n"
price = "price"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that runs `shelduck ...` in a new workspace and returns its result."""
    monkeypatch.setenv("SHELDUCK_HOME", str(tmp_path / "Jürgen's shop"))
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    data.register(app)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    assert call("init", "--name", "Shop", "--timezone", "Europe/Berlin", "--currency", "GBP").exit_code == 0
    return call


def test_a_workspace_is_made_once(run: object, tmp_path: Path) -> None:
    assert callable(run)
    assert (tmp_path / "Jürgen's shop" / "shelduck.toml").exists()
    again = run("init")
    assert isinstance(again.exception, WorkspaceError) and "is a workspace already" in str(again.exception)


def test_an_import_prints_its_plan_counts_and_totals_and_where_rejects_are(run: object, tmp_path: Path) -> None:
    assert callable(run)
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "o.csv").write_text("no,sku,n,price,extra\n1,A,2,1000.50,x\n1,B,1,2,x\n2,A,x,1,x\n")
    arguments = ["import", str(tmp_path / "o.csv"), "--mapping", str(tmp_path / "map.toml")]
    planned = run(*arguments, "--plan")
    assert planned.exit_code == 0 and "sum(n * price)" in planned.output and "Columns not used: extra" in planned.output
    done = run(*arguments)
    assert done.exit_code == 0, done.exception
    assert "3 lines, 1 rejected" in done.output
    assert "Orders 1, Order items 2, Sum of quantity × price 2,003.00" in done.output
    assert "Rejected lines and why" in done.output
    shown = run("entities")
    assert "order_item" in shown.output
    fields = run("entities", "order")
    assert "changes are kept" in fields.output and "customer_user.id" in fields.output


def test_rules_on_the_command_line_override_the_file(run: object, tmp_path: Path) -> None:
    assert callable(run)
    (tmp_path / "m.yaml").write_text("entity: contact\nmap:\n  id: nr\n  first_name: a\n")
    (tmp_path / "c.csv").write_text("nr;a;b\n1;Ada;Grace\n")
    done = run(
        "import", str(tmp_path / "c.csv"), "--mapping", str(tmp_path / "m.yaml"), "--map", "first_name = upper(b)"
    )
    assert done.exit_code == 0, done.exception
    assert "upper(b)" in done.output


def test_an_import_of_which_every_line_is_rejected_exits_with_1(run: object, tmp_path: Path) -> None:
    assert callable(run)
    (tmp_path / "c.csv").write_text("id,birthday\n1,soon\n")
    assert run("import", str(tmp_path / "c.csv"), "--entity", "contact").exit_code == 1


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("[maps]\nid = 'x'\n", MappingError, "unknown key 'maps'; there are entity, map, options"),
        ("[options]\nzone = 'x'\n", ImportFailed, "unknown option 'zone'; there are complete, lines"),
        ("[options]\ncomplete = 'x'\n", ImportFailed, "option complete is 'x'; expected true or false"),
        ("[options]\ndates = 'ymd'\n", ImportFailed, "option dates is 'ymd'; expected one of dmy, mdy"),
        ("[map]\nid = 5\n", MappingError, "id is 5; expected a column or an expression as text"),
        ("[map\n", MappingError, "is no TOML"),
    ],
)
def test_what_is_wrong_in_a_mapping_file_is_named(
    run: object, tmp_path: Path, text: str, error: type[AnalyticsError], sentence: str
) -> None:
    assert callable(run)
    (tmp_path / "m.toml").write_text(text)
    (tmp_path / "c.csv").write_text("id\n1\n")
    done = run("import", str(tmp_path / "c.csv"), "--entity", "contact", "--mapping", str(tmp_path / "m.toml"))
    assert isinstance(done.exception, error) and sentence in str(done.exception)


def test_a_backup_is_restored_into_a_new_workspace(
    run: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(run)
    (tmp_path / "c.csv").write_text("id,first_name\n1,Ada\n")
    assert run("import", str(tmp_path / "c.csv"), "-e", "contact").exit_code == 0
    archive = tmp_path / "b.tar.zst"
    assert run("backup", str(archive)).exit_code == 0
    restored = run("restore", str(archive), str(tmp_path / "new"))
    assert restored.exit_code == 0 and "instance" in restored.output
    monkeypatch.setenv("SHELDUCK_HOME", str(tmp_path / "new"))
    again = run("import", str(tmp_path / "c.csv"), "-e", "contact")
    figures = " ".join(again.output.replace("│", " ").split())
    assert "Contacts 1 0 0 1 0 0" in figures, figures  # read, added, changed, unchanged, deleted, rejected
    assert run("doctor").output.strip().endswith("nothing is wrong.")
