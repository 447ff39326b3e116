"""Sending against Postfix's own generator.

A personalised 20 KB multipart mail with ten tracked links, ledger durable, ten connections, into `smtp-sink`;
beside it `smtp-source`, which sends one fixed message of that size over as many connections.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analytics.delivery import drain
from analytics.delivery.freeze import freeze
from analytics.entities import load_model
from analytics.settings import SmtpSettings
from analytics.store import Store
from bench.freezing import queued, shop
from bench.measure import Measure, in_a_process, seconds
from bench.tools import find

CONNECTIONS = 10
SIZE = 20_000
MOST_MEMORY = 300.0  # MB


def run(quick: bool) -> list[Measure]:
    """Return mails a second (median of rounds in turns), and the sender's memory."""
    mails, rounds = (3_000, 3) if quick else (20_000, 5)
    ours, theirs, memory = _mails(mails, rounds)
    return [
        Measure.of(f"mails of 20 KB, {CONNECTIONS} connections", ours, theirs, "mails/s"),
        Measure.of("sender's memory against the goal", memory, MOST_MEMORY, "MB"),
    ]


# --- mails ---


def _mails(count: int, rounds: int) -> tuple[float, float, float]:
    ours, theirs, memory = [], [], 0.0
    with tempfile.TemporaryDirectory(prefix="bench-send-") as folder, _sink() as port:
        for number in range(rounds):
            root = Path(folder) / f"round {number}"
            sending_id, size = in_a_process(_prepare, root, count)
            rate, used = in_a_process(_send, root, sending_id, port)
            ours.append(rate)
            memory = max(memory, used)
            theirs.append(count / seconds(lambda size=size: _source(port, count, size)))  # type: ignore[misc]
            shutil.rmtree(root)
    return sorted(ours)[rounds // 2], sorted(theirs)[rounds // 2], memory


def _prepare(root: Path, count: int) -> tuple[int, int]:
    """Make a workspace with a frozen sending; returns its number and the size of its first mail."""
    from analytics.delivery.drain import _row
    from analytics.delivery.ledger import Ledger
    from analytics.delivery.plan import plan_of

    with shop(root, count) as store:
        model = load_model(None)
        number = queued(store, html())
        freeze(store, model, number)
        with store.leases.hold("sender", _hour()) as lease:
            ledger = Ledger(store, number, lease.owner, None, _hour())
            _, rows, _ = ledger.lease(1)
            size = len(plan_of(store, model, _row(store, number)).render(rows[0]).message)
            ledger.release(rows)
        return number, size


def _send(root: Path, sending_id: int, port: int) -> tuple[float, float]:
    """Send and return (mails a second, the process's largest memory in MB)."""
    smtp = SmtpSettings(host="127.0.0.1", port=port, security="none", connections=CONNECTIONS)
    with Store.open(root) as store:
        sent = drain(store, load_model(None), sending_id, smtp=smtp)
    assert sent.status == "done", sent
    return sent.accepted / sent.seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def html() -> str:
    """Return a newsletter of about 9 KB, with its text part 20 KB as a mail, with ten links."""
    article = (
        "<tr><td><h2>Something new for {{{{ entity.first_name }}}}</h2><p>{text}</p>"
        '<p><a href="https://shop.example.com/article/{n}?ref=news">Look at number {n}</a></p></td></tr>\n'
    )
    text = "Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor incidunt ut labore. " * 8
    rows = "".join(article.format(n=n, text=text) for n in range(1, 11))
    return f"<html><body><p>Dear {{{{ entity.first_name }}}},</p><table>{rows}</table></body></html>"


def _source(port: int, count: int, size: int) -> None:
    command = [find("smtp-source") or "smtp-source", "-d", "-s", str(CONNECTIONS), "-m", str(count), "-l", str(size)]
    addresses = ["-f", "shop@example.com", "-t", "ada@example.org", f"127.0.0.1:{port}"]
    subprocess.run([*command, *addresses], check=True)


@contextmanager
def _sink() -> Iterator[int]:
    """Run smtp-sink on a free port; as root it wants another user to run as."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([find("smtp-sink") or "smtp-sink", *as_user, f"127.0.0.1:{port}", "1000"])
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def _hour() -> Any:
    from datetime import timedelta

    return timedelta(hours=1)
