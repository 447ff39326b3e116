"""Suppressions from and to CSV files: those of another mailing system come in, ours can be taken along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from analytics.errors import ListError
from analytics.lists.csvfile import BadLine, FileReport, Unfit, read_lines, time_of, unguarded
from analytics.lists.export import write_csv
from analytics.lists.phones import phone_key
from analytics.lists.suppressions import DO_NOT_CALL, REASONS, Suppression, Suppressions
from analytics.model.address import address_key, domain_key
from analytics.model.progress import Progress, silent
from analytics.store import Store
from analytics.store.state import upsert
from analytics.store.tables import domain_block, suppression

COLUMNS = ("address", "reason", "source", "since", "note")
EVERYBODY_AT = "*@"
"""Begins the address of a line that blocks a whole domain."""
BLOCKED = "domain_blocked"
_AT_ONCE = 1_000


def import_suppressions(
    store: Store, path: Path, *, reason: str = "manual", source: str | None = None, progress: Progress = silent
) -> FileReport:
    """Suppress the addresses of a CSV file (columns: address; optional reason, source, since, note).

    `reason` and `source` (default: the file's name) are those of lines that give none. A line whose address is
    *@example.com blocks that domain. What is suppressed for that reason already is known and stays as it is, so a file
    may be imported again. Raises ListError for a file that cannot be read and an unknown reason.
    """
    _known(reason)
    lines = added = known = 0
    bad: list[BadLine] = []
    given = {"reason": reason, "source": source or f"file {path.name}"}
    for some in _in_turn(path):
        good: list[tuple[Any, dict[str, Any]]] = []
        for number, values in some:
            try:
                good.append(_row(store, values, given))
            except Unfit as why:
                bad.append(BadLine(number, *why.args))
        with store.state.write() as connection:
            new = _write(connection, good)
        lines, added, known = lines + len(some), added + new, known + len(good) - new
        progress(lines, None, "lines")
    return FileReport(lines, added, known, tuple(bad))


def _in_turn(path: Path) -> Iterator[list[tuple[int, Mapping[str, str]]]]:
    lines = read_lines(path, COLUMNS[:1], COLUMNS[1:])
    while some := list(islice(lines, _AT_ONCE)):
        yield some


def _known(reason: str) -> None:
    if reason not in REASONS:
        raise ListError(f"{reason!r} is no reason to suppress an address; there are {', '.join(REASONS)}.")


def _row(store: Store, values: Mapping[str, str], given: Mapping[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return (table, row) of a line. Raises Unfit."""
    written = unguarded(values["address"])
    row = {
        "source": (values.get("source") or given["source"])[:200],
        "note": unguarded(values.get("note", "")) or None,
        "created_at": time_of(values.get("since", ""), store.settings.timezone, store.clock.now()),
    }
    if written.startswith(EVERYBODY_AT) or values.get("reason") == BLOCKED:
        domain = domain_key(written)
        if domain is None:
            raise Unfit(written, "it is no domain; write *@example.com")
        return domain_block, {"domain": domain, **row}
    reason = values.get("reason") or given["reason"]
    if reason == DO_NOT_CALL:
        key = phone_key(written, default_country=store.settings.phone_country)
    else:
        key = address_key(written)
    if key is None:
        what = "telephone number that can be dialled" if reason == DO_NOT_CALL else "e-mail address"
        raise Unfit(written, f"it is no {what}")
    if reason not in REASONS:
        raise Unfit(reason, f"it is no reason; there are {', '.join(REASONS)}")
    return suppression, {"address_key": key, "reason": reason, "delivery_id": None, **row}


def _write(connection: Connection, rows: list[tuple[Any, dict[str, Any]]]) -> int:
    """Write the rows that are new; returns how many were."""
    before = _total(connection, rows)
    for table, keys in ((suppression, ["address_key", "reason"]), (domain_block, ["domain"])):
        upsert(connection, table, [row for of, row in rows if of is table], keys)
    return _total(connection, rows) - before


def _total(connection: Connection, rows: list[tuple[Any, dict[str, Any]]]) -> int:
    """Return how many of some rows there are in the state."""
    pairs = {(row["address_key"], row["reason"]) for of, row in rows if of is suppression}
    query = select(suppression.c.address_key, suppression.c.reason)
    found = connection.execute(query.where(suppression.c.address_key.in_({key for key, _ in pairs})))
    domains = {row["domain"] for of, row in rows if of is domain_block}
    blocked = connection.execute(select(domain_block.c.domain).where(domain_block.c.domain.in_(domains)))
    return len(pairs & {(key, reason) for key, reason in found}) + len(blocked.all())


def export_suppressions(store: Store, path: Path) -> int:
    """Write every suppression and blocked domain to a CSV file that `import_suppressions` reads; returns how many."""
    return write_csv(path, COLUMNS, _everything(Suppressions(store)))


def _everything(suppressions: Suppressions) -> Iterator[tuple[str | None, ...]]:
    for block in suppressions.domains():
        yield f"{EVERYBODY_AT}{block.domain}", BLOCKED, block.source, block.created_at.isoformat(), block.note
    yield from map(_exported, suppressions.each())


def _exported(row: Suppression) -> tuple[str | None, ...]:
    return row.address_key, row.reason, row.source, row.created_at.isoformat(), row.note
