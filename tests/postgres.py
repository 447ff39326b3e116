"""A temporary PostgreSQL server for the tests: started once per session, a fresh database for each that asks.

The server's programs are the machine's own (`make test` provides them). PostgreSQL refuses to run as root, so as root
it runs under another user.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 60.0


def _programs() -> Path:
    """Return the folder of `initdb` and `postgres`; the test fails where there is none."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        shown = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        candidates.append(Path(shown.stdout.strip()))
    on_path = shutil.which("postgres")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    pytest.fail("These tests need a PostgreSQL server on the machine: `sh tests/provide.sh .venv/bin` installs one.")


def _user() -> str | None:
    """Return the user the server is to run as, or None for the present one."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    pytest.fail("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a running server, without a database: `postgresql://shelduck@127.0.0.1:port`."""
    programs, user = _programs(), _user()
    # Not below pytest's own folder: that one is closed to other users.
    home = Path(tempfile.mkdtemp(prefix="shelduck-postgres-"))
    identity = pwd.getpwnam(user) if user is not None else None
    if identity is not None:
        os.chown(home, identity.pw_uid, identity.pw_gid)
    run_as = {"user": identity.pw_uid, "group": identity.pw_gid, "extra_groups": []} if identity is not None else {}
    data, port = home / "data", _free_port()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)}
    server = None
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "shelduck", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            env=environment,
            cwd=home,
            **run_as,
        )
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D",
                    data,
                    "-p",
                    str(port),
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    f"unix_socket_directories={home}",
                    "-c",
                    "max_connections=200",
                    "-c",
                    "shared_buffers=64MB",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=home,
                **run_as,
            )
        address = f"postgresql://shelduck@127.0.0.1:{port}"
        _await(address, server, home / "log")
        yield address
    finally:
        if server is not None:
            server.terminate()  # a smart shutdown would wait for clients that forgot to leave; SIGINT does not
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(home, ignore_errors=True)


def _await(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


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
