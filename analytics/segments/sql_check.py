"""SQL of a segment looked at while it is written: what it gives, what is left out and why, what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from analytics.engine import Engine
from analytics.errors import SegmentError
from analytics.model.entity import Entity
from analytics.segments.cost import MANY_ROWS, SLOW_SECONDS, rounded
from analytics.segments.definition import Definition
from analytics.segments.queries import AskedQueries, SqlError

LOOKED_AT = 1_000_000  # rows of the query that are looked at for doubles and strangers
_SHOWN = 3


@dataclass(frozen=True)
class SqlMistake:
    """What is wrong, for people; line and column count from 1, None where there is no place."""

    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class SqlLook:
    """What SQL of a segment gives now: `count` rows of the entity, the first of them, and what to know before saving.

    `columns` are labels for people of `rows`. With an `error` there is no count.
    """

    count: int | None
    columns: tuple[str, ...] = ()
    rows: pa.Table | None = None
    warnings: tuple[str, ...] = ()
    error: SqlMistake | None = None


@dataclass(frozen=True)
class Strangers:
    """Keys of a query that are not rows of the entity: how many of `looked_at`, how many null or double, examples."""

    looked_at: int
    nulls: int
    doubles: int
    unknown: int
    examples: tuple[str, ...]

    @property
    def refusal(self) -> str | None:
        """Why the query cannot be of this entity, or None: it gives keys, and not one is of a row."""
        keys = self.looked_at - self.nulls
        if keys and self.unknown == keys - self.doubles:
            return f"None of the {keys:,} keys it gives is one of"
        return "It gives rows, but no key in any of" if self.looked_at and not keys else None

    def warnings(self, entity: Entity) -> list[str]:
        """Return what is left out, in words."""
        said = []
        if self.nulls:
            said.append(f"{_rows(self.nulls)} without a key {_are(self.nulls)} left out.")
        if self.doubles:
            said.append(f"{_rows(self.doubles)} {_are(self.doubles)} of a key that came before; each key counts once.")
        if self.unknown:
            such, some = ", ".join(map(repr, self.examples)), "key is" if self.unknown == 1 else "keys are"
            said.append(f"{self.unknown:,} {some} of no {entity.label.lower()} there is and left out, such as {such}.")
        return said


def strangers(queries: AskedQueries, engine: Engine, entity: Entity, sql: str) -> Strangers:
    """Return what the keys of a query are, looked at up to a million of its rows; raises SqlError."""
    column = queries.raw(sql, LOOKED_AT).column("entity_key")
    keys = column.drop_null()
    unique = pc.unique(keys)
    name, key = f'"{entity.name}"', f'"{entity.key}"'  # declared names
    unknown = engine.rows(
        f"select g.entity_key from _asked as g anti join {name} as e on e.{key} = g.entity_key order by 1",  # noqa: S608
        given={"_asked": pa.table({"entity_key": unique})},
    )
    examples = tuple(str(row[0]) for row in unknown[:_SHOWN])
    return Strangers(len(column), column.null_count, len(keys) - len(unique), len(unknown), examples)


def refuse_strangers(found: Strangers, entity: Entity) -> None:
    """Raise SegmentError when a query gives keys and none is of a row of the entity."""
    if found.refusal is not None:
        such = f" (such as {', '.join(map(repr, found.examples))})" if found.examples else ""
        raise SegmentError(
            f"sql: {found.refusal} {entity.plural.lower()}{such}; the first column has to be the key of "
            f"{entity.name}, which is {entity.key}."
        )


def look(
    entity: Entity,
    sql: str,
    engine: Engine,
    count: Callable[[Definition], int],
    sample: Callable[[Definition], tuple[tuple[str, ...], pa.Table]],
) -> SqlLook:
    """Return what SQL gives for rows of `entity`; what is wrong with it is in the answer, not raised."""
    queries = AskedQueries(engine)
    begun = time.perf_counter()
    try:
        definition = Definition.from_document({"entity": entity.name, "sql": sql})
        number = count(definition)
        seconds = time.perf_counter() - begun
        found = strangers(queries, engine, entity, definition.sql or "")
        refuse_strangers(found, entity)
        columns, rows = sample(definition)
        warnings = [*found.warnings(entity), *_cost(queries, definition.sql or "", seconds)]
        return SqlLook(number, columns, rows, tuple(warnings))
    except SqlError as error:
        return SqlLook(None, error=SqlMistake(error.message, error.line, error.column))
    except SegmentError as error:
        return SqlLook(None, error=SqlMistake(str(error).removeprefix("sql: ")))


def _cost(queries: AskedQueries, sql: str, seconds: float) -> list[str]:
    planned = queries.planned_rows(sql)
    if seconds < SLOW_SECONDS and planned < MANY_ROWS:
        return []
    looked = f"It took {seconds:.1f} seconds and looks at about {rounded(planned)} rows"
    return [f"{looked}; pages and lists that show it are as slow."]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
