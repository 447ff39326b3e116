"""Control lines of the spool: unsubscribes, applied to the state again in case it was away when they came.

Every sender calls `apply_control` before each lease, so nobody is mailed against a wish that reached the disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from analytics.store import Store
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
    wishes, bad, at = list[Unsubscribe](), list[Entry](), offset
    for line in lines:
        read = _wish(line)
        if isinstance(read, Unsubscribe):
            wishes.append(read)
        else:
            bad.append(Entry(0, at, 0, read.reason, line))
        at += len(line) + 1
    if bad:
        put_aside(store.folder.quarantine / path.name, _numbered(path, bad))
    with store.state.write() as connection:
        marked = _mark_of(connection, path.name)
        if marked != offset:  # another process was faster
            return 0, marked
        known = unsubscribe_all(connection, wishes)
        row = {"reader": _READER, "file": path.name, "offset": end, "updated_at": datetime.now(UTC)}
        upsert(connection, progress_mark, [row], ["reader", "file"], ["offset", "updated_at"])
    return known, end


@dataclass(frozen=True)
class _Unreadable:
    reason: str


def _wish(line: bytes) -> Unsubscribe | _Unreadable:
    try:
        said = json.loads(line)
    except ValueError:
        return _Unreadable("it is no JSON object")
    if not isinstance(said, dict) or said.get("kind") != "unsubscribe":
        return _Unreadable('its "kind" is not "unsubscribe"')
    number, at = said.get("d"), said.get("at")
    if not isinstance(number, int) or not 0 <= number < 2**63:
        return _Unreadable('its "d" is no delivery')
    if not isinstance(at, int) or not 0 <= at < 10**16:
        return _Unreadable('its "at" is not a number of microseconds since 1970')
    return Unsubscribe(number, str(said.get("source", "unknown"))[:200], _EPOCH + timedelta(microseconds=at))


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
