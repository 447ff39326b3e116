"""Spool to events, persons and verdicts, against DuckDB reading the same JSON lines and writing Parquet, nothing else.

The lines are those of a shop that mails: of 1,000, 640 are page views of matomo.js with 16 parameters, 40 its events,
10 orders and carts, 10 bulks of two, 220 opens, 78 clicks and 2 unsubscribes, by 2,000 user agents and from
addresses of their own, with a few gateways that follow every link. A tenth of the page views carries a landing token;
the state holds the deliveries.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from analytics.engine import Engine
from analytics.model.clock import SimulatedClock
from analytics.model.token import Signer
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import delivery, email_campaign, marketing_list, sending, template
from analytics.tracking import ingest, visits_sql
from bench.measure import Measure, seconds

NOW = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
LINES, QUICK_LINES = 1_000_000, 100_000
_ROUNDS = 3
_FILE = "20261123-0710-300-bench-1-0000.hits.jsonl"
_COLUMNS = (
    "{id: 'VARCHAR', 'at': 'BIGINT', e: 'VARCHAR', m: 'VARCHAR', p: 'VARCHAR', q: 'VARCHAR', b: 'VARCHAR', "
    "b64: 'VARCHAR', ip: 'VARCHAR', ua: 'VARCHAR', ref: 'VARCHAR', al: 'VARCHAR', d: 'BIGINT', n: 'BIGINT'}"
)


def run(quick: bool) -> list[Measure]:
    """Measure ingest and visits; returns seconds of both sides."""
    count = QUICK_LINES if quick else LINES
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        spool, parquet = folder / _FILE, folder / "plain.parquet"
        template_store = folder / "workspace"
        with Store.create(template_store, Settings(name="bench"), SimulatedClock(NOW + timedelta(days=1))) as store:
            _add_deliveries(store, count // 10)
            write_spool(spool, count, Signer(*store.keys.signing()))
        ours, theirs = [], []
        for turn in range(_ROUNDS + 1):
            taken = _ingest(template_store, folder / f"turn {turn}", spool, count)
            plain = seconds(lambda: _plain(spool, parquet))
            if turn:  # the first one warms the disk's cache
                ours.append(taken)
                theirs.append(plain)
            if turn < _ROUNDS:
                shutil.rmtree(folder / f"turn {turn}")
        mine, other = statistics.median(ours), statistics.median(theirs)
        return [
            Measure.of(f"ingest of {count:,} lines", mine, other, "s"),
            _visits(folder / f"turn {_ROUNDS}"),
        ]


def _ingest(made: Path, folder: Path, spool: Path, count: int) -> float:
    shutil.copytree(made, folder)
    with Store.open(folder, clock=SimulatedClock(NOW + timedelta(days=1))) as store:
        (store.spool.folder / _FILE).hardlink_to(spool)
        begun = time.perf_counter()
        report = ingest(store)
        taken = time.perf_counter() - begun
    assert report.lines == count and report.quarantined == 0, report
    return taken


def _plain(spool: Path, parquet: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"copy (select * from read_json('{spool}', format = 'newline_delimited', columns = {_COLUMNS})) "
            f"to '{parquet}' (format parquet)"
        )


_HAND_WRITTEN = """
select website, visitor, number, min(occurred_at), max(occurred_at), count(*), min(campaign_code), min(person)
from (
    select *, count(*) filter (where before is null or occurred_at > before + interval 30 minutes)
        over (partition by website, visitor order by occurred_at rows unbounded preceding) as number
    from (
        select website, visitor, occurred_at, campaign_code, person,
            lag(occurred_at) over (partition by website, visitor order by occurred_at) as before
        from events where endpoint in ('matomo', 'oro')
    )
)
group by all
"""


def _visits(folder: Path) -> Measure:
    with Store.open(folder) as store, Engine(store.snapshot(), store.settings) as engine:
        ours, theirs = [], []
        for turn in range(_ROUNDS + 1):
            taken = seconds(lambda: engine.arrow(visits_sql())), seconds(lambda: engine.arrow(_HAND_WRITTEN))
            if turn:
                ours.append(taken[0])
                theirs.append(taken[1])
    return Measure.of("visits, against bare sessions", statistics.median(ours), statistics.median(theirs), "s")


def write_spool(path: Path, count: int, signer: Signer) -> None:
    """Write `count` spool lines, the same ones every time."""
    with path.open("w") as file:
        for line in _lines(count, signer):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _lines(count: int, signer: Signer) -> Iterator[dict[str, Any]]:
    rng = random.Random(1)
    at = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    deliveries = max(1, count // 10)
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n // 20 + 50}.0."
        f"{n}.0 Safari/537.36"
        for n in range(2_000)
    ]
    for number in range(count):
        at += rng.randrange(2_000)
        line = {
            "id": f"{rng.getrandbits(80):020x}{number:012x}",
            "at": at,
            "e": "matomo",
            "m": "GET",
            "p": "/matomo.php",
            "q": "",
            "ip": f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}",
            "ua": agents[int(rng.random() ** 3 * len(agents))],
            "al": "en-US,en;q=0.9",
        }
        kind, who = rng.random(), 1 + rng.randrange(deliveries)
        if kind < 0.7:
            _track(line, rng, kind, who, signer)
        elif kind < 0.92:
            line |= {"e": "o", "p": "/o/" + "A" * 40 + ".gif", "d": who}
        elif kind < 0.998:
            line |= {"e": "c", "p": "/c/" + "A" * 40, "d": who, "n": 1 + rng.randrange(10)}
            if rng.random() < 0.1:
                line["ip"] = f"192.0.2.{rng.randrange(8)}"
        else:
            line |= {"e": "u", "p": "/u/" + "A" * 40, "m": "POST", "b": "List-Unsubscribe=One-Click", "d": who}
        yield line


def _track(line: dict[str, Any], rng: random.Random, kind: float, who: int, signer: Signer) -> None:
    page = f"https://shop.example.com/{rng.choice(['shoes', 'hats', 'coats'])}/{rng.randrange(5_000)}.html"
    if rng.random() < 0.1:
        page += f"?utm_source=newsletter&utm_medium=email&utm_campaign=spring-{who % 20}&sdk={signer.sign('l', who)}"
    elif rng.random() < 0.2:
        page += f"?utm_source=ads&utm_medium=cpc&utm_campaign=ads-{rng.randrange(30)}"
    visitor = f"{who:016x}"
    common = (
        f"idsite=7&rec=1&r={rng.randrange(1_000_000):06d}&h=7&m={rng.randrange(60)}&s={rng.randrange(60)}"
        f"&url={quote(page, safe='')}&_id={visitor}&_idn=0&send_image=0&_refts=0&pv_id={rng.getrandbits(32):06x}"
        f"&cookie=1&res={rng.choice(['1920x1080', '1280x800', '390x844'])}"
    )
    if rng.random() < 0.2:
        common += f"&uid=c{who}%40example.com"
    if kind < 0.64:
        line["q"] = (
            f"action_name=Page%20{rng.randrange(1_000)}%20%E2%80%94%20Shop&urlref=https%3A%2F%2Fexample.org&{common}"
        )
    elif kind < 0.68:
        line["q"] = f"e_c=Shop&e_a=Add&e_n=cart%20item&e_v={rng.randrange(10_000) / 100}&ca=1&{common}"
    elif kind < 0.69:
        items = quote('[["SKU-1","Blue widget","Widgets",9.99,2]]', safe="")
        line["q"] = f"idgoal=0&ec_id=ORD-{line['id']}&revenue={rng.randrange(10_000) / 100}&ec_items={items}&{common}"
    else:
        line |= {
            "m": "POST",
            "b": json.dumps({"requests": [f"?action_name=One&{common}", f"?action_name=Two&{common}"]}),
        }


def _add_deliveries(store: Store, count: int) -> None:
    stamps = {"created_at": NOW, "updated_at": NOW}
    with store.state.write() as connection:
        connection.execute(
            marketing_list.insert().values(
                id=1, name="list", entity="customer_user", kind="dynamic", channel="email", contact="email",
                definition={}, version=1, **stamps,
            )
        )  # fmt: skip
        connection.execute(template.insert().values(id=1, name="t", subject="s", html="h", version=1, **stamps))
        connection.execute(
            email_campaign.insert().values(
                id=1, name="c", list_id=1, template_id=1, sender_email="shop@example.com", **stamps
            )
        )
        connection.execute(
            sending.insert().values(
                id=1, email_campaign_id=1, request_key="k", status="done", scheduled_for=NOW, settings={},
                first_delivery_id=1, last_delivery_id=count, created_at=NOW,
            )
        )  # fmt: skip
    for start in range(1, count + 1, 20_000):
        with store.state.write() as connection:
            connection.execute(
                delivery.insert(),
                [
                    {
                        "id": n, "sending_id": 1, "address_key": f"c{n}@example.com", "address": f"c{n}@example.com",
                        "person": f"c{n}@example.com", "entity_key": str(n), "state": "accepted", "due_at": NOW,
                        "message_id": f"<{n}@example.com>", "values": {}, "accepted_at": NOW - timedelta(hours=5),
                        "updated_at": NOW,
                    }
                    for n in range(start, min(start + 20_000, count + 1))
                ],
            )  # fmt: skip
