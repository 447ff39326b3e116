"""Looks for damage that a loss of power leaves behind, and repairs what can be repaired without losing more.

A killed process leaves nothing to repair. A machine that lost its power may leave the last commit of a table empty, or
naming files that never reached the disk. Such a commit is set aside; what it held comes again from the spool or the
ledger, because its transaction mark goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from analytics.store.folder import Folder, sync_file, writing
from analytics.store.lake import LOG
from analytics.store.state import State

_RECENT = 100  # commits looked at from the newest backwards: more are never in flight


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, where, and what was or is to be done about it."""

    place: Path
    what: str
    done: str
    is_repaired: bool


def examine(folder: Folder, *, repair: bool = False) -> list[Finding]:
    """Return what is wrong in a stopped workspace; with `repair` set aside what is broken.

    Files set aside go to `quarantine/`, nothing is deleted.
    """
    findings = list(_examine_state(folder))
    if folder.lake.is_dir():
        for table in sorted(p for p in folder.lake.iterdir() if (p / LOG).is_dir()):
            findings += _examine_table(table, folder.quarantine, repair=repair)
    findings += _examine_spool(folder)
    return findings


def _examine_state(folder: Folder) -> Iterator[Finding]:
    if not folder.state_file.exists():
        return
    state = State.in_file(folder.state_file)
    try:
        with state.read() as connection:
            answer = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    finally:
        state.close()
    if answer != ["ok"]:
        yield Finding(folder.state_file, f"the database is damaged: {answer[0]}", "restore a backup", False)


def _examine_table(table: Path, quarantine: Path, *, repair: bool) -> list[Finding]:
    findings = []
    log = table / LOG
    for checkpoint in sorted(log.glob("*.checkpoint*.parquet")):
        if not _is_parquet(checkpoint):
            findings.append(_aside(checkpoint, "an incomplete checkpoint", quarantine, repair=repair))
            pointer = log / "_last_checkpoint"
            if pointer.exists():
                findings.append(_aside(pointer, "it points to an incomplete checkpoint", quarantine, repair=repair))
    pointer = log / "_last_checkpoint"
    if pointer.exists() and not _is_document(pointer):
        findings.append(_aside(pointer, "an incomplete pointer to a checkpoint", quarantine, repair=repair))
    entries = sorted(e for e in log.glob("*.json") if e.stem.isdigit() and len(e.stem) == 20)[-_RECENT:]
    broken = _first_broken(table, entries)
    if broken is not None:
        where, what = broken
        # Everything after a broken commit builds on it.
        for entry in reversed(entries[where:]):
            reason = what if entry == entries[where] else f"it follows {entries[where].name}, {what}"
            findings.append(_aside(entry, reason, quarantine, repair=repair))
    return findings


def _first_broken(table: Path, entries: list[Path]) -> tuple[int, str] | None:
    commits = [_actions(entry) for entry in entries]
    for number, actions in enumerate(commits):
        if actions is None:
            return number, "an incomplete commit"
        # A file that a later commit replaced may have been vacuumed.
        replaced = {a["remove"]["path"] for later in commits[number + 1 :] for a in later or () if "remove" in a}
        for added in (a["add"] for a in actions if "add" in a):
            file = table / unquote(added["path"])
            if added["path"] not in replaced and (not file.exists() or file.stat().st_size != added["size"]):
                return number, f"a commit of {file.name}, which is not completely there"
    return None


def _actions(entry: Path) -> list[dict[str, Any]] | None:
    """Return the actions of a log entry, or None when it is cut off or empty."""
    try:
        actions = [json.loads(line) for line in entry.read_bytes().splitlines() if line.strip()]
    except ValueError:
        return None
    return actions if actions and all(isinstance(a, dict) for a in actions) else None


def _is_parquet(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, ValueError):
        return False
    return True


def _is_document(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _aside(path: Path, what: str, quarantine: Path, *, repair: bool) -> Finding:
    target = quarantine / f"{path.parent.parent.name}-{path.name}"
    if repair:
        with writing(quarantine):
            quarantine.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            sync_file(path.parent)
            sync_file(quarantine)
    return Finding(
        path, what, f"set aside as {target}" if repair else "`shelduck doctor --repair` sets it aside", repair
    )


def _examine_spool(folder: Folder) -> Iterator[Finding]:
    for path in sorted(folder.spool.glob("*.jsonl")) if folder.spool.is_dir() else ():
        with path.open("rb") as file:
            zeros = b"\x00" in file.read()
        if zeros:
            yield Finding(
                path, "it holds zero bytes, as after a loss of power", "ingest puts those lines into quarantine", True
            )
