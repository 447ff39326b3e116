"""Sending against Postfix's own generator, and freezing against the bare INSERT.

Mails: a personalised 20 KB multipart mail with ten tracked links, ledger durable, ten connections, into `smtp-sink`;
beside it `smtp-source`, which sends one fixed message of that size over as many connections. Freezing: a list of a
million into the ledger and the lake; beside it one INSERT of as many ready rows into the same table.
"""

from __future__ import annotations

import multiprocessing
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

import pyarrow as pa

from analytics.campaigns import EmailCampaigns
from analytics.delivery import Sendings, drain
from analytics.delivery.freeze import freeze
from analytics.entities import load_model
from analytics.lists import Lists
from analytics.segments import Definition, Segments
from analytics.settings import Settings, SmtpSettings
from analytics.store import Store
from analytics.templates import Templates
from bench.measure import Measure, seconds
from bench.tools import find

CONNECTIONS = 10
SIZE = 20_000
MOST_MEMORY = 300.0  # MB


def run(quick: bool) -> list[Measure]:
    """Return mails a second (median of rounds in turns), the sender's memory, and seconds to freeze."""
    mails, rounds, people = (3_000, 3, 100_000) if quick else (20_000, 5, 1_000_000)
    ours, theirs, memory = _mails(mails, rounds)
    return [
        Measure.of(f"mails of 20 KB, {CONNECTIONS} connections", ours, theirs, "mails/s"),
        Measure.of("sender's memory against the goal", memory, MOST_MEMORY, "MB"),
        _freeze(people),
    ]


# --- mails ---


def _mails(count: int, rounds: int) -> tuple[float, float, float]:
    ours, theirs, memory = [], [], 0.0
    with tempfile.TemporaryDirectory(prefix="bench-send-") as folder, _sink() as port:
        for number in range(rounds):
            root = Path(folder) / f"round {number}"
            sending_id, size = _in_a_process(_prepare, root, count)
            rate, used = _in_a_process(_send, root, sending_id, port)
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

    with _shop(root, count) as store:
        model = load_model(None)
        number = _queued(store, html())
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


# --- freezing ---


def _freeze(count: int) -> Measure:
    with tempfile.TemporaryDirectory(prefix="bench-freeze-") as folder:
        with _shop(Path(folder) / "ours", count) as store:
            number = _queued(store, "<p>Hello {{ entity.first_name }}</p>")
            ours = seconds(lambda: freeze(store, load_model(None), number))
        with _shop(Path(folder) / "theirs", 1) as store:
            theirs = _bare_insert(store, _queued(store, "<p>Hello</p>"), count)
    return Measure.of(f"freeze {count:,} people", ours, theirs, "s")


def _bare_insert(store: Store, sending_id: int, count: int, piece: int = 50_000) -> float:
    """Return the seconds of inserting `count` ready rows in one transaction, in the order of addresses like ours."""
    from analytics.delivery.freeze import _insert_delivery

    took = 0.0
    with store.state.write() as connection:
        for start in range(0, count, piece):
            rows = [_row_of(sending_id, n) for n in range(start, min(start + piece, count))]
            took += seconds(lambda rows=rows: connection.exec_driver_sql(_insert_delivery(connection), rows))  # type: ignore[misc]
        begun = time.perf_counter()
    return took + time.perf_counter() - begun


def _row_of(sending_id: int, n: int) -> tuple[Any, ...]:
    key = f"{n:08x}@example.org"
    values = f'{{"first_name":"Person {n}"}}'
    message_id = f"<{n:08x}-0000-5000-8000-000000000000@example.com>"
    return (n + 1, sending_id, key, key, key, f"{n:07d}", None, "planned", None, 0, 1, message_id, values, 1)


# --- a shop ---


@contextmanager
def _shop(root: Path, people: int) -> Iterator[Store]:
    """Make a workspace with so many customer users."""
    model = load_model(None)
    with Store.create(root, Settings()) as store:
        for entity in model.entities.values():
            store.lake.ensure(entity.schema)
        numbers = range(people)
        # Addresses come in no order, as in life.
        table = {
            "id": [f"{n:07d}" for n in numbers],
            "email": [f"{(n * 2_654_435_761) % 2**32:08x}@example.org" for n in numbers],
            "first_name": [f"Person {n}" for n in numbers],
        }
        store.lake.merge("customer_user", pa.table(table))
        yield store


def _queued(store: Store, body: str) -> int:
    model = load_model(None)
    definition = Definition.from_document({"entity": "customer_user"})
    Lists(store, model, Segments(store, model)).create("Everybody", definition, contact="email")
    Templates(store, model).save("News", "News for {{ entity.first_name }}", body, entity="customer_user")
    campaign = EmailCampaigns(store).create("News", marketing_list="Everybody", template="News")
    return Sendings(store, model).queue(campaign.id, "bench").id


def _hour() -> Any:
    from datetime import timedelta

    return timedelta(hours=1)


def _in_a_process(work: Any, *arguments: Any) -> Any:
    """Return what `work` returns in a fresh process, whose memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)
