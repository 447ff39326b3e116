"""Who may not be mailed is judged by the same rules at the preflight, at the freeze and when a row is taken."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pyarrow as pa
import pytest
from sqlalchemy import select

from analytics.campaigns import EmailCampaigns
from analytics.delivery import Sendings
from analytics.delivery.eligibility import reasons_against
from analytics.errors import CampaignError
from analytics.lists import Consents, Lists, Suppressions, Topics
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Segments
from analytics.store import Store
from analytics.store.tables import delivery
from analytics.templates import Templates
from tests.delivery.world import make_campaign, put_people

WORDS = "Do you want news?"


def states(store: Store, sending_id: int) -> dict[str, tuple[str, str | None]]:
    with store.state.read() as connection:
        rows = connection.execute(select(delivery).where(delivery.c.sending_id == sending_id))
        return {row.address_key: (row.state, row.reason) for row in rows}


def a_campaign(store: Store, model: EntityModel, policy: str | None, **options: int) -> tuple[int, Consents]:
    topics = Topics(store)
    number = make_campaign(store, model, **options)
    if policy is not None:
        topics.create("News", policy)
        EmailCampaigns(store).update(number, topic="News")
    return number, Consents(store, topics)


def says(consents: Consents, address: str, granted: bool) -> None:
    consents.record(address, "News", granted, wording=WORDS, source="test")


def test_a_blocked_domain_gets_nothing_and_neither_do_those_below_it(either_store: Store, model: EntityModel) -> None:
    addresses = ["a@Example.com", "b@mail.example.com", "c@notexample.com", "d@bücher.example", "e@example.org"]
    put_people(either_store, [{"id": str(n), "email": address} for n, address in enumerate(addresses)])
    suppressions = Suppressions(either_store)
    suppressions.block_domain("EXAMPLE.com")
    suppressions.block_domain("xn--bcher-kva.example")
    suppressions.add("a@example.com", "complaint")
    campaign, _ = a_campaign(either_store, model, None)
    sendings = Sendings(either_store, model)
    look = sendings.preflight(campaign)
    assert (look.count, dict(look.suppressed)) == (2, {"complaint": 1, "domain_blocked": 2})
    number = sendings.queue(campaign, "k").id
    assert sendings.freeze(number) == "sending"
    assert states(either_store, number) == {
        "a@example.com": ("skipped", "complaint"),
        "b@mail.example.com": ("skipped", "domain_blocked"),
        "c@notexample.com": ("planned", None),
        "d@xn--bcher-kva.example": ("skipped", "domain_blocked"),
        "e@example.org": ("planned", None),
    }
    suppressions.block_domain("example.org")  # between the freeze and the mail
    sent = sendings.drain(number)
    assert (sent.accepted, sent.skipped) == (1, 1)
    assert states(either_store, number)["e@example.org"] == ("skipped", "domain_blocked")


@pytest.mark.parametrize("policy", ["opt_out", "opt_in"])
def test_a_topics_mail_goes_to_those_who_may_get_it(either_store: Store, model: EntityModel, policy: str) -> None:
    people = ["yes", "no", "never", "late_no", "no_then_yes"]
    put_people(either_store, [{"id": who, "email": f"{who}@example.org"} for who in people])
    campaign, consents = a_campaign(either_store, model, policy)
    for who in ("yes", "late_no"):
        says(consents, f"{who}@example.org", True)
    says(consents, "no@example.org", False)
    says(consents, "no_then_yes@example.org", False)
    says(consents, "no_then_yes@example.org", True)  # the same moment: the later line counts
    unasked = {"skipped no_consent": 1} if policy == "opt_in" else {}
    sendings = Sendings(either_store, model)
    look = sendings.preflight(campaign)
    assert dict(look.suppressed) == {"topic_declined": 1, **{k.removeprefix("skipped "): n for k, n in unasked.items()}}
    number = sendings.queue(campaign, "k").id
    sendings.freeze(number)
    frozen = states(either_store, number)
    assert frozen["no@example.org"] == ("skipped", "topic_declined")
    assert frozen["never@example.org"] == (("skipped", "no_consent") if policy == "opt_in" else ("planned", None))
    says(consents, "late_no@example.org", False)
    sendings.drain(number)
    assert {who: states(either_store, number)[f"{who}@example.org"] for who in ("yes", "late_no", "no_then_yes")} == {
        "yes": ("accepted", None),
        "late_no": ("skipped", "topic_declined"),
        "no_then_yes": ("accepted", None),
    }


def test_a_topic_made_stricter_after_the_freeze_is_obeyed(store: Store, model: EntityModel) -> None:
    put_people(store, [{"id": who, "email": f"{who}@example.org"} for who in ("yes", "never")])
    campaign, consents = a_campaign(store, model, "opt_out")
    says(consents, "yes@example.org", True)
    sendings = Sendings(store, model)
    number = sendings.queue(campaign, "k").id
    sendings.freeze(number)
    Topics(store).update("News", policy="opt_in")
    sendings.drain(number)
    assert states(store, number) == {
        "yes@example.org": ("accepted", None),
        "never@example.org": ("skipped", "no_consent"),
    }


def test_the_topic_of_a_campaign_is_fixed_once_it_is_queued(store: Store, model: EntityModel) -> None:
    put_people(store, [{"id": "1", "email": "a@example.org"}])
    campaign, _ = a_campaign(store, model, "opt_out")
    sending = Sendings(store, model).queue(campaign, "k")
    assert sending.settings["topic"]["name"] == "News"
    assert sending.settings["list"]["definition"]["entity"] == "customer_user"
    with pytest.raises(CampaignError, match="topic cannot change"):
        EmailCampaigns(store).update(campaign, topic=None)


def test_a_suppression_holds_through_whatever_entity_the_address_is_reached(store: Store, model: EntityModel) -> None:
    """The address said no, not the row: a contact with the address of a customer user is not mailed either."""
    put_people(store, [{"id": "u1", "email": "Ada@example.org"}, {"id": "u2", "email": "bob@example.org"}])
    store.lake.merge("contact", pa.table({"id": ["c1", "c2"], "email": ["ADA@example.org ", "cy@example.org"]}))
    campaign, _ = a_campaign(store, model, None)
    Lists(store, model, Segments(store, model)).create("Contacts", Definition("contact"), contact="email")
    Templates(store, model).save("Plain", "Hello", "<p>Hello</p>")
    contacts = EmailCampaigns(store).create(
        "To contacts", marketing_list="Contacts", template="Plain", sender_email="shop@example.com"
    )
    Suppressions(store).add("ada@example.org", "unsubscribed", "one-click")
    for number in (campaign, contacts.id):
        look = Sendings(store, model).preflight(number)
        assert (look.count, dict(look.suppressed)) == (1, {"unsubscribed": 1})


@pytest.mark.parametrize("seed", range(4))
def test_freeze_and_sender_agree_on_everybody(store: Store, model: EntityModel, seed: int) -> None:
    """Random suppressions, blocks and words: the set-based rules and those for single rows give one answer."""
    dice = random.Random(seed)
    domains = ["example.org", "a.example.org", "b.a.example.org", "example.net", "ü.example", "other.example"]
    addresses = [f"p{n}@{dice.choice(domains)}" for n in range(120)]
    put_people(store, [{"id": f"{n:03d}", "email": address} for n, address in enumerate(addresses)])
    campaign, consents = a_campaign(store, model, dice.choice(["opt_out", "opt_in"]))
    suppressions = Suppressions(store)
    for address in dice.sample(addresses, 40):
        suppressions.add(address, dice.choice(["manual", "unsubscribed", "complaint", "hard_bounce"]))
    for domain in dice.sample(["a.example.org", "ü.example", "example.net", "xample.net"], 2):
        suppressions.block_domain(domain)
    for address in dice.choices(addresses, k=150):
        at = store.clock.now() - timedelta(minutes=dice.randrange(30))
        consents.record(address, "News", dice.random() < 0.6, wording=WORDS, source="test", at=at)
    sendings = Sendings(store, model)
    look = sendings.preflight(campaign)
    number = sendings.queue(campaign, "k").id
    sendings.freeze(number)
    frozen = states(store, number)
    topic = Topics(store).get("News").id
    with store.state.read() as connection:
        single = reasons_against(connection, list(frozen), topic)
    assert {key: reason for key, (_, reason) in frozen.items() if reason is not None} == single
    assert dict(look.suppressed) == Counter(single.values()) and single
