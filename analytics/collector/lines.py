"""The lines of the spool: one JSON object per accepted request, as it came; parsing is the ingest's."""

from __future__ import annotations

import base64
import itertools
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote_from_bytes

import msgspec

from analytics.collector.request import Request, as_text
from analytics.model.clock import Clock, SystemClock

Endpoint = Literal["c", "o", "u", "p", "matomo", "oro"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRINTABLE = bytes(range(0x21, 0x7F))  # what a URL may hold; anything else in one is written as %XX


class HitLine(msgspec.Struct, omit_defaults=True):
    """One accepted request.

    `id` 32 hex digits, `at` microseconds since 1970 UTC, `e` endpoint, `m` method, `p` path, `q` raw query; then, left
    out where there is nothing: `b` body as text or `b64` body in base64 when it is no UTF-8, `ip` client address,
    `ua` user agent, `ref` referrer, `al` accepted languages, `d` delivery id, `n` link number.
    """

    id: str
    at: int
    e: str
    m: str
    p: str
    q: str
    b: str | None = None
    b64: str | None = None
    ip: str | None = None
    ua: str | None = None
    ref: str | None = None
    al: str | None = None
    d: int | None = None
    n: int | None = None


class ControlLine(msgspec.Struct, omit_defaults=True):
    """One unsubscribe, for the senders to read before each lease: delivery `d`, and by which way it came."""

    id: str
    at: int
    kind: str
    d: int
    source: str
    ip: str | None = None
    ua: str | None = None


class PreferencesLine(msgspec.Struct, omit_defaults=True):
    """What somebody saved on the preference page, for the senders to read before each lease.

    `stop` whether no marketing mail at all was ticked, `was` whether it was before, `words` beside it. `choices`:
    (topic, words beside its box, whether it is ticked for who never said anything, whether it was ticked now).
    """

    id: str
    at: int
    kind: str
    d: int
    source: str
    stop: bool
    was: bool
    words: str
    choices: list[tuple[int, str, bool, bool]]
    ip: str | None = None
    ua: str | None = None


def line_ids() -> Callable[[], str]:
    """Return a function giving a new id at each call: 20 random hex digits of this process, then a count of 12."""
    process, count = secrets.token_hex(10), itertools.count()
    return lambda: f"{process}{next(count):012x}"


def microsecond_clock(clock: Clock) -> Callable[[], int]:
    """Return a function giving the workspace's time in microseconds since 1970 UTC."""
    if isinstance(clock, SystemClock):
        return lambda: time.time_ns() // 1000  # the same time at a sixth of the cost
    return lambda: (clock.now() - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Return the time of whole microseconds since 1970 UTC."""
    return _EPOCH + at * _MICROSECOND


def url_text(part: bytes) -> str:
    """Return a path or query as text: as sent, UTF-8 or not, with bytes no address may hold written as %XX."""
    try:
        return part.decode("ascii") if part.isascii() else part.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(part, _PRINTABLE)


def hit_line(
    request: Request, endpoint: Endpoint, line_id: str, at: int, ip: str | None, delivery: int | None, link: int | None
) -> HitLine:
    """Return the line of a request."""
    get = request.headers.get
    agent, referrer, languages = get(b"user-agent"), get(b"referer"), get(b"accept-language")
    line = HitLine(
        line_id,
        at,
        endpoint,
        request.method,
        url_text(request.path),
        url_text(request.query),
        ip=ip,
        ua=as_text(agent) if agent else None,
        ref=as_text(referrer) if referrer else None,
        al=as_text(languages) if languages else None,
        d=delivery,
        n=link,
    )
    if request.body:
        try:
            line.b = request.body.decode()
        except UnicodeDecodeError:
            line.b64 = base64.b64encode(request.body).decode()
    return line
