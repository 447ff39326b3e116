"""Topics: what people may choose to get or not, such as a newsletter or offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.errors import ListError, NotFound
from analytics.store import Store
from analytics.store.tables import campaign_topic, consent, email_campaign, topic

Policy = Literal["opt_out", "opt_in"]
"""opt_out: mailed unless somebody said no; opt_in: mailed to those alone who said yes."""
POLICIES: tuple[Policy, ...] = get_args(Policy)
_NAME_LENGTH = 100


@dataclass(frozen=True)
class Topic:
    """One topic. `position` orders them on the preference page, from 0."""

    id: int
    name: str
    description: str | None
    policy: Policy
    position: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class TopicCounts:
    """How many addresses said yes and no last, and how many email campaigns are about the topic."""

    granted: int = 0
    withdrawn: int = 0
    campaigns: int = 0


class Topics:
    """The topics of a workspace. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, policy: str = "opt_out", description: str | None = None) -> Topic:
        """Make a topic, the last of all, and return it; ListError for a name or policy that cannot be."""
        values = {"name": _name(name), "policy": _policy(policy), "description": (description or "").strip() or None}
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            _refuse_taken(connection, str(values["name"]), None)
            last = connection.execute(select(func.max(topic.c.position))).scalar()
            made = insert(topic).values(
                **values, position=0 if last is None else last + 1, created_at=now, updated_at=now
            )
            number = connection.execute(made.returning(topic.c.id)).scalar_one()
        return self.get(int(number))

    def update(
        self,
        name: int | str,
        *,
        new_name: str | None = None,
        policy: str | None = None,
        description: str | None = None,
        position: int | None = None,
    ) -> Topic:
        """Change what is given; `position` moves the topic to that place, from 0. Raises ListError, NotFound.

        What people said stays, with the words they saw then.
        """
        present = self.get(name)
        values: dict[str, object] = {"updated_at": self._store.clock.now()}
        if new_name is not None:
            values["name"] = _name(new_name)
        if policy is not None:
            values["policy"] = _policy(policy)
        if description is not None:
            values["description"] = description.strip() or None
        with self._store.state.write() as connection:
            _refuse_taken(connection, str(values.get("name", present.name)), present.id)
            connection.execute(update(topic).where(topic.c.id == present.id).values(values))
            if position is not None:
                _move(connection, present.id, position)
        return self.get(present.id)

    def get(self, name: int | str) -> Topic:
        """Return the topic of this name, whatever its case, or number; raises NotFound."""
        present = self.all()
        for one in present:
            if one.id == name or (isinstance(name, str) and one.name.casefold() == name.strip().casefold()):
                return one
        if isinstance(name, str) and name.strip().isdecimal():
            return self.get(int(name))
        raise NotFound("topic", name, [one.name for one in present])

    def all(self) -> tuple[Topic, ...]:
        """Return every topic in the order of the preference page."""
        with self._store.state.read() as connection:
            rows = connection.execute(select(topic).order_by(topic.c.position, topic.c.id))
            return tuple(Topic(**row._mapping) for row in rows)

    def counts(self) -> Mapping[int, TopicCounts]:
        """Return the counts of every topic, by its number."""
        newest = select(
            consent.c.topic_id,
            consent.c.granted,
            func.row_number()
            .over(
                partition_by=(consent.c.topic_id, consent.c.address_key),
                order_by=(consent.c.at.desc(), consent.c.id.desc()),
            )
            .label("nth"),
        ).subquery()
        said = select(newest.c.topic_id, newest.c.granted, func.count()).where(newest.c.nth == 1)
        used = select(campaign_topic.c.topic_id, func.count()).group_by(campaign_topic.c.topic_id)
        with self._store.state.read() as connection:
            words = connection.execute(said.group_by(newest.c.topic_id, newest.c.granted)).all()
            campaigns = {number: int(count) for number, count in connection.execute(used)}
        heard = {(number, granted): int(count) for number, granted, count in words}
        return {
            one.id: TopicCounts(heard.get((one.id, True), 0), heard.get((one.id, False), 0), campaigns.get(one.id, 0))
            for one in self.all()
        }

    def delete(self, name: int | str) -> None:
        """Delete a topic nobody ever said anything about; ListError when somebody did or a campaign is about it."""
        present = self.get(name)
        with self._store.state.write() as connection:
            query = select(email_campaign.c.name).join(
                campaign_topic, campaign_topic.c.email_campaign_id == email_campaign.c.id
            )
            users = list(connection.execute(query.where(campaign_topic.c.topic_id == present.id)).scalars())
            if users:
                names = ", ".join(map(repr, users))
                raise ListError(f"The topic {present.name!r} is what {names} is about; change that first.")
            if connection.execute(select(consent.c.id).where(consent.c.topic_id == present.id).limit(1)).first():
                raise ListError(
                    f"People said yes or no to the topic {present.name!r}, and that is kept; it cannot be deleted."
                )
            connection.execute(delete(topic).where(topic.c.id == present.id))


def _move(connection: Connection, number: int, position: int) -> None:
    """Put a topic at a place and number all anew."""
    query = select(topic.c.id).where(topic.c.id != number).order_by(topic.c.position, topic.c.id)
    order = list(connection.execute(query).scalars())
    order.insert(max(0, position), number)
    for place, one in enumerate(order):
        connection.execute(update(topic).where(topic.c.id == one).values(position=place))


def _name(name: str) -> str:
    text = " ".join(name.split())
    if not text or len(text) > _NAME_LENGTH:
        raise ListError(f"A topic's name has 1 to {_NAME_LENGTH} characters; {name[:60]!r} has {len(text)}.")
    return text


def _policy(policy: str) -> str:
    if policy not in POLICIES:
        raise ListError(
            f"{policy!r} is no policy of a topic; there are opt_out (mailed unless somebody said no) and opt_in "
            f"(mailed to those who said yes)."
        )
    return policy


def _refuse_taken(connection: Connection, name: str, own: int | None) -> None:
    for row in connection.execute(select(topic.c.id, topic.c.name)):
        if row.name.casefold() == name.casefold() and row.id != own:
            raise ListError(f"There is a topic {row.name!r} already; choose another name.")
