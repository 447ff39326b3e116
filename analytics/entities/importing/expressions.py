"""Expressions of a mapping: DuckDB scalar expressions over a file's columns, and nothing else.

DuckDB's own parser makes the tree that is checked, and the SQL that runs is written from that tree: constants, columns
of the file, and functions that compute from their arguments alone. A file, a setting or a table cannot be named.

A column is text in the file. An expression sees it as what all its values are (a number, a time) and, where that does
not fit (`InvoiceNo like 'C%'` over numbers), as text; where single values are broken (`Quantity * Price` with one
"n/a"), as a number, and the lines with a broken value are rejected.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from analytics.engine.locked_functions import FUNCTIONS
from analytics.engine.sql import quote
from analytics.entities.importing.sources import LINE, Staged
from analytics.errors import MappingError

AGGREGATES = frozenset(["sum", "min", "max", "avg", "count", "count_star"])
_CHANGING = frozenset(
    ["random", "now", "today", "current_date", "current_timestamp", "get_current_timestamp", "age", "unnest"]
)
_CLASSES = frozenset(
    ["COLUMN_REF", "CONSTANT", "FUNCTION", "OPERATOR", "CAST", "CASE", "COMPARISON", "CONJUNCTION", "BETWEEN"]
)
_MOST_VARIED = 6  # columns of one expression that are tried as several types

INTEGRAL = r"-?(0|[1-9][0-9]{0,17})(\.0+)?"
NUMBER = r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?"
AMOUNT = r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]{0,4})?"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}.*)?"


@dataclass(frozen=True)
class Parsed:
    """A checked expression: its tree, the columns it reads, whether it sums over lines."""

    text: str
    tree: dict[str, Any]
    columns: tuple[str, ...]
    is_aggregate: bool


@dataclass(frozen=True)
class Bound:
    """An expression as SQL over `views` of the columns; `lenient` ones it takes for numbers though some are not."""

    sql: str
    views: tuple[str, ...]
    lenient: tuple[str, ...]


class Expressions:
    """Checks and binds the expressions of one import."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, staged: Staged) -> None:
        self._connection, self._staged = connection, staged
        self._by_name = {name.lower(): n for n, name in enumerate(staged.columns)}
        self._kinds: dict[int, tuple[str, str, str | None]] = {}
        named = connection.execute(
            "select distinct function_name from duckdb_functions() where function_type = 'aggregate'"
        ).fetchall()
        self._forbidden = {name for (name,) in named} - AGGREGATES

    def column(self, text: str) -> str | None:
        """Return the column that `text` names as it stands, in quotes or not, or None."""
        plain = text.strip()
        if len(plain) > 1 and plain[0] == plain[-1] == '"':
            plain = plain[1:-1].replace('""', '"')
        at = self._by_name.get(plain.lower())
        return None if at is None else self._staged.columns[at]

    def parse(self, text: str, place: str) -> Parsed:
        """Return the expression, checked; raises MappingError naming what may not or cannot be in it."""
        (answer,) = self._connection.execute(
            "select cast(json_serialize_sql($1::varchar) as varchar)", [f"select (\n{text}\n) as v"]
        ).fetchall()[0]
        tree = json.loads(answer)
        if tree["error"]:
            raise MappingError(f"{place}: {text!r} is no expression: {tree.get('error_message', 'write one value')}")
        statements = tree["statements"]
        if len(statements) != 1 or not _is_plain_select(statements[0]["node"]):
            raise MappingError(f"{place}: {text!r} is no single expression over the file's columns.")
        columns: dict[str, None] = {}
        is_aggregate = False
        for node in _expressions(statements[0]["node"]["select_list"][0]):
            if node["class"] not in _CLASSES:
                raise MappingError(
                    f"{place}: {text!r} uses {node['class'].lower().replace('_', ' ')}, which a mapping cannot; "
                    f"write an expression over the columns of one line."
                )
            if node["class"] == "FUNCTION":
                is_aggregate |= self._check_function(node, text, place)
            if node["class"] == "COLUMN_REF":
                columns[self._resolve(node, place)] = None
        return Parsed(text, tree, tuple(columns), is_aggregate)

    def _check_function(self, node: Mapping[str, Any], text: str, place: str) -> bool:
        name = node["function_name"].lower()
        is_own = node.get("schema") not in ("", "main", None) or node.get("catalog")
        if name not in FUNCTIONS or name in _CHANGING or name in self._forbidden or is_own:
            raise MappingError(
                f"{place}: the function {name} cannot be used in {text!r}; a mapping computes from the values of a "
                f"line alone, or sums up lines with {', '.join(sorted(AGGREGATES - {'count_star'}))}."
            )
        return name in AGGREGATES

    def _resolve(self, node: dict[str, Any], place: str) -> str:
        """Return the column a reference means and write its exact name into the tree."""
        name = ".".join(node["column_names"])
        found = self.column(name)
        if found is None:
            raise unknown_column(name, self._staged.columns, place)
        node["column_names"] = [found]
        return found

    def bind(self, parsed: Parsed, place: str) -> Bound:
        """Return the expression as SQL, with the first types of its columns under which it makes sense."""
        choices = [self._variants(c) for c in parsed.columns]
        if len(choices) > _MOST_VARIED:
            choices = [c if n < _MOST_VARIED else c[:1] for n, c in enumerate(choices)]
        failure: duckdb.Error | None = None
        ranked = sorted(itertools.product(*choices), key=lambda chosen: sum(v.rank for v in chosen))
        for chosen in ranked:
            sql = self._written(parsed, {v.column: v.name for v in chosen})
            views = tuple(dict.fromkeys(f"{v.sql} as {quote(v.name)}" for v in chosen))
            source = f"(select _line{''.join(f', {v}' for v in views)} from {LINE})"  # noqa: S608  # own names
            try:
                self._connection.execute(f"describe select ({sql}) as v from {source}").fetchall()  # noqa: S608  # checked
            except duckdb.Error as error:
                failure = failure or error
                continue
            lenient = tuple(v.column for v in chosen if v.is_lenient)
            return Bound(sql, views, lenient)
        reason = str(failure).split("\n", 1)[0].removeprefix("Binder Error: ")
        raise MappingError(f"{place}: {parsed.text!r} cannot be computed: {reason}")

    def _written(self, parsed: Parsed, names: Mapping[str, str]) -> str:
        tree = json.loads(json.dumps(parsed.tree))
        for node in _expressions(tree["statements"][0]["node"]["select_list"][0]):
            if node["class"] == "COLUMN_REF":
                node["column_names"] = [names[node["column_names"][0]]]
        (sql,) = self._connection.execute("select json_deserialize_sql($1::json)", [json.dumps(tree)]).fetchall()[0]
        return str(sql).removeprefix("SELECT ").removesuffix(" AS v")

    def _variants(self, column: str) -> list[_Variant]:
        at = self._by_name[column.lower()]
        kind, typed, lenient = self._kind(at)
        text = self._text(at)
        if kind == "VARCHAR":
            found = [_Variant(column, f"c{at}t", text, 0, False)]
        else:
            found = [_Variant(column, f"c{at}v", typed, 0, False), _Variant(column, f"c{at}t", text, 1, False)]
        if lenient is not None:
            found.append(_Variant(column, f"c{at}n", lenient, 10, True))
        return found

    def _text(self, at: int) -> str:
        """Return the SQL of a column as text; whole numbers written with `.0` in most of its values lose it."""
        self._kind(at)
        raw = f"c{at}"
        return f"regexp_replace({raw}, '^(-?[0-9]+)\\.0+$', '\\1')" if at in self._pointed else raw

    _pointed: frozenset[int] = frozenset()

    def _kind(self, at: int) -> tuple[str, str, str | None]:
        """Return (type, SQL of the typed column, SQL as a number where only some values are) of a column."""
        if at not in self._kinds:
            self._kinds[at] = self._looked_at(at)
        return self._kinds[at]

    def _looked_at(self, at: int) -> tuple[str, str, str | None]:
        raw = f"c{at}"
        native = self._staged.native.get(self._staged.columns[at])
        if native is not None and native not in ("DOUBLE", "FLOAT"):
            return native, f"cast({raw} as {native})", None
        tests = (
            f"regexp_full_match(v, '{INTEGRAL}')",
            f"regexp_full_match(v, '{NUMBER}') and try_cast(v as double) is not null",
            f"regexp_full_match(v, '{AMOUNT}') and try_cast(v as decimal(19,4)) is not null",
            "v like '%.0'",
            "lower(v) in ('true', 'false')",
            f"regexp_full_match(v, '{_ISO}') and try_cast(v as timestamp) is not null",
            "regexp_matches(v, ':[0-9]{2}(\\.[0-9]+)?\\s*([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$')",
        )
        counts = self._connection.execute(
            # Over distinct values: patterns cost, and columns of numbers repeat theirs.
            f"""select coalesce(sum(n), 0), {", ".join(f"coalesce(sum(n) filter ({t}), 0)" for t in tests)}
            from (select {raw} as v, count(*) as n from {LINE} group by v) where v is not null"""  # noqa: S608  # own
        ).fetchall()[0]
        filled, integral, number, exact, pointed, boolean, moment, zoned = counts
        if pointed > filled / 2:
            self._pointed = self._pointed | {at}
        amount = "decimal(19,4)" if exact == number else "double"
        if not filled:
            return "VARCHAR", raw, f"try_cast({raw} as bigint)"
        if integral == filled:
            return "BIGINT", f"cast(regexp_replace({raw}, '\\.0+$', '') as bigint)", None
        if number == filled:
            return amount.upper(), f"cast({raw} as {amount})", None
        if boolean == filled:
            return "BOOLEAN", f"cast(lower({raw}) as boolean)", None
        if moment == filled:
            kind = "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
            return kind, f"cast({raw} as {kind})", None
        lenient = f"try_cast({raw} as {amount})" if number >= filled / 2 else None
        return "VARCHAR", raw, lenient


@dataclass(frozen=True)
class _Variant:
    column: str
    name: str
    sql: str
    rank: int
    is_lenient: bool


def unknown_column(name: str, known: Sequence[str], place: str) -> MappingError:
    """Return the sentence for a column a file does not have."""
    near = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
    return MappingError(f"{place}: the file has no column {name!r}.{hint} There are {shown}.")


def _is_plain_select(node: Mapping[str, Any]) -> bool:
    return (
        node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["cte_map"]["map"]
        and not node["modifiers"]
        and not any(node[part] for part in ("where_clause", "group_expressions", "having", "sample", "qualify"))
    )


def _expressions(tree: object) -> Iterator[dict[str, Any]]:
    """Yield every expression node of a tree."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for value in tree.values():
            yield from _expressions(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _expressions(value)
