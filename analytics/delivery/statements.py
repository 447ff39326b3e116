"""Statements on the ledger: the same text on SQLite and PostgreSQL, given to the driver itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from analytics.errors import StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return a time as the state keeps it: whole microseconds since 1970 UTC."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Return the time of whole microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=at)


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Any:
    """Execute one statement with `?` for each value and return the driver's cursor.

    Past SQLAlchemy: its 60 microseconds a statement are more than SQLite's own work.
    """
    if connection.dialect.name == "postgresql":
        sql = sql.replace("?", "%s")
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(sql, tuple(values))
    except connection.dialect.loaded_dbapi.Error as error:
        raise StoreError(f"The ledger cannot be used: {error}") from error


def first(connection: Connection, sql: str, values: Sequence[Any] = ()) -> Any:
    """Return the first value of the first row of a query, None without rows."""
    row = run(connection, sql, values).fetchone()
    return None if row is None else row[0]


def rows_of(count: int, columns: int) -> str:
    """Return `(?,?),(?,?),...` for so many rows of so many columns."""
    one = "(" + ",".join("?" * columns) + ")"
    return ",".join([one] * count)
