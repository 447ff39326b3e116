"""Why did we mail this person: answered from what was kept, however the world went on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from analytics.campaigns import EmailCampaigns
from analytics.cli.main import run
from analytics.delivery import Sendings
from analytics.delivery.why import Why, WhyMailed
from analytics.errors import DeliveryError, NotFound
from analytics.lists import Consents, Lists, Suppressions, Topics
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.segments import Definition, Segments
from analytics.store import Store
from analytics.templates import Templates
from tests.delivery.world import HTML, put_people

WHERE = {
    "all": [
        {"field": "country", "is": "any_of", "value": ["NO"]},
        {"related": "orders", "measure": "count", "is": "at_least", "value": 2},
    ]
}
OWN = {"entity": "customer_user", "where": {"field": "first_name", "is": "not_empty"}}


def put_orders(store: Store, orders: dict[str, str]) -> None:
    store.lake.merge("order", pa.table({"id": list(orders), "customer_user_id": list(orders.values())}))


@pytest.fixture
def mailed(store: Store, model: EntityModel, clock: SimulatedClock) -> int:
    """Ada bought twice, said yes to news, and got a mail of a list on a segment; the world went on since."""
    people = [
        {"id": "u1", "email": "Ada@example.org", "first_name": "Ada", "country": "NO"},
        {"id": "u2", "email": "bob@example.org", "first_name": "Bob", "country": "NO"},
        {"id": "u3", "email": "cy@example.org", "first_name": "Cy", "country": "NO"},
    ]
    put_people(store, people)
    put_orders(store, {"o1": "u1", "o2": "u1", "o3": "u2", "o4": "u2", "o5": "u3", "o6": "u3"})
    segments = Segments(store, model)
    segments.save("Regulars", Definition.from_document({"entity": "customer_user", "where": WHERE}))
    lists = Lists(store, model, segments)
    lists.create("Fans", Definition.from_document(OWN), segment="Regulars", contact="email")
    Templates(store, model).save("News", "Hello {{ entity.first_name }}", HTML, entity="customer_user")
    topics = Topics(store)
    topics.create("News", "opt_in")
    consents = Consents(store, topics)
    for who in ("ada", "bob"):
        consents.record(f"{who}@example.org", "News", True, wording="Do you want news?", source="fair")
    campaign = EmailCampaigns(store).create(
        "Spring", marketing_list="Fans", template="News", topic="News", sender_email="shop@example.com"
    )
    clock.advance(timedelta(hours=1))
    sendings = Sendings(store, model)
    number = sendings.queue(campaign.id, "k").id
    sendings.freeze(number)
    Suppressions(store).add("bob@example.org", "complaint", "complaint", note="wrote to us")
    sendings.drain(number)
    clock.advance(timedelta(days=1))
    consents.record("ada@example.org", "News", False, wording="Do you still want news?", source="phone")
    put_people(store, [{**people[0], "first_name": "Augusta", "country": "DE"}])
    put_orders(store, {"o1": "u9"})
    changes = [("country", "NO", "DE", clock.now()), ("country", "SE", "NO", clock.now() - timedelta(days=30))]
    store.lake.append(
        "changes",
        pa.table(
            {
                "change_id": ["1", "2"],
                "entity": ["customer_user"] * 2,
                "entity_key": ["u1"] * 2,
                **{
                    name: [change[n] for change in changes]
                    for n, name in enumerate(("field", "old_value", "new_value", "changed_at"))
                },
            }
        ),
        app_id="test",
        version=1,
    )
    segments.save("Regulars", Definition.from_document({"entity": "customer_user", "where": {"all": []}}))
    lists.update("Fans", contact="email")
    Templates(store, model).save("News", "Changed", "<p>Changed</p>", entity="customer_user")
    store.keys.rotate()
    Suppressions(store).add("ada@example.org", "manual", "dashboard")
    return number


def why(store: Store, model: EntityModel, address: str) -> WhyMailed:
    asked = Why(store, model)
    [one] = asked.known(address).mails
    return asked.of(one.delivery_id)


def test_the_answer_is_of_the_time_of_the_mail(store: Store, model: EntityModel, mailed: int) -> None:
    found = why(store, model, " ADA@example.org")
    assert (found.mailed.campaign, found.mailed.state, found.mailed.list_name) == ("Spring", "accepted", "Fans")
    assert (found.mailed.list_version, found.segment, found.contact) == (1, "Regulars", "email")
    assert found.mailed.entity_key == "u1" and found.mailed.left_at is not None
    membership = found.membership
    assert membership is not None and membership.is_member and membership.conditions is not None
    saw: dict[str, Any] = {}

    def walk(node: Any) -> None:
        if node.values is not None:
            saw[next(iter(node.document.values()))] = node.values
        for below in node.nodes:
            walk(below)

    walk(membership.conditions)
    assert saw == {"country": ("NO",), "orders": (2,), "first_name": ("Ada",)}
    assert found.remarks == ()
    assert found.values == {"first_name": "Ada", "id": "u1"}
    assert [(c.field, c.old_value, c.new_value) for c in found.changes] == [("country", "NO", "DE")]
    assert (found.topic, found.topic_policy) == ("News", "opt_in")
    assert found.consent is not None and (found.consent.granted, found.consent.wording) == (True, "Do you want news?")
    assert found.suppressions == (), "that came later"
    assert found.mail is not None and found.mail.subject == "Hello Ada"
    assert found.mail.is_same is True, "the key that signed its links was retired since, and is found"
    assert "Hello" in found.mail.html and "Ada" in found.mail.text


def test_somebody_skipped_is_explained_too(store: Store, model: EntityModel, mailed: int) -> None:
    bob = why(store, model, "bob@example.org")
    assert (bob.mailed.state, bob.mailed.reason) == ("skipped", "complaint")
    assert bob.mail is not None and bob.mail.is_same is None, "no mail left"
    cy = why(store, model, "cy@example.org")
    assert (cy.mailed.state, cy.mailed.reason, cy.consent) == ("skipped", "no_consent", None)


def test_data_that_was_cleaned_up_is_said_to_be_gone(store: Store, model: EntityModel, mailed: int) -> None:
    store.lake.vacuum("customer_user", timedelta(0))
    found = why(store, model, "ada@example.org")
    assert found.membership is None and found.definition is not None
    assert any("customer_user has been cleaned up" in remark for remark in found.remarks)
    assert found.values["first_name"] == "Ada" and found.mail is not None and found.mail.is_same is True


def test_everything_known_of_an_address(store: Store, model: EntityModel, mailed: int) -> None:
    asked = Why(store, model)
    Suppressions(store).block_domain("example.org")
    known = asked.known("ada@example.org")
    assert [s.reason for s in known.suppressions] == ["manual"] and len(known.consents) == 2
    assert known.block is not None and known.block.domain == "example.org"
    assert [(s.topic.name, s.is_mailed) for s in known.standings] == [("News", False)]
    assert asked.known("ada@example.org", "spring ").mails == known.mails
    assert asked.known("ada@example.org", "Autumn").mails == ()
    assert asked.known("nobody@example.org").mails == ()
    with pytest.raises(DeliveryError, match="no e-mail address"):
        asked.known("ada")
    with pytest.raises(NotFound):
        asked.of(4711)


def test_conditions_that_keep_no_past_are_named(store: Store, model: EntityModel) -> None:
    put_people(store, [{"id": "u1", "email": "ada@example.org", "first_name": "Ada"}])
    segments = Segments(store, model)
    lists = Lists(store, model, segments)
    lists.create("Others", Definition("customer_user"), contact="email")
    where = {"list": "Others"}
    lists.create(
        "Fans", Definition.from_document({"entity": "customer_user", "where": where}), contact="email", kind="static"
    )
    Templates(store, model).save("News", "Hello", "<p>Hello</p>")
    campaign = EmailCampaigns(store).create(
        "Spring", marketing_list="Fans", template="News", sender_email="shop@example.com"
    )
    sendings = Sendings(store, model)
    number = sendings.queue(campaign.id, "k").id
    sendings.freeze(number)
    found = why(store, model, "ada@example.org")
    assert any("other lists are answered as of today" in remark for remark in found.remarks)
    assert any("keeps its members" in remark for remark in found.remarks)
    assert found.mailed.state == "planned" and found.topic is None


def test_the_command_says_it(store: Store, mailed: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(["--workspace", str(store.folder.root), "why", "ada@example.org", "--mail"])
    said = capsys.readouterr().out
    assert not left.value.code
    for part in (
        "ada@example.org: 1 mail.",
        "Suppressed since",
        "News (opt_in): no on",
        "List Fans, version 1 on the segment Regulars: customer_user u1.",
        "saw: NO",
        "entity.first_name was 'Ada'",
        "Topic News (opt_in): yes on",
        "the very mail that left",
        "Hello Ada",
    ):
        assert part in said, part
