"""The dashboard opens no database itself: app.py and the pages import none of the libraries that do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATABASES = {"duckdb", "deltalake", "sqlalchemy", "sqlglot", "sqlite3", "psycopg"}
# By syntax: import-linter sees packages, and the folders of pages are none, as Streamlit runs them as scripts.
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]


def imported(source: str) -> set[str]:
    """Return the top-level names of what a module imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_pages_import_no_database(file: Path) -> None:
    assert not imported(file.read_text("utf-8")) & DATABASES


def test_imports_are_seen_wherever_they_are() -> None:
    source = "import sqlalchemy.orm as orm\ndef f():\n    from duckdb import connect\n    import os, sqlite3\n"
    assert imported(source) == {"sqlalchemy", "duckdb", "os", "sqlite3"}
    assert len(FILES) > 20
