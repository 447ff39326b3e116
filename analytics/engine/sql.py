"""Pieces of SQL every query is made of: quoted identifiers, local days, query files."""

from __future__ import annotations

from functools import cache
from importlib import resources


def quote(identifier: str) -> str:
    """Return an SQL identifier in double quotes; only declared names are ever passed, values are bound."""
    if "\x00" in identifier:
        raise ValueError("An identifier cannot hold a null character.")
    return '"' + identifier.replace('"', '""') + '"'


def local_day(timestamp: str, zone: str) -> str:
    """Return SQL for the calendar day of an SQL timestamp in a time zone, given as SQL too (a bound parameter).

    `cast(timezone(zone, ts) as date)`: DuckDB's `timezone` of a TIMESTAMPTZ gives the local wall clock time.
    """
    return f"cast(timezone({zone}, {timestamp}) as date)"


@cache
def load_sql(package: str, name: str) -> str:
    """Return the text of the query file `name` (with or without `.sql`) in the folder `sql` of `package`."""
    file = name if name.endswith(".sql") else f"{name}.sql"
    return resources.files(package).joinpath("sql", file).read_text("utf-8")
