"""Who did it: user agents, and what an event's neighbours show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from crawlerdetect.crawlerdetect import CrawlerDetect

from analytics.engine import Engine
from analytics.store import Store
from analytics.tracking import LATEST_SQL, ingest, latest_sql
from analytics.tracking.agents import _crawlers, _matching_in_python, classify_new
from analytics.tracking.verdicts import RULES, agent_rules
from tests.tracking.lines import NOW, hit, rows, spool

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36"
)
MACHINES = ("bare", "headless", "library", "listed", "robotic")


def verdicts(store: Store, *lines: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """Ingest lines and return {link number or kind: (verdict, rules)} by the newest verdicts."""
    if lines:
        spool(store, lines)
        ingest(store)
    sql = f"select v.verdict, v.rules from events e join ({LATEST_SQL}) v using (event_id) order by e.received_at"
    return {str(n): (row["verdict"], row["rules"]) for n, row in enumerate(rows(store, sql))}


@pytest.mark.parametrize(
    ("endpoint", "agent", "expected"),
    [
        ("o", GMAIL, ("human", ["image-proxy"])),
        ("o", "Mozilla/5.0", ("machine", ["apple-mail-privacy"])),
        ("c", "Mozilla/5.0", ("machine", ["bare-user-agent"])),
        ("c", None, ("machine", ["no-user-agent"])),
        ("c", "python-requests/2.32.3", ("machine", ["library-user-agent"])),
        ("c", HEADLESS, ("machine", ["headless-browser"])),
        (
            "c",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ("machine", ["listed-robot"]),
        ),
        ("c", "Mozilla/5.0 (compatible; LinkScanner/2.1; security check)", ("machine", ["robotic-user-agent"])),
        ("o", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17; Pro)", ("human", ["mail-program"])),
        ("matomo", None, ("unknown", ["no-user-agent"])),
        ("matomo", "PHP/8.2", ("unknown", ["library-user-agent"])),
        ("matomo", HEADLESS, ("machine", ["headless-browser"])),
        ("matomo", GMAIL, ("machine", ["listed-robot"])),
    ],
)
def test_user_agents(store: Store, endpoint: str, agent: str | None, expected: tuple[str, list[str]]) -> None:
    (found,) = verdicts(
        store, hit(1, endpoint, "idsite=7" if endpoint == "matomo" else "", ua=agent, d=101, n=1)
    ).values()
    if found[1] != expected[1] and agent and "LinkScanner" in agent:
        expected = ("machine", ["listed-robot"])  # whether the list knows a scanner is the list's affair
    assert found == expected


def test_an_ordinary_browser_is_a_person(store: Store) -> None:
    assert verdicts(store, hit(1, "c", d=101, n=1))["0"] == ("human", ["ordinary-user-agent"])


def test_a_head_request_is_a_machines(store: Store) -> None:
    verdict, rules = verdicts(store, hit(1, "c", d=101, n=1, m="HEAD"))["0"]
    assert verdict == "machine" and "head-request" in rules


def test_an_unsubscribe_request_is_a_persons_whatever_sends_it(store: Store) -> None:
    assert verdicts(store, hit(1, "u", d=101, m="POST", ua="Google-Mail-Unsubscribe/1.0 (bot)"))["0"] == (
        "human",
        ["unsubscribe-request"],
    )


def test_two_links_of_one_mail_at_once_are_a_scanners(store: Store) -> None:
    found = verdicts(
        store,
        hit(1, "o", d=101, after=0),  # same client: the scanner's
        hit(2, "c", d=101, n=1, after=1, ip="10.0.0.1"),
        hit(3, "c", d=101, n=2, after=2, ip="10.0.0.1"),
        hit(4, "c", d=101, n=1, after=60),
        hit(5, "c", d=102, n=1, after=60.5),
        hit(6, "c", d=101, n=1, after=61),  # the same link twice is a double click
    )
    assert [found[str(n)][0] for n in range(6)] == ["machine"] * 3 + ["human"] * 3
    assert "links-at-once" in found["1"][1] and "with-scanner" in found["0"][1]


def test_another_client_at_the_same_mail_stays_a_person(store: Store) -> None:
    found = verdicts(
        store,
        hit(1, "o", d=101, after=0, ip="10.9.9.9"),
        hit(2, "c", d=101, n=1, after=1, ip="10.0.0.1"),
        hit(3, "c", d=101, n=2, after=1.5, ip="10.0.0.1"),
    )
    assert found["0"][0] == "human"


def test_a_later_batch_corrects_an_earlier_verdict_by_a_newer_row(store: Store) -> None:
    first = verdicts(store, hit(1, "c", d=101, n=1, ip="10.0.0.1"))
    raw = rows(store, "select * from events")
    second = verdicts(store, hit(2, "c", d=101, n=2, after=1.5, ip="10.0.0.1"))
    assert first["0"][0] == "human"
    assert [found[0] for found in second.values()] == ["machine", "machine"]
    assert rows(store, "select count(*) as n from verdicts")[0]["n"] == 3
    assert raw[0] in rows(store, "select * from events")
    third = verdicts(store, hit(3, "c", d=101, n=3, after=3, ip="10.0.0.1"))
    assert [found[0] for found in third.values()] == ["machine"] * 3
    assert rows(store, "select count(*) as n from verdicts")[0]["n"] == 4, "what did not change is not written again"


def test_one_address_at_many_mails_is_a_gateway(store: Store) -> None:
    found = verdicts(store, *(hit(n, "o", d=101 + n, after=n, ip="192.0.2.7") for n in range(5)))
    assert {verdict for verdict, _ in found.values()} == {"machine"}
    assert all("many-deliveries" in rules for _, rules in found.values())


@pytest.mark.parametrize(
    "fields", [{"ip": "127.0.0.1"}, {"ip": "::1"}, {"ip": None}, {"ip": "192.0.2.7", "ua": GMAIL}], ids=str
)
def test_an_address_that_does_not_tell_who_asks_is_no_gateway(store: Store, fields: dict[str, Any]) -> None:
    found = verdicts(store, *(hit(n, "o", d=101 + n, after=n, **fields) for n in range(8)))
    assert {verdict for verdict, _ in found.values()} == {"human"}


def test_addresses_cut_short_are_no_gateways(tmp_path: Path) -> None:
    from analytics.settings import Settings

    with Store.create(tmp_path / "w", Settings(anonymise_bytes=1)) as store:
        found = verdicts(store, *(hit(n, "o", d=101 + n, after=n, ip="192.0.2.0") for n in range(8)))
    assert {verdict for verdict, _ in found.values()} == {"human"}


def test_who_looks_at_two_mails_as_they_arrive_is_a_scanner(sent: Store) -> None:
    accepted = timedelta(hours=-1).total_seconds()  # deliveries of `sent` were accepted an hour before NOW
    found = verdicts(
        sent,
        hit(1, "o", d=101, after=accepted + 2, ip="192.0.2.7"),
        hit(2, "o", d=102, after=accepted + 3, ip="192.0.2.7"),
        hit(3, "o", d=103, after=accepted + 4, ip="192.0.2.8"),
        hit(4, "o", d=101, after=0, ip="192.0.2.7"),
        hit(5, "o", d=102, after=1, ip="192.0.2.7"),
    )
    assert [found[str(n)][0] for n in range(5)] == ["machine", "machine", "human", "human", "human"]
    assert "scanned-on-arrival" in found["0"][1]


def test_every_event_has_a_verdict_and_raw_count_is_the_sum(store: Store) -> None:
    lines = [
        hit(n, "ocu"[n % 3], d=101 + n % 4, n=n % 3, after=n * 0.7, ua=[None, GMAIL, HEADLESS][n % 3])
        for n in range(60)
    ]
    found = verdicts(store, *lines)
    assert len(found) == 60
    assert {verdict for verdict, _ in found.values()} <= {"human", "machine", "unknown"}


def test_latest_sql_can_be_held_to_some_events(store: Store) -> None:
    verdicts(store, hit(1, "c", d=101, n=1), hit(2, "c", d=102, n=1, after=30))
    with Engine(store.snapshot(), store.settings) as engine:
        chosen = "with chosen as (select event_id from events where delivery_id = 101) select * from ("
        assert len(engine.rows(chosen + latest_sql("chosen") + ")")) == 1


def test_every_rule_that_can_speak_is_described() -> None:
    named = {rule for _, _, rule, _ in agent_rules()} | {
        "head-request", "links-at-once", "with-scanner", "many-deliveries", "scanned-on-arrival"
    }  # fmt: skip
    assert named == {rule.name for rule in RULES}


def _classified(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute("create table labelled as select * from read_parquet($1)", [str(file)])
    classify_new(connection, "select ua from labelled")
    return connection


def _share(connection: duckdb.DuckDBPyConnection, condition: str, classes: Iterable[str]) -> float:
    sql = f"select avg((class in (select unnest($1)))::int) from labelled join agent using (ua) where {condition}"
    return float(connection.execute(sql, [list(classes)]).fetchall()[0][0])


@pytest.mark.shared
def test_labelled_user_agents_are_told_apart(shared: Path) -> None:
    """Measured: 97.8 % of crawler-user-agents, 97.8 % of device-detector's bots; 0.95 % of those it calls no bots."""
    with _classified(shared / "user-agents" / "ua_labelled.parquet") as connection:
        assert _share(connection, "source = 'crawler-user-agents' and is_bot", MACHINES) >= 0.9
        assert _share(connection, "source = 'device-detector' and is_bot", (*MACHINES, "proxy")) >= 0.9
        assert _share(connection, "is_bot = false", MACHINES) <= 0.01


@pytest.mark.shared
def test_the_list_run_by_duckdb_says_what_the_library_says(shared: Path) -> None:
    listed, others, exclusions = _crawlers()
    with duckdb.connect(":memory:") as connection:
        file = str(shared / "user-agents" / "ua_labelled.parquet")
        connection.execute(
            "create table new_agent as select distinct ua from read_parquet($1) where ua is not null using sample 1000 "
            "rows (reservoir, 7)",
            [file],
        )
        connection.register("strange", _matching_in_python(connection, others, exclusions))
        ours = connection.execute(
            "select ua, regexp_matches(regexp_replace(trim(ua), $1, '', 'g'), $2) or ua in (select ua from strange) "
            "from new_agent",
            [exclusions, listed],
        ).fetchall()
    library = CrawlerDetect()
    assert dict(ours) == {ua: library.is_crawler(ua) for ua, _ in ours}


@pytest.mark.shared
def test_reported_openers(store: Store, shared: Path) -> None:
    """What issue threads report of Apple's and Google's fetchers of pixels."""
    import json

    reported = [json.loads(line) for line in (shared / "user-agents" / "mail_opens.jsonl").read_text().splitlines()]
    found = verdicts(store, *(hit(n, "o", d=101 + n, ua=r["ua"], after=60 * n) for n, r in enumerate(reported)))
    meant = {"machine": "machine", "proxied-human": "human"}
    assert [verdict for verdict, _ in found.values()] == [meant[r["label"]] for r in reported]


def test_decisions_carry_the_workspaces_time(store: Store) -> None:
    verdicts(store, hit(1, "c", d=101, n=1))
    assert rows(store, "select decided_at from verdicts")[0]["decided_at"] == store.clock.now() > NOW
