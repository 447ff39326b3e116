"""The call sheet: every number of a campaign, who is behind it, where it stands, and in what order they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from analytics.calls.records import CallCampaign, SheetLine, Status
from analytics.engine import Engine
from analytics.lists import Lists
from analytics.lists.address import address_keys
from analytics.lists.stored import contact_of
from analytics.model.calls import OUTCOMES
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.tables import call, suppression

_ORDER: Mapping[Status, int] = {"due": 0, "new": 1, "waiting": 2, "given_up": 3, "closed": 4, "do_not_call": 5}


@dataclass(frozen=True)
class Standing:
    """What the calls of a campaign to one number came to."""

    calls: int
    outcome: str
    at: datetime
    next_call_at: datetime | None


@dataclass(frozen=True)
class Sheet:
    """All numbers of a campaign in the list's order. `members` counts rows, `problems` those that have no number to
    dial, by reason."""

    lines: tuple[SheetLine, ...]
    members: int
    problems: Mapping[str, int]

    def in_turn(self) -> Iterator[SheetLine]:
        """Yield whom to call now: agreed and repeated calls by their time, then new people in the list's order."""
        due = [line for line in self.lines if line.status == "due" and line.next_call_at is not None]
        yield from sorted(due, key=lambda line: line.next_call_at or line.last_at)  # type: ignore[arg-type,return-value]
        yield from (line for line in self.lines if line.status == "new")

    def ordered(self) -> tuple[SheetLine, ...]:
        """Return all lines: those to call now in turn, then those that wait by their time, then the finished ones."""
        rest = [line for line in self.lines if line.status not in ("due", "new")]
        rest.sort(key=lambda line: (_ORDER[line.status], line.next_call_at.timestamp() if line.next_call_at else 0.0))
        return (*self.in_turn(), *rest)

    def line(self, phone_key: str) -> SheetLine | None:
        """Return the line of a number."""
        return next((line for line in self.lines if line.phone_key == phone_key), None)


def read_sheet(store: Store, model: EntityModel, lists: Lists, campaign: CallCampaign, engine: Engine) -> Sheet:
    """Return the sheet of a campaign as its list is on `engine` and its calls are now."""
    listed = lists.get(campaign.list_id)
    contact = contact_of(model, listed.entity, listed.contact)
    names = _name_paths(model, listed.entity, contact.path)
    email = email_path(model, listed.entity, contact.path)
    rows = lists.audience(engine, listed, [*names, *([email] if email else [])])
    persons = address_keys(rows.column(email)).to_pylist() if email else [None] * rows.num_rows
    problems = Counter(p for p in rows.column("problem").to_pylist() if p is not None)
    groups = _grouped(rows, names, persons)
    now = store.clock.now()
    with store.state.read() as connection:
        standings = read_standings(connection, campaign.id)
        silent = suppressed_numbers(connection)
    lines = tuple(_line(group, standings.get(key), key in silent, now) for key, group in groups.items())
    return Sheet(lines, rows.num_rows, dict(problems))


def _grouped(rows: pa.Table, names: list[str], persons: list[str | None]) -> dict[str, dict[str, Any]]:
    """Return who is behind each number: its first row in the list's order, and the keys of all."""
    groups: dict[str, dict[str, Any]] = {}
    columns = [rows.column(name).to_pylist() for name in ("address_key", "entity_key", "title", *names)]
    for person, (key, entity_key, title, *parts) in zip(persons, zip(*columns, strict=True), strict=True):
        if key is None:
            continue
        group = groups.get(key)
        if group is not None:
            group["keys"].append(entity_key)
            continue
        name = " ".join(str(part) for part in parts if part) or str(title or entity_key)
        groups[key] = {"phone_key": key, "keys": [entity_key], "title": name, "person": person or key}
    return groups


def _line(group: Mapping[str, Any], standing: Standing | None, is_silent: bool, now: datetime) -> SheetLine:
    return SheetLine(
        phone_key=group["phone_key"],
        entity_key=group["keys"][0],
        keys=tuple(group["keys"]),
        title=group["title"],
        person=group["person"],
        status="do_not_call" if is_silent else status_of(standing, now),
        attempts=standing.calls if standing else 0,
        last_outcome=standing.outcome if standing else None,
        last_at=standing.at if standing else None,
        next_call_at=standing.next_call_at if standing else None,
    )


def status_of(standing: Standing | None, now: datetime) -> Status:
    """Return where a number stands that may be called: by its last call alone."""
    if standing is None:
        return "new"
    if standing.next_call_at is not None:
        return "due" if standing.next_call_at <= now else "waiting"
    return "given_up" if OUTCOMES[standing.outcome].is_attempt else "closed"


def read_standings(connection: Connection, campaign_id: int, phone_key: str | None = None) -> dict[str, Standing]:
    """Return what was called in a campaign, by number: all, or one number alone."""
    query = select(call.c.phone_key, call.c.outcome, call.c.at, call.c.next_call_at).where(
        call.c.call_campaign_id == campaign_id
    )
    if phone_key is not None:
        query = query.where(call.c.phone_key == phone_key)
    found: dict[str, Standing] = {}
    for key, outcome, at, next_call_at in connection.execute(query.order_by(call.c.at, call.c.id)):
        before = found[key].calls if key in found else 0
        found[key] = Standing(before + 1, outcome, at, next_call_at)
    return found


def suppressed_numbers(connection: Connection, phone_key: str | None = None) -> frozenset[str]:
    """Return the numbers nobody may call: all, or the one if it is among them."""
    query = select(suppression.c.address_key).where(suppression.c.address_key.startswith("+"))
    if phone_key is not None:
        query = select(suppression.c.address_key).where(suppression.c.address_key == phone_key)
    # A mail address may begin with + too, but holds an @.
    return frozenset(key for key in connection.execute(query).scalars() if "@" not in key)


def _name_paths(model: EntityModel, entity: str, phone_path: str) -> list[str]:
    """Return the paths of first and last name beside the number, as far as there are any."""
    way = phone_path.rpartition(".")[0]
    holder = model.resolve(entity, phone_path).entity
    return [f"{way}.{name}" if way else name for name in ("first_name", "last_name") if name in holder.fields]


def email_path(model: EntityModel, entity: str, phone_path: str) -> str | None:
    """Return the path of the e-mail address of whoever has the number: on the same way if there is one, else any."""
    paths = [contact.path for contact in model.entity(entity).contacts if contact.channel == "email"]
    way = phone_path.rpartition(".")[0]
    return next((path for path in paths if path.rpartition(".")[0] == way), paths[0] if paths else None)
