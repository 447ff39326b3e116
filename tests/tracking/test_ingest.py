"""Exactly once, whatever is torn, repeated, cut into pieces or killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import ConcurrencyError
from analytics.model.clock import SimulatedClock
from analytics.store import Store
from analytics.tracking import clean_spool, complete_through, ingest
from analytics.tracking import ingest as take_in
from tests.tracking.lines import FILE, NOW, events, hit, rows, spool

SOAK = os.environ.get("SHELDUCK_SOAK") == "1"
OTHER = FILE.replace("host-1", "host-2")


def mixed(count: int, seed: int = 1) -> list[dict[str, Any] | bytes]:
    """Return lines of all kinds, some bad, with clicks close together."""
    rng = random.Random(seed)
    lines: list[dict[str, Any] | bytes] = []
    for n in range(count):
        after = n * 0.3
        kind = rng.randrange(8)
        if kind < 3:
            lines.append(hit(n, "matomo", f"idsite=7&url=u{n}&_id={n:016x}", after=after))
        elif kind == 3:
            lines.append(hit(n, "c", d=101 + n % 5, n=rng.randrange(1, 4), after=after, ip="192.0.2.1"))
        elif kind == 4:
            lines.append(hit(n, "o", d=101 + n % 5, after=after))
        elif kind == 5:
            body = json.dumps({"requests": [f"?idsite=7&url=b{n}&n={i}" for i in range(3)]})
            lines.append(hit(n, "matomo", "", b=body, m="POST", after=after))
        elif kind == 6:
            lines.append(hit(n, "matomo", "nothing=here", after=after))
        else:
            lines.append(b"torn {" + str(n).encode() + b"\n")
    return lines


def table(store: Store) -> list[tuple[Any, ...]]:
    """Return everything the lake says, apart from when it was told."""
    latest = """
        select e.* exclude (ingested_at), v.verdict, v.rules
        from events e
        left join (
            select event_id, arg_max(verdict, decided_at) as verdict, arg_max(rules, decided_at) as rules
            from verdicts group by event_id
        ) v using (event_id)
        order by event_id
    """
    return [tuple(str(value) for value in row.values()) for row in rows(store, latest)]


def quarantine(store: Store, name: str = FILE) -> list[dict[str, Any]]:
    path = store.folder.quarantine / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_second_ingest_finds_nothing(store: Store) -> None:
    spool(store, mixed(50))
    first = ingest(store)
    before, put_aside = table(store), quarantine(store)
    second = ingest(store)
    assert first.lines == 50 and first.events == len(before) and first.quarantined == len(put_aside)
    assert (second.lines, second.events, second.quarantined) == (0, 0, 0)
    assert table(store) == before and quarantine(store) == put_aside


@settings(max_examples=50 if SOAK else 4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 6000), max_size=3), st.integers(1500, 6000), st.integers(0, 10**6))
def test_however_it_is_cut_the_table_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], piece: int, seed: int
) -> None:
    """The file grows by any bytes between ingests, lines torn anywhere; pieces of any size."""
    lines = mixed(30, seed)
    whole = b"".join(x if isinstance(x, bytes) else json.dumps(x).encode() + b"\n" for x in lines)
    clock = SimulatedClock(NOW)
    tables = []
    for at_once in (True, False):
        with Store.create(tmp_path_factory.mktemp("w") / "w", clock=clock) as store:
            written = 0
            for cut in [] if at_once else cuts:
                spool(store, [whole[written : written + cut]])
                written += cut
                ingest(store, piece=piece)
            spool(store, [whole[written:]])
            ingest(store) if at_once else ingest(store, piece=piece)
            tables.append((table(store), quarantine(store)))
    assert tables[0] == tables[1]


def test_a_torn_line_waits_for_its_end(store: Store) -> None:
    line = json.dumps(hit(1, "matomo", "idsite=7&url=u")).encode()
    spool(store, [line[:50]])
    assert ingest(store).lines == 0
    spool(store, [line[50:] + b"\n"])
    assert ingest(store).events == 1
    assert quarantine(store) == []


def test_bad_lines_are_put_aside_with_reason_and_number(store: Store) -> None:
    good = hit(1, "matomo", "idsite=7")
    bad: list[dict[str, Any] | bytes] = [
        b"{not json\n",
        b"\x00\x00\xff\n",
        b"[1,2]\n",
        hit(2, "matomo", "url=u"),
        hit(3, "matomo", "idsite=7", id="short"),
        hit(4, "matomo", "idsite=7", at="noon"),
        hit(5, "x"),
        hit(6, "c"),
        hit(7, "matomo", "", b='{"requests":7}', m="POST"),
        b"\n",
    ]
    spool(store, [good, *bad, hit(9, "matomo", "idsite=7")])
    report = ingest(store)
    assert (report.lines, report.events, report.quarantined) == (12, 2, 10)
    entries = quarantine(store)
    assert [entry["line"] for entry in entries] == list(range(2, 12))
    assert [entry["reason"] for entry in entries] == [
        "it is no JSON object",
        "it is no JSON object",
        "it is no JSON object",
        "it names no website (idsite)",
        "its id is not 32 hexadecimal digits",
        'its time "at" is not a number of microseconds since 1970',
        "its endpoint is none of c, o, u, p, v, matomo, oro",
        "it names no delivery",
        'its body is JSON without a list "requests"',
        "it is no JSON object",
    ]
    assert entries[0]["text"] == "{not json"
    data = (store.spool.folder / FILE).read_bytes()
    assert all(data[e["offset"] - 1 : e["offset"]] == b"\n" for e in entries)


def test_null_characters_and_half_surrogates_are_cleaned(store: Store) -> None:
    line = json.dumps(hit(1, "matomo", "idsite=7&url=u")).replace("Chrome", r"Chr\u0000ome\ud800")
    spool(store, [line.encode() + b"\n"])
    assert ingest(store).events == 1
    (event,) = events(store)
    assert "Chrome\N{REPLACEMENT CHARACTER}" in event["user_agent"]


def test_an_unknown_website_is_kept_with_the_identifier_it_sent(store: Store) -> None:
    spool(store, [hit(1, "matomo", "idsite=nobody-knows")])
    ingest(store)
    assert events(store)[0]["website"] == "nobody-knows"


def test_files_of_several_collectors_are_all_read(store: Store) -> None:
    spool(store, [hit(1, "matomo", "idsite=7")])
    spool(store, [hit(2, "matomo", "idsite=7")], OTHER)
    report = ingest(store)
    assert (report.files, report.events) == (2, 2)


def test_a_limit_stops_early_and_the_rest_comes_later(store: Store) -> None:
    spool(store, [hit(n, "matomo", "idsite=7") for n in range(100)])
    first = ingest(store, limit=10, piece=2000)
    assert 10 <= first.lines < 30
    assert first.lines + ingest(store).lines == 100
    assert len(events(store)) == 100


def test_only_one_ingest_runs_at_a_time(store: Store) -> None:
    spool(store, [hit(1, "matomo", "idsite=7")])
    with (
        store.leases.hold("ingest", timedelta(seconds=10)),
        pytest.raises(ConcurrencyError, match="'ingest' was held"),
    ):
        ingest(store, wait=timedelta(0))


def test_a_piece_cut_elsewhere_is_refused(store: Store) -> None:
    """An ingest that slept through its lease cannot append what another one has in part."""
    empty = pa.table({"event_id": pa.array([], pa.string())})
    assert store.lake.append("events", empty, app_id=FILE, version=100, after=0)
    with pytest.raises(ConcurrencyError, match="after 0, but 100 is in last"):
        store.lake.append("events", empty, app_id=FILE, version=150, after=0)
    assert not store.lake.append("events", empty, app_id=FILE, version=100, after=0)


def test_verdicts_that_a_crash_left_behind_are_made_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    spool(store, mixed(30))
    append = type(store.lake).append

    def fails(lake: Any, name: str, *given: Any, **named: Any) -> bool:
        if name == "verdicts":
            raise OSError("power gone")
        return append(lake, name, *given, **named)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="power gone"):
        patch.setattr(type(store.lake), "append", fails)
        ingest(store)
    assert complete_through(store) < store.clock.now()
    spool(store, mixed(60)[30:])
    ingest(store)
    assert len(table(store)) == rows(store, "select count(distinct event_id) as n from verdicts")[0]["n"]
    with Store.create(store.folder.root.parent / "at once", clock=store.clock) as other:
        spool(other, mixed(60))
        ingest(other)
        assert table(other) == table(store)
        assert quarantine(other) == quarantine(store)


def test_marks_are_not_believed_over_a_lake_that_went_back(store: Store) -> None:
    """After a restore or a lost commit the lake is older than the marks: the lake decides."""
    spool(store, [hit(1, "matomo", "idsite=7")])
    ingest(store)
    for name in ("events", "verdicts"):
        log = store.lake.root / name / "_delta_log"
        max(log.glob("*.json")).unlink()
    with Store.open(store.folder, clock=store.clock) as again:
        assert complete_through(again) < again.clock.now()
        assert ingest(again).events == 1
        assert len(events(again)) == 1


def test_complete_through_is_now_or_just_before_the_first_line_that_waits(store: Store) -> None:
    assert complete_through(store) == store.clock.now()
    spool(store, [hit(1, "matomo", "idsite=7", after=5)])
    assert complete_through(store) == NOW + timedelta(seconds=5) - timedelta(microseconds=1)
    ingest(store)
    assert complete_through(store) == store.clock.now()
    spool(store, [b'{"torn'])
    assert complete_through(store) == store.clock.now()


def test_spool_files_go_a_week_after_they_ended_and_were_ingested(store: Store, clock: SimulatedClock) -> None:
    path = spool(store, [hit(1, "matomo", "idsite=7"), b'{"torn'])
    waiting = spool(store, [hit(2, "matomo", "idsite=7")], OTHER)
    ingest(store, limit=1)
    assert clean_spool(store) == 0
    clock.advance(timedelta(days=7))
    assert clean_spool(store) == 1
    assert not path.exists() and waiting.exists()
    assert quarantine(store)[0]["reason"].startswith("it was cut off")
    ingest(store)
    assert clean_spool(store) == 1
    assert len(events(store)) == 2


_CHILD = """
import sys
from pathlib import Path
from analytics.store import Store
from analytics.tracking import ingest
with Store.open(Path(sys.argv[1])) as store:
    print("begun", flush=True)
    ingest(store, piece=int(sys.argv[2]))
"""


@pytest.mark.soak
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """An ingest is killed at random moments and begun again until it ends; the table is that of one quiet run."""
    kills = 40 if SOAK else 3
    rng = random.Random(7)
    lines = mixed(2000)
    with Store.create(tmp_path / "quiet") as quiet:
        spool(quiet, lines)
        take_in(quiet)
        expected, put_aside = table(quiet), quarantine(quiet)
    with Store.create(tmp_path / "killed") as store:
        spool(store, lines)
        piece = 60_000
        for _ in range(kills):
            child = subprocess.Popen(
                [sys.executable, "-c", _CHILD, str(store.folder.root), str(piece)], stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(rng.uniform(0.0, 1.5))  # not to synchronise: the moment of death is to be random
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        take_in(store, piece=piece, wait=timedelta(seconds=60))
        assert table(store) == expected
        assert quarantine(store) == put_aside
        doubled = Counter(row["event_id"] for row in rows(store, "select event_id from events"))
        assert max(doubled.values()) == 1


def test_times_are_taken_from_the_workspaces_clock(store: Store) -> None:
    spool(store, [hit(1, "matomo", "idsite=7")])
    ingest(store)
    assert events(store)[0]["ingested_at"] == store.clock.now() != datetime.now(UTC)
