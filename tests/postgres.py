"""A temporary PostgreSQL server for the tests: started once per session, a fresh database for each that asks.

The server's programs are the machine's own (`make test` provides them).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import psycopg
import pytest

from bench.postgres import NoServer, server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a running server, without a database: `postgresql://shelduck@127.0.0.1:port`."""
    try:
        with server({"max_connections": "200", "shared_buffers": "64MB"}) as address:
            yield address
    except NoServer as error:
        pytest.fail(str(error))


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: str) -> Callable[[], str]:
    """A function that makes an empty database and returns its URL."""

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return f"{postgres_server}/{name}"

    return make
