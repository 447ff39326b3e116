"""How segments and lists overlap: every key carries a bit for each set it is in, and equal masks are counted once.

Sets of one entity are compared row by row. Sets of several entities, and the suppressed addresses, are compared by
address key: there a row without a usable address is in no set, and rows that share an address count once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from sqlalchemy import select

from analytics.engine import Engine
from analytics.errors import ListError, NotFound
from analytics.lists.address import address_keys
from analytics.lists.lists import Lists
from analytics.lists.membership import KINDS, Subject, find_subject, members_query
from analytics.model.entity import EntityModel
from analytics.segments import Output, Segments
from analytics.segments.state import given_of
from analytics.store import Store
from analytics.store.tables import suppression

if TYPE_CHECKING:
    import pandas as pd

By = Literal["row", "address"]

FEWEST, MOST = 2, 8
SUPPRESSED = "Suppressed addresses"
"""What the set of all suppressed addresses is called."""


@dataclass(frozen=True)
class Intersection:
    """Keys that are in exactly these sets (indexes, ascending) and in no other."""

    sets: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class Overlap:
    """Sets and how many keys they share; `intersections` are exclusive, largest first, and add up to `total`.

    `by` says what is counted: rows of one entity, or addresses. `unreached[i]` rows of set i have no usable address
    (0 when rows are counted).
    """

    names: tuple[str, ...]
    by: By
    intersections: tuple[Intersection, ...]
    unreached: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many keys are in any of the sets."""
        return sum(i.count for i in self.intersections)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many keys each set has."""
        return tuple(self.common(n, n) for n in range(len(self.names)))

    def common(self, one: int, other: int) -> int:
        """Return how many keys are in both sets, whatever others they are in."""
        return sum(i.count for i in self.intersections if one in i.sets and other in i.sets)

    def jaccard(self, one: int, other: int) -> float | None:
        """Return the keys in both as a share of those in either (Jaccard index); None when both are empty."""
        both = self.common(one, other)
        either = self.common(one, one) + self.common(other, other) - both
        return both / either if either else None

    def share(self, one: int, other: int) -> float | None:
        """Return which part of set `one` is in `other` too; None when `one` is empty."""
        size = self.common(one, one)
        return self.common(one, other) / size if size else None

    @property
    def df(self) -> pd.DataFrame:
        """The matrix of common keys as a pandas frame, sets as rows and columns; the diagonal is their sizes."""
        import pandas as pd  # only notebooks ask for frames

        every = range(len(self.names))
        cells = [[self.common(n, m) for m in every] for n in every]
        return pd.DataFrame(cells, index=list(self.names), columns=list(self.names))


class Overlaps:
    """Compares segments and lists. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, segments: Segments, lists: Lists) -> None:
        self._store, self._model, self._segments, self._lists = store, model, segments, lists

    def find(self, name: str) -> Subject:
        """Return the segment or list called so; "segment:NAME" and "list:NAME" say which when both are.

        Raises NotFound for an unknown name, ListError for one that both a segment and a list have.
        """
        for kind in KINDS:
            if name.startswith(f"{kind}:"):
                return find_subject(self._segments, self._lists, kind, name.partition(":")[2])
        found = []
        for kind in KINDS:
            try:
                found.append(find_subject(self._segments, self._lists, kind, name))
            except NotFound:
                continue
        named = [s for s in found if s.name.casefold() == name.strip().casefold()] or found
        if len(named) > 1:
            raise ListError(f"{name!r} is a segment and a list; write 'segment:{name}' or 'list:{name}'.")
        if not named:
            known = [*(s.name for s in self._segments.all()), *(m.name for m in self._lists.all())]
            raise NotFound("segment or list", name, known)
        return named[0]

    def compare(
        self, engine: Engine, sets: Sequence[Subject], *, by: By | None = None, suppressed: bool = False
    ) -> Overlap:
        """Return how 2 to 8 different segments and lists overlap, with `suppressed` beside all suppressed addresses.

        `by` is "row" where all are of one entity and nothing else is asked for, else "address". Raises ListError for
        another number of sets, for one given twice, and for "row" where rows cannot be compared.
        """
        self._check(sets, suppressed)
        is_one = len({s.definition.entity for s in sets}) == 1
        if by == "row" and (suppressed or not is_one):
            raise ListError(
                "Suppressed addresses and sets of several entities are compared by address; leave out by='row'."
            )
        if by is None:
            by = "row" if is_one and not suppressed else "address"
        names = _names(sets)
        if by == "row":
            return self._by_row(engine, sets, names)
        return self._by_address(engine, sets, names, suppressed)

    def _check(self, sets: Sequence[Subject], suppressed: bool) -> None:
        fewest = FEWEST - 1 if suppressed else FEWEST
        if not fewest <= len(sets) <= MOST:
            raise ListError(f"{len(sets)} segments and lists cannot be compared; name {fewest} to {MOST}.")
        twice = next((s.name for n, s in enumerate(sets) if s.key in {o.key for o in sets[:n]}), None)
        if twice is not None:
            raise ListError(f"{twice!r} is named twice; compare it with another.")

    def _by_row(self, engine: Engine, sets: Sequence[Subject], names: tuple[str, ...]) -> Overlap:
        compiler = self._segments.compiler(engine)  # one for all, so that their parameters have different names
        sources: list[str] = []
        params: dict[str, Any] = {}
        given: dict[str, pa.Table] = {}
        for n, subject in enumerate(sets):
            compiled = members_query(compiler, subject)
            sources.append(f"select key, {1 << n} as bit from ({compiled.sql})")  # noqa: S608  # compiled by us
            params |= compiled.params
            given |= given_of(self._store, compiled)
        return Overlap(names, "row", _masks(engine, sources, params, given), (0,) * len(names))

    def _by_address(self, engine: Engine, sets: Sequence[Subject], names: tuple[str, ...], suppressed: bool) -> Overlap:
        given, unreached = {}, []
        for n, subject in enumerate(sets):
            keys = self._addresses(engine, subject)
            unreached.append(keys.null_count)
            given[f"_set_{n}"] = pa.table({"key": keys})
        if suppressed:
            with self._store.state.read() as connection:
                query = select(suppression.c.address_key).distinct()
                rows = [row.address_key for row in connection.execute(query)]
            given[f"_set_{len(sets)}"] = pa.table({"key": pa.array(rows, pa.string())})
            names, unreached = (*names, SUPPRESSED), [*unreached, 0]
        sources = [
            f"select key, {1 << n} as bit from {name} where key is not null"  # noqa: S608  # names of ours
            for n, name in enumerate(given)
        ]
        return Overlap(names, "address", _masks(engine, sources, {}, given), tuple(unreached))

    def _addresses(self, engine: Engine, subject: Subject) -> pa.ChunkedArray:
        """Return the address key of every member, null where there is none."""
        entity = self._model.entity(subject.definition.entity)
        contacts = [c for c in entity.contacts if c.channel == "email"]
        if subject.listed is not None and subject.listed.channel == "email":
            contacts = [c for c in contacts if c.name == subject.listed.contact]
        if not contacts:
            raise ListError(
                f"{subject.name!r} is of {entity.plural.lower()}, which have no e-mail address to compare them by."
            )
        compiled = members_query(self._segments.compiler(engine), subject, (Output("address", contacts[0].path),))
        rows = engine.arrow(compiled.sql, compiled.params, given_of(self._store, compiled))
        return address_keys(rows.column("address"))


def _masks(
    engine: Engine, sources: Sequence[str], params: Mapping[str, Any], given: Mapping[str, pa.Table]
) -> tuple[Intersection, ...]:
    """Count the keys of every mask in one query; a key that a source has twice counts once."""
    sql = f"""
        with marked as ({" union all ".join(sources)}),
        masks as (select bit_or(bit) as mask from marked group by key)
        select mask, count(*) from masks group by mask order by 2 desc, 1
    """  # noqa: S608  # compiled by us, values are bound
    every = range(len(sources))
    return tuple(
        Intersection(tuple(n for n in every if mask >> n & 1), count) for mask, count in engine.rows(sql, params, given)
    )


def _names(sets: Sequence[Subject]) -> tuple[str, ...]:
    """Return what sets are called, with their kind where a segment and a list share a name."""
    folded = [s.name.casefold() for s in sets]
    return tuple(f"{s.name} ({s.kind})" if folded.count(s.name.casefold()) > 1 else s.name for s in sets)
