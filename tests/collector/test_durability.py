"""What was answered is on disk, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest

from analytics.collector import background, run
from analytics.collector.lines import HitLine
from analytics.errors import SettingsError
from analytics.lists import Consents, Topics
from analytics.model.clock import SystemClock
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.spool import SpoolFolder
from analytics.tracking.control import apply_control
from tests.collector.conftest import Shop, until

SERVE = """
import sys
from pathlib import Path
from analytics.collector import run
from analytics.store import Store
from analytics.cli.serve import log_lines
log_lines()
with Store.open(Path(sys.argv[1])) as store:
    run(store, "127.0.0.1", 0, lambda address: print("READY", address, flush=True))
"""


class Process:
    """A collector in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.popen.stdout is not None
        self.lines: list[str] = []
        for line in self.popen.stdout:
            self.lines.append(line)
            if line.startswith("READY"):
                break
        else:
            raise AssertionError("".join(self.lines))
        self.url = line.split()[1]
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        self.lines += self.popen.stdout

    def end(self, number: int) -> int:
        self.popen.send_signal(number)
        code = self.popen.wait(30)
        self._reader.join(30)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


@contextmanager
def process(folder: Path) -> Iterator[Process]:
    running = Process(folder)
    try:
        yield running
    finally:
        if running.popen.poll() is None:
            running.end(signal.SIGKILL)


@pytest.fixture
def workspace(folder: Path) -> Path:
    Store.create(folder).close()
    return folder


def kept(folder: Path) -> list[str]:
    """Queries of all complete lines of the spool."""
    spool = SpoolFolder(folder / "spool", SystemClock())
    lines = [line for path in spool.files("hits") for line in spool.read(path, 0)[0]]
    return [re.search(rb'"q":"([^"]*)"', line)[1].decode() for line in lines]  # type: ignore[index]


@pytest.mark.soak
def test_every_acknowledged_hit_survives_kill_9(workspace: Path) -> None:
    """Eight clients send until the process is shot at a random moment, again and again on the same spool."""
    seed, rounds = random.Random(20260301), 50 if os.environ.get("SHELDUCK_SOAK") else 3
    acknowledged: set[str] = set()
    for turn in range(rounds):
        with process(workspace) as server:
            guard, counted = threading.Lock(), threading.Semaphore(0)

            def send(sender: int, url: str = server.url, turn: int = turn, guard=guard, counted=counted) -> None:  # type: ignore[no-untyped-def]
                with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
                    for n in range(1_000_000):
                        mark = f"hit={turn}.{sender}.{n}"
                        try:
                            answer = client.get(f"/matomo.php?{mark}") if n % 3 else client.post(f"/matomo.php?{mark}")
                        except httpx.HTTPError:
                            return
                        assert answer.status_code == 200
                        with guard:
                            acknowledged.add(mark)
                        counted.release()

            senders = [threading.Thread(target=send, args=(n,)) for n in range(8)]
            for sender in senders:
                sender.start()
            for _ in range(seed.randrange(20, 400)):
                assert counted.acquire(timeout=30)
            server.end(signal.SIGKILL)
            for sender in senders:
                sender.join(30)
    lines = kept(workspace)
    assert len(lines) == len(set(lines))
    assert acknowledged <= set(lines)
    assert len(acknowledged) > 20 * rounds


@pytest.mark.soak
def test_every_acknowledged_choice_survives_kill_9(folder: Path) -> None:
    """Readers save their preferences until the process is shot; who was told "kept" is obeyed by the next sender."""
    seed, rounds = random.Random(20260302), 30 if os.environ.get("SHELDUCK_SOAK") else 2
    numbers, acknowledged = tuple(range(101, 301)), dict[int, bool]()
    with Store.create(folder) as store:
        shop = Shop(store, numbers)
        Topics(store).create("Offers", "opt_in")
        paths = {number: f"/p/{shop.token('p', number)}" for number in numbers}
        for _ in range(rounds):
            with process(folder) as server:
                counted = threading.Semaphore(0)

                def save(own: tuple[int, ...], dice: random.Random, url: str = server.url, counted=counted) -> None:  # type: ignore[no-untyped-def]
                    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
                        while True:
                            number = dice.choice(own)
                            try:
                                shown = client.get(paths[number]).text
                                form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
                                wanted = "checked" not in re.search(r'name="topic"([^>]*)>', shown)[1]  # type: ignore[index]
                                form = {name: unescape(value) for name, value in form.items()}
                                answer = client.post(paths[number], data=form | ({"topic": "1"} if wanted else {}))
                            except httpx.HTTPError:
                                acknowledged.pop(number, None)  # nobody was told
                                return
                            assert answer.status_code == 200
                            acknowledged[number] = wanted
                            counted.release()

                readers = [
                    threading.Thread(target=save, args=(numbers[n::8], random.Random(seed.random()))) for n in range(8)
                ]
                for reader in readers:
                    reader.start()
                for _ in range(seed.randrange(20, 120)):
                    assert counted.acquire(timeout=30)
                server.end(signal.SIGKILL)
                for reader in readers:
                    reader.join(30)
        apply_control(store)
        consents = Consents(store, Topics(store))
        for number, wanted in acknowledged.items():
            [standing] = consents.standings(f"c{number}@example.com")
            assert standing.is_mailed is wanted, number
        assert len(acknowledged) > 30


def test_sigterm_answers_what_is_under_way_and_ends_cleanly(workspace: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with process(workspace) as server:
            with httpx.Client(base_url=server.url, trust_env=False) as client:
                assert client.get(f"/matomo.php?last={number}").status_code == 200
                assert server.end(number) == 0  # an idle connection does not hold it up
            assert f"last={int(number)}" in " ".join(kept(workspace)) or kept(workspace)
            assert "has stopped" in server.lines[-1]
    assert len(kept(workspace)) == 2


def test_hits_a_full_disk_refuses_get_503_until_there_is_room(workspace: Path) -> None:
    """RLIMIT_FSIZE plays the full disk: a write beyond it fails, at first in the middle of a line."""
    with process(workspace) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/matomo.php?first=1").status_code == 200
        [file] = (workspace / "spool").glob("*.hits.jsonl")
        limit = file.stat().st_size + 700
        resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        answers = [client.get(f"/matomo.php?n={n}&x={'x' * 300}") for n in range(5)]
        assert [answer.status_code for answer in answers] == [200, 503, 503, 503, 503]
        assert "send it again" in answers[-1].text and answers[-1].headers["retry-after"] == "30"
        assert client.get("/matomo.php?small=1").status_code == 200  # what fits is taken
        assert client.get(f"/matomo.php?n=5&x={'x' * 300}").status_code == 503
        resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        assert client.get("/healthz").status_code == 503
        resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client.get("/healthz").status_code == 200
        assert client.get("/matomo.php?last=1").status_code == 200
        server.end(signal.SIGTERM)
    assert [query.partition("&")[0] for query in kept(workspace)] == ["first=1", "n=0", "small=1", "last=1"]
    log = "".join(server.lines)
    assert log.count("Hits cannot be kept") == 2 and str(workspace / "spool") in log
    assert log.count("Hits can be kept again") == 2


def test_a_folder_that_cannot_be_written_gives_503_and_is_named_in_the_log(
    shop: Shop, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = shop.store.spool.folder
    spool.rename(spool.with_name("aside"))
    spool.write_text("in the way")
    for _ in range(3):
        assert client.get(f"/o/{shop.token('o')}.gif").status_code == 503
    assert client.get("/healthz").json() == {"status": "cannot write"}
    # The wish itself is in the state then, and that is enough.
    assert client.post(f"/u/{shop.token('u')}").status_code == 200
    assert shop.suppressed() == {"c101@example.com": "unsubscribe page"}
    with shop.store.state.write():
        assert client.post(f"/u/{shop.token('u', 102)}", timeout=30).status_code == 503
    spool.unlink()
    assert client.get(f"/o/{shop.token('o')}.gif").status_code == 200
    assert len(shop.hits()) == 1
    log = capsys.readouterr().out
    assert log.count("Hits cannot be kept") == 1 and str(spool) in log and "Hits can be kept again" in log


def test_an_idle_collectors_file_counts_as_closed_once_its_interval_is_over(
    shop: Shop, client: httpx.Client, clock: object
) -> None:
    client.get("/matomo.php?a=1")
    [file] = shop.store.spool.files("hits")
    now = shop.store.clock.now()
    assert not shop.store.spool.is_closed(file, now)
    assert shop.store.spool.is_closed(file, now + timedelta(minutes=6))


def test_lines_that_come_during_an_fsync_are_committed_together(shop: Shop) -> None:
    """One fsync for many: 400 hits of 40 clients take far fewer commits than hits, yet all are on disk."""
    with background(shop.store) as url:

        def send() -> None:
            with httpx.Client(base_url=url, trust_env=False) as client:
                for _ in range(10):
                    assert client.get("/matomo.php?a=1").status_code == 200

        senders = [threading.Thread(target=send) for _ in range(40)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    hits = shop.hits()
    assert len(hits) == 400 and len({hit["id"] for hit in hits}) == 400
    assert all(set(hit) <= set(HitLine.__struct_fields__) for hit in hits)


def test_other_machines_are_let_in_only_once_a_public_address_is_set(shop: Shop) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "shop.example"):
        with pytest.raises(SettingsError, match="public_url"):
            run(shop.store, host, 0)


def test_with_a_public_address_any_host_will_do(folder: Path) -> None:
    settings = Settings.of({"public_url": "https://mail.example.com"})
    with Store.create(folder, settings) as store, background(store, host="0.0.0.0") as url:
        assert url.startswith("http://0.0.0.0:")
        port = url.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200


def test_a_taken_port_stops_the_start_with_a_sentence(shop: Shop, url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port}"), background(shop.store, port=port):
        pass
    until(lambda: httpx.get(f"{url}/healthz", trust_env=False).status_code == 200)
