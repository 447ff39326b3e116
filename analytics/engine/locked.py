"""A DuckDB for SQL that a person types: it can read the snapshot's views and nothing else.

Three walls, each of which would do: the parsed tree may name only views and functions of a list; the database may open
only the snapshot's files; and its configuration cannot be changed any more.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from analytics.engine.duck import make_views, reading
from analytics.engine.scratch import limit
from analytics.errors import ReportError
from analytics.settings import Settings
from analytics.store.snapshot import Snapshot

DEFAULT_MEMORY = "1GB"

FUNCTIONS = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "^",
        "**",
        "&",
        "|",
        "<<",
        ">>",
        "~",
        "||",
        "->",
        "->>",
        "~~",
        "!~~",
        "~~*",
        "!~~*",
        "~~~",
        "@",
        "!",
        "<=",
        ">=",
        "<",
        ">",
        "=",
        "<>",
        "!=",
        "^@",
        "abs",
        "ceil",
        "ceiling",
        "floor",
        "round",
        "round_even",
        "trunc",
        "sign",
        "sqrt",
        "cbrt",
        "exp",
        "ln",
        "log",
        "log2",
        "log10",
        "pow",
        "power",
        "mod",
        "fmod",
        "greatest",
        "least",
        "pi",
        "random",
        "degrees",
        "radians",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "even",
        "factorial",
        "gcd",
        "lcm",
        "isnan",
        "isfinite",
        "isinf",
        "lower",
        "upper",
        "lcase",
        "ucase",
        "trim",
        "ltrim",
        "rtrim",
        "length",
        "len",
        "strlen",
        "char_length",
        "character_length",
        "substring",
        "substr",
        "left",
        "right",
        "replace",
        "split",
        "split_part",
        "string_split",
        "str_split",
        "starts_with",
        "ends_with",
        "prefix",
        "suffix",
        "contains",
        "instr",
        "position",
        "strpos",
        "reverse",
        "repeat",
        "lpad",
        "rpad",
        "concat",
        "concat_ws",
        "format",
        "printf",
        "ascii",
        "chr",
        "unicode",
        "ord",
        "initcap",
        "translate",
        "md5",
        "sha256",
        "hash",
        "regexp_matches",
        "regexp_replace",
        "regexp_extract",
        "regexp_extract_all",
        "regexp_full_match",
        "regexp_split_to_array",
        "like_escape",
        "not_like_escape",
        "ilike_escape",
        "not_ilike_escape",
        "levenshtein",
        "jaro_similarity",
        "jaro_winkler_similarity",
        "strip_accents",
        "nfc_normalize",
        "coalesce",
        "nullif",
        "ifnull",
        "if",
        "error",
        "date_trunc",
        "datetrunc",
        "date_part",
        "datepart",
        "date_diff",
        "datediff",
        "date_sub",
        "datesub",
        "date_add",
        "dateadd",
        "age",
        "now",
        "today",
        "current_date",
        "get_current_timestamp",
        "current_timestamp",
        "timezone",
        "make_date",
        "make_timestamp",
        "make_timestamptz",
        "strftime",
        "strptime",
        "try_strptime",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "quarter",
        "week",
        "weekday",
        "isodow",
        "dayofweek",
        "dayofmonth",
        "dayofyear",
        "yearweek",
        "isoyear",
        "dayname",
        "monthname",
        "last_day",
        "epoch",
        "epoch_ms",
        "epoch_us",
        "to_timestamp",
        "time_bucket",
        "to_years",
        "to_months",
        "to_weeks",
        "to_days",
        "to_hours",
        "to_minutes",
        "to_seconds",
        "to_milliseconds",
        "to_microseconds",
        "to_quarters",
        "millisecond",
        "microsecond",
        "count",
        "count_star",
        "sum",
        "avg",
        "mean",
        "min",
        "max",
        "median",
        "mode",
        "quantile",
        "quantile_cont",
        "quantile_disc",
        "approx_count_distinct",
        "approx_quantile",
        "stddev",
        "stddev_samp",
        "stddev_pop",
        "variance",
        "var_samp",
        "var_pop",
        "corr",
        "covar_samp",
        "covar_pop",
        "regr_slope",
        "regr_intercept",
        "regr_r2",
        "string_agg",
        "group_concat",
        "listagg",
        "list",
        "array_agg",
        "first",
        "last",
        "any_value",
        "arg_min",
        "arg_max",
        "min_by",
        "max_by",
        "bool_and",
        "bool_or",
        "count_if",
        "sum_no_overflow",
        "product",
        "histogram",
        "kurtosis",
        "skewness",
        "entropy",
        "grouping",
        "grouping_id",
        "row_number",
        "rank",
        "dense_rank",
        "percent_rank",
        "cume_dist",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "nth_value",
        "fill",
        "list_value",
        "list_contains",
        "list_has",
        "list_position",
        "list_transform",
        "list_filter",
        "list_reduce",
        "list_sort",
        "list_distinct",
        "list_unique",
        "list_sum",
        "list_avg",
        "list_min",
        "list_max",
        "list_count",
        "list_extract",
        "list_element",
        "list_slice",
        "list_concat",
        "list_aggregate",
        "list_append",
        "list_prepend",
        "list_zip",
        "array_length",
        "array_contains",
        "array_slice",
        "array_extract",
        "array_position",
        "unnest",
        "flatten",
        "range",
        "generate_series",
        "struct_pack",
        "struct_extract",
        "row",
        "map",
        "map_keys",
        "map_values",
        "map_extract",
        "element_at",
        "map_from_entries",
        "json_extract",
        "json_extract_string",
        "json_array_length",
        "json_keys",
        "json_type",
        "json_valid",
        "json_extract_path",
        "json_extract_path_text",
        "typeof",
        "cast",
        "try_cast",
    ]
) - {"error"}
"""Functions that compute from their arguments alone: none reads files, settings, the environment or the catalogue."""

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_TREE_TYPES = frozenset(
    [
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        "BASE_TABLE",
        "JOIN",
        "SUBQUERY",
        "EMPTY",
        "EXPRESSION_LIST",
        "TABLE_FUNCTION",
        "PIVOT",
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "DISTINCT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
        "INVALID",
        "ORDER_INVALID",
    ]
)
_SYSTEM_NAME = re.compile(r"(duckdb|pragma|sqlite|pg|information_schema)_?", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Answer:
    """Rows of a query; `is_cut` says that there were more than asked for."""

    table: pa.Table
    is_cut: bool


class LockedEngine:
    """User SQL over one snapshot. System columns (those with a leading underscore) are not in its views."""

    def __init__(self, snapshot: Snapshot, settings: Settings) -> None:
        self._names = frozenset(name.lower() for name in snapshot.tables)
        self._connection = duckdb.connect(":memory:")
        try:
            limit(self._connection, settings)
            if settings.memory_limit is None:
                self._connection.execute("set memory_limit = $1", [DEFAULT_MEMORY])
            with reading():
                make_views(self._connection, snapshot, with_system_columns=False)
            files = [file for table in snapshot.tables.values() for file in table.files]
            self._connection.execute("set allowed_paths = $1", [files])
            self._connection.execute("set autoload_known_extensions = false")
            self._connection.execute("set autoinstall_known_extensions = false")
            self._connection.execute("set enable_external_access = false")
            self._connection.execute("set lock_configuration = true")
        except BaseException:
            self._connection.close()
            raise
        self._parser = duckdb.connect(":memory:")  # parses, never runs what it is given

    def query(self, sql: str, seconds: float = 30.0, rows: int = 10_000) -> Answer:
        """Return up to `rows` rows of one SELECT, computed in at most `seconds`.

        Raises ReportError when the query names something it may not, is wrong, or takes too long.
        """
        self.check(sql)
        cursor = self._connection.cursor()
        try:
            with _stopped_after(cursor, seconds), reading():
                return _first(cursor.sql(sql).to_arrow_reader(min(rows + 1, 100_000)), rows)
        except duckdb.InterruptException:
            raise ReportError(f"The query took longer than {seconds:g} seconds and was stopped; narrow it.") from None
        except duckdb.OutOfMemoryException:
            raise ReportError("The query needs more memory than it may have; narrow it.") from None
        except duckdb.Error as error:
            raise ReportError(f"The query cannot be run: {error}") from error
        finally:
            cursor.close()

    def check(self, sql: str) -> None:
        """Raise ReportError unless `sql` is one SELECT over the views with listed functions.

        DuckDB's own parser makes the tree, so what is checked is what would run.
        """
        with self._parser.cursor() as cursor:
            answer = cursor.execute("select cast(json_serialize_sql($1::varchar) as varchar)", [sql]).fetchone()
        assert answer is not None
        tree = json.loads(answer[0])
        if tree["error"]:
            if tree["error_type"] == "not implemented":
                raise ReportError("Only SELECT can be run here; nothing is changed, attached or copied by a query.")
            raise ReportError(f"The query cannot be read: {tree['error_message']}")
        if len(tree["statements"]) != 1:
            raise ReportError(f"One SELECT at a time; there are {len(tree['statements'])}.")
        nodes = list(_nodes(tree["statements"]))
        named = {name for node in nodes for name in _cte_names(node)}
        for name in named:
            if not _PLAIN_NAME.fullmatch(name) or _SYSTEM_NAME.match(name):
                raise ReportError(f"WITH {name!r}: choose a name of letters, digits and _ that is no system name.")
        known = self._names | {name.lower() for name in named}
        for node in nodes:
            self._check_node(node, known)

    def close(self) -> None:
        """Free the database."""
        self._connection.close()
        self._parser.close()

    def __enter__(self) -> LockedEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_node(self, node: dict[str, Any], known: frozenset[str]) -> None:
        kind = node.get("type")
        if isinstance(kind, str) and "class" not in node and kind not in _TREE_TYPES and not kind.endswith("_INFO"):
            raise ReportError(f"{kind.removesuffix('_REF').capitalize()} cannot be used here; write a plain SELECT.")
        function = node.get("function_name")
        if function and (function.lower() not in FUNCTIONS or node.get("schema") or node.get("catalog")):
            raise ReportError(f"The function {function} cannot be used here.")
        if kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in _TABLE_FUNCTIONS:
            raise ReportError(f"Only {', '.join(sorted(_TABLE_FUNCTIONS))} can be used as a table.")
        if kind == "BASE_TABLE":
            name, schema = node["table_name"], node["schema_name"]
            if name.lower() not in known or schema.lower() not in ("", "main") or node["catalog_name"]:
                whole = f"{schema}.{name}" if schema else name
                raise ReportError(f"No table {whole!r}; there are {', '.join(sorted(self._names))}.")


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _cte_names(node: dict[str, Any]) -> Iterator[str]:
    for entry in (node.get("cte_map") or {}).get("map", ()):
        yield entry["key"]


def _first(reader: pa.RecordBatchReader, rows: int) -> Answer:
    batches, taken = [], 0
    for batch in reader:
        batches.append(batch)
        taken += batch.num_rows
        if taken > rows:
            break
    return Answer(pa.Table.from_batches(batches, reader.schema).slice(0, rows), taken > rows)


@contextmanager
def _stopped_after(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
