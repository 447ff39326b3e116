"""Arrow schemas of lake tables, and the cast into them that refuses every loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.errors import LossyCast
from analytics.model.table import Column, ColumnType, TableSchema

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "money": pa.decimal128(19, 4),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "text_list": pa.list_(pa.string()),
    "json": pa.string(),
}


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Return the Arrow schema a table of the lake is written with."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in schema.columns])


def cast_strictly(table: pa.Table, schema: TableSchema) -> pa.Table:
    """Return `table` with the columns of `schema`, in its order and types; absent columns become null.

    Raises LossyCast naming table, column and value when a value would change, a time has no zone, or a column is not
    in the schema. (delta-rs by itself turns 2.75 into 2 without a word.)
    """
    known = [column.name for column in schema.columns]
    for name in table.column_names:
        if name not in known:
            raise LossyCast(f"Table {schema.name} has no column {name!r}; there are {', '.join(known)}.")
    arrays = [_column(table, column, schema) for column in schema.columns]
    return pa.table(arrays, schema=arrow_schema(schema))


def _column(table: pa.Table, column: Column, schema: TableSchema) -> pa.ChunkedArray:
    target = ARROW_TYPES[column.type]
    if column.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, target)])
    values = table.column(column.name)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.type.equals(target):
        return values
    place = f"{schema.name}.{column.name}"
    if not pa.types.is_null(values.type) and not any(fits(values.type) for fits in _SOURCES[column.type]):
        what = "a time without a zone" if pa.types.is_timestamp(values.type) else f"of type {values.type}"
        raise LossyCast(f"{place} takes {_WORDS[column.type]}; the data is {what}.")
    try:
        if pa.types.is_integer(values.type) and pa.types.is_decimal(target):
            values = values.cast(pa.decimal128(38, 4))  # Arrow wants room for any integer before it looks at the values
        cast = values.cast(target, safe=True)
    except pa.ArrowInvalid as error:
        raise LossyCast(f"{place} takes {_WORDS[column.type]}; a value would change: {error}.") from None
    if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        _check_round_trip(values, cast, place, _WORDS[column.type])
    return cast


def _check_round_trip(values: pa.ChunkedArray, cast: pa.ChunkedArray, place: str, word: str) -> None:
    """Raise LossyCast for the first value that does not come back: floats are rounded to decimals without an error."""
    changed = pc.fill_null(pc.not_equal(cast.cast(values.type, safe=False), values), False)
    where = pc.index(changed, True).as_py()
    if where >= 0:
        raise LossyCast(f"{place} takes {word}; {values[where].as_py()!r} would become {cast[where].as_py()!r}.")


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_zoned(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _is_text_list(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and (
        _is_text(kind.value_type) or pa.types.is_null(kind.value_type)
    )


_NUMERIC: tuple[Callable[[pa.DataType], Any], ...] = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_SOURCES: Mapping[ColumnType, tuple[Callable[[pa.DataType], Any], ...]] = {
    "text": (_is_text,),
    "json": (_is_text,),
    "integer": _NUMERIC,
    "number": _NUMERIC,
    "money": _NUMERIC,
    "boolean": (pa.types.is_boolean,),
    "date": (pa.types.is_date,),
    "datetime": (_is_zoned,),
    "text_list": (_is_text_list,),
}
_WORDS: Mapping[ColumnType, str] = {
    "text": "text",
    "json": "text",
    "integer": "whole numbers of 64 bits",
    "number": "numbers",
    "money": "amounts with at most 15 digits before and 4 after the point",
    "boolean": "true or false",
    "date": "dates",
    "datetime": "times with a zone, to the microsecond",
    "text_list": "lists of text",
}
