"""Control lines of the spool: unsubscribes and saved preference pages, applied to the state again.

It may have been away when they came. Every sender calls `apply_control` before each lease, so nobody is mailed against
a wish that reached the disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from analytics.store import Store
from analytics.store.preferring import Choice, Preferences, prefer_all
from analytics.store.state import upsert
from analytics.store.suppressing import Unsubscribe, unsubscribe_all
from analytics.store.tables import progress_mark
from analytics.tracking.quarantine import Entry, put_aside

_READER = "control"
_PIECE = 256 * 1024  # bytes at a time: a write transaction is to be short
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def apply_control(store: Store) -> int:
    """Carry out every control line not carried out yet; returns how many named a delivery that exists.

    Lines and the mark behind them are one transaction, so each counts once, whoever calls this and whatever crashes.
    A line that cannot be read goes into quarantine; the rest of its file is carried out.
    """
    applied = 0
    for path, offset in _waiting(store):
        while True:
            done = _apply_piece(store, path, offset)
            if done is None:
                break
            applied, offset = applied + done[0], done[1]
    return applied


def _waiting(store: Store) -> list[tuple[Path, int]]:
    wanted = select(progress_mark.c.file, progress_mark.c.offset).where(progress_mark.c.reader == _READER)
    with store.state.read() as connection:
        marks = {row.file: row.offset for row in connection.execute(wanted)}
    found = []
    for path in store.spool.files("control"):
        offset = marks.get(path.name, 0)
        try:
            if path.stat().st_size > offset:
                found.append((path, offset))
        except FileNotFoundError:
            continue  # removed meanwhile, so applied
    return found


def _apply_piece(store: Store, path: Path, offset: int) -> tuple[int, int] | None:
    """Apply the next lines of a file; returns (how many, the offset behind them), or None without any."""
    lines, end = store.spool.read(path, offset, _PIECE)
    if not lines:
        return None
    leaving, saved, bad, at = list[Unsubscribe](), list[Preferences](), list[Entry](), offset
    for line in lines:
        read = _wish(line)
        if isinstance(read, Unsubscribe):
            leaving.append(read)
        elif isinstance(read, Preferences):
            saved.append(read)
        else:
            bad.append(Entry(0, at, 0, read.reason, line))
        at += len(line) + 1
    if bad:
        put_aside(store.folder.quarantine / path.name, _numbered(path, bad))
    with store.state.write() as connection:
        marked = _mark_of(connection, path.name)
        if marked != offset:  # another process was faster
            return 0, marked
        # Either first: each bears its time, and the newest wish of an address wins.
        known = unsubscribe_all(connection, leaving) + prefer_all(connection, saved)
        row = {"reader": _READER, "file": path.name, "offset": end, "updated_at": datetime.now(UTC)}
        upsert(connection, progress_mark, [row], ["reader", "file"], ["offset", "updated_at"])
    return known, end


@dataclass(frozen=True)
class _Unreadable:
    reason: str


def _wish(line: bytes) -> Unsubscribe | Preferences | _Unreadable:
    try:
        said = json.loads(line)
    except ValueError:
        return _Unreadable("it is no JSON object")
    if not isinstance(said, dict) or said.get("kind") not in ("unsubscribe", "preferences"):
        return _Unreadable('its "kind" is neither "unsubscribe" nor "preferences"')
    number, micros = said.get("d"), said.get("at")
    if not isinstance(number, int) or not 0 <= number < 2**63:
        return _Unreadable('its "d" is no delivery')
    if not isinstance(micros, int) or not 0 <= micros < 10**16:
        return _Unreadable('its "at" is not a number of microseconds since 1970')
    at = _EPOCH + timedelta(microseconds=micros)
    if said["kind"] == "unsubscribe":
        source = str(said.get("source", "unknown"))[:200]
        return Unsubscribe(number, source, at, client_address=_text(said, "ip"), user_agent=_text(said, "ua"))
    choices = _choices(said.get("choices"))
    if choices is None:
        return _Unreadable('its "choices" are no list of topic, words, default and wish')
    return Preferences(
        number,
        at,
        choices,
        stop=said.get("stop") is True,
        was_stopped=said.get("was") is True,
        stop_wording=str(said.get("words", "")),
        client_address=_text(said, "ip"),
        user_agent=_text(said, "ua"),
    )


def _text(said: dict[str, Any], name: str) -> str | None:
    return said[name] if isinstance(said.get(name), str) else None


def _choices(said: Any) -> tuple[Choice, ...] | None:
    if not isinstance(said, list):
        return None
    found = []
    for one in said:
        if not isinstance(one, list) or [type(value) for value in one] != [int, str, bool, bool]:
            return None
        found.append(Choice(*one))
    return tuple(found)


def _numbered(path: Path, entries: list[Entry]) -> list[Entry]:
    """Return the entries with the number of their line in the file."""
    whole = path.read_bytes()
    return [
        Entry(whole.count(b"\n", 0, entry.offset) + 1, entry.offset, 0, entry.reason, entry.text) for entry in entries
    ]


def _mark_of(connection: Connection, name: str) -> int:
    found = connection.execute(
        select(progress_mark.c.offset).where(progress_mark.c.reader == _READER, progress_mark.c.file == name)
    ).scalar()
    return found or 0
