"""A temporary PostgreSQL server on loopback, for benchmarks and tests: started from the machine's own programs.

PostgreSQL refuses to run as root, so as root it runs under another user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_START_SECONDS = 60.0


class NoServer(Exception):
    """There is no server to start, or it did not start; the message says what to do."""


def programs() -> Path:
    """Return the folder of `initdb` and `postgres`; raises NoServer where there is none."""
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
    raise NoServer("No PostgreSQL server on the machine: `sh tests/provide.sh .venv/bin` installs one.")


@contextmanager
def server(options: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of a fresh server without a database of ours, `postgresql://shelduck@127.0.0.1:port`.

    `options` are settings of the server. Everything of it is gone at the end of the block.
    """
    folder, identity = programs(), _identity()
    # In a folder of its own: pytest's and a user's own ones are closed to other users.
    home = Path(tempfile.mkdtemp(prefix="shelduck-postgres-"))
    run_as: dict[str, Any] = {}
    if identity is not None:
        os.chown(home, identity.pw_uid, identity.pw_gid)
        run_as = {"user": identity.pw_uid, "group": identity.pw_gid, "extra_groups": []}
    port = _free_port()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)}
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(home), **options}
    running = None
    try:
        subprocess.run(
            [folder / "initdb", "-D", home / "data", "-U", "shelduck", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            env=environment,
            cwd=home,
            **run_as,
        )
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (home / "log").open("wb") as log:
            running = subprocess.Popen(
                [folder / "postgres", "-D", home / "data", "-p", str(port), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=home,
                **run_as,
            )
        address = f"postgresql://shelduck@127.0.0.1:{port}"
        _await(address, running, home / "log")
        yield address
    finally:
        if running is not None:
            running.send_signal(2)  # fast shutdown: a smart one would wait for clients that forgot to leave
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
        shutil.rmtree(home, ignore_errors=True)


def _identity() -> pwd.struct_passwd | None:
    """Return the user the server is to run as, or None for the present one."""
    if os.geteuid() != 0:
        return None
    for entry in sorted(pwd.getpwall(), key=lambda e: e.pw_name != "postgres"):
        if entry.pw_name in ("postgres", "nobody"):
            return entry
    raise NoServer("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if running.poll() is not None or time.monotonic() > deadline:
                raise NoServer(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
        time.sleep(0.05)
