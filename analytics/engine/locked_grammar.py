"""What SQL of a person may say: one SELECT over known tables, with listed functions.

DuckDB's own parser makes the tree, so what is checked is what would run; nothing is run to check it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import duckdb

from analytics.engine.locked_functions import CHANGING_FUNCTIONS, FUNCTIONS, MOMENT_FUNCTIONS, TABLE_FUNCTIONS
from analytics.errors import QueryError

MOST_CHARACTERS = 100_000
_NOWHERE = 2**63  # DuckDB's place of a node that stands nowhere is 2**64 - 1
_TREE_TYPES = """
    SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE BASE_TABLE JOIN SUBQUERY EMPTY EXPRESSION_LIST
    TABLE_FUNCTION PIVOT ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING
    DESCENDING INVALID ORDER_INVALID
"""
_SYSTEM_NAME = re.compile(r"(duckdb|pragma|sqlite|pg|information_schema)_?", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Names that mean a function though they are written like a column.
_SYSTEM_VALUES = """
    current_catalog current_database current_role current_schema current_user session_user user current_time localtime
    localtimestamp
"""

_TREES, _VALUES = frozenset(_TREE_TYPES.split()), frozenset(_SYSTEM_VALUES.split())

Node = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """What is known of a query that may run.

    `is_ordered`: it ends with ORDER BY. `asks_moment`: its answer depends on when it is asked. `changes`: the word that
    makes it answer otherwise each time, such as random, or None.
    """

    is_ordered: bool
    asks_moment: bool
    changes: str | None


class Grammar:
    """Checks queries over the tables of one snapshot. Thread-safe."""

    def __init__(self, tables: Collection[str]) -> None:
        self._names = frozenset(name.lower() for name in tables)
        self._parser = duckdb.connect(":memory:")  # parses, never runs what it is given

    def close(self) -> None:
        """Free the parser."""
        self._parser.close()

    def __enter__(self) -> Grammar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_steady(self, sql: str) -> Checked:
        """Return what is known of a query; raise QueryError also when it answers otherwise each time."""
        checked = self.check(sql)
        if checked.changes is not None:
            raise QueryError(
                f"{checked.changes} gives other rows each time, so nobody could say who is meant; "
                "take a share by the key instead: hash(id) % 10 = 0.",
                sql,
            )
        return checked

    def check(self, sql: str) -> Checked:
        """Return what is known of a query; raise QueryError unless it is one SELECT over the tables."""
        tree = self._tree(sql)
        nodes = list(_nodes(tree))
        named = {name for node in nodes for name in _cte_names(node)}
        for name in sorted(named):
            if not _PLAIN_NAME.fullmatch(name) or _SYSTEM_NAME.match(name):
                raise QueryError(f"WITH {name!r}: choose a name of letters, digits and _ that is no system name.", sql)
        known = self._names | {name.lower() for name in named}
        for node in nodes:
            self._check_node(node, known, sql)
        called = {name for node in nodes for name in _called(node)}
        changing = sorted(called & CHANGING_FUNCTIONS) or ["sample"] * any(node.get("sample") for node in nodes)
        modifiers = tree.get("modifiers") or ()
        return Checked(
            is_ordered=any(m.get("type") == "ORDER_MODIFIER" for m in modifiers),
            asks_moment=bool(called & MOMENT_FUNCTIONS),
            changes=changing[0] if changing else None,
        )

    def _tree(self, sql: str) -> Node:
        _check_text(sql)
        try:
            with self._parser.cursor() as cursor:
                question = "select cast(json_serialize_sql($1::varchar) as varchar)"
                answer = cursor.execute(question, [sql]).fetchone()
            assert answer is not None
            tree = json.loads(answer[0])
        except (duckdb.Error, RecursionError) as error:
            raise QueryError(f"The query cannot be read: {_plain(error)}", sql) from None
        if tree["error"]:
            if tree["error_type"] == "not implemented":
                raise QueryError("Only SELECT can be run here; nothing is changed, attached or copied by a query.", sql)
            place = tree.get("position")
            raise QueryError(
                f"The query cannot be read: {tree['error_message']}", sql, None if place is None else int(place)
            )
        if len(tree["statements"]) != 1:
            raise QueryError(f"One SELECT at a time; there are {len(tree['statements'])}.", sql)
        node: Node = tree["statements"][0]["node"]
        return node

    def _check_node(self, node: Node, known: frozenset[str], sql: str) -> None:
        def refuse(message: str) -> NoReturn:
            place = node.get("query_location")
            raise QueryError(message, sql, place if isinstance(place, int) and place < _NOWHERE else None)

        kind = node.get("type")
        if kind == "VALUE_PARAMETER":
            refuse(f"The parameter ${node.get('identifier')} has no value here; write the value, or now() and today().")
        if isinstance(kind, str) and "class" not in node and kind not in _TREES and not kind.endswith("_INFO"):
            refuse(f"{kind.removesuffix('_REF').capitalize()} cannot be used here; write a plain SELECT.")
        function = node.get("function_name")
        if function and (function.lower() not in FUNCTIONS or node.get("schema") or node.get("catalog")):
            refuse(f"The function {function} cannot be used here.")
        if function and function.lower() == "age" and len(node.get("children", ())) == 1:
            refuse("age takes two times here: age(today(), birthday).")
        if kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in TABLE_FUNCTIONS:
            refuse(f"Only {', '.join(sorted(TABLE_FUNCTIONS))} can be used as a table.")
        if kind == "COLUMN_REF" and len(node["column_names"]) == 1:
            name = node["column_names"][0]
            if name.lower() in _VALUES:
                refuse(f"{name} cannot be used here; the moment is now() or today(), a column takes its table's name.")
        if kind == "BASE_TABLE":
            name, schema = node["table_name"], node["schema_name"]
            if name.lower() not in known or schema.lower() not in ("", "main") or node["catalog_name"]:
                whole = f"{schema}.{name}" if schema else name
                refuse(f"No table {whole!r}; there are {', '.join(sorted(self._names))}.")


def _check_text(sql: str) -> None:
    if len(sql) > MOST_CHARACTERS:
        raise QueryError(f"The query has {len(sql):,} characters; {MOST_CHARACTERS:,} are the most there may be.", "")
    if "\x00" in sql or any("\ud800" <= ch <= "\udfff" for ch in sql):
        raise QueryError("The query holds a character no text has; take it out.", "")


def _nodes(tree: object) -> Iterator[Node]:
    waiting = [tree]  # not by recursion: a person's brackets go deeper than Python's
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _called(node: Node) -> Iterator[str]:
    if node.get("function_name"):
        yield node["function_name"].lower()
    if node.get("type") == "COLUMN_REF" and len(node["column_names"]) == 1:
        yield node["column_names"][0].lower()


def _cte_names(node: Node) -> Iterator[str]:
    for entry in (node.get("cte_map") or {}).get("map", ()):
        yield entry["key"]


def _plain(error: BaseException) -> str:
    return "it is nested too deeply." if isinstance(error, RecursionError) else " ".join(str(error).split())
