"""The state database: SQLite by default, PostgreSQL by URL, the same SQLAlchemy Core code on both.

A write is one serialised transaction: `BEGIN IMMEDIATE` on SQLite, a transaction-level advisory lock on PostgreSQL, so
what a write reads nobody else changes before it commits, whatever the database.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from analytics.errors import ConcurrencyError, StoreError, WorkspaceError
from analytics.store import migrations

_BUSY_MILLISECONDS = 5_000  # SQLite waits so long by itself, then we wait on
_PATIENCE_SECONDS = 120.0
_CHECKPOINT = 1_000  # pages of log after which SQLite moves them to the database, its own default
_WRITER_CHECKPOINT = 8_000  # a busy writer's pages change again and again: moved once they cost less
_WRITE_LOCK = 0x5E1D  # the one advisory lock writes on PostgreSQL take


class State:
    """The state database behind a URL (`sqlite:///path` or `postgresql://...`)."""

    def __init__(self, url: str | URL) -> None:
        self._url = _normal(url)
        self.dialect = self._url.get_backend_name()
        self.engine = _sqlite_engine(self._url) if self.dialect == "sqlite" else _postgres_engine(self._url)

    @classmethod
    def in_file(cls, path: Path) -> State:
        """Return the state in the SQLite file `path`, whatever characters the path holds."""
        return cls(URL.create("sqlite", database=str(path)))

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL."""
        return Path(self._url.database or "") if self.dialect == "sqlite" else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection inside one write transaction; commits at the end, rolls back on an exception.

        Waits for its turn, so callers never see "database is locked"; after two minutes without one it raises
        ConcurrencyError. Keep it short: everybody else's writes wait meanwhile (chunks of some thousand rows).
        """
        with self._connect() as connection:
            connection = connection.execution_options(shelduck_write=True)
            self._begin(connection)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            self._translate(connection.commit)

    @contextmanager
    def writer(self) -> Iterator[Callable[[], AbstractContextManager[Connection]]]:
        """Yield a function that opens transactions as `write` does, for a thread that commits a thousand a second.

        On SQLite they share one connection, which saves the 0.2 ms that pool and events cost each; talk to its driver
        (`connection.connection.driver_connection`) alone, for SQLAlchemy does not know of the transaction.
        """
        if self.dialect != "sqlite":
            yield self.write
            return
        with self._connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA wal_autocheckpoint={_WRITER_CHECKPOINT}")
            try:
                yield lambda: self._on(connection, driver)
            finally:
                driver.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")

    @contextmanager
    def _on(self, connection: Connection, driver: sqlite3.Connection) -> Iterator[Connection]:
        """One write transaction on a kept connection."""
        self._execute(driver, "BEGIN IMMEDIATE", patiently=True)
        try:
            yield connection
        except BaseException:
            driver.execute("ROLLBACK")
            raise
        self._execute(driver, "COMMIT")

    def _execute(self, driver: sqlite3.Connection, statement: str, patiently: bool = False) -> None:
        try:
            if patiently:
                _patiently(driver, statement)
            else:
                driver.execute(statement)
        except sqlite3.Error as error:
            raise self._sentence(DatabaseError(statement, None, error)) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the database for as long as it is open, and changes nothing."""
        with self._connect() as connection:
            options: dict[str, Any] = {"shelduck_write": False}
            if self.dialect == "postgresql":
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection = connection.execution_options(**options)
            self._begin(connection)
            try:
                yield connection
            finally:
                connection.rollback()

    def migrate(self) -> None:
        """Bring the schema to this program's version; many processes may do so at once.

        Raises StoreError when the database was written by a newer program.
        """
        if self._revision() == migrations.HEAD:
            return
        with self.write() as connection:
            migrations.upgrade(connection)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def _revision(self) -> str | None:
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("select version_num from alembic_version")).scalar()

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except DatabaseError as error:
            raise self._sentence(error) from error

    def _begin(self, connection: Connection) -> None:
        """Open the transaction and take its lock or snapshot, waiting for others as long as it takes."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                connection.begin()
                if self.dialect == "postgresql" and connection.get_execution_options()["shelduck_write"]:
                    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK})
                elif self.dialect == "sqlite":
                    connection.exec_driver_sql("select 1 from sqlite_master limit 1").fetchall()
                return
            except (OperationalError, DatabaseError) as error:
                connection.rollback()
                if not _is_busy(error):
                    raise self._sentence(error) from error
                if time.monotonic() > deadline:
                    raise ConcurrencyError(
                        f"The state database {self._place} was kept busy by other processes for "
                        f"{_PATIENCE_SECONDS:.0f} seconds; find out which one holds it and stop it."
                    ) from error
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311  # jitter, no secret

    def _translate(self, act: Callable[[], None]) -> None:
        try:
            act()
        except DatabaseError as error:
            raise self._sentence(error) from error

    def _sentence(self, error: DatabaseError) -> Exception:
        """Return the sentence for a database that cannot be used; other errors are returned as they are."""
        reason = str(error.orig)
        if isinstance(error.orig, sqlite3.Error):
            if "full" in reason:
                return WorkspaceError(f"{self._place} cannot be written: the disk is full. Free some space.")
            if "readonly" in reason or "unable to open" in reason:
                return WorkspaceError(f"{self._place} cannot be opened for writing: {reason}.")
            if "malformed" in reason or "not a database" in reason:
                return WorkspaceError(f"{self._place} is damaged ({reason}); restore a backup of the workspace.")
            return error
        if error.connection_invalidated or "connection" in reason:
            return StoreError(f"The state database {self._place} does not answer: {reason.strip()}")
        return error

    @property
    def _place(self) -> str:
        return self._url.database or "" if self.dialect == "sqlite" else self._url.render_as_string(hide_password=True)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert `rows` (all with the same columns), on an equal key set the columns named in `update`, else leave it.

    `keys` are the columns of a primary key or unique constraint.
    """
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    if update:
        statement = statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    # Executed many times over: one statement of many rows is compiled anew for each size, ten times slower.
    connection.execute(statement, [dict(row) for row in rows])


def _normal(url: str | URL) -> URL:
    made = make_url(url)
    if made.drivername in ("postgres", "postgresql"):
        return made.set(drivername="postgresql+psycopg")
    return made


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000}, pool_size=8, max_overflow=64, pool_timeout=60
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves; the module would begin deferred and late
        for pragma in (
            "journal_mode=WAL",
            # FULL, for `handed` is to be on disk before DATA and NORMAL loses the last commits with the power.
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
            "mmap_size=268435456",
        ):
            _patiently(connection, f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("shelduck_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Run a statement again while others hold the file; switching to WAL, for one, is refused at once meanwhile."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute(statement).close()
            return
        except sqlite3.OperationalError as error:
            if not _says_busy(str(error)) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.002, 0.02))  # noqa: S311  # jitter, no secret


def _postgres_engine(url: URL) -> Engine:
    return create_engine(url, pool_size=8, max_overflow=64, pool_timeout=60, pool_pre_ping=True)


def _is_busy(error: DatabaseError) -> bool:
    return isinstance(error.orig, sqlite3.OperationalError) and _says_busy(str(error.orig))


def _says_busy(reason: str) -> bool:
    return "locked" in reason or "busy" in reason
