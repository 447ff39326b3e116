"""Email campaigns on screen: what there is, the form's choices, how a sending stands, who is in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from analytics.campaigns import EmailCampaign
from analytics.delivery import Delivery, Preflight, Sending, SendingStatus
from analytics.errors import CampaignError
from analytics.services import Services
from analytics.views.wording import NOTHING, counted, duration, joined, moment, number, reason

STATUS_WORDS = {
    "scheduled": "Scheduled",
    "freezing": "Preparing",
    "confirm": "Needs your word",
    "sending": "Sending",
    "paused": "Paused",
    "done": "Sent",
    "cancelled": "Cancelled",
}
DRAFT = "Not sent yet"
STATE_WORDS = {
    "planned": "Waiting",
    "leased": "Under way",
    "handed": "At the server",
    "accepted": "Accepted",
    "deferred": "Tried again later",
    "rejected": "Refused",
    "uncertain": "Uncertain",
    "skipped": "Left out",
    "held_out": "Held out",
    "bounced": "Bounced",
    "complained": "Complained",
    "unsubscribed": "Unsubscribed",
}
_PARTS = (
    ("Accepted", ("accepted", "unsubscribed", "complained"), "good"),
    ("Under way", ("leased", "handed"), "busy"),
    ("Waiting", ("planned",), "waiting"),
    ("Tried again later", ("deferred",), "money"),
    ("Refused or bounced", ("rejected", "bounced"), "bad"),
    ("Uncertain", ("uncertain",), "doubt"),
)


@dataclass(frozen=True)
class Line:
    """One row of the overview."""

    id: int
    name: str
    list_name: str
    template_name: str
    marketing: str | None
    status: str
    finished: int | None
    total: int | None
    at: datetime | None


@dataclass(frozen=True)
class Choice:
    """Something the form offers; `entity` is what a list holds or a template is made for (None: anything)."""

    id: int
    label: str
    entity: str | None


@dataclass(frozen=True)
class Choices:
    """What the form offers."""

    lists: tuple[Choice, ...]
    templates: tuple[Choice, ...]
    marketing: tuple[Choice, ...]
    topics: tuple[Choice, ...]

    def templates_for(self, list_id: int) -> tuple[Choice, ...]:
        """Return the templates that fit what a list holds."""
        entity = next((c.entity for c in self.lists if c.id == list_id), None)
        return tuple(t for t in self.templates if t.entity in (None, entity))


@dataclass(frozen=True)
class Part:
    """A part of the state bar: its words, how many, and the tone it is drawn in."""

    label: str
    count: int
    tone: str


@dataclass(frozen=True)
class Detail:
    """One email campaign with its sendings, the newest first."""

    campaign: EmailCampaign
    sendings: tuple[Sending, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it was queued once, after which most of it stays."""
        return bool(self.sendings)


@dataclass(frozen=True)
class Monitor:
    """How a sending stands, in words and parts."""

    sending: Sending
    status: SendingStatus
    headline: str
    parts: tuple[Part, ...]
    apart: str

    @property
    def is_live(self) -> bool:
        """Whether the picture changes by itself."""
        return self.status.status in ("scheduled", "freezing", "sending")

    @property
    def share(self) -> float:
        """How much has a result, 0 to 1."""
        return self.status.finished / self.status.total if self.status.total else 0.0


def overview(services: Services) -> tuple[Line, ...]:
    """Return every email campaign, the newest first, with how its newest sending stands."""
    newest: dict[int, Sending] = {}
    for sending in services.sendings.all():
        newest.setdefault(sending.email_campaign_id, sending)
    return tuple(_line(services, c, newest.get(c.id)) for c in services.email_campaigns.all())


def _line(services: Services, campaign: EmailCampaign, sending: Sending | None) -> Line:
    status = None if sending is None else services.sendings.status(sending.id)
    return Line(
        id=campaign.id,
        name=campaign.name,
        list_name=campaign.list_name,
        template_name=campaign.template_name,
        marketing=campaign.marketing_campaign_name,
        status=DRAFT if sending is None else STATUS_WORDS[sending.status],
        finished=None if status is None else status.finished,
        total=None if status is None else status.total,
        at=None if sending is None else sending.started_at or sending.scheduled_for,
    )


def choices(services: Services) -> Choices:
    """Return what a new email campaign can be made of."""
    return Choices(
        lists=tuple(Choice(m.id, m.name, m.entity) for m in services.lists.all() if m.channel == "email"),
        templates=tuple(Choice(t.id, t.name, t.entity) for t in services.templates.all()),
        marketing=tuple(Choice(c.id, c.label, None) for c in services.marketing_campaigns.all()),
        topics=tuple(Choice(t.id, t.name, None) for t in services.topics.all()),
    )


def detail(services: Services, number_: int) -> Detail:
    """Return one email campaign; raises NotFound."""
    campaign = services.email_campaigns.get(number_)
    return Detail(campaign, services.sendings.all(campaign.id))


def save(services: Services, number_: int | None, values: Mapping[str, Any]) -> EmailCampaign:
    """Make an email campaign, or change one; raises CampaignError, NotFound."""
    given = dict(values)
    for name in ("holdout_percent", "cost"):
        if isinstance(given.get(name), float):
            given[name] = Decimal(str(round(given[name], 4)))
    if number_ is not None:
        return services.email_campaigns.update(number_, **given)
    return services.email_campaigns.create(given.pop("name"), **given)


def people(preflight: Preflight) -> str:
    """Return in a sentence how the rows of the list become mails."""
    parts = [f"{counted(preflight.rows, 'row')} on “{preflight.list_name}”"]
    if preflight.same_address:
        parts.append(f"{number(preflight.same_address)} share an address with another")
    if preflight.no_address:
        parts.append(f"{number(preflight.no_address)} have none that can be used")
    for name, count in sorted(preflight.suppressed.items()):
        parts.append(f"{number(count)} left out ({reason(name).lower()})")
    if preflight.held_out:
        parts.append(f"{number(preflight.held_out)} held out to measure what the mail is worth")
    return f"{', '.join(parts)}. Mails go to {preflight.server}; their links lead to {preflight.base_url}."


def planned_for(services: Services, day: date, at: time) -> datetime:
    """Return the moment a person chose on the workspace's clocks; raises CampaignError for one in the past."""
    chosen = datetime.combine(day, at, ZoneInfo(services.store.settings.timezone)).astimezone(UTC)
    now = services.store.clock.now()
    if chosen < now:
        zone = services.store.settings.timezone
        raise CampaignError(f"{moment(chosen, zone)} is past; choose a moment after {moment(now, zone)}.")
    return chosen


def monitor(services: Services, sending: Sending | int) -> Monitor:
    """Return how a sending stands now; raises NotFound."""
    number_ = sending if isinstance(sending, int) else sending.id
    found = services.sendings.get(number_)
    status = services.sendings.status(number_)
    counts = status.counts
    apart = [f"{number(counts[s])} {w}" for s, w in (("skipped", "left out"), ("held_out", "held out")) if counts[s]]
    return Monitor(
        sending=found,
        status=status,
        headline=_headline(services, found, status),
        parts=tuple(Part(label, sum(counts[s] for s in states), tone) for label, states, tone in _PARTS),
        apart=f"Beside them {joined(apart)}." if apart else "",
    )


def _headline(services: Services, sending: Sending, status: SendingStatus) -> str:
    zone = services.store.settings.timezone
    done = f"{number(status.finished)} of {number(status.total)} mails have a result"
    match status.status:
        case "scheduled":
            return f"Starts {moment(sending.scheduled_for, zone)}."
        case "freezing":
            return "The audience is being read and frozen."
        case "confirm":
            return (
                f"You confirmed {number(sending.expected_count)} people, but the list now has "
                f"{number(sending.audience_count)}. Nothing leaves until you agree."
            )
        case "sending":
            rate = f", {number(status.rate, 1)} a second" if status.rate else ""
            left = f", about {duration(status.seconds_left)} left" if status.seconds_left else ""
            return f"{done}{rate}{left}."
        case "paused":
            return f"Paused: {done}. {status.reason or ''}".strip()
        case "cancelled":
            return f"Cancelled: {done}; nobody else gets the mail."
    return f"Finished {moment(sending.finished_at, zone)}. {done}."


def uncertain(services: Services, sending_id: int, limit: int = 500) -> tuple[Delivery, ...]:
    """Return the deliveries of which nobody knows whether they arrived."""
    return services.sendings.deliveries(sending_id, "uncertain", limit)


def deliveries(services: Services, sending_id: int, state: str | None, limit: int = 200) -> tuple[Delivery, ...]:
    """Return deliveries of a sending in one state or in all."""
    return services.sendings.deliveries(sending_id, state, limit)  # type: ignore[arg-type]  # one of STATE_WORDS


def answer(delivery: Delivery) -> str:
    """Return why a delivery is where it is: our reason, or what the server said."""
    own = reason(delivery.reason) if delivery.reason else ""
    said = [part for part in (own, delivery.code or "") if part]
    return ": ".join(said) or NOTHING
