"""Who may be mailed: addresses, domains and topics kept by hand, and everything known of one address."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from analytics.segments import Definition
from analytics.services import Services
from analytics.views import suppressions as view
from tests.pages.conftest import Dashboard, press, said

PAGE = "pages/audience/suppressions.py"


def table(at: AppTest, column: str, number: int = 0) -> list[object]:
    return list(at.dataframe[number].value[column])


def test_an_address_is_suppressed_found_and_shown_with_its_note(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE)
    assert "No address is suppressed" in said(at)
    at.text_input(key="suppressions.add.address").set_value("Ada@Example.com")
    at.selectbox(key="suppressions.add.reason").set_value("complaint")
    at.text_input(key="suppressions.add.note").set_value("called us")
    press(at, "Suppress")
    [kept] = services.suppressions.all()
    assert (kept.address_key, kept.reason, kept.note, kept.source) == (
        "ada@example.com",
        "complaint",
        "called us",
        "dashboard",
    )
    assert table(at, "address") == ["ada@example.com"] and table(at, "reason") == ["Complained"]
    at.text_input(key="suppressions.search").set_value("bob").run()
    assert "No suppressed address matches" in said(at)
    at.text_input(key="suppressions.search").set_value("").run()
    at.text_input(key="suppressions.add.address").set_value("nobody")
    press(at, "Suppress")
    assert "is no e-mail address" in at.error[0].value.replace("\\", "")


def test_many_addresses_are_paged_and_a_new_search_begins_at_the_first(full: Dashboard, services: Services) -> None:
    for n in range(120):
        services.suppressions.add(f"p{n:03d}@example.com", "manual" if n % 2 else "unsubscribed")
    at = full.open(PAGE)
    assert "1 to 50 of 120" in said(at)
    first = table(at, "address")
    for _ in range(2):
        at.button(key="suppressions.next").click().run()
    assert "101 to 120 of 120" in said(at) and at.button(key="suppressions.next").disabled
    assert not set(first) & set(table(at, "address"))
    at.selectbox(key="suppressions.only").set_value("manual").run()
    assert "1 to 50 of 60" in said(at)
    assert set(table(at, "reason")) == {"By hand"}


def test_suppressions_are_taken_back_one_reason_at_a_time(services: Services) -> None:
    services.suppressions.add("ada@example.com", "manual")
    services.suppressions.add("ada@example.com", "complaint")
    rows = view.addresses(services, 0, "ada", "manual").rows
    assert view.take_back(services, rows) == 1
    assert [s.reason for s in services.suppressions.all()] == ["complaint"]
    services.suppressions.block_domain("example.com")
    assert view.unblock(services, services.suppressions.domains()) == 1


def test_a_domain_is_blocked(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, show="domains")
    at.text_input(key="domains.add.domain").set_value("@Bücher.example")
    press(at, "Block")
    assert [b.domain for b in services.suppressions.domains()] == ["xn--bcher-kva.example"]
    assert table(at, "domain") == ["xn--bcher-kva.example"]


def test_topics_are_made_ordered_changed_and_counted(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, show="topics")
    for name, policy in (("Offers", "opt_out"), ("News <b>", "opt_in")):
        at.text_input(key="topics.form.new.name").set_value(name)
        at.radio(key="topics.form.new.policy").set_value(policy)
        at.button(key="topics.form.new.save").click().run()
    services.consents.record("ada@example.com", "Offers", False, wording="Offers?", source="test")
    at.button(key="topics.up.2").click().run()
    assert [t.name for t in services.topics.all()] == ["News <b>", "Offers"]
    assert "0 said yes · 1 said no · 0 campaigns" in said(at) and "Only those who said yes" in said(at)
    at.text_input(key="topics.form.1.about").set_value("Sales")
    at.button(key="topics.form.1.save").click().run()
    assert services.topics.get("Offers").description == "Sales"
    at.button(key="topics.delete.1").click().run()
    assert "is kept" in at.error[0].value
    at.button(key="topics.delete.2").click().run()
    assert [t.name for t in services.topics.all()] == ["Offers"]


@pytest.fixture
def ada(services: Services) -> str:
    """Somebody who got a mail about a topic, and left since."""
    with services.engine() as engine:
        key, address = engine.rows("select id, email from customer_user where email is not null order by id limit 1")[0]
    services.topics.create("News", "opt_in")
    services.consents.record(address, "News", True, wording="Send me <i>news</i>", source="fair")
    where = {"field": "id", "is": "equals", "value": key}
    services.lists.create("One", Definition.from_document({"entity": "customer_user", "where": where}), contact="email")
    services.templates.save("Mail", "Hello [you](https://evil.example)", "<p>Hello</p>")
    services.email_campaigns.create("Spring *news*", marketing_list="One", template="Mail", topic="News")
    number = services.sendings.queue("Spring *news*", "k").id
    services.sendings.freeze(number)
    services.sendings.drain(number)
    services.suppressions.add(address, "unsubscribed", "one-click")
    return str(address)


def test_the_look_up_shows_everything_and_why(full: Dashboard, services: Services, ada: str) -> None:
    at = full.open(PAGE, show="address", address=ada)
    text = said(at)
    assert "gets no mail" in text and "Unsubscribed since" in text
    assert "“One”, version 1" in text and "Yes on" in text and "Send me <i>news</i>" in text
    assert "byte for byte the mail that left" in text
    assert table(at, "campaign", 2) == ["Spring *news*"] and table(at, "state", 2) == ["Accepted"]
    at.text_input(key="lookup.address").set_value("stranger@example.com").run()
    assert "Nothing speaks against mailing" in said(at) and "No sending has met" in said(at)
    at.text_input(key="lookup.address").set_value("nonsense").run()
    assert "is no e-mail address" in at.error[0].value.replace("\\", "")


def test_a_campaign_is_given_its_topic_in_the_form(full: Dashboard, services: Services) -> None:
    services.topics.create("News")
    services.lists.create("All", Definition("customer_user"), contact="email")
    services.templates.save("Mail", "Hello", "<p>Hello</p>")
    at = full.open("pages/sending/email_campaigns.py", campaign="new")
    at.text_input(key="campaign.name").set_value("Spring").run()
    at.selectbox(key="campaign.topic").set_value(1).run()
    press(at, "Create and check")
    assert services.email_campaigns.get("Spring").topic_name == "News"


def test_the_window_of_a_members_grid_shows_the_same(services: Services, full: Dashboard, ada: str) -> None:
    """A grid's ticks cannot be set here, so the window is opened by the function the grid calls."""

    def script(address: str) -> None:
        from pages._ui import mailed

        mailed.button([address], key="why")
        mailed.button([address, address], key="two")
        mailed.button(["+44 20 7946 0123"], key="phone")

    at = AppTest.from_function(script, args=(ada,), default_timeout=60).run()
    assert at.button(key="two").disabled and at.button(key="phone").disabled
    at.button(key="why").click().run()
    assert not at.exception, at.exception
    assert "gets no mail" in said(at) and "byte for byte the mail that left" in said(at)
