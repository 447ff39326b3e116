"""Marketing campaigns: codes are unique for ever, and a former one keeps counting."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.campaigns import EmailCampaigns, MarketingCampaigns
from analytics.errors import CampaignError, NotFound
from analytics.store import Store
from tests.campaigns.sendings import queue


def test_a_campaign_is_kept_as_given(marketing: MarketingCampaigns) -> None:
    made = marketing.create(
        " Spring ", "Spring-26", start_date="2026-03-01", end_date=date(2026, 3, 31), budget="1200.50", description="d"
    )
    assert (made.name, made.code, made.codes, made.budget) == (
        "Spring",
        "Spring-26",
        ("spring-26",),
        Decimal("1200.50"),
    )
    assert (made.start_date, made.end_date, made.description) == (date(2026, 3, 1), date(2026, 3, 31), "d")
    assert made.label == "Spring (Spring-26)"
    for named in (made.id, str(made.id), "Spring", "spring", "SPRING-26"):
        assert marketing.get(named) == made


@pytest.mark.parametrize("code", ["", "a b", "ä", "x" * 21, "a/b", "a.b", "a\n"])
def test_a_code_that_trackers_would_spoil_is_refused(marketing: MarketingCampaigns, code: str) -> None:
    if code == "a\n":
        assert marketing.create("x", code).code == "a"
        return
    with pytest.raises(CampaignError, match="1 to 20 letters, digits, - or _"):
        marketing.create("x", code)


def test_a_new_code_takes_over_and_the_former_keeps_counting(store: Store, marketing: MarketingCampaigns) -> None:
    marketing.create("Spring", "spring")
    store.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    changed = marketing.update("spring", code="spring-2")
    assert (changed.code, changed.codes) == ("spring-2", ("spring-2", "spring"))
    assert marketing.get("spring").id == changed.id
    with pytest.raises(CampaignError, match="'SPRING' is taken: 'Spring' had it before and still counts"):
        marketing.create("Other", "SPRING")
    with pytest.raises(CampaignError, match="'Spring-2' is taken: 'Spring' still counts"):
        marketing.create("Other", "Spring-2")
    back = marketing.update(changed.id, code="Spring")
    assert (back.code, back.codes) == ("Spring", ("spring", "spring-2"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "a\r\nb"}, "line break"),
        ({"budget": "lots"}, "expected an amount such as 12.50"),
        ({"budget": "-1"}, "0 or more"),
        ({"budget": "NaN"}, "0 or more"),
        ({"budget": "1.00001"}, "at most four decimals"),
        ({"start_date": "1.3.2026"}, "a day such as 2026-03-31"),
        ({"start_date": "2026-03-02", "end_date": "2026-03-01"}, "ends on 2026-03-01, before it starts on 2026-03-02"),
    ],
)
def test_an_unusable_value_is_named(marketing: MarketingCampaigns, values: dict, sentence: str) -> None:
    with pytest.raises(CampaignError) as caught:
        marketing.create(**{"name": "Spring", "code": "spring", **values})
    assert sentence in str(caught.value)
    assert marketing.all() == ()


def test_an_end_is_checked_against_the_start_that_is_there(marketing: MarketingCampaigns) -> None:
    marketing.create("Spring", "spring", start_date="2026-03-01")
    with pytest.raises(CampaignError, match="before it starts"):
        marketing.update("spring", end_date="2026-02-01")
    with pytest.raises(CampaignError, match="has no colour"):
        marketing.update("spring", colour="red")
    assert marketing.update("spring", description=None, start_date=None, end_date="2026-02-01").start_date is None


def test_campaigns_are_listed_by_latest_start(marketing: MarketingCampaigns) -> None:
    for name, start in (("a", "2026-01-01"), ("b", None), ("c", "2026-02-01")):
        marketing.create(name, name, start_date=start)
    assert [c.name for c in marketing.all()] == ["c", "a", "b"]
    with pytest.raises(NotFound, match=r"No marketing campaign 'd'\. There are: a, b, c"):
        marketing.get("d")


def test_a_name_of_two_campaigns_names_neither(marketing: MarketingCampaigns) -> None:
    marketing.create("Spring", "s1")
    marketing.create("Spring", "s2")
    with pytest.raises(CampaignError, match="2 marketing campaigns are called 'Spring'; name one by its code"):
        marketing.get("Spring")


def test_a_campaign_goes_unless_something_of_it_was_sent(
    store: Store, marketing: MarketingCampaigns, emails: EmailCampaigns
) -> None:
    marketing.create("Spring", "spring")
    made = emails.create("One", marketing_list="Buyers", template="Hello", marketing_campaign="spring")
    marketing.delete("spring")
    assert emails.get("One").code is None
    marketing.create("Spring", "spring")
    emails.update("One", marketing_campaign="spring")
    queue(store, made.id)
    with pytest.raises(CampaignError, match="'One' of it has been sent"):
        marketing.delete("spring")
