"""Suppressions: one address, several reasons, the weightiest first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from analytics.errors import ListError
from analytics.lists import Suppressions
from tests.segments.shop import NOW


def test_an_address_is_suppressed_once_for_each_reason(suppressions: Suppressions) -> None:
    assert suppressions.add(" Ada@Example.com ", "manual", "command line")
    assert not suppressions.add("ada@example.com", "manual", "page")
    assert suppressions.add("ada@example.com", "complaint", "report", 7, datetime(2026, 1, 1, tzinfo=UTC))
    assert suppressions.count() == 1
    newest, oldest = suppressions.all()
    assert (newest.reason, newest.source, newest.created_at) == ("manual", "command line", NOW)
    assert (oldest.reason, oldest.delivery_id) == ("complaint", 7)
    assert suppressions.all("ADA@example.com") == (newest, oldest)


def test_the_weightiest_reason_is_named(suppressions: Suppressions) -> None:
    for reason in ("manual", "unsubscribed", "complaint", "hard_bounce"):
        suppressions.add("ada@example.com", reason)
    suppressions.add("bob@example.com", "unsubscribed")
    many = [f"x{n}@example.com" for n in range(2_000)]
    assert suppressions.reasons(["ada@example.com", *many, "bob@example.com"]) == {
        "ada@example.com": "complaint",
        "bob@example.com": "unsubscribed",
    }
    assert suppressions.reasons([]) == {}


def test_a_suppression_is_taken_back_whole_or_by_reason(suppressions: Suppressions) -> None:
    suppressions.add("ada@example.com", "manual")
    suppressions.add("ada@example.com", "complaint")
    assert suppressions.remove("Ada@example.com", "complaint") == 1
    assert suppressions.remove("ada@example.com") == 1
    assert suppressions.remove("ada@example.com") == 0
    assert suppressions.count() == 0


def test_what_is_no_address_or_reason_is_refused(suppressions: Suppressions) -> None:
    with pytest.raises(ListError, match="'ada' is no e-mail address"):
        suppressions.add("ada")
    with pytest.raises(ListError, match="there are complaint, hard_bounce"):
        suppressions.add("ada@example.com", "whim")


def test_a_telephone_number_is_not_called_however_it_is_written(suppressions: Suppressions) -> None:
    assert suppressions.add("+44 20 7946 0123", "do_not_call", "telephone")
    assert not suppressions.add("0044 20 7946-0123", "do_not_call", "telephone")
    assert suppressions.reasons(["+442079460123"]) == {"+442079460123": "do_not_call"}
    assert [s.address_key for s in suppressions.all("+44 (0)20 7946 0123")] == ["+442079460123"]
    assert suppressions.remove("+442079460123", "do_not_call") == 1
    with pytest.raises(ListError, match="'020 7946 0123' is no telephone number that can be dialled"):
        suppressions.add("020 7946 0123", "do_not_call")
