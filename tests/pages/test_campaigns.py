"""Email campaigns: made, checked, confirmed by their number, followed, stopped; marketing campaigns beside them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from analytics.services import Services
from analytics.store import tables
from analytics.store.backup import RESTORED
from tests.pages import scenario
from tests.pages.conftest import Dashboard, keyed, press, said

PAGE = "pages/sending/email_campaigns.py"
MARKETING = "pages/campaigns/marketing_campaigns.py"


@pytest.fixture
def campaign(services: Services) -> int:
    return scenario.prepare(services)


def test_a_campaign_is_made_and_leads_to_its_check(full: Dashboard, services: Services, campaign: int) -> None:
    at = full.open(PAGE, campaign="new")
    at.text_input(key="campaign.name").set_value("Second mail").run()
    at.slider(key="campaign.holdout").set_value(10).run()
    press(at, "Create and check")
    made = services.email_campaigns.get("Second mail")
    assert (made.holdout_percent, made.list_name) == (10, "All customer users")
    assert at.query_params["campaign"] == str(made.id)
    assert at.metric[0].label == "People"
    assert at.metric[0].value == "60"


def test_nothing_is_queued_before_the_number_is_typed(full: Dashboard, services: Services, campaign: int) -> None:
    at = full.open(PAGE, campaign=str(campaign))
    assert at.button(key="checking.queue").disabled
    at.text_input(key="checking.typed").set_value("59").run()
    assert at.button(key="checking.queue").disabled
    at.text_input(key="checking.typed").set_value("60").run()
    press(at, "Queue now")
    (sending,) = services.sendings.all()
    assert (sending.status, sending.expected_count) == ("scheduled", 60)
    assert "Scheduled" in said(at)


def test_two_submits_of_one_check_make_one_sending(full: Dashboard, services: Services, campaign: int) -> None:
    at = full.open(PAGE, campaign=str(campaign))
    at.session_state[f"request.queue.{campaign}"] = "the same request"
    at.text_input(key="checking.typed").set_value("60").run()
    press(at, "Queue now")
    at = full.open(PAGE, campaign=str(campaign))
    at.session_state[f"request.queue.{campaign}"] = "the same request"
    at.toggle(key="campaign.again").set_value(True).run()
    at.text_input(key="checking.typed").set_value("60").run()
    press(at, "Queue now")
    assert len(services.sendings.all()) == 1


def test_a_moment_in_the_past_is_refused_in_a_sentence(full: Dashboard, services: Services, campaign: int) -> None:
    at = full.open(PAGE, campaign=str(campaign))
    keyed(at.segmented_control, "checking.way").set_value("later").run()
    yesterday = services.store.clock.now().date() - timedelta(days=2)
    at.date_input(key="checking.day").set_value(yesterday).run()
    at.text_input(key="checking.typed").set_value("60").run()
    press(at, "Schedule")
    assert "is past" in said(at)
    assert services.sendings.all() == ()


def test_a_sending_is_paused_resumed_and_cancelled(full: Dashboard, services: Services, campaign: int) -> None:
    sending = services.sendings.queue(campaign, "k")
    services.sendings.freeze(sending.id)
    at = full.open(PAGE, campaign=str(campaign))
    press(at, "Pause")
    assert services.sendings.get(sending.id).status == "paused"
    press(at, "Go on")
    assert services.sendings.get(sending.id).status == "sending"
    press(at, "Cancel for good")
    assert services.sendings.get(sending.id).status == "cancelled"
    assert "nobody else gets the mail" in said(at)


def test_a_list_that_grew_waits_for_a_word(full: Dashboard, services: Services, campaign: int) -> None:
    sending = services.sendings.queue(campaign, "k", expected_count=10)
    services.sendings.work()
    at = full.open(PAGE, campaign=str(campaign))
    assert "You confirmed 10 people, but the list now has 60" in said(at)
    press(at, "Agree and send")
    assert services.sendings.get(sending.id).status == "freezing"


def test_a_restored_sending_nobody_decided_about_starts_by_a_word_only(
    full: Dashboard, services: Services, campaign: int
) -> None:
    number = services.sendings.queue(campaign, "k").id
    with services.store.state.write() as connection:
        restored = {RESTORED: services.store.clock.now().isoformat()}
        connection.execute(update(tables.sending).values(status="paused", snapshot=restored))
    at = full.open(PAGE, campaign=str(campaign))
    assert not [b for b in at.button if b.label == "Go on"]
    press(at, "Agree and send")
    assert services.sendings.get(number).status == "scheduled"


def test_uncertain_mails_are_shown_and_sent_again_only_by_a_word(
    full: Dashboard, services: Services, campaign: int
) -> None:
    sending = services.sendings.queue(campaign, "k")
    services.sendings.freeze(sending.id)
    with services.store.state.write() as connection:
        connection.exec_driver_sql("update delivery set state = 'uncertain', code = 'no answer' where id % 20 = 0")
    at = full.open(PAGE, campaign=str(campaign))
    assert "Uncertain: 3 recipients" in said(at)
    at.session_state[f"monitoring.uncertain.{sending.id}"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    at.run()
    press(at, "Send 1 again")
    assert services.sendings.status(sending.id).counts["uncertain"] == 2


def test_the_ledger_shows_every_recipient_with_the_servers_answer(
    full: Dashboard, services: Services, campaign: int
) -> None:
    scenario.send(services, campaign)
    at = full.open(PAGE, campaign=str(campaign))
    at.selectbox(key="monitoring.state").set_value("accepted").run()
    rows = at.dataframe[0].value
    assert len(rows) == 60
    assert set(rows["state"]) == {"Accepted"}


def test_a_sent_campaign_keeps_what_people_got(full: Dashboard, services: Services, campaign: int) -> None:
    scenario.send(services, campaign)
    at = full.open(PAGE, campaign=str(campaign))
    assert at.text_input(key="campaign.sender").disabled
    at.number_input(key="campaign.cost").set_value(33.5).run()
    press(at, "Save changes")
    assert services.email_campaigns.get(campaign).cost == 33.5


def test_a_marketing_campaign_keeps_its_former_codes(full: Dashboard, services: Services) -> None:
    at = full.open(MARKETING, campaign="new")
    at.text_input(key="marketing.name").set_value("Spring")
    at.text_input(key="marketing.code").set_value("spring")
    at.number_input(key="marketing.budget").set_value(500.0)
    press(at, "Create campaign")
    made = services.marketing_campaigns.get("spring")
    assert made.budget == 500
    at.text_input(key="marketing.code").set_value("spring-2")
    press(at, "Save")
    assert services.marketing_campaigns.get(made.id).codes == ("spring-2", "spring")
    assert "Earlier codes that still count: spring" in said(at)
    assert "utm_campaign=spring-2" in said(at)


def test_a_code_that_cannot_be_one_gets_its_sentence(full: Dashboard, services: Services) -> None:
    at = full.open(MARKETING, campaign="new")
    at.text_input(key="marketing.name").set_value("Spring")
    at.text_input(key="marketing.code").set_value("spring sale!")
    press(at, "Create campaign")
    assert "Campaign code 'spring sale!' cannot be used" in said(at)
    assert services.marketing_campaigns.all() == ()
