"""The ledger of one sending as a sender sees it: lease rows, note what is handed over, note what became of it.

Each call is one transaction. The statements are the same text on SQLite and PostgreSQL and carry many rows each: a
row's mail costs 0.27 ms altogether, and a statement of its own 0.02 ms three times over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from analytics.delivery.eligibility import reasons_against
from analytics.delivery.records import Handed, Result, Row, Status
from analytics.delivery.statements import first, micros, rows_of, run
from analytics.store import Store

SENDER_LEASE = "sender"
_CHUNK = 1_000


class Ledger:
    """The rows of one sending, for the one process that holds the sender's lease as `owner`."""

    def __init__(
        self,
        store: Store,
        sending_id: int,
        owner: str,
        list_id: int | None,
        lease: timedelta,
        write: Callable[[], AbstractContextManager[Connection]] | None = None,
        topic_id: int | None = None,
    ) -> None:
        """Take the marketing list whose members are contacted, how long rows are leased, `State.writer`'s
        function where many transactions follow each other, and the topic of the sending's campaign."""
        self._store, self._sending, self._owner, self._list, self._lease = store, sending_id, owner, list_id, lease
        self._topic = topic_id
        self._write = write or store.state.write
        self._after = (0, 0)  # (due, id) of the last planned row taken: the index before it is full of dead entries
        self._shares = self._has_shared_addresses()
        self._shared: dict[int, list[str]] = {}

    def status(self) -> Status:
        """Return the status of the sending."""
        with self._store.state.read() as connection:
            found: Status = first(connection, "select status from sending where id = ?", (self._sending,))
        return found

    # --- taking rows ---

    def lease(self, limit: int) -> tuple[Status, list[Row], list[tuple[Row, str]]]:
        """Return (status of the sending, rows leased to us, rows skipped just now with the reason).

        What speaks against mailing an address is looked at again here. No rows are leased unless the sending is to be
        sent and we hold the sender's lease.
        """
        now = self._store.clock.now()
        with self._write() as connection:
            status: Status = first(connection, "select status from sending where id = ?", (self._sending,))
            holder = first(connection, "select owner from lease where name = ?", (SENDER_LEASE,))
            if status != "sending" or holder != self._owner:
                return status, [], []
            found = self._due(connection, limit, micros(now))
            against = reasons_against(connection, [row.address_key for row in found], self._topic)
            skipped = [(row, against[row.address_key]) for row in found if row.address_key in against]
            taken = [row for row in found if row.address_key not in against]
            self._skip(connection, skipped, micros(now))
            self._take(connection, taken)
        return status, taken, skipped

    def _due(self, connection: Connection, limit: int, now: int) -> list[Row]:
        """Return the next rows that may be tried: deferred ones first, then planned ones."""
        columns = 'id, address_key, address, entity_key, message_id, "values", attempts, due_at'
        if connection.dialect.name == "postgresql":
            columns = columns.replace('"values"', 'cast("values" as text)')
        found = run(
            connection,
            f"select {columns} from delivery where sending_id = ? and state = 'deferred' and due_at <= ? "  # noqa: S608
            f"order by due_at, id limit ?",
            (self._sending, now, limit),
        ).fetchall()
        found += self._planned(connection, columns, limit - len(found), now)
        return [Row(*row[:7]) for row in found]

    def _planned(self, connection: Connection, columns: str, limit: int, now: int) -> list[Any]:
        if limit <= 0:
            return []
        sql = (
            f"select {columns} from delivery where sending_id = ? and state = 'planned' and due_at <= ? "  # noqa: S608
            f"and (due_at, id) > (?, ?) order by due_at, id limit ?"
        )
        rows: list[Any] = run(connection, sql, (self._sending, now, *self._after, limit)).fetchall()
        if not rows and self._after != (0, 0):
            self._after = (0, 0)  # a row before may have come back
            rows = run(connection, sql, (self._sending, now, *self._after, limit)).fetchall()
        if rows:
            self._after = (rows[-1][7], rows[-1][0])
        return rows

    def _take(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        until = micros(datetime.now(UTC) + self._lease)
        run(
            connection,
            f"update delivery set state = 'leased', lease_owner = ?, lease_until = ? "  # noqa: S608
            f"where id in {rows_of(1, len(rows))}",
            (self._owner, until, *(row.id for row in rows)),
        )
        if self._shares:
            for number, key in run(
                connection,
                f"select delivery_id, entity_key from same_address "  # noqa: S608
                f"where delivery_id in {rows_of(1, len(rows))} order by delivery_id, entity_key",
                [row.id for row in rows],
            ):
                self._shared.setdefault(number, []).append(key)

    def _skip(self, connection: Connection, skipped: Sequence[tuple[Row, str]], now: int) -> None:
        for row, reason in skipped:
            run(
                connection,
                "update delivery set state = 'skipped', reason = ?, updated_at = ? where id = ?",
                (reason, now, row.id),
            )
        self._note(connection, [(row.id, "skipped", reason, None) for row, reason in skipped], now)

    def release(self, rows: Iterable[Row]) -> None:
        """Give leased rows back untouched."""
        ids = [row.id for row in rows]
        if not ids:
            return
        with self._write() as connection:
            run(
                connection,
                f"update delivery set state = case when attempts > 0 then 'deferred' else 'planned' end, "  # noqa: S608
                f"lease_owner = null, lease_until = null "
                f"where lease_owner = ? and state = 'leased' and id in {rows_of(1, len(ids))}",
                (self._owner, *ids),
            )
        self._after = (0, 0)

    # --- noting ---

    def commit(self, handed: Sequence[Handed], results: Sequence[Result]) -> set[int]:
        """Note mails about to leave and mails that came to a result, durable when this returns.

        Returns the ids among `handed` that must not leave: their sending was paused or cancelled, or the row is no
        longer ours.
        """
        if not handed and not results:
            return set()
        with self._write() as connection:
            now = micros(self._store.clock.now())
            if results:
                self._record(connection, results, now)
            return self._hand(connection, handed, now) if handed else set()

    def _hand(self, connection: Connection, handed: Sequence[Handed], now: int) -> set[int]:
        until = micros(datetime.now(UTC) + self._lease)
        marks = [value for mark in handed for value in (mark.id, mark.body_sha256)]
        changed = run(
            connection,
            f"update delivery set state = 'handed', handed_at = ?, lease_until = ?, updated_at = ?, "  # noqa: S608
            f"body_sha256 = mark.column2 from (values {rows_of(len(handed), 2)}) as mark "
            f"where delivery.id = mark.column1 and delivery.state = 'leased' and delivery.lease_owner = ? "
            f"and exists (select 1 from sending where sending.id = ? and sending.status = 'sending')",
            (now, until, now, *marks, self._owner, self._sending),
        ).rowcount
        refused = set() if changed == len(handed) else self._not_handed(connection, handed)
        links = [
            (self._sending, mark.id, number, url)
            for mark in handed
            if mark.id not in refused
            for number, url in mark.links.items()
        ]
        for start in range(0, len(links), 1000):
            some = links[start : start + 1000]
            run(
                connection,
                f"insert into link (sending_id, delivery_id, number, url) values {rows_of(len(some), 4)} "  # noqa: S608
                f"on conflict (sending_id, delivery_id, number) do update set url = excluded.url",
                [value for link in some for value in link],
            )
        return refused

    def _not_handed(self, connection: Connection, handed: Sequence[Handed]) -> set[int]:
        ids = [mark.id for mark in handed]
        ours = run(
            connection,
            f"select id from delivery where state = 'handed' and lease_owner = ? "  # noqa: S608
            f"and id in {rows_of(1, len(ids))}",
            (self._owner, *ids),
        ).fetchall()
        return set(ids) - {row[0] for row in ours}

    def _record(self, connection: Connection, results: Sequence[Result], now: int) -> None:
        """Note results. A row meanwhile held to be uncertain takes the truth; any other that is not ours stays."""
        values: list[Any] = []
        for result in results:
            due = None if result.due_at is None else micros(result.due_at)
            accepted = now if result.state == "accepted" else None
            values += (result.row.id, result.state, result.reason, result.code, result.attempts, due, accepted)
        changed = run(
            connection,
            f"update delivery set state = mark.column2, reason = mark.column3, code = mark.column4, "  # noqa: S608
            f"attempts = mark.column5, due_at = coalesce(mark.column6, delivery.due_at), accepted_at = mark.column7, "
            f"lease_until = null, updated_at = ? "
            f"from (values {_typed_marks(len(results), connection.dialect.name)}) as mark "
            f"where delivery.id = mark.column1 and delivery.lease_owner = ? "
            f"and delivery.state in ('leased', 'handed', 'uncertain')",
            (now, *values, self._owner),
        ).rowcount
        noted = list(results) if changed == len(results) else self._applied(connection, results)
        self._note(connection, [(r.row.id, r.state, r.reason, r.code) for r in noted], now)
        self._contacted(connection, [r.row for r in noted if r.state == "accepted"], now)
        for result in results:
            self._shared.pop(result.row.id, None)

    def _applied(self, connection: Connection, results: Sequence[Result]) -> list[Result]:
        ids = [r.row.id for r in results]
        found = dict(
            run(
                connection,
                f"select id, state from delivery where lease_owner = ? and id in {rows_of(1, len(ids))}",  # noqa: S608
                (self._owner, *ids),
            ).fetchall()
        )
        return [r for r in results if found.get(r.row.id) == r.state]

    def _note(self, connection: Connection, facts: Sequence[tuple[int, str, str | None, str | None]], now: int) -> None:
        note_facts(connection, self._sending, facts, now)

    def _contacted(self, connection: Connection, rows: Sequence[Row], now: int) -> None:
        """Count the contact with every audience row that shares the address of an accepted mail.

        The rule is `Lists.contacted`'s; here as one statement, for a row's own would be a tenth of the whole mail.
        """
        if self._list is None or not rows:
            return
        keys = [key for row in rows for key in (row.entity_key, *self._shared.get(row.id, ()))]
        run(
            connection,
            f"insert into list_state (list_id, entity_key, contacted_times, last_contacted_at) "  # noqa: S608
            f"values {rows_of(len(keys), 4)} on conflict (list_id, entity_key) do update set "
            f"contacted_times = list_state.contacted_times + 1, last_contacted_at = "
            f"case when list_state.last_contacted_at > excluded.last_contacted_at "
            f"then list_state.last_contacted_at else excluded.last_contacted_at end",
            [value for key in keys for value in (self._list, key, 1, now)],
        )

    def _has_shared_addresses(self) -> bool:
        with self._store.state.read() as connection:
            found = first(connection, "select 1 from same_address where sending_id = ? limit 1", (self._sending,))
        return found is not None


def _typed_marks(count: int, dialect: str) -> str:
    """Return the rows of result marks; PostgreSQL takes the types of a VALUES list from its first row."""
    if dialect != "postgresql":
        return rows_of(count, 7)
    first = (
        "(?,cast(? as varchar),cast(? as varchar),cast(? as text),cast(? as integer),"
        "cast(? as bigint),cast(? as bigint))"
    )
    return first if count == 1 else f"{first},{rows_of(count - 1, 7)}"


def note_facts(
    connection: Connection, sending_id: int, facts: Sequence[tuple[int, str, str | None, str | None]], now: int
) -> None:
    """Put facts (delivery id, state, reason, code) into the outbox."""
    for start in range(0, len(facts), 1000):
        some = facts[start : start + 1000]
        run(
            connection,
            f"insert into delivery_fact (delivery_id, sending_id, state, reason, code, at) "  # noqa: S608
            f"values {rows_of(len(some), 6)}",
            [v for number, state, reason, code in some for v in (number, sending_id, state, reason, code, now)],
        )


def leftovers(store: Store) -> list[tuple[int, Status]]:
    """Return (id, status) of the sendings with rows only their sender may hold, or, cancelled, with rows that wait.

    While a sender lives these are its own; under its lease they are what a former one left.
    """
    with store.state.read() as connection:
        found = run(
            connection,
            "select s.id, s.status from sending s where exists (select 1 from delivery d where d.sending_id = s.id "
            "and d.state in ('leased', 'handed')) or (s.status = 'cancelled' and s.finished_at is not null and exists "
            "(select 1 from delivery d where d.sending_id = s.id and d.state in ('planned', 'deferred'))) "
            "order by s.id",
        ).fetchall()
    return [(row[0], row[1]) for row in found]


def reclaim(store: Store, owner: str | None = None) -> int:
    """Settle what a former sender left, whatever became of the sending since; returns how many rows are uncertain now.

    Leased rows wait again, handed ones are uncertain; rows of a cancelled sending wait for nothing and are skipped.
    Call it under the sender's lease. `owner` is the present sender, whose rows are left alone.
    """
    uncertain = 0
    for sending_id, status in leftovers(store):
        with store.state.write() as connection:
            now = micros(store.clock.now())
            uncertain += _reclaim(connection, sending_id, owner or "", now)
        while status == "cancelled" and skip_waiting(store, sending_id):
            pass
    return uncertain


def skip_waiting(store: Store, sending_id: int) -> int:
    """Skip some rows of a cancelled sending that have not left; returns how many, 0 when none is left."""
    with store.state.write() as connection:
        now = micros(store.clock.now())
        rows = run(
            connection,
            "select id from delivery where sending_id = ? and state in ('planned', 'deferred', 'leased') "
            "order by id limit ?",
            (sending_id, _CHUNK),
        ).fetchall()
        ids = [row[0] for row in rows]
        if ids:
            run(
                connection,
                f"update delivery set state = 'skipped', reason = 'cancelled', lease_owner = null, "  # noqa: S608
                f"lease_until = null, updated_at = ? where id in {rows_of(1, len(ids))}",
                (now, *ids),
            )
            note_facts(connection, sending_id, [(number, "skipped", "cancelled", None) for number in ids], now)
    return len(ids)


def _reclaim(connection: Connection, sending_id: int, owner: str, now: int) -> int:
    run(
        connection,
        "update delivery set state = case when attempts > 0 then 'deferred' else 'planned' end, lease_owner = null, "
        "lease_until = null where sending_id = ? and state = 'leased' and (lease_owner is null or lease_owner <> ?)",
        (sending_id, owner),
    )
    rows = run(
        connection,
        "select id from delivery where sending_id = ? and state = 'handed' "
        "and (lease_owner is null or lease_owner <> ?) order by id",
        (sending_id, owner),
    ).fetchall()
    found = [row[0] for row in rows]
    if not found:
        return 0
    # The owner stays: should that process still live and learn the truth, it may note it.
    run(
        connection,
        f"update delivery set state = 'uncertain', reason = 'interrupted', lease_until = null, updated_at = ? "  # noqa: S608
        f"where id in {rows_of(1, len(found))}",
        (now, *found),
    )
    note_facts(connection, sending_id, [(number, "uncertain", "interrupted", None) for number in found], now)
    return len(found)
