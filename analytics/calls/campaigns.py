"""Call campaigns as the state keeps them, and what is checked before one is written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.calls.records import CallCampaign
from analytics.campaigns.checks import checked_money, checked_name
from analytics.campaigns.marketing import find_campaign as find_marketing
from analytics.errors import CampaignError, NotFound
from analytics.lists import Lists, MarketingList
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.tables import call, call_campaign, marketing_campaign, marketing_list
from analytics.templates.script import Script

_KIND = "call campaign"
_FIELDS = ("name", "description", "script", "marketing_campaign", "cost", "most_attempts", "marketing_list")
_MOST = 100


class CallCampaigns:
    """The call campaigns of a workspace: made, changed, found."""

    def __init__(self, store: Store, model: EntityModel, lists: Lists) -> None:
        self._store, self._model, self._lists = store, model, lists

    def create(
        self,
        name: str,
        *,
        marketing_list: MarketingList | str | int,
        script: str,
        marketing_campaign: int | str | None = None,
        cost: Decimal | int | str | None = None,
        most_attempts: int = 5,
        description: str | None = None,
    ) -> CallCampaign:
        """Make a call campaign to a telephone list and return it.

        `script` is a text with the variables of mails (`entity.first_name`, `shop.name`, ...; `sender.name` is the
        caller). Raises CampaignError saying what does not fit, TemplateError for the script, NotFound.
        """
        asked = {
            "name": name,
            "description": description,
            "marketing_list": marketing_list,
            "script": script,
            "marketing_campaign": marketing_campaign,
            "cost": cost,
            "most_attempts": most_attempts,
        }
        values = self._checked(asked)
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            values |= _marketing(connection, marketing_campaign)
            _name_is_free(connection, values["name"], None)
            row = insert(call_campaign).values(**values, created_at=now, updated_at=now)
            return _find(connection, connection.execute(row.returning(call_campaign.c.id)).scalar_one())

    def update(self, campaign: int | str, **changes: Any) -> CallCampaign:
        """Change a call campaign and return it; `changes` are arguments of `create`.

        Once somebody was called the list stays. Raises what `create` raises.
        """
        unknown = sorted(set(changes) - set(_FIELDS))
        if unknown:
            raise CampaignError(f"A call campaign has no {', '.join(unknown)}; there are {', '.join(_FIELDS)}.")
        present = self.get(campaign)
        values = self._checked({**_asked(present), **changes})
        with self._store.state.write() as connection:
            if values["list_id"] != present.list_id and _is_begun(connection, present.id):
                raise CampaignError(
                    f"Call campaign {present.name!r} has calls, so it stays with the list {present.list_name!r}; "
                    f"make another campaign for another list."
                )
            values |= _marketing(connection, changes.get("marketing_campaign", present.marketing_campaign_id))
            _name_is_free(connection, values["name"], present.id)
            values["updated_at"] = self._store.clock.now()
            connection.execute(update(call_campaign).where(call_campaign.c.id == present.id).values(**values))
            return _find(connection, present.id)

    def get(self, campaign: int | str) -> CallCampaign:
        """Return the call campaign with this name or number; raises NotFound."""
        with self._store.state.read() as connection:
            return _find(connection, campaign)

    def all(self) -> tuple[CallCampaign, ...]:
        """Return every call campaign, the newest first."""
        with self._store.state.read() as connection:
            rows = connection.execute(_joined().order_by(call_campaign.c.id.desc())).all()
        return tuple(CallCampaign(**row._mapping) for row in rows)

    def delete(self, campaign: int | str) -> None:
        """Delete a call campaign nobody was called by; CampaignError otherwise, NotFound."""
        with self._store.state.write() as connection:
            present = _find(connection, campaign)
            if _is_begun(connection, present.id):
                raise CampaignError(
                    f"Call campaign {present.name!r} cannot be deleted: it has calls, and reports need them."
                )
            connection.execute(delete(call_campaign).where(call_campaign.c.id == present.id))

    def script(self, campaign: CallCampaign, caller: str = "") -> Script:
        """Return the campaign's script, compiled for a caller."""
        return self._script(campaign.script, campaign.entity, campaign.name, campaign.code, caller)

    def _script(self, source: str, entity: str, name: str, code: str | None, caller: str) -> Script:
        settings, clock = self._store.settings, self._store.clock
        constants: Mapping[str, Any] = {
            "shop.name": settings.name,
            "sender.name": caller,
            "sender.email": settings.sender_email,
            "campaign.name": name,
            "campaign.code": code,
            "today": clock.now().astimezone(settings.zone).date(),
        }
        return Script(source, entity, self._model, constants, settings.timezone)

    def _checked(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = checked_name(_KIND, asked["name"])
        listed = self._lists.get(asked["marketing_list"])
        if listed.channel != "phone":
            raise CampaignError(
                f"Marketing list {listed.name!r} reaches people by {listed.channel}, not by telephone "
                f"(contact {listed.contact}); choose a list with a telephone contact."
            )
        script = str(asked["script"]).strip()
        if not script:
            raise CampaignError(f"Call campaign {name!r} needs a script: what the caller says.")
        self._script(script, listed.entity, name, None, "")
        attempts = asked["most_attempts"]
        if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= _MOST:
            raise CampaignError(f"The number of attempts is {attempts!r}; expected a whole number from 1 to {_MOST}.")
        return {
            "name": name,
            "description": asked["description"],
            "list_id": listed.id,
            "script": script,
            "most_attempts": attempts,
            "cost": checked_money("The cost", asked["cost"]),
        }


def _marketing(connection: Connection, named: int | str | None) -> dict[str, int | None]:
    return {"marketing_campaign_id": None if named is None else find_marketing(connection, named).id}


def _asked(present: CallCampaign) -> dict[str, Any]:
    return {
        "name": present.name,
        "description": present.description,
        "marketing_list": present.list_id,
        "script": present.script,
        "cost": present.cost,
        "most_attempts": present.most_attempts,
    }


def _name_is_free(connection: Connection, name: str, own: int | None) -> None:
    taken = connection.execute(select(call_campaign.c.id).where(call_campaign.c.name == name)).scalar()
    if taken is not None and taken != own:
        raise CampaignError(f"There is a call campaign {name!r} already; choose another name.")


def _is_begun(connection: Connection, campaign_id: int) -> bool:
    query = select(func.count()).select_from(call).where(call.c.call_campaign_id == campaign_id)
    return bool(connection.execute(query).scalar_one())


def _joined() -> Any:
    return (
        select(
            call_campaign,
            marketing_list.c.name.label("list_name"),
            marketing_list.c.entity,
            marketing_campaign.c.name.label("marketing_campaign_name"),
            marketing_campaign.c.code,
        )
        .join(marketing_list, marketing_list.c.id == call_campaign.c.list_id)
        .join(marketing_campaign, marketing_campaign.c.id == call_campaign.c.marketing_campaign_id, isouter=True)
    )


def _find(connection: Connection, campaign: int | str) -> CallCampaign:
    row = None
    if isinstance(campaign, str):
        row = connection.execute(_joined().where(call_campaign.c.name == campaign.strip())).first()
    if row is None and (isinstance(campaign, int) or (campaign.strip().isdecimal() and len(campaign.strip()) < 10)):
        row = connection.execute(_joined().where(call_campaign.c.id == int(campaign))).first()
    if row is None:
        known = connection.execute(select(call_campaign.c.name).order_by(call_campaign.c.name)).scalars()
        raise NotFound(_KIND, campaign, list(known))
    return CallCampaign(**row._mapping)
