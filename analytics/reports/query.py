"""What an efficiency report is asked for, and what that means in this workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select

from analytics.errors import NotFound, ReportError
from analytics.settings import Settings
from analytics.store.tables import campaign_code, email_campaign, marketing_campaign

Model = Literal["last touch", "first touch"]
MODELS: tuple[Model, ...] = ("last touch", "first touch")
_LONGEST_WINDOW = 3650

When = datetime | date | str


@dataclass(frozen=True)
class EfficiencyQuery:
    """The filters of an efficiency report.

    since, until: the period, `until` not included, as an aware datetime, a date (its first moment in the workspace's
    time zone) or either as ISO text; None is open. It selects sendings by when their audience was frozen, and visits
    that carry a code alone by when they began; what follows from them counts whenever it happens.
    model, window_days: which touch gets an order and how long before it; None takes the workspace's settings.
    marketing_campaign (id, code present or past, or name), email_campaign (id or name): that one alone.
    as_of: hide all that came later.
    """

    since: When | None = None
    until: When | None = None
    model: Model | None = None
    window_days: int | None = None
    marketing_campaign: int | str | None = None
    email_campaign: int | str | None = None
    as_of: When | None = None


@dataclass(frozen=True)
class Scope:
    """A query made definite: aware times in UTC, ids and names, model and window."""

    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    model: Model
    window_days: int
    marketing_campaign_id: int | None = None
    marketing_campaign: str | None = None
    email_campaign_id: int | None = None
    email_campaign: str | None = None

    @property
    def low(self) -> datetime | None:
        """No event before this can matter: a touch that competes for an order lies less than a window before `since`.

        A day more, so that a visit that reaches into the window is seen from its beginning.
        """
        return None if self.since is None else self.since - timedelta(days=self.window_days + 1)


def scope_of(query: EfficiencyQuery, settings: Settings, connection: Connection) -> Scope:
    """Return the query with its defaults and names resolved in the state `connection` reads.

    Raises ReportError for a period, model or window that cannot be, NotFound for an unknown campaign.
    """
    since, until = moment(query.since, "since", settings), moment(query.until, "until", settings)
    if since is not None and until is not None and since >= until:
        raise ReportError(f"The period from {query.since} until {query.until} is empty: until has to be after since.")
    model = query.model or settings.attribution_model
    if model not in MODELS:
        raise ReportError(f"There is no attribution model {model!r}; there are {', '.join(MODELS)}.")
    window = settings.attribution_days if query.window_days is None else query.window_days
    if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= _LONGEST_WINDOW:
        raise ReportError(f"The attribution window {window!r} is not a number of days from 1 to {_LONGEST_WINDOW}.")
    marketing = _marketing(connection, query.marketing_campaign)
    email = _email(connection, query.email_campaign)
    return Scope(since, until, moment(query.as_of, "as_of", settings), model, window, *marketing, *email)


def moment(given: When | None, name: str, settings: Settings) -> datetime | None:
    """Return a time as an aware datetime in UTC; a date, or a time without zone in text, is the workspace's.

    Raises ReportError naming what was given.
    """
    if given is None:
        return None
    zone = ZoneInfo(settings.timezone)
    if isinstance(given, str):
        try:
            read = datetime.fromisoformat(given)
        except ValueError:
            raise ReportError(f"{name} is {given!r}; write it as 2026-11-24 or 2026-11-24T14:30.") from None
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise ReportError(f"{name} is {given.isoformat()}, a time without a zone; give it one, such as UTC.")
        return given.astimezone(UTC)
    return datetime(given.year, given.month, given.day, tzinfo=zone).astimezone(UTC)


def _marketing(connection: Connection, wanted: int | str | None) -> tuple[int | None, str | None]:
    if wanted is None:
        return None, None
    t = marketing_campaign.c
    named = select(t.id, t.name)
    conditions: list[ColumnElement[bool]]
    if isinstance(wanted, int):
        conditions = [t.id == wanted]
    else:
        # A code is exact, a name may be another campaign's code: codes first.
        codes = select(campaign_code.c.code, campaign_code.c.marketing_campaign_id)
        owners = {r.code.lower(): r.marketing_campaign_id for r in connection.execute(codes)}
        conditions = [t.id == owners[wanted.lower()]] if wanted.lower() in owners else [t.name == wanted]
    found = connection.execute(named.where(*conditions).order_by(t.id)).all()
    if not found:
        known = [f"{r.name} ({r.code})" for r in connection.execute(select(t.name, t.code).order_by(t.name))]
        raise NotFound("marketing campaign", wanted, known)
    if len(found) > 1:
        raise ReportError(f"{len(found)} marketing campaigns are called {wanted!r}; name one by its code.")
    return found[0].id, found[0].name


def _email(connection: Connection, wanted: int | str | None) -> tuple[int | None, str | None]:
    if wanted is None:
        return None, None
    t = email_campaign.c
    condition = t.id == wanted if isinstance(wanted, int) else t.name == wanted
    found = connection.execute(select(t.id, t.name).where(condition)).first()
    if found is None:
        known = [r.name for r in connection.execute(select(t.name).order_by(t.name))]
        raise NotFound("email campaign", wanted, known)
    return found.id, found.name
