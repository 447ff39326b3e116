"""Whether a person or a machine did it: rule set 1, evaluated in SQL, with the names of the rules that spoke.

A machine rule outweighs a human one; an event is `unknown` where no rule can tell. Events are never changed: a
verdict is a row of its own, and what later events show about an earlier one is a newer row. Readers take the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine import Engine, load_sql
from analytics.store import Snapshot, SnapshotGone, Store
from analytics.tracking.agents import classify_new

RULESET = 1

Verdict = Literal["human", "machine", "unknown"]
Place = Literal["open", "mail", "site", "unsubscribe"]
"""Where it happened: an open, any other request of a mail, a tracked website, a request to unsubscribe."""

LATEST_SQL = """
select
    event_id,
    max_by(ruleset, (decided_at, verdict = 'machine')) as ruleset,
    max_by(verdict, (decided_at, verdict = 'machine')) as verdict,
    max_by(rules, (decided_at, verdict = 'machine')) as rules,
    max(decided_at) as decided_at
from verdicts
group by event_id
"""
"""One row per event: its newest verdict. Of two of one moment (a clock that stands still) the machine's counts."""


def latest_sql(events: str) -> str:
    """Return LATEST_SQL for the events of a relation alone: the name of a view or CTE with a column `event_id`."""
    only = f"where event_id in (select event_id from {events})\n"  # noqa: S608  # the name of a view
    return LATEST_SQL.replace("group by", f"{only}group by")


@dataclass(frozen=True)
class Rule:
    """What one rule means."""

    name: str
    verdict: Verdict
    meaning: str


LINKS_WITHIN = timedelta(seconds=2)
SCANNER_WITHIN = timedelta(seconds=10)
DELIVERIES_WITHIN = timedelta(seconds=10)
DELIVERIES = 5
ARRIVAL = timedelta(seconds=10)
_CONTEXT = timedelta(seconds=45)  # beyond twice the reach of any rule

RULES: tuple[Rule, ...] = (
    Rule("ordinary-user-agent", "human", "names the engine or the system of a browser or an app"),
    Rule("mail-program", "human", "a mail program that lists of robots name"),
    Rule("image-proxy", "human", "the image proxy of a mailbox, which fetches when the reader opens"),
    Rule("unsubscribe-request", "human", "a POST to unsubscribe: by the reader, or for the reader by the mailbox"),
    Rule("apple-mail-privacy", "machine", "`Mozilla/5.0` alone opened: Apple Mail Privacy Protection loads every mail"),
    Rule("bare-user-agent", "machine", "`Mozilla/5.0` alone did something else than open"),
    Rule("no-user-agent", "machine", "no user agent; on a website unknown, for a shop's server may report hits so"),
    Rule("library-user-agent", "machine", "a program's library; on a website unknown, as above"),
    Rule("headless-browser", "machine", "a browser without a screen"),
    Rule("listed-robot", "machine", "on crawlerdetect's list"),
    Rule("robotic-user-agent", "machine", "names itself a scanner or its own website, or no browser and no system"),
    Rule("head-request", "machine", "asked by HEAD: readers fetch"),
    Rule("links-at-once", "machine", "two links of one mail within 2 seconds"),
    Rule("with-scanner", "machine", "same mail and client within 10 seconds of links-at-once"),
    Rule("many-deliveries", "machine", "one client address at 5 or more mails within 10 seconds"),
    Rule("scanned-on-arrival", "machine", "within 10 seconds of acceptance, by an address at 2 or more mails then"),
)

_ANYWHERE: dict[str, tuple[str, Verdict]] = {
    "ordinary": ("ordinary-user-agent", "human"),
    "mail": ("mail-program", "human"),
    "proxy": ("listed-robot", "machine"),
    "bare": ("bare-user-agent", "machine"),
    "none": ("no-user-agent", "machine"),
    "library": ("library-user-agent", "machine"),
    "headless": ("headless-browser", "machine"),
    "listed": ("listed-robot", "machine"),
    "robotic": ("robotic-user-agent", "machine"),
}
_OTHERWISE: dict[tuple[Place, str], tuple[str, Verdict]] = {
    ("open", "proxy"): ("image-proxy", "human"),
    ("open", "bare"): ("apple-mail-privacy", "machine"),
    ("site", "none"): ("no-user-agent", "unknown"),
    ("site", "library"): ("library-user-agent", "unknown"),
}


def agent_rules() -> list[tuple[Place, str, str, Verdict]]:
    """Return (place, class of user agent, rule, verdict) for every place and class."""
    places: tuple[Place, ...] = ("open", "mail", "site")
    table = [
        (place, known, *_OTHERWISE.get((place, known), _ANYWHERE[known])) for place in places for known in _ANYWHERE
    ]
    return table + [("unsubscribe", known, "unsubscribe-request", "human") for known in _ANYWHERE]


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table of rules by user agent; once for each connection."""
    rows = agent_rules()
    names = ("place", "class", "rule", "verdict")
    connection.register("given_rule", pa.table({n: [row[i] for row in rows] for i, n in enumerate(names)}))
    connection.execute("create or replace temp table agent_rule as select *, [rule] as rules from given_rule")
    connection.unregister("given_rule")


def judge(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    events: pa.Table,
    decided_at: datetime,
    pending: pa.Table | None = None,
) -> pa.Table:
    """Return the rows of `verdicts` for new events, and those that correct verdicts about earlier ones.

    `connection` holds the chunk's table `delivery`. Reads the mail events around these in the lake;
    `pending` are those (see `mail_events`) on their way there.
    """
    connection.unregister("event")
    connection.register("event", events)
    _gather_around(connection, store, events, pending)
    classify_new(connection, "select user_agent as ua from event union all select user_agent from around")
    connection.execute(
        load_sql(__package__, "contacts"),
        {
            "links_within": _microseconds(LINKS_WITHIN),
            "scanner_within": _microseconds(SCANNER_WITHIN),
            "deliveries_within": _microseconds(DELIVERIES_WITHIN),
            "deliveries": DELIVERIES,
            "arrival": _microseconds(ARRIVAL),
            # An address cut short is a whole network's.
            "addresses_tell": store.settings.anonymise_bytes == 0,
        },
    )
    connection.execute(
        f"create or replace temp table verdict as {load_sql(__package__, 'verdicts')}",
        {"ruleset": RULESET, "decided_at": decided_at},
    )
    return connection.sql("from verdict").to_arrow_table()


def mail_events(events: pa.Table) -> pa.Table:
    """Return the columns of the mail events among some that later ones are judged beside."""
    of_mails = pc.is_in(events["endpoint"], value_set=pa.array(["c", "o", "u"]))
    return events.filter(of_mails).select(_CONTEXT_COLUMNS)


_CONTEXT_COLUMNS = [
    "event_id", "kind", "method", "received_at", "delivery_id", "link_number", "client_address", "user_agent"
]  # fmt: skip


def _gather_around(
    connection: duckdb.DuckDBPyConnection, store: Store, events: pa.Table, pending: pa.Table | None
) -> None:
    """Make the table `around`: the mail events shortly before, during or after some events, these left out."""
    fresh = mail_events(events)
    kept = fresh.slice(0, 0) if pending is None else pending
    times = pc.min_max(fresh["received_at"]).as_py()
    if times["min"] is None:
        stored, since, until = fresh, _NEVER, _NEVER
    else:
        since, until = times["min"] - _CONTEXT, times["max"] + _CONTEXT
        stored = _stored(store, since, until)
    for name, table in (("fresh", fresh), ("stored", stored), ("pending", kept)):
        connection.unregister(name)
        connection.register(name, table)
    connection.execute(load_sql(__package__, "around"), {"since": since, "until": until})


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _stored(store: Store, since: datetime, until: datetime) -> pa.Table:
    """Return the mail events the lake has of some time, without making views of its other tables."""
    for attempt in (1, 2):
        whole = store.snapshot()
        only = Snapshot(whole.taken_at, {"events": whole.table("events")})
        try:
            with Engine(only, store.settings, now=store.clock.now()) as engine:
                return engine.arrow(load_sql(__package__, "stored"), {"since": since, "until": until})
        except SnapshotGone:
            if attempt == 2:
                raise
    raise AssertionError("the loop returns or raises")


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
