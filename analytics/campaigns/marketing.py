"""Marketing campaigns: what email campaigns and tracking websites belong to, with every code they ever had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from analytics.campaigns.checks import checked_code, checked_day, checked_money, checked_name
from analytics.errors import CampaignError, NotFound
from analytics.store import Store
from analytics.store.tables import campaign_code, email_campaign, marketing_campaign, sending


@dataclass(frozen=True)
class MarketingCampaign:
    """One marketing campaign. `codes` are all it ever had, in lower case, the present one first.

    `budget` is in the workspace's base currency.
    """

    id: int
    name: str
    code: str
    codes: tuple[str, ...]
    description: str | None
    start_date: date | None
    end_date: date | None
    budget: Decimal | None
    created_at: datetime
    updated_at: datetime

    @property
    def label(self) -> str:
        """The name with its code, as lists show it."""
        return f"{self.name} ({self.code})"


class MarketingCampaigns:
    """The marketing campaigns of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        name: str,
        code: str,
        *,
        description: str | None = None,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        budget: Decimal | int | str | None = None,
    ) -> MarketingCampaign:
        """Make a marketing campaign and return it.

        `code` has 1 to 20 letters, digits, - or _ and no campaign may ever have had it, in whatever case: trackers
        send it back in lower case. Raises CampaignError naming the value and what would be right.
        """
        values = _checked(
            {"name": name, "code": code, "start_date": start_date, "end_date": end_date, "budget": budget}
        )
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            _code_is_free(connection, values["code"], None)
            made = connection.execute(
                insert(marketing_campaign)
                .values(**values, description=description, created_at=now, updated_at=now)
                .returning(marketing_campaign.c.id)
            ).scalar_one()
            _keep_code(connection, values["code"], made, now)
            return _load(connection, made)

    def update(self, campaign: int | str, **changes: Any) -> MarketingCampaign:
        """Change a campaign and return it; `changes` are arguments of `create`.

        A new code takes the place of the present one; former codes keep counting for this campaign.
        Raises CampaignError for an unusable value, NotFound.
        """
        unknown = set(changes) - {"name", "code", "description", "start_date", "end_date", "budget"}
        if unknown:
            raise CampaignError(f"A marketing campaign has no {', '.join(sorted(unknown))}.")
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            present = find_campaign(connection, campaign)
            values = _checked(
                {
                    "name": present.name,
                    "code": present.code,
                    "start_date": present.start_date,
                    "end_date": present.end_date,
                    "budget": present.budget,
                    **{key: value for key, value in changes.items() if key != "description"},
                }
            )
            if "description" in changes:
                values["description"] = changes["description"]
            _code_is_free(connection, values["code"], present.id)
            connection.execute(
                update(marketing_campaign).where(marketing_campaign.c.id == present.id).values(**values, updated_at=now)
            )
            _keep_code(connection, values["code"], present.id, now)
            return _load(connection, present.id)

    def get(self, campaign: int | str) -> MarketingCampaign:
        """Return the campaign with this code (also a former one), name or number; raises NotFound."""
        with self._store.state.read() as connection:
            return find_campaign(connection, campaign)

    def all(self) -> tuple[MarketingCampaign, ...]:
        """Return every campaign, the latest start first, those without one last."""
        with self._store.state.read() as connection:
            rows = connection.execute(select(marketing_campaign)).all()
            codes = _codes(connection)
        found = [_campaign(row, codes.get(row.id, ())) for row in rows]
        return tuple(sorted(found, key=lambda c: (c.start_date is None, _descending(c.start_date), -c.id)))

    def delete(self, campaign: int | str) -> None:
        """Delete a campaign and free its codes.

        Refused once an email campaign of it has a sending: its clicks and orders could not be told any more.
        Email campaigns without one lose their marketing campaign. Raises CampaignError, NotFound.
        """
        with self._store.state.write() as connection:
            present = find_campaign(connection, campaign)
            sent = connection.execute(
                select(email_campaign.c.name)
                .where(email_campaign.c.marketing_campaign_id == present.id)
                .where(select(sending.c.id).where(sending.c.email_campaign_id == email_campaign.c.id).exists())
                .order_by(email_campaign.c.name)
            ).scalars()
            if names := list(sent):
                raise CampaignError(
                    f"Marketing campaign {present.label} cannot be deleted: {', '.join(map(repr, names))} of it "
                    f"has been sent, and reports count by its codes. Set an end date instead."
                )
            connection.execute(delete(marketing_campaign).where(marketing_campaign.c.id == present.id))


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    start = checked_day("The start", values["start_date"])
    end = checked_day("The end", values["end_date"])
    if start is not None and end is not None and end < start:
        raise CampaignError(f"The campaign ends on {end.isoformat()}, before it starts on {start.isoformat()}.")
    return {
        "name": checked_name("marketing campaign", values["name"]),
        "code": checked_code(values["code"]),
        "start_date": start.isoformat() if start else None,
        "end_date": end.isoformat() if end else None,
        "budget": checked_money("The budget", values["budget"]),
    }


def _code_is_free(connection: Connection, code: str, own: int | None) -> None:
    taken = connection.execute(
        select(marketing_campaign.c.id, marketing_campaign.c.name, marketing_campaign.c.code)
        .join(campaign_code, campaign_code.c.marketing_campaign_id == marketing_campaign.c.id)
        .where(campaign_code.c.code == code.lower())
    ).first()
    if taken is not None and taken.id != own:
        former = "" if taken.code.lower() == code.lower() else " had it before and"
        raise CampaignError(
            f"Campaign code {code!r} is taken: {taken.name!r}{former} still counts what comes in under it. "
            f"Choose another code."
        )


def _keep_code(connection: Connection, code: str, campaign_id: int, now: datetime) -> None:
    known = connection.execute(select(campaign_code.c.code).where(campaign_code.c.code == code.lower())).first()
    if known is None:
        connection.execute(
            insert(campaign_code).values(code=code.lower(), marketing_campaign_id=campaign_id, since=now)
        )


def find_campaign(connection: Connection, campaign: int | str) -> MarketingCampaign:
    """Return the campaign with this code, name or number as `connection` sees it; raises NotFound."""
    number = campaign if isinstance(campaign, int) else None
    if isinstance(campaign, str):
        text = campaign.strip()
        number = connection.execute(
            select(campaign_code.c.marketing_campaign_id).where(campaign_code.c.code == text.lower())
        ).scalar()
        if number is None:
            named = connection.execute(
                select(marketing_campaign.c.id)
                .where(func.lower(marketing_campaign.c.name) == text.lower())
                .order_by(marketing_campaign.c.id)
            ).scalars()
            ids = list(named)
            if len(ids) > 1:
                raise CampaignError(f"{len(ids)} marketing campaigns are called {text!r}; name one by its code.")
            number = ids[0] if ids else (int(text) if text.isdecimal() and len(text) < 10 else None)
    found = None
    if number is not None:
        found = connection.execute(select(marketing_campaign.c.id).where(marketing_campaign.c.id == number)).scalar()
    if found is None:
        known = connection.execute(select(marketing_campaign.c.code).order_by(marketing_campaign.c.code)).scalars()
        raise NotFound("marketing campaign", campaign, list(known))
    return _load(connection, found)


def _load(connection: Connection, number: int) -> MarketingCampaign:
    row = connection.execute(select(marketing_campaign).where(marketing_campaign.c.id == number)).one()
    return _campaign(row, _codes(connection, number).get(number, ()))


def _codes(connection: Connection, number: int | None = None) -> dict[int, tuple[str, ...]]:
    wanted = select(campaign_code).order_by(campaign_code.c.since.desc(), campaign_code.c.code)
    if number is not None:
        wanted = wanted.where(campaign_code.c.marketing_campaign_id == number)
    codes: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(wanted):
        codes[row.marketing_campaign_id] = (*codes.get(row.marketing_campaign_id, ()), row.code)
    return codes


def _campaign(row: Row[Any], codes: tuple[str, ...]) -> MarketingCampaign:
    present = row.code.lower()
    return MarketingCampaign(
        id=row.id,
        name=row.name,
        code=row.code,
        codes=(present, *(code for code in codes if code != present)),
        description=row.description,
        start_date=date.fromisoformat(row.start_date) if row.start_date else None,
        end_date=date.fromisoformat(row.end_date) if row.end_date else None,
        budget=row.budget,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _descending(day: date | None) -> int:
    return -day.toordinal() if day else 0
