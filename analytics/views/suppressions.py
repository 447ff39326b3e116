"""Who may be mailed, on screen: suppressed addresses, blocked domains, topics, and all that is known of one address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.delivery.why import Known, WhyMailed
from analytics.lists import Consent, DomainBlock, Suppression, Topic, TopicCounts
from analytics.model.address import address_key
from analytics.services import Services
from analytics.views import why as trees
from analytics.views.email_campaigns import STATE_WORDS
from analytics.views.wording import moment, reason

PAGE_SIZE = 50
SOURCE = "dashboard"
POLICY_WORDS = {
    "opt_out": "Everybody but those who said no",
    "opt_in": "Only those who said yes",
}
ALL_MAIL = "All marketing mail"


@dataclass(frozen=True)
class Addresses:
    """A page of suppressed addresses, and how many match the search."""

    rows: tuple[Suppression, ...]
    total: int


@dataclass(frozen=True)
class TopicLine:
    """One topic with what people said, and whether it is the first or last of them."""

    topic: Topic
    counts: TopicCounts
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Answer:
    """Why one mail came to be, in words: facts as (what, value), the tree of conditions, remarks."""

    found: WhyMailed
    facts: tuple[tuple[str, str], ...]
    tree: trees.Why | None


def addresses(services: Services, page: int, search: str, only: str | None) -> Addresses:
    """Return a page of suppressed addresses, the newest first."""
    found = services.suppressions.page(search, PAGE_SIZE, page * PAGE_SIZE, only)
    return Addresses(found.rows, found.total)


def take_back(services: Services, rows: Sequence[Suppression]) -> int:
    """Take back suppressions, each for its reason; returns how many there were."""
    return sum(services.suppressions.remove(row.address_key, row.reason) for row in rows)


def unblock(services: Services, blocks: Sequence[DomainBlock]) -> int:
    """Take back blocks of domains; returns how many there were."""
    return sum(services.suppressions.unblock_domain(block.domain) for block in blocks)


def topics(services: Services) -> tuple[TopicLine, ...]:
    """Return the topics in the order of the preference page."""
    present, counts = services.topics.all(), services.topics.counts()
    last = len(present) - 1
    return tuple(TopicLine(one, counts[one.id], n == 0, n == last) for n, one in enumerate(present))


def is_address(text: str) -> bool:
    """Return whether something is known of what a member is reached at: of e-mail addresses."""
    return address_key(text) is not None


def known(services: Services, address: str) -> Known:
    """Return everything known of an address; raises DeliveryError for what is none."""
    return services.why.known(address)


def stands(found: Known, zone: str) -> tuple[str, ...]:
    """Return in sentences why an address gets no mail; none when it does."""
    said = [
        f"{reason(one.reason)} since {moment(one.created_at, zone)} ({one.source})"
        + (f": {one.note}" if one.note else "")
        for one in found.suppressions
    ]
    if found.block is not None:
        note = f": {found.block.note}" if found.block.note else ""
        said.append(f"The domain {found.block.domain} is blocked since {moment(found.block.created_at, zone)}{note}")
    return tuple(said)


def state(name: str, why_not: str | None) -> str:
    """Return what became of a mail in words."""
    words = STATE_WORDS.get(name, name)
    return f"{words}: {reason(why_not).lower()}" if why_not else words


def said(one: Consent | None, zone: str) -> str:
    """Return a word on a topic as a sentence."""
    if one is None:
        return "Never asked"
    return f"{'Yes' if one.granted else 'No'} on {moment(one.at, zone)}, {one.source}: “{one.wording}”"


def answer(services: Services, delivery_id: int) -> Answer:
    """Return why a delivery came to be, in words; raises NotFound."""
    found, zone = services.why.of(delivery_id), services.store.settings.timezone
    mailed = found.mailed
    on = f", made of the segment “{found.segment}”" if found.segment else ""
    entity = services.model.entities.get(mailed.entity)
    facts = [
        ("Became", state(mailed.state, mailed.reason)),
        ("Decided", moment(mailed.decided_at, zone)),
        ("Left", moment(mailed.left_at, zone)),
        ("List", f"“{mailed.list_name}”, version {mailed.list_version}{on}"),
        ("Through", f"{entity.label if entity else mailed.entity} {mailed.entity_key}"),
    ]
    if mailed.arm is not None:
        group = "Held out, to compare with" if mailed.arm == "holdout" else "Mailed"
        facts.append(("Group", f"{group} ({_percent(found.holdout_percent)} were held out)"))
    if found.topic is not None:
        policy = POLICY_WORDS[str(found.topic_policy)].lower()
        facts.append(("Topic", f"{found.topic} ({policy})"))
        facts.append(("Said then", said(found.consent, zone)))
    facts += [("Suppressed then", f"{reason(one.reason)} ({one.source})") for one in found.suppressions]
    facts += [(f"Value of {name}", str(value)) for name, value in found.values.items()]
    facts += [(f"{one.field} since", f"{_was(one.old_value)} became {_was(one.new_value)}") for one in found.changes]
    tree = None
    if found.definition is not None and found.membership is not None:
        tree = trees.answer(services, found.definition, found.membership)
    return Answer(found, tuple(facts), tree)


def _was(value: str | None) -> str:
    return "nothing" if value is None else f"“{value}”"


def _percent(text: str) -> str:
    return f"{float(text):g} %"
