"""Telephone numbers: read with the country of their row, checked by column as one by one, problems named."""

from __future__ import annotations

import random

import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.lists import Lists
from analytics.lists.countries import country_code
from analytics.lists.phones import country_path, phone_key, phone_keys, read_phones
from analytics.segments import Definition
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, fill


@pytest.mark.parametrize(
    ("number", "country", "default", "key", "problem"),
    [
        ("+49 30 901820", None, None, "+4930901820", None),
        (" +1 (212) 555-0100 ", None, None, "+12125550100", None),
        ("030 901820", "DE", None, "+4930901820", None),
        ("030 901820", "Germany", None, "+4930901820", None),
        ("030 901820", "Deutschland", None, "+4930901820", None),
        ("030 901820", "DE-BY", "GB", "+4930901820", None),
        ("030 901820", None, "DE", "+4930901820", None),
        ("030 901820", " ", "DE", "+4930901820", None),
        ("020 7946 0123", "UK", "DE", "+442079460123", None),
        ("06 698 12345", "it", None, "+390669812345", None),
        ("+44 20 7946 0123", "Germany", None, "+442079460123", None),
        ("0044 20 7946 0123", None, None, "+442079460123", None),
        ("+442079460123", None, None, "+442079460123", None),
        ("+44 20 7946 0123", "Atlantis", None, "+442079460123", None),
        ("030 901820", None, None, None, "no country"),
        ("030 901820", "Atlantis", "DE", None, "unknown country"),
        ("030", "DE", None, None, "too short"),
        ("+49", None, None, None, "invalid"),
        ("+4930901820901820901", None, None, None, "too long"),
        ("+4420794", None, None, None, "too short"),
        ("+999123456", None, None, None, "invalid"),
        ("+12005550100", None, None, None, "invalid"),
        ("call me", "DE", None, None, "invalid"),
        ("", "DE", "DE", None, "no number"),
        (None, "DE", "DE", None, "no number"),
    ],
)
def test_a_number_is_read_with_its_country(
    number: str | None, country: str | None, default: str | None, key: str | None, problem: str | None
) -> None:
    read = read_phones(pa.array([number] * 2, pa.string()), pa.array([country] * 2, pa.string()), default)
    assert read.to_pylist() == [{"key": key, "problem": problem}] * 2


def test_a_column_is_checked_as_its_numbers_one_by_one_are() -> None:
    """Over every calling code: real numbers, numbers a digit off, random digits; the fast way must not differ."""
    rng = random.Random(11)
    numbers = []
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            example = phonenumbers.example_number(region)
            if example is None:
                continue
            real = phonenumbers.format_number(example, PhoneNumberFormat.E164)
            numbers += [real, real[:-1], real + "1", real[:-3] + f"{rng.randrange(1000):03}"]
            national = phonenumbers.national_significant_number(example)
            numbers += [f"+{code}0{national}", f"+{code}8{national}", f"+{code}1{national}"]
        numbers += [f"+{code}{rng.randrange(10 ** rng.randint(5, 10))}" for _ in range(12)]
    for number, key in zip(numbers, phone_keys(pa.array(numbers)).to_pylist(), strict=True):
        assert key == phone_key(number) == _slowly(number), number


def _slowly(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def test_countries_are_known_by_code_and_by_name_in_many_languages() -> None:
    names = (
        "DE",
        "de",
        "DE-BY",
        "germany",
        "Allemagne",
        "ドイツ",
        "Österreich",
        "Great Britain",
        "USA",
        "Côte d’Ivoire",
    )
    assert [country_code(n) for n in names] == ["DE", "DE", "DE", "DE", "DE", "DE", "AT", "GB", "US", "CI"]
    assert [country_code(n) for n in ("", "XX", "Dexter", "Atlantis", "D")] == [None] * 5


def test_the_country_is_looked_for_along_the_contact_path() -> None:
    assert country_path(MODEL, "user", "person.phone") == "country"
    assert country_path(MODEL, "person", "phone") is None
    shipped = load_model(None)
    assert country_path(shipped, "customer_user", "phone") == "country"
    assert country_path(shipped, "account", "default_contact.phone") == "default_contact.country"


def test_chunks_nulls_and_nothing_are_taken() -> None:
    column = pa.chunked_array([["+442079460123"], [], [None]], pa.large_string())
    assert phone_keys(column).to_pylist() == ["+442079460123", None]
    assert phone_keys(pa.array([], pa.string())).to_pylist() == []
    assert phone_keys(pa.nulls(1)).to_pylist() == [None]


def test_a_list_counts_numbers_nobody_can_dial_and_shared_ones(lists: Lists, store: Store) -> None:
    people = [
        {"id": "p1", "email": "a1@example.com", "phone": "+44 20 7946 0123"},
        {"id": "p2", "email": "a2@example.com", "phone": "020 7946 0123"},
        {"id": "p3", "email": "a3@example.com", "phone": "12"},
        {"id": "p4", "email": "a4@example.com", "phone": None},
    ]
    users = [{"id": f"tel{n}", "email": f"a{n}@example.com", "country": "GB"} for n in range(1, 5)]
    fill(store, {"person": people, "user": users})
    where = {"field": "id", "is": "starts_with", "value": "tel"}
    made = lists.create("Calls", Definition.from_document({"entity": "user", "where": where}), contact="phone")
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        rows = lists.audience(engine, made)
        counts = lists.counts(engine, made)
    assert rows.column("address_key").to_pylist() == ["+442079460123", "+442079460123", None, None]
    assert rows.column("problem").to_pylist() == [None, None, "too short", "no number"]
    assert (counts.members, counts.without_contact, counts.bad_numbers, counts.shared_numbers) == (4, 1, 1, 1)
    assert counts.reachable == 2
