"""What a user agent string says: a robot of the list, a headless browser, a library, a mail proxy, or an ordinary one.

The list is crawlerdetect's (its patterns and the exclusions taken out of the string first), run by RE2 in DuckDB, a
hundred times faster than by the library itself and with the same answers. Patterns of our own come first, where the
list is wrong about mail, and last, for robots that are on no list but give themselves away.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import duckdb
import pyarrow as pa

AgentClass = Literal["none", "bare", "proxy", "mail", "headless", "library", "listed", "robotic", "ordinary"]

_PROXIES = r"GoogleImageProxy|YahooMailProxy|mail\.ukr\.net proxy|RamblerMail.*ImageProxy|YandexMailProxy"
"""Image proxies of mailboxes fetch when the reader opens: they stand for a person, though lists call them robots."""

_MAIL = r"^(?:Microsoft Office|Outlook-|Mail/\d|MacOutlook|Thunderbird|eM ?Client|Airmail)|Microsoft Outlook|ms-office"
"""Programs people read mail with that lists call robots."""

_NO_MAIL = r"Discovery|Autodiscover"

_HEADLESS = r"(?i)headless|phantomjs|puppeteer|playwright|selenium|webdriver|slimerjs|jsdom|cypress"

_LIBRARY = (
    r"(?i)^(?:curl|wget|python|java|go-http|go-resty|okhttp|axios|node|undici|got|php|guzzle|symfony|ruby|faraday|"
    r"perl|lwp|libwww|apache-httpclient|jakarta|http[-_. ]?client|aiohttp|httpx|urllib|requests|postman|insomnia|"
    r"reqwest|dart|rest-client|typhoeus|mechanize|winhttp|powershell|matomotracker|piwiktracker)"
)
"""Programs that speak for another program: a robot in a mail, but a shop's server when it reports a hit."""

_ROBOTIC = "|".join(
    (
        r"(?i:https?://|www\.|\+mailto:|@[a-z0-9-]+\.[a-z]|\[at\])",  # robots say where they are from
        r"(?i:scanner|scanning|monitor|synthetic|unfurl|prefetch|webhook|screenshot|\baudit|\bprobe\b|url ?lookup|"
        r"spider|crawl|scrap(?:er|y)|\bbot\b|validator|security ?check|linkcheck|-ai\b|\bai/)",
    )
)

_ENGINES = (
    r"(?i)msie |trident|gecko|khtml|webkit|opera|presto|netfront|konqueror|lynx|links|w3m|dillo|netsurf|blackberry"
)
_SYSTEMS = (
    r"(?i)windows|macintosh|mac ?os|darwin|cfnetwork|linux|android|iphone|ipad|ipod|ios|x11|cros|bsd|symbian|"
    r"series ?[346]0|j2me|midp|nokia|samsung|sony|lg[-e/]|htc|motorola|playstation|nintendo|xbox|tizen|webos|kaios|"
    r"bada|brew|amiga|beos|haiku|risc ?os|sunos|solaris|os/2|tv|roku|alcatel|huawei|zte|panasonic|philips|sharp|sagem|"
    r"siemens|docomo|kddi|watch|iph\d|fban/|amazon;|garmin|up\.browser|maui|\bwap|browser"
)


def classify_new(connection: duckdb.DuckDBPyConnection, agents: str) -> None:
    """Add the user agents of the SQL query `agents` (one column `ua`) to the table `agent` (ua, class).

    The table is kept between chunks, so that each string is looked at once; it is made on the first call. A process
    remembers some thousand strings besides, for an ingest of a few lines would spend most of its time here.
    """
    connection.execute("create temp table if not exists agent (ua varchar, class varchar)")
    if _count(connection, "agent") > _MOST_KEPT:
        connection.execute("delete from agent")
    unknown = f"select distinct ua from ({agents}) where ua is not null and ua not in (select ua from agent)"  # noqa: S608
    connection.execute(f"create or replace temp table new_agent as {unknown}")
    if _count(connection, "new_agent") <= _FEW:
        _recall(connection)
    if _count(connection, "new_agent") == 0:
        return
    listed, others, exclusions = _crawlers()
    connection.register("strange_agent", _matching_in_python(connection, others, exclusions))
    connection.execute(_CLASSIFY, {
        "proxies": _PROXIES, "mail": _MAIL, "no_mail": _NO_MAIL, "headless": _HEADLESS, "library": _LIBRARY,
        "listed": listed, "exclusions": exclusions, "robotic": _ROBOTIC, "engines": _ENGINES, "systems": _SYSTEMS,
    })  # fmt: skip
    connection.unregister("strange_agent")
    connection.execute("insert into agent select * from classified")
    if len(_remembered()) < _MOST_REMEMBERED:
        _remembered().update(connection.execute("select ua, class from classified limit 1000").fetchall())


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])  # noqa: S608  # fixed names


def _recall(connection: duckdb.DuckDBPyConnection) -> None:
    """Move new user agents this process has classified before into the table `agent`."""
    new = [ua for (ua,) in connection.execute("select ua from new_agent").fetchall()]
    for ua in new:
        known = _remembered().get(ua)
        if known is not None:
            connection.execute("insert into agent values ($1, $2)", [ua, known])
            connection.execute("delete from new_agent where ua = $1", [ua])


@cache
def _remembered() -> dict[str, str]:
    return {}


_FEW = 100
_MOST_REMEMBERED = 20_000
_MOST_KEPT = 200_000
_CLASSIFY = """
create or replace temp table classified as
select ua,
    case
        when trim(ua) = '' then 'none'
        when trim(ua) = 'Mozilla/5.0' then 'bare'
        when regexp_matches(ua, $proxies) then 'proxy'
        when regexp_matches(ua, $mail) and not regexp_matches(ua, $no_mail) then 'mail'
        when regexp_matches(ua, $headless) then 'headless'
        when regexp_matches(ua, $library) then 'library'
        when regexp_matches(regexp_replace(trim(ua), $exclusions, '', 'g'), $listed)
            or ua in (select ua from strange_agent) then 'listed'
        when regexp_matches(regexp_replace(trim(ua), $exclusions, '', 'g'), $robotic) then 'robotic'
        when regexp_matches(ua, $engines) or regexp_matches(ua, $systems) then 'ordinary'
        else 'robotic' -- a browser names its engine or the system it runs on
    end as class
from new_agent
"""


@cache
def _crawlers() -> tuple[str, tuple[str, ...], str]:
    """Return (RE2 pattern of the list, patterns RE2 cannot run, RE2 pattern of the exclusions)."""
    from crawlerdetect.providers import crawlers, exclusions  # some thousand patterns: only an ingest needs them

    listed = [p for p in crawlers.data if not _LOOKS_AROUND.search(p)]
    others = tuple(p for p in crawlers.data if _LOOKS_AROUND.search(p))
    return f"(?i)(?:{'|'.join(listed)})", others, f"(?i)(?:{'|'.join(exclusions.data)})"


_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")


def _matching_in_python(connection: duckdb.DuckDBPyConnection, patterns: tuple[str, ...], exclusions: str) -> pa.Table:
    """Return the new user agents that match one of a few patterns with look-arounds, which RE2 does not have."""
    found = re.compile("|".join(f"(?:{p})" for p in patterns) or r"(?!)", re.IGNORECASE)
    left_out = re.compile(exclusions)
    words = [re.split(r"\(\?", p)[0] for p in patterns]  # what such a pattern begins with: a cheap first sieve
    likely = (
        connection.execute(
            "select ua from new_agent where regexp_matches(ua, $1)", ["(?i)" + "|".join(re.escape(w) for w in words)]
        ).fetchall()
        if words
        else []
    )
    names = [ua for (ua,) in likely if found.search(left_out.sub("", ua.strip()))]
    return pa.table({"ua": pa.array(names, pa.string())})
