"""Numbers, times and states in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.views import wording

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=5), "5 minutes"),
        (timedelta(hours=1, minutes=10), "1 hour"),
        (timedelta(days=3), "3 days"),
        (None, "–"),
    ],
)
def test_a_span_is_said_in_its_largest_fitting_unit(span: timedelta | None, words: str) -> None:
    assert wording.duration(span) == words


def test_what_happened_this_minute_happened_just_now() -> None:
    assert wording.ago(NOW - timedelta(seconds=20), NOW) == "just now"
    assert wording.ago(NOW - timedelta(minutes=20), NOW) == "20 minutes ago"
    assert wording.ago(None, NOW) == "never"


def test_amounts_have_separators_and_a_missing_one_is_a_dash() -> None:
    assert wording.number(1234567) == "1,234,567"
    assert wording.money(Decimal("1234.5"), "EUR") == "1,234.50 EUR"
    assert wording.percent(0.1234) == "12.3 %"
    assert (wording.number(None), wording.money(None, "EUR"), wording.percent(None)) == ("–", "–", "–")


def test_a_moment_is_shown_on_the_clocks_of_the_workspace() -> None:
    assert wording.moment(NOW, "Europe/Berlin") == "24 Nov 2026, 13:00"
    assert wording.local(NOW, "Europe/Berlin") == datetime(2026, 11, 24, 13)  # noqa: DTZ001  # a wall clock's time


def test_control_characters_of_outside_text_become_visible() -> None:
    assert wording.visible("a\r\nb\u202ec") == "a··b·c"


def test_words_are_counted_and_joined() -> None:
    assert wording.counted(1, "list") == "1 list"
    assert wording.counted(2000, "reply", "replies") == "2,000 replies"
    assert wording.joined(["a", "b", "c"]) == "a, b and c"
    assert wording.joined([]) == ""
