"""Spool lines that are no events, kept with their reasons in `quarantine/<spool file>`, one JSON object a line.

Entries of a file are in the order of its lines, so a repeated ingest goes on after the last entry there is and never
doubles one, whatever crashed in between.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from analytics.store.folder import sync_file, writing

_LONGEST = 2_000  # bytes of a line that are shown; the whole of it is in the spool file for a week
_TAIL = 64 * 1024


@dataclass(frozen=True)
class Entry:
    """One bad line, or one bad request inside a bulk.

    `line` counts from 1, `offset` is the byte the line begins at, `number` counts the entries of one line from 0.
    """

    line: int
    offset: int
    number: int
    reason: str
    text: bytes

    def document(self) -> str:
        """Return the entry as a line of JSON."""
        shown = self.text[:_LONGEST].decode("utf-8", "replace")
        cut = {"cut": len(self.text)} if len(self.text) > _LONGEST else {}
        return json.dumps(
            {
                "line": self.line,
                "offset": self.offset,
                "number": self.number,
                "reason": self.reason,
                "text": shown,
                **cut,
            }
        )


def put_aside(path: Path, entries: Iterable[Entry]) -> int:
    """Append the entries that follow the last one in `path` and return how many; on disk when this returns.

    Raises WorkspaceError naming the file when it cannot be written.
    """
    entries = list(entries)
    if not entries:
        return 0
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        last = _last(path)
        fresh = [entry for entry in entries if (entry.offset, entry.number) > last]
        with path.open("ab") as file:
            file.write("".join(f"{entry.document()}\n" for entry in fresh).encode())
            file.flush()
            os.fsync(file.fileno())
        sync_file(path.parent)
    return len(fresh)


def _last(path: Path) -> tuple[int, int]:
    """Return (offset, number) of the last whole entry, and cut off what a crash left half-written behind it."""
    if not path.exists():
        return (-1, -1)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        end = tail.rfind(b"\n") + 1
        if end < len(tail):
            file.truncate(size - len(tail) + end)
    lines = tail[:end].splitlines()
    if not lines:
        return (-1, -1)
    entry = json.loads(lines[-1])
    return entry["offset"], entry["number"]
