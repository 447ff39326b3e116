"""What the demo shop's marketing did in 18 months, and what it does now: lists, mails, campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any

from analytics.demo.recipients import Rates

WEBSITE = "demo-shop"
SHOP_URL = "https://shop.example.com"


@dataclass(frozen=True)
class MarketingCampaignStory:
    """A marketing campaign: its budget is in the base currency."""

    name: str
    code: str
    budget: int
    began: timedelta  # before today
    ended: timedelta


@dataclass(frozen=True)
class Episode:
    """One email campaign, sent `ago` before today to a list of the segment of the same name."""

    name: str
    code: str
    ago: timedelta
    list_name: str
    mail: str
    subject: str
    preheader: str
    cost: int
    holdout: int = 0
    rates: Rates = field(default_factory=Rates)
    bounces: float = 0.012

    @property
    def html(self) -> str:
        """The mail's template."""
        return resources.files("analytics.demo").joinpath("mails", f"{self.mail}.html").read_text("utf-8")


CAMPAIGNS = (
    MarketingCampaignStory("Bring back quiet buyers", "COMEBACK", 1_800, timedelta(days=260), timedelta(days=180)),
    MarketingCampaignStory("New office range", "OFFICE26", 2_400, timedelta(days=95), timedelta(days=-14)),
)


def _orders(measure: str, operator: str, value: int, *, since: str | None = None) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [{"field": "internal_status", "is": "none_of", "value": ["cancelled"]}]
    if since:
        conditions.append({"field": "created_at", "is": "after", "value": since})
    return {"related": "orders", "measure": measure, "is": operator, "value": value, "where": {"all": conditions}}


_REACHABLE = ({"field": "enabled", "is": "yes"}, {"field": "confirmed", "is": "yes"})

QUIET = {
    "entity": "customer_user",
    "where": {
        "all": [
            *_REACHABLE,
            _orders("count", "at_least", 1),
            _orders("count", "equals", 0, since="today - 90d"),
        ]
    },
    "sort": [{"field": "last_login", "direction": "descending"}],
}
REGULAR = {
    "entity": "customer_user",
    "where": {"all": [*_REACHABLE, _orders("count", "at_least", 2, since="today - 365d")]},
    "sort": [{"field": "last_login", "direction": "descending"}],
}
SEGMENTS: Mapping[str, Mapping[str, Any] | str] = {
    "Quiet buyers": QUIET,
    "Regular buyers": REGULAR,
    "Best buyers": "customer_user where rfm(recency) <= 2 and rfm(frequency) <= 2 and rfm(monetary) <= 2",
    "Looked around, bought nothing": "customer_user where did(page_view within 90d) and not did(order within 90d)",
    "Clicked, then ordered": "customer_user where sequence(clicked(any campaign) then did(order) within 7d)",
}
"""Stored segments by name; lists of the same name are built on them."""

TOPICS = (
    ("Offers", "Prices that end soon, a few times a month."),
    ("New in the shop", "What comes into the range, once a season."),
    ("Tips for the office", "How others furnish theirs, now and then."),
)

PAST = (
    Episode(
        "We miss you",
        "COMEBACK",
        timedelta(days=250),
        "Quiet buyers",
        "comeback",
        "{{ entity.first_name | default('Hello') }}, your desk misses you",
        "What has changed since your last order",
        320,
        holdout=10,
        rates=Rates(opens=0.31, clicks_of_opens=0.27, orders_of_clicks=0.14, unsubscribes=0.011),
    ),
    Episode(
        "A last reminder",
        "COMEBACK",
        timedelta(days=222),
        "Quiet buyers",
        "comeback",
        "Still here for you, {{ entity.first_name | default('friend') }}",
        "Free delivery ends on Sunday",
        240,
        rates=Rates(opens=0.27, clicks_of_opens=0.22, orders_of_clicks=0.12, unsubscribes=0.016),
    ),
    Episode(
        "The new range is here",
        "OFFICE26",
        timedelta(days=88),
        "Regular buyers",
        "range",
        "New for {{ entity.customer.name | default('your office') }}: oak, sage and walnut",
        "Forty new things for desk and shelf",
        450,
        holdout=10,
        rates=Rates(opens=0.47, clicks_of_opens=0.36, orders_of_clicks=0.24),
    ),
    Episode(
        "Range: the favourites",
        "OFFICE26",
        timedelta(days=45),
        "Regular buyers",
        "range",
        "{{ entity.first_name | default('You') }}, these sold out first",
        "They are back on the shelf",
        380,
        rates=Rates(opens=0.42, clicks_of_opens=0.33, orders_of_clicks=0.2),
    ),
)
LIVE = Episode(
    "Offers of the week",
    "OFFICE26",
    timedelta(0),
    "Regular buyers",
    "offers",
    "{{ entity.first_name | default('Hello') }}, three offers until Friday",
    "Picked for people who order often",
    400,
    holdout=10,
    rates=Rates(opens=0.45, clicks_of_opens=0.4, orders_of_clicks=0.3, unsubscribes=0.005),
)
