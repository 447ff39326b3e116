"""Telephone numbers of a whole column in E.164 form (ITU-T E.164), each read with the country of its row."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, ValidationResult

from analytics.lists.address import Column
from analytics.lists.countries import country_code
from analytics.model.entity import EntityModel

PROBLEMS = ("no number", "no country", "unknown country", "too short", "too long", "invalid")
"""Why a number cannot be dialled."""

_E164 = r"^\+[1-9][0-9]{6,14}$"
_BETWEEN = "\x1f"  # between number and country while pairs are made different; no number holds it


def read_phones(numbers: Column, countries: Column | None = None, default_country: str | None = None) -> pa.Table:
    """Return `key` (E.164, null for what cannot be dialled) and `problem` (why not, one of PROBLEMS) of every number.

    A number without + is read as one of the row's country (ISO 3166 code such as DE, or its name in any larger
    language), and where the row has none as one of `default_country` (ISO code). Valid means what the numbering plans
    in phonenumbers say. Numbers in E.164 form are checked a column at once, all others one by one, each different
    pair of number and country once.
    """
    column = _text(numbers)
    places = pa.nulls(len(column), pa.string()) if countries is None else _text(countries)
    written = pc.utf8_trim_whitespace(column)
    fast = _surely_valid(written)
    pairs = pc.binary_join_element_wise(
        pc.fill_null(written, ""), pc.fill_null(pc.utf8_trim_whitespace(places), ""), _BETWEEN
    )
    different = pc.unique(pc.filter(pairs, pc.invert(fast)))
    read = []
    for pair in different.to_pylist():
        number, _, country = pair.partition(_BETWEEN)
        read.append(_read(number, country, default_country))
    found = pc.index_in(pairs, different)
    keys = pc.take(pa.array([key for key, _ in read], pa.string()), found)
    problems = pc.take(pa.array([problem for _, problem in read], pa.string()), found)
    nothing = pa.scalar(None, pa.string())
    return pa.table({"key": pc.if_else(fast, written, keys), "problem": pc.if_else(fast, nothing, problems)})


def phone_keys(numbers: Column, countries: Column | None = None, default_country: str | None = None) -> pa.ChunkedArray:
    """Return every telephone number in E.164 form, null for one that cannot be dialled; see `read_phones`."""
    return read_phones(numbers, countries, default_country).column("key")


def phone_key(number: str, country: str | None = None, default_country: str | None = None) -> str | None:
    """Return one number in E.164 form, None when it cannot be dialled."""
    return _read(number.strip().replace(_BETWEEN, " "), country or "", default_country)[0]


def country_path(model: EntityModel, entity: str, contact_path: str) -> str | None:
    """Return the dotted path of the country beside a contact: that of the row with the number, or of one on the way."""
    steps = contact_path.split(".")[:-1]
    for n in range(len(steps), -1, -1):
        way = steps[:n]
        holder = model.entity(entity)
        for step in way:
            holder = model.entity(holder.relations[step].target)
        if "country" in holder.fields:
            return ".".join([*way, "country"])
    return None


def _read(number: str, country: str, default_country: str | None) -> tuple[str | None, str | None]:
    """Return (E.164, None) or (None, why not)."""
    if not number:
        return None, "no number"
    region = country_code(country) if country else default_country
    is_international = number.lstrip("( ").startswith(("+", "\uff0b"))
    if region is None and number.startswith("00"):
        number, is_international = "+" + number[2:], True
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException as error:
        return None, _unread(error, country, is_international or region is not None)
    verdict = phonenumbers.is_possible_number_with_reason(parsed)
    if verdict in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return None, "too short"
    if verdict == ValidationResult.TOO_LONG:
        return None, "too long"
    if not phonenumbers.is_valid_number(parsed):
        return None, "invalid"
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)), None


def _unread(error: NumberParseException, country: str, has_country: bool) -> str:
    if error.error_type in (NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD):
        return "too short"
    if error.error_type == NumberParseException.TOO_LONG:
        return "too long"
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE and not has_country:
        return "unknown country" if country else "no country"
    return "invalid"


def _surely_valid(column: Column) -> pa.Array:
    """Return which numbers are in E.164 form and valid beyond doubt, as a column of booleans without nulls.

    1M numbers of three countries take a second here, one by one 40 s. What phonenumbers would read otherwise than it is
    written (a national prefix after the country's code), or find by more than the main region's plan, is left out.
    """
    sure = np.zeros(len(column), dtype=bool)
    places = np.flatnonzero(pc.fill_null(pc.match_substring_regex(column, _E164), False).to_numpy(zero_copy_only=False))
    written = pc.take(column, pa.array(places))
    begins = pc.utf8_slice_codeunits(written, 1, 4)
    different = pc.unique(begins)
    codes = pa.array([_calling_code(digits) for digits in different.to_pylist()], pa.string())
    code_of = pc.take(codes, pc.index_in(begins, different))
    for code in pc.unique(codes).to_pylist():
        if code is None:
            continue
        own = np.flatnonzero(pc.fill_null(pc.equal(code_of, code), False).to_numpy(zero_copy_only=False))
        national = pc.utf8_slice_codeunits(pc.take(written, pa.array(own)), 1 + len(code))
        sure[places[own]] = _fits_plan(national, code)
    return pa.array(sure)


def _calling_code(digits: str) -> str | None:
    """Return the country calling code a number begins with; no code is the beginning of another one."""
    return next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), None)


def _fits_plan(national: Column, code: str) -> np.ndarray:
    fits = np.zeros(len(national), dtype=bool)
    lengths = pc.utf8_length(national)
    plan, prefix = _plan(code)
    for pattern, possible in plan:
        matched = pc.and_(
            pc.match_substring_regex(national, pattern), pc.is_in(lengths, pa.array(possible, pa.int32()))
        )
        fits |= matched.to_numpy(zero_copy_only=False)
    if prefix is not None:
        fits &= ~pc.match_substring_regex(national, prefix).to_numpy(zero_copy_only=False)
    return fits


@lru_cache(maxsize=300)
def _plan(code: str) -> tuple[tuple[tuple[str, tuple[int, ...]], ...], str | None]:
    """Return the patterns with lengths of a code's fixed and mobile numbers, and that of its national prefix.

    Nothing for a code whose first region is told from the others by leading digits.
    """
    main = PhoneMetadata.metadata_for_region(COUNTRY_CODE_TO_REGION_CODE[int(code)][0])
    if main is None or main.leading_digits is not None:
        return (), None
    plan = tuple(
        (f"^(?:{kind.national_number_pattern})$", tuple(kind.possible_length))
        for kind in (main.fixed_line, main.mobile)
        if kind is not None and kind.national_number_pattern and kind.possible_length
    )
    prefix = main.national_prefix_for_parsing
    return plan, f"^(?:{prefix})" if prefix else None


def _text(column: Column) -> pa.Array:
    """Return a column as one chunk of text."""
    text = column if column.type == pa.string() else column.cast(pa.string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
