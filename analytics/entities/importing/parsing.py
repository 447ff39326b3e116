"""How the text of a cell becomes a value of a field's type, as SQL; what cannot become one is null.

Money that came through a float is taken to the nearest 1/10000 if it is within rounding error of it; a real fifth
decimal is refused, because it would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from analytics.engine.duck import DUCKDB_TYPES
from analytics.entities.currencies import CURRENCIES
from analytics.model.entity import Field
from analytics.model.lists import listed

LONGEST_KEY = 200  # the state keeps keys of rows in columns of this size

_TRUE = ("true", "t", "yes", "y", "1", "1.0", "on", "x", "ja", "oui", "si")
_FALSE = ("false", "f", "no", "n", "0", "0.0", "off", "nein", "non")
_ISO_START = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]|$)"
_ZONED = r":[0-9]{2}(\.[0-9]+)?\s*([zZ]|[+-][0-9]{2}(:?[0-9]{2})?|UTC|GMT|[A-Za-z]+/[A-Za-z_/]+)$"
_PLAIN_AMOUNT = r"[+-]?[0-9]*(\.[0-9]{0,4}0*)?"
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
_DAYS = {"dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"), "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%d.%m.%Y")}
_OTHERS = ("%Y/%m/%d", "%Y%m%d", "%Y.%m.%d")


@dataclass(frozen=True)
class Style:
    """How numbers and dates of one column are written, where it is not the plain way."""

    decimal: str = "."
    dates: str | None = None  # None: ISO dates alone


def is_currency(field: Field) -> bool:
    """Return whether a field holds ISO 4217 codes: one called `currency`, or ending so."""
    return field.type == "text" and (field.name == "currency" or field.name.endswith("_currency"))


def value_sql(raw: str, field: Field, *, is_key: bool, zone: str, style: Style) -> str:
    """Return the SQL of a field's value from the SQL of its trimmed text; `zone` is a bound parameter's SQL."""
    if is_key:
        # Spreadsheets and pandas write whole numbers of a column with gaps as 17850.0.
        whole = f"regexp_replace({raw}, '^(-?[0-9]+)\\.0+$', '\\1')"
        return f"case when length({raw}) <= {LONGEST_KEY} then {whole} end"
    if is_currency(field):
        return f"case when upper({raw}) in ({_texts(sorted(CURRENCIES))}) then upper({raw}) end"
    if field.type == "enum" and field.options:
        return _enum(raw, field.options)
    if field.type in ("text", "enum"):
        return raw
    if field.type == "multi_enum":
        return _multi_enum(raw, field.options)
    if field.type == "boolean":
        is_true, is_false = (f"lower({raw}) in ({_texts(words)})" for words in (_TRUE, _FALSE))
        return f"case when {is_true} then true when {is_false} then false end"
    if field.type in ("date", "datetime"):
        return _moment(raw, field.type, zone, style.dates)
    number = _number(raw, style.decimal)
    if field.type == "money":
        # Decimals of more than 18 digits cost 25 times as much as those below, so they are for odd texts only.
        plain = f"regexp_full_match({number}, '{_PLAIN_AMOUNT}')"
        short = f"cast(try_cast({number} as decimal(18,4)) as decimal(19,4))"
        amount = f"case when length({number}) < 14 then {short} else try_cast({number} as decimal(19,4)) end"
        fine = f"try_cast({number} as decimal(38,12))"
        near = f"abs({fine} - ({amount})) <= greatest(1e-9, abs({fine}) * 1e-15)"
        return f"case when {plain} then {amount} when {near} then {amount} end"
    if field.type == "integer":
        whole = f"regexp_replace({number}, '\\.0+$', '')"
        return f"case when regexp_full_match({whole}, '[+-]?[0-9]+') then try_cast({whole} as bigint) end"
    if field.type == "percent":
        number = f"trim(rtrim({number}, '%'))"
    return f"case when isfinite(try_cast({number} as double)) then try_cast({number} as double) end"


def reason(field: Field, *, is_key: bool) -> str:
    """Return why a value cannot be the field's, and what would be right."""
    if is_key:
        return f"a key has at most {LONGEST_KEY} characters"
    if is_currency(field):
        return "unknown currency; write a code of ISO 4217 such as EUR"
    if field.type in ("enum", "multi_enum") and field.options:
        return f"no option of {field.label}; there are {', '.join(field.options)}"
    return {
        "integer": "no whole number",
        "number": "no number",
        "percent": "no number of percent",
        "money": "no amount with at most 15 digits before and 4 after the point",
        "boolean": "neither true nor false; write true, false, yes, no, 1 or 0",
        "date": "no date (without a time of day); write 2026-11-24",
        "datetime": "no time; write 2026-11-24 14:30, 2026-11-24T14:30:00+01:00 or a date",
        "multi_enum": "no list of texts; write them with ; or , between them, or as JSON",
    }.get(field.type, "no value of this field")


def default_sql(field: Field) -> str | None:
    """Return the SQL of the value of new rows that name none, None for a field without one."""
    if field.default is None:
        return None
    if field.type == "multi_enum":
        return f"list_sort([{_texts(listed(field.default))}])"
    return f"cast({_text(field.default)} as {column_type(field)})"


def column_type(field: Field) -> str:
    """Return the DuckDB type of a field's column."""
    return DUCKDB_TYPES[field.lake_type]


def text_sql(value: str, field: Field) -> str:
    """Return the SQL of a value as the text `changes` keeps: times in UTC, numbers as they are shortest."""
    if field.type == "datetime":
        return f"strftime(timezone('UTC', {value}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if field.type == "multi_enum":
        return f"cast(to_json({value}) as varchar)"
    return f"cast({value} as varchar)"


def decimal_style(connection: duckdb.DuckDBPyConnection, source: str, raw: str) -> str | None:
    """Return "," or "." where the texts of a column show which one is the decimal sign, else None.

    `source` is a table in quotes or a subquery, `raw` one of its columns.
    """
    comma = r"[+-]?([0-9]+|[0-9]{1,3}([. ][0-9]{3})+),([0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{1,3}([. ][0-9]{3})+,[0-9]+"
    point = r"[+-]?([0-9]+|[0-9]{1,3}([, ][0-9]{3})+)\.([0-9]{1,2}|[0-9]{4,})|[+-]?[0-9]{1,3}([, ][0-9]{3})+\.[0-9]+"
    commas, points = connection.execute(
        f"select count(*) filter (regexp_full_match({raw}, $1)), count(*) filter (regexp_full_match({raw}, $2)) "  # noqa: S608  # own names
        f"from {source}",
        [comma, point],
    ).fetchall()[0]
    if commas and not points:
        return ","
    return "." if points and not commas else None


def date_style(connection: duckdb.DuckDBPyConnection, source: str, raw: str) -> tuple[str, bool]:
    """Return ("dmy" or "mdy", whether the texts of the column leave that open)."""
    pattern = r"^([0-9]{1,2})([./-])([0-9]{1,2})[./-][0-9]{4}"
    first, second, slashes = connection.execute(
        f"""select max(try_cast(regexp_extract({raw}, $1, 1) as integer)),
            max(try_cast(regexp_extract({raw}, $1, 3) as integer)),
            count(*) filter (regexp_extract({raw}, $1, 2) = '/')
        from {source} where regexp_matches({raw}, $1)""",  # noqa: S608  # own names
        [pattern],
    ).fetchall()[0]
    if (first or 0) > 12:
        return "dmy", False
    if (second or 0) > 12:
        return "mdy", False
    return ("mdy", True) if slashes else ("dmy", False)


def _number(raw: str, decimal: str) -> str:
    """Return the SQL of a number's text without groups and with a decimal point.

    Without a style a text that is grouped is left as it is and so is no number: which sign means what is unknown.
    """
    if decimal == ",":
        plain = rf"regexp_full_match({raw}, '[+-]?[0-9]{{1,3}}([. ][0-9]{{3}})+(,[0-9]*)?|[+-]?[0-9]+(,[0-9]*)?%?')"
        return f"case when {plain} then replace(replace(replace({raw}, '.', ''), ' ', ''), ',', '.') end"
    grouped = rf"regexp_full_match({raw}, '[+-]?[0-9]{{1,3}}([, ][0-9]{{3}})+(\.[0-9]*)?')"
    return f"case when {grouped} then replace(replace({raw}, ',', ''), ' ', '') else {raw} end"


def _multi_enum(raw: str, options: Sequence[str]) -> str:
    """A list of texts as JSON, or with semicolons or else commas between them; sorted, so that order is no change."""
    written = (
        f"case when starts_with({raw}, '[') then cast(try_cast({raw} as json) as varchar[]) "
        f"when contains({raw}, ';') then string_split({raw}, ';') else string_split({raw}, ',') end"
    )
    trimmed = f"list_filter(list_transform({written}, lambda v: trim(v)), lambda v: v <> '')"
    if not options:
        return f"list_sort(list_distinct({trimmed}))"
    known = f"list_transform({trimmed}, lambda v: {_enum('v', options)})"
    return f"case when len(list_filter({known}, lambda v: v is null)) = 0 then list_sort(list_distinct({known})) end"


def _enum(raw: str, options: Sequence[str]) -> str:
    plain = f"replace(replace(lower({raw}), ' ', '_'), '-', '_')"
    cases = " ".join(f"when {_text(o.lower().replace(' ', '_').replace('-', '_'))} then {_text(o)}" for o in options)
    return f"case {plain} {cases} end"


def _moment(raw: str, kind: str, zone: str, dates: str | None) -> str:
    iso = f"regexp_matches({raw}, '{_ISO_START}')"
    zoned = f"regexp_matches({raw}, '{_ZONED}')"
    naive = f"try_cast({raw} as timestamp)"
    if dates is not None:
        formats = [f"{d}{c}" for d in (*_DAYS[dates], *_OTHERS) for c in _CLOCKS]
        read = f"try_strptime({raw}, [{_texts(formats)}])"
        # %Y takes 73 for the year 73; two digits do not say which century is meant.
        other = f"case when year({read}) >= 1000 then {read} end"
    else:
        other = "cast(null as timestamp)"
    if kind == "date":
        stamp = f"case when {iso} then {naive} else {other} end"
        return f"case when {stamp} = date_trunc('day', {stamp}) and not {zoned} then cast({stamp} as date) end"
    return (
        f"case when {iso} and {zoned} then try_cast({raw} as timestamptz) "
        f"when {iso} then timezone({zone}, {naive}) else timezone({zone}, {other}) end"
    )


def _texts(values: Sequence[str]) -> str:
    return ", ".join(_text(v) for v in values)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
