"""Email campaigns: which list gets which template, from whom, in which marketing campaign, and who is held out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from analytics.campaigns.checks import checked_money, checked_name, checked_percent, one_line
from analytics.campaigns.marketing import find_campaign as find_marketing
from analytics.errors import CampaignError, NotFound
from analytics.model.address import address_key
from analytics.store import Store
from analytics.store.tables import (
    campaign_topic,
    email_campaign,
    marketing_campaign,
    marketing_list,
    sending,
    template,
    topic,
)

_HARMLESS = ("name", "description", "cost")
_FIELDS = (
    *_HARMLESS,
    "marketing_list",
    "template",
    "marketing_campaign",
    "sender_name",
    "sender_email",
    "holdout_percent",
    "topic",
)


@dataclass(frozen=True)
class EmailCampaign:
    """One email campaign, with the names of what it refers to. `cost` is in the workspace's base currency."""

    id: int
    name: str
    description: str | None
    list_id: int
    list_name: str
    entity: str
    template_id: int
    template_name: str
    marketing_campaign_id: int | None
    marketing_campaign_name: str | None
    code: str | None
    sender_name: str | None
    sender_email: str
    holdout_percent: Decimal
    cost: Decimal | None
    topic_id: int | None
    topic_name: str | None
    topic_policy: str | None
    created_at: datetime
    updated_at: datetime


class EmailCampaigns:
    """The email campaigns of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        name: str,
        *,
        marketing_list: int | str,
        template: int | str,
        marketing_campaign: int | str | None = None,
        sender_name: str | None = None,
        sender_email: str | None = None,
        holdout_percent: Decimal | int | str = 0,
        cost: Decimal | int | str | None = None,
        description: str | None = None,
        topic: int | str | None = None,
    ) -> EmailCampaign:
        """Make an email campaign and return it.

        `marketing_list`, `template`, `marketing_campaign` and `topic` are names (of the third also codes) or numbers.
        The list has to reach people by e-mail, and the template has to be of the list's entity or of any. With a topic
        only those get the mail who may get mail about it. Without a sender the settings' one is taken. Raises
        CampaignError saying what does not fit, NotFound.
        """
        settings = self._store.settings
        asked = {
            "name": name,
            "description": description,
            "marketing_list": marketing_list,
            "template": template,
            "marketing_campaign": marketing_campaign,
            "sender_name": settings.sender_name if sender_name is None else sender_name,
            "sender_email": settings.sender_email if sender_email is None else sender_email,
            "holdout_percent": holdout_percent,
            "cost": cost,
            "topic": topic,
        }
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            values = _checked(connection, asked)
            _name_is_free(connection, values["name"], None)
            about = values.pop("topic_id")
            made = connection.execute(
                insert(email_campaign).values(**values, created_at=now, updated_at=now).returning(email_campaign.c.id)
            ).scalar_one()
            _set_topic(connection, made, about)
            return _load(connection, made)

    def update(self, campaign: int | str, **changes: Any) -> EmailCampaign:
        """Change an email campaign and return it; `changes` are arguments of `create`.

        Once it has a sending only name, description and cost may change: the rest is what people got.
        Raises CampaignError, NotFound.
        """
        unknown = sorted(set(changes) - set(_FIELDS))
        if unknown:
            raise CampaignError(f"An email campaign has no {', '.join(unknown)}; there are {', '.join(_FIELDS)}.")
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            present = _find(connection, campaign)
            values = _checked(connection, {**_asked(present), **changes})
            changed = [
                name for name in _FIELDS if name not in _HARMLESS and _column(values, name) != _kept(present, name)
            ]
            if changed and _has_sending(connection, present.id):
                raise CampaignError(
                    f"Email campaign {present.name!r} has a sending, so its {_words(changed)} cannot change any more; "
                    f"name, description and cost can. Clone it for another mail."
                )
            _name_is_free(connection, values["name"], present.id)
            _set_topic(connection, present.id, values.pop("topic_id"))
            connection.execute(
                update(email_campaign).where(email_campaign.c.id == present.id).values(**values, updated_at=now)
            )
            return _load(connection, present.id)

    def clone(self, campaign: int | str, name: str) -> EmailCampaign:
        """Make a copy called `name`, free to be changed, and return it; its cost starts empty."""
        present = self.get(campaign)
        return self.create(name, **{k: v for k, v in _asked(present).items() if k not in ("name", "cost")})

    def get(self, campaign: int | str) -> EmailCampaign:
        """Return the email campaign with this name or number; raises NotFound."""
        with self._store.state.read() as connection:
            return _find(connection, campaign)

    def all(self) -> tuple[EmailCampaign, ...]:
        """Return every email campaign, the newest first."""
        with self._store.state.read() as connection:
            rows = connection.execute(_joined().order_by(email_campaign.c.id.desc())).all()
        return tuple(map(_campaign, rows))

    def delete(self, campaign: int | str) -> None:
        """Delete an email campaign; CampaignError once it has a sending, NotFound."""
        with self._store.state.write() as connection:
            present = _find(connection, campaign)
            if _has_sending(connection, present.id):
                raise CampaignError(
                    f"Email campaign {present.name!r} cannot be deleted: it has a sending, "
                    f"and reports and unsubscribe links need it."
                )
            connection.execute(delete(email_campaign).where(email_campaign.c.id == present.id))

    def has_sending(self, campaign: int | str) -> bool:
        """Return whether the campaign has been queued once, after which most of it is fixed."""
        with self._store.state.read() as connection:
            return _has_sending(connection, _find(connection, campaign).id)


def _checked(connection: Connection, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the row's values."""
    name = checked_name("email campaign", asked["name"])
    audience = _referred(connection, marketing_list, "marketing list", asked["marketing_list"])
    if audience.channel != "email":
        raise CampaignError(
            f"Marketing list {audience.name!r} reaches people by {audience.channel}, not by e-mail "
            f"(contact {audience.contact}); choose a list with an e-mail contact."
        )
    layout = _referred(connection, template, "template", asked["template"])
    if layout.entity is not None and layout.entity != audience.entity:
        raise CampaignError(
            f"Template {layout.name!r} is made for {layout.entity}, marketing list {audience.name!r} holds "
            f"{audience.entity}; choose a template for {audience.entity} or one for any entity."
        )
    marketing, about = asked["marketing_campaign"], asked["topic"]
    return {
        "name": name,
        "description": asked["description"],
        "list_id": audience.id,
        "template_id": layout.id,
        "marketing_campaign_id": None if marketing is None else find_marketing(connection, marketing).id,
        "sender_name": _sender_name(asked["sender_name"]),
        "sender_email": _sender_email(asked["sender_email"]),
        "holdout_percent": checked_percent(asked["holdout_percent"]),
        "cost": checked_money("The cost", asked["cost"]),
        "topic_id": None if about is None else _referred(connection, topic, "topic", about).id,
    }


def _set_topic(connection: Connection, number: int, topic_id: int | None) -> None:
    connection.execute(delete(campaign_topic).where(campaign_topic.c.email_campaign_id == number))
    if topic_id is not None:
        connection.execute(insert(campaign_topic).values(email_campaign_id=number, topic_id=topic_id))


def _sender_name(name: str | None) -> str | None:
    text = one_line("The sender's name", name or "")
    if len(text) > 100:
        raise CampaignError(f"The sender's name has {len(text)} characters; at most 100 are kept.")
    return text or None


def _sender_email(email: str) -> str:
    text = one_line("The sender's address", email or "")
    if address_key(text) is None:
        raise CampaignError(f"The sender's address is {email!r}; expected one such as shop@example.com.")
    return text


def _referred(connection: Connection, table: Any, kind: str, named: int | str) -> Row[Any]:
    row = None
    if isinstance(named, str):
        row = connection.execute(select(table).where(table.c.name == named.strip())).first()
    if row is None and (isinstance(named, int) or (named.strip().isdecimal() and len(named.strip()) < 10)):
        row = connection.execute(select(table).where(table.c.id == int(named))).first()
    if row is None:
        known = connection.execute(select(table.c.name).order_by(table.c.name)).scalars()
        raise NotFound(kind, named, list(known))
    return row


def _name_is_free(connection: Connection, name: str, own: int | None) -> None:
    taken = connection.execute(select(email_campaign.c.id).where(email_campaign.c.name == name)).scalar()
    if taken is not None and taken != own:
        raise CampaignError(f"There is an email campaign {name!r} already; choose another name.")


def _has_sending(connection: Connection, campaign_id: int) -> bool:
    found = connection.execute(select(sending.c.id).where(sending.c.email_campaign_id == campaign_id).limit(1))
    return found.first() is not None


def _asked(present: EmailCampaign) -> dict[str, Any]:
    return {
        "name": present.name,
        "description": present.description,
        "marketing_list": present.list_id,
        "template": present.template_id,
        "marketing_campaign": present.marketing_campaign_id,
        "sender_name": present.sender_name,
        "sender_email": present.sender_email,
        "holdout_percent": present.holdout_percent,
        "cost": present.cost,
        "topic": present.topic_id,
    }


_COLUMNS = {
    "marketing_list": "list_id",
    "template": "template_id",
    "marketing_campaign": "marketing_campaign_id",
    "topic": "topic_id",
}


def _column(values: dict[str, Any], name: str) -> Any:
    return values[_COLUMNS.get(name, name)]


def _kept(present: EmailCampaign, name: str) -> Any:
    return getattr(present, _COLUMNS.get(name, name))


def _words(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _joined() -> Any:
    return (
        select(
            email_campaign,
            marketing_list.c.name.label("list_name"),
            marketing_list.c.entity,
            template.c.name.label("template_name"),
            marketing_campaign.c.name.label("marketing_campaign_name"),
            marketing_campaign.c.code,
            topic.c.id.label("topic_id"),
            topic.c.name.label("topic_name"),
            topic.c.policy.label("topic_policy"),
        )
        .join(marketing_list, marketing_list.c.id == email_campaign.c.list_id)
        .join(template, template.c.id == email_campaign.c.template_id)
        .join(marketing_campaign, marketing_campaign.c.id == email_campaign.c.marketing_campaign_id, isouter=True)
        .join(campaign_topic, campaign_topic.c.email_campaign_id == email_campaign.c.id, isouter=True)
        .join(topic, topic.c.id == campaign_topic.c.topic_id, isouter=True)
    )


def _find(connection: Connection, campaign: int | str) -> EmailCampaign:
    return _load(connection, _referred(connection, email_campaign, "email campaign", campaign).id)


def _load(connection: Connection, number: int) -> EmailCampaign:
    return _campaign(connection.execute(_joined().where(email_campaign.c.id == number)).one())


def _campaign(row: Row[Any]) -> EmailCampaign:
    return EmailCampaign(**row._mapping)
