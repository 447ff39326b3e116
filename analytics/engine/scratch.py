"""Plain in-memory DuckDB connections, for imports that read a person's files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

from analytics.settings import Settings


@contextmanager
def scratch(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an empty in-memory connection with the workspace's limits; it is closed at the end of the block."""
    connection = duckdb.connect(":memory:")
    try:
        limit(connection, settings)
        yield connection
    finally:
        connection.close()


def limit(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Set time zone, memory, threads and folder for spilling of a connection as the settings say."""
    connection.execute("set global TimeZone = 'UTC'")  # global: a cursor would take the machine's zone
    connection.execute("set python_enable_replacements = false")  # a table name never means a Python variable
    connection.execute("set autoinstall_known_extensions = false")
    if settings.memory_limit is not None:
        connection.execute("set memory_limit = $1", [settings.memory_limit])
    if settings.threads is not None:
        connection.execute("set threads = $1", [settings.threads])
    connection.execute("set temp_directory = $1", [spill_folder()])


@cache
def spill_folder() -> str:
    """Return a folder of this process that nobody else can read: what is spilled is customer data."""
    folder = tempfile.mkdtemp(prefix="shelduck-duckdb-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
