"""What people did and said, in the rows of the builder: details, durations, steps and shares as people type them."""

from __future__ import annotations

import pytest

from analytics.segments.definition import WEB_EVENTS, Behaviour, Did, EventText
from analytics.views import happenings as h

SALE = EventText("url", "starts_with", "https://shop.example.com/sale")


def test_every_event_and_detail_of_a_website_has_words() -> None:
    assert set(h.EVENTS) == set(WEB_EVENTS)
    full = Did("event", tuple(EventText(n, "not_empty") for n in ("url", "title", "category", "action", "name")),
               None, "s", "m", "c", when="after", at="today")  # fmt: skip
    assert h.details(full) == tuple(h.DETAILS)


def test_a_detail_that_is_added_has_no_value_and_the_others_keep_theirs() -> None:
    node = Did("page_view", (SALE,), source="newsletter", within="30d")
    more = h.with_details(node, ["medium", "title", "url", "source", "when"])
    assert more.texts == (SALE, EventText("title", "contains"))
    assert (more.source, more.medium, more.code, more.when, more.at) == ("newsletter", "", None, "on_or_after", None)
    assert h.with_details(more, ["url", "source"]) == node
    assert h.with_details(node, h.details(node)) is node


@pytest.mark.parametrize(
    ("typed", "written", "words"),
    [
        ("12 hours", "12h", "12 hours"),
        ("in the last 1 hour", "1h", "1 hour"),
        ("30", "30d", "30 days"),
        ("Within the last 2 weeks", "2w", "2 weeks"),
        ("90 min", "90min", "90 minutes"),
        ("3 moons", "3 moons", "3 moons"),
    ],
)
def test_a_duration_is_typed_as_people_say_it(typed: str, written: str, words: str) -> None:
    assert h.typed_duration(typed) == written
    assert h.duration_words(written) == words
    assert h.typed_duration(written) == written


def test_a_step_becomes_another_and_keeps_what_fits_it() -> None:
    clicked = Behaviour("clicked", "Spring", within="3d", by="all")
    assert h.step_of("mail.opened", clicked) == Behaviour("opened", "Spring", within="3d", by="all")
    ordered = h.step_of("did.order", clicked)
    assert ordered == Did("order", within="3d", by="all")
    assert [h.step_name(step) in h.step_choices() for step in (clicked, ordered)] == [True, True]
    looked = Did("page_view", (SALE,), "shop")
    assert h.step_of("did.any", looked) == Did("any", (SALE,), "shop")


@pytest.mark.parametrize("shares", [(50.0, 30.0, 20.0), (33.3, 66.7), (0.1,), (12.5,) * 8, h.equal_shares(3)])
def test_shares_come_back_as_they_were_written(shares: tuple[float, ...]) -> None:
    assert h.typed_shares(h.shares_words(shares)) == shares


@pytest.mark.parametrize("text", ["", "half", "60, 60", "0, 50", "-5", "nan", "101"])
def test_shares_that_cannot_be_are_none(text: str) -> None:
    assert h.typed_shares(text) is None


def test_shares_are_typed_in_the_ways_people_write_them() -> None:
    assert h.typed_shares("50/30/20") == h.typed_shares("50 %; 30 %; 20%") == (50.0, 30.0, 20.0)


@pytest.mark.parametrize("parts", [2, 3, 7, 100])
def test_equal_shares_fit_into_a_hundred(parts: int) -> None:
    shares = h.equal_shares(parts)
    assert len(shares) == parts
    assert 100 - parts / 10 <= sum(shares) <= 100 + 1e-9
