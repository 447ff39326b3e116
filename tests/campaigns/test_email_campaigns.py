"""Email campaigns: list and template have to fit, and what was sent is not changed afterwards."""

from __future__ import annotations

from decimal import Decimal

import pytest

from analytics.campaigns import EmailCampaigns, MarketingCampaigns
from analytics.errors import CampaignError, NotFound
from analytics.store import Store
from tests.campaigns.sendings import queue


def test_a_campaign_knows_the_names_of_what_it_refers_to(emails: EmailCampaigns, marketing: MarketingCampaigns) -> None:
    spring = marketing.create("Spring", "spring-26")
    made = emails.create(
        "News",
        marketing_list="Buyers",
        template="Hello",
        marketing_campaign="SPRING-26",
        holdout_percent="10",
        cost="12.50",
    )
    assert (made.list_name, made.entity, made.template_name) == ("Buyers", "customer_user", "Hello")
    assert (made.marketing_campaign_id, made.marketing_campaign_name, made.code) == (spring.id, "Spring", "spring-26")
    assert (made.sender_name, made.sender_email) == ("Teal & Co", "news@example.com")
    assert (made.holdout_percent, made.cost) == (Decimal(10), Decimal("12.50"))
    assert emails.get("News") == emails.get(made.id) == emails.all()[0] == made
    assert not emails.has_sending("News")


def test_a_template_fits_its_own_entity_or_is_for_any(emails: EmailCampaigns) -> None:
    emails.create("a", marketing_list="Orders", template="Thanks")
    emails.create("b", marketing_list="Orders", template="Any")
    with pytest.raises(CampaignError, match="'Hello' is made for customer_user, marketing list 'Orders' holds order"):
        emails.create("c", marketing_list="Orders", template="Hello")


def test_a_list_that_is_called_cannot_be_mailed(emails: EmailCampaigns) -> None:
    with pytest.raises(CampaignError, match="'Callers' reaches people by phone, not by e-mail"):
        emails.create("a", marketing_list="Callers", template="Any")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sender_name": "Shop\r\nBcc: x@example.com"}, "a line break or control character"),
        ({"sender_name": "Shop\u2028"}, "a line break or control character"),
        ({"sender_name": "x" * 101}, "at most 100"),
        ({"sender_email": "shop@example.com\nBcc: x@example.com"}, "a line break or control character"),
        ({"sender_email": "shop"}, "expected one such as shop@example.com"),
        ({"sender_email": ""}, "expected one such as shop@example.com"),
        ({"holdout_percent": 51}, "0 to 50"),
        ({"holdout_percent": -1}, "0 to 50"),
        ({"holdout_percent": "some"}, "a percentage such as 10"),
        ({"holdout_percent": "1.234"}, "at most two decimals"),
        ({"cost": "free"}, "an amount such as 12.50"),
        ({"name": ""}, "needs a name"),
    ],
)
def test_an_unusable_value_is_named(emails: EmailCampaigns, values: dict, sentence: str) -> None:
    with pytest.raises(CampaignError) as caught:
        emails.create(**{"name": "News", "marketing_list": "Buyers", "template": "Hello", **values})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"marketing_list": "Nobody"}, r"No marketing list 'Nobody'\. There are: Buyers, Callers, Orders"),
        ({"template": "None"}, r"No template 'None'\. There are: Any, Hello, Thanks"),
        ({"marketing_campaign": "none"}, "No marketing campaign 'none'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(emails: EmailCampaigns, values: dict, sentence: str) -> None:
    with pytest.raises(NotFound, match=sentence):
        emails.create(**{"name": "News", "marketing_list": "Buyers", "template": "Hello", **values})


def test_a_name_is_given_once(emails: EmailCampaigns) -> None:
    emails.create("News", marketing_list="Buyers", template="Hello")
    other = emails.create("Other", marketing_list="Buyers", template="Hello")
    for work in (
        lambda: emails.create("News", marketing_list="Buyers", template="Any"),
        lambda: emails.update(other.id, name="News"),
        lambda: emails.clone("Other", "News"),
    ):
        with pytest.raises(CampaignError, match="'News' already"):
            work()


def test_a_sent_campaign_keeps_what_people_got(
    store: Store, emails: EmailCampaigns, marketing: MarketingCampaigns
) -> None:
    marketing.create("Spring", "spring")
    made = emails.create("News", marketing_list="Buyers", template="Hello", cost=1)
    assert emails.update("News", template="Any", holdout_percent=5).template_name == "Any"
    queue(store, made.id)
    for change in (
        {"template": "Hello"},
        {"marketing_list": "Orders"},
        {"holdout_percent": 6},
        {"sender_name": "Other"},
        {"sender_email": "other@example.com"},
        {"marketing_campaign": "spring"},
    ):
        with pytest.raises(CampaignError, match=r"has a sending, so its .* cannot change any more"):
            emails.update("News", **change)
    changed = emails.update("News", name="Old news", description="d", cost="3", template="Any")
    assert (changed.name, changed.description, changed.cost) == ("Old news", "d", Decimal(3))
    assert emails.has_sending("Old news")
    with pytest.raises(CampaignError, match="cannot be deleted: it has a sending"):
        emails.delete("Old news")
    copy = emails.clone("Old news", "News again")
    assert (copy.template_name, copy.holdout_percent, copy.cost, copy.description) == ("Any", Decimal(5), None, "d")
    assert emails.update("News again", template="Hello").template_name == "Hello"
    emails.delete("News again")
    assert [c.name for c in emails.all()] == ["Old news"]
