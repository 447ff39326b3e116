"""Marketing lists on screen: how long they are, who is on one, and what its editor begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.lists import ListCounts, Marked, MarketingList, Refresh
from analytics.lists.marks import Action
from analytics.model.progress import Progress
from analytics.segments import Definition
from analytics.services import Services

PAGE_SIZE = 50


@dataclass(frozen=True)
class Line:
    """One row of the overview."""

    id: int
    name: str
    made_of: str
    kind: str
    channel: str
    counts: ListCounts
    updated_at: datetime
    campaigns: int


@dataclass(frozen=True)
class Editable:
    """What the editor of a list begins with. `segment` is the stored one it is built on, beside its own conditions.

    `has_conditions` is false for lists filled by hand or made of a file: their members are their own.
    """

    id: int | None
    name: str
    entity: str
    contact: str
    kind: str
    definition: Definition
    segment: str | None = None
    has_conditions: bool = True


@dataclass(frozen=True)
class Member:
    """A member of a list as the grid shows it."""

    key: str
    title: str
    address: str | None
    contacted_times: int
    last_contacted_at: datetime | None
    is_subscribed: bool
    own: Mapping[str, Any]


@dataclass(frozen=True)
class MemberPage:
    """A page of members; `total` is how many match the search, `labels` what it may be sorted by."""

    members: tuple[Member, ...]
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class Detail:
    """One list: its size and the campaigns, of mails or calls, that go to it."""

    listed: MarketingList
    made_of: str
    counts: ListCounts
    campaigns: tuple[str, ...]


def overview(services: Services) -> tuple[Line, ...]:
    """Return every list by name, with its size on the newest data."""
    uses: dict[int, int] = {}
    for number, _ in _campaigns(services):
        uses[number] = uses.get(number, 0) + 1
    with services.engine() as engine:
        return tuple(
            Line(
                id=listed.id,
                name=listed.name,
                made_of=_plural(services, listed.entity),
                kind=listed.kind_label,
                channel=listed.channel,
                counts=services.lists.counts(engine, listed),
                updated_at=listed.updated_at,
                campaigns=uses.get(listed.id, 0),
            )
            for listed in services.lists.all()
        )


def detail(services: Services, number: int) -> Detail:
    """Return one list; raises NotFound."""
    listed = services.lists.get(number)
    with services.engine() as engine:
        counts = services.lists.counts(engine, listed)
    campaigns = tuple(name for uses, name in _campaigns(services) if uses == listed.id)
    return Detail(listed, _plural(services, listed.entity), counts, campaigns)


def members(
    services: Services,
    number: int,
    page: int,
    search: str,
    *,
    removed: bool = False,
    sort: tuple[str, bool] | None = None,
) -> MemberPage:
    """Return page `page` (from 0) of a list's members, or of the rows taken out of it; raises NotFound.

    `sort` is (label of a column, descending); by default the order is the list's.
    """
    with services.engine() as engine:
        found = services.lists.members(engine, number, PAGE_SIZE, page * PAGE_SIZE, search, removed=removed, sort=sort)
    fixed = 6
    columns = found.labels[fixed:]
    names = found.rows.column_names
    made = []
    for row in found.rows.to_pylist():
        own = {label: row[name] for label, name in zip(columns, names[fixed:], strict=True)}
        made.append(
            Member(
                key=row["entity_key"],
                title=str(row["title"] or row["entity_key"]),
                address=row["address"],
                contacted_times=row["contacted_times"],
                last_contacted_at=row["last_contacted_at"],
                is_subscribed=row["is_subscribed"],
                own=own,
            )
        )
    return MemberPage(tuple(made), columns, found.labels, found.total)


def fresh(services: Services) -> Editable:
    """Return what a new list begins as: customer users reached by e-mail, checked anew each time."""
    targetable = services.model.targetable()
    entity = next((e for e in targetable if e.name == "customer_user"), targetable[0])
    return Editable(None, "", entity.name, entity.contacts[0].name, "dynamic", Definition(entity.name))


def editable(services: Services, number: int) -> Editable:
    """Return an existing list for its editor; raises NotFound."""
    listed = services.lists.get(number)
    return Editable(
        id=listed.id,
        name=listed.name,
        entity=listed.entity,
        contact=listed.contact,
        kind=listed.kind,
        definition=listed.own,
        segment=listed.segment,
        has_conditions=listed.source == "definition",
    )


def rename(services: Services, begun: Editable, name: str, contact: str) -> MarketingList:
    """Give a list another name or way to be reached and leave who is on it; raises ListError, NotFound."""
    assert begun.id is not None, "only a list there is has a name to change"
    return services.lists.update(begun.id, name=name, contact=contact)


def save(services: Services, begun: Editable, values: Mapping[str, str], definition: Definition) -> MarketingList:
    """Make the list, or change the one that was edited; raises ListError, SegmentError."""
    if begun.id is None:
        return services.lists.create(values["name"], definition, contact=values["contact"], kind=values["kind"])
    changed = definition if definition != begun.definition else None
    segment = begun.segment if changed is not None else None
    saved = services.lists.update(
        begun.id, name=values["name"], definition=changed, segment=segment, contact=values["contact"]
    )
    if saved.is_refreshable and changed is not None:
        services.lists.refresh(saved)
    return saved


def mark(services: Services, number: int, action: Action, keys: Sequence[str]) -> Marked:
    """Remove, restore, unsubscribe or resubscribe members; returns which ones changed."""
    return services.lists.mark(number, action, keys)


def mark_all(services: Services, number: int, action: Action, search: str, progress: Progress) -> Marked:
    """Do so with every member that matches a search."""
    with services.engine() as engine:
        return services.lists.mark_all(engine, number, action, search, progress)


def preview_refresh(services: Services, number: int) -> Refresh:
    """Return what refreshing a static list would change."""
    with services.engine() as engine:
        return services.lists.preview_refresh(number, engine)


def sql(services: Services, listed: MarketingList) -> str:
    """Return the query behind a list for people to read."""
    with services.engine() as engine:
        return str(services.segments.sql(listed.definition, engine))


def _campaigns(services: Services) -> Iterator[tuple[int, str]]:
    """Yield the list and the name of every campaign: mails first, then calls."""
    yield from ((c.list_id, c.name) for c in services.email_campaigns.all())
    yield from ((c.list_id, c.name) for c in services.calls.all())


def _plural(services: Services, name: str) -> str:
    entity = services.model.entities.get(name)
    return entity.plural if entity else name
