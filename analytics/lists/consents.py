"""Consents: every yes and no of an address, with the words the person saw.

The log only grows; the newest word of an address on a topic counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from analytics.errors import ListError
from analytics.lists.csvfile import BadLine, FileReport, Unfit, read_lines, time_of, unguarded, yes_or_no
from analytics.lists.topics import Topic, Topics
from analytics.model.address import address_key
from analytics.model.network import kept_address
from analytics.model.progress import Progress, silent
from analytics.store import Store
from analytics.store.tables import consent, topic

_COLUMNS = ("address", "topic", "granted"), ("wording", "source", "at", "ip", "user_agent")
_AT_ONCE = 1_000
_CLOCKS_DIFFER = timedelta(minutes=5)
_SAID_NO = "it said no before; say in the column at when it said yes"


@dataclass(frozen=True)
class Consent:
    """One yes (granted) or no to a topic; `topic` None means marketing mail altogether.

    `wording` is what the person saw. `client_address` is as much of it as the settings keep.
    """

    id: int
    address_key: str
    topic_id: int | None
    topic: str | None
    granted: bool
    wording: str
    source: str
    client_address: str | None
    user_agent: str | None
    delivery_id: int | None
    at: datetime


@dataclass(frozen=True)
class Standing:
    """Where an address stands with a topic: its newest word, None when it never said any, and what follows."""

    topic: Topic
    newest: Consent | None

    @property
    def is_mailed(self) -> bool:
        """Whether mails about the topic may go to the address, as far as the topic goes."""
        return self.topic.policy == "opt_out" if self.newest is None else self.newest.granted


class Consents:
    """The consents of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, topics: Topics) -> None:
        self._store, self._topics = store, topics

    def record(
        self,
        address: str,
        topic: int | str | None,
        granted: bool,
        *,
        wording: str,
        source: str,
        at: datetime | None = None,
        client_address: str | None = None,
        user_agent: str | None = None,
        delivery_id: int | None = None,
    ) -> Consent:
        """Write down a yes or no to a topic (None: to marketing mail altogether) and return it.

        `at` is when it was said, by default now. The client address is kept as `settings.anonymise_bytes` says. Raises
        ListError for what is no address, for a missing wording and for a time to come (it would outlast every later
        wish), NotFound without the topic.
        """
        key, now = address_key(address), self._store.clock.now()
        if key is None:
            raise ListError(f"{address!r} is no e-mail address, so it cannot consent; write ada@example.com.")
        if not wording.strip():
            raise ListError("A consent needs its wording: the words the person said yes or no to.")
        if at is not None and at > now + _CLOCKS_DIFFER:
            raise ListError(f"What {key} said at {at:%Y-%m-%d %H:%M} UTC lies in the future; say when it was said.")
        about = None if topic is None else self._topics.get(topic)
        row = {
            "address_key": key,
            "topic_id": None if about is None else about.id,
            "granted": granted,
            "wording": wording.strip(),
            "source": source[:200],
            "client_address": self._kept(client_address),
            "user_agent": user_agent,
            "delivery_id": delivery_id,
            "at": at or now,
        }
        with self._store.state.write() as connection:
            number = connection.execute(insert(consent).values(row).returning(consent.c.id)).scalar_one()
        return Consent(id=int(number), topic=None if about is None else about.name, **row)  # type: ignore[arg-type]

    def log(self, address: str, until: datetime | None = None) -> tuple[Consent, ...]:
        """Return everything an address said (up to and including a moment), the newest first."""
        query = select(consent, topic.c.name.label("topic")).join(topic, topic.c.id == consent.c.topic_id, isouter=True)
        query = query.where(consent.c.address_key == (address_key(address) or address))
        if until is not None:
            query = query.where(consent.c.at <= until)
        with self._store.state.read() as connection:
            rows = connection.execute(query.order_by(consent.c.at.desc(), consent.c.id.desc()))
            return tuple(Consent(**row._mapping) for row in rows)

    def standings(self, address: str, until: datetime | None = None) -> tuple[Standing, ...]:
        """Return where an address stands with every topic, in their order (as of a moment)."""
        newest: dict[int | None, Consent] = {}
        for one in self.log(address, until):
            newest.setdefault(one.topic_id, one)
        return tuple(Standing(about, newest.get(about.id)) for about in self._topics.all())

    def import_file(
        self, path: Path, *, wording: str | None = None, source: str | None = None, progress: Progress = silent
    ) -> FileReport:
        """Write down the consents of a CSV file (columns: address, topic, granted; optional wording, source, at, ip,
        user_agent) and return what became of its lines.

        `wording` and `source` (default: the file's name) are those of lines that give none. A line that says what the
        address said at that time already, or without a time what it said last, is known. A yes without a time is not
        taken from who said no before: nobody knows which of them came later. Topics have to exist. Raises ListError for
        a file that cannot be read.
        """
        topics = {name: one for one in self._topics.all() for name in (one.name.casefold(), str(one.id))}
        given = {"wording": wording or "", "source": source or f"file {path.name}"}
        lines = added = known = 0
        bad: list[BadLine] = []
        for some in _in_turn(path):
            good, unfit = [], []
            for number, values in some:
                try:
                    good.append((number, *self._row(values, given, topics)))
                except Unfit as why:
                    unfit.append(BadLine(number, *why.args))
            new, late = self._write(good)
            bad += sorted([*unfit, *late], key=lambda one: one.line)
            lines, added, known = lines + len(some), added + new, known + len(good) - new - len(late)
            progress(lines, None, "lines")
        return FileReport(lines, added, known, tuple(bad))

    def _row(
        self, values: Mapping[str, str], given: Mapping[str, str], topics: Mapping[str, Topic]
    ) -> tuple[dict[str, Any], bool]:
        """Return (the row of a line, whether the line says when). Raises Unfit."""
        key = address_key(unguarded(values["address"]))
        if key is None:
            raise Unfit(values["address"], "it is no e-mail address")
        about = topics.get(values["topic"].casefold())
        if about is None:
            raise Unfit(values["topic"], "there is no such topic")
        wording = unguarded(values.get("wording", "")) or given["wording"]
        if not wording:
            raise Unfit("", "the words the person saw are missing (column wording, or one for the whole file)")
        ip = values.get("ip", "")
        kept = self._kept(ip or None)
        if ip and kept is None:
            raise Unfit(ip, "it is no IP address")
        now = self._store.clock.now()
        at = time_of(values.get("at", ""), self._store.settings.timezone, now)
        if at > now + _CLOCKS_DIFFER:
            raise Unfit(values["at"], "it lies in the future; say when it was said")
        row = {
            "address_key": key,
            "topic_id": about.id,
            "granted": yes_or_no(values["granted"]),
            "wording": wording,
            "source": (values.get("source") or given["source"])[:200],
            "client_address": kept,
            "user_agent": values.get("user_agent") or None,
            "delivery_id": None,
            "at": at,
        }
        return row, bool(values.get("at"))

    def _write(self, rows: list[tuple[int, dict[str, Any], bool]]) -> tuple[int, list[BadLine]]:
        """Write the rows that say something new, in the order of the file; returns how many, and those not taken."""
        keys = {row["address_key"] for _, row, _ in rows}
        said = select(consent.c.address_key, consent.c.topic_id, consent.c.granted, consent.c.at)
        with self._store.state.write() as connection:
            there = connection.execute(said.where(consent.c.address_key.in_(keys)).order_by(consent.c.at, consent.c.id))
            words = [tuple(row) for row in there.all()]
            found, last = set(words), {(key, about): granted for key, about, granted, _ in words}
            new, late = [], list[BadLine]()
            for number, row, is_dated in rows:
                place, granted = (row["address_key"], row["topic_id"]), row["granted"]
                whole = (*place, granted, row["at"])
                if whole in found if is_dated else last.get(place) is granted:
                    continue
                if granted and not is_dated and place in last:
                    late.append(BadLine(number, row["address_key"], _SAID_NO))
                    continue
                found.add(whole)
                last[place] = granted
                new.append(row)
            if new:
                connection.execute(insert(consent), new)
        return len(new), late

    def _kept(self, client_address: str | None) -> str | None:
        if client_address is None:
            return None
        return kept_address(client_address, self._store.settings.anonymise_bytes)


def _in_turn(path: Path) -> Iterator[list[tuple[int, Mapping[str, str]]]]:
    lines = read_lines(path, *_COLUMNS)
    while some := list(islice(lines, _AT_ONCE)):
        yield some
