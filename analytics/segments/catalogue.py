"""What a definition may name beyond the entity model: stored segments, lists, campaigns, and the state of members."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pyarrow as pa

from analytics.errors import SegmentError
from analytics.segments.definition import Definition

What = Literal["members", "removed", "unsubscribed", "silent", "contacted", "known", "tagged", "consents", "query"]


@dataclass(frozen=True)
class Given:
    """A table a query reads under `name` beside those of the lake, column `entity_key` first.

    members: of a static list, with `position`; removed: from a list; silent: removed or unsubscribed;
    contacted: with `times` and `last`, of one list or, without `list_id`, of all lists of `entity`; unsubscribed:
    from a list; known: every row something happened to in a list, with `times`, `last` and `unsubscribed` (0 or 1);
    tagged: rows of `entity` with `tag`, one of `tags` in whatever case or, without these, any; consents: every word
    on a topic: `address_key` (no entity_key), `granted` (0 or 1), `said_at`, `id`.
    These are in the state; query: what `sql` of a person gives, with `position`, as `source` finds it.
    """

    name: str
    what: What
    list_id: int | None = None
    entity: str | None = None
    tags: tuple[str, ...] = ()
    sql: str | None = None
    source: Callable[[], pa.Table] | None = field(default=None, compare=False, repr=False)
    topic_id: int | None = None

    @classmethod
    def of_list(cls, what: What, list_id: int) -> Given:
        """Return the table of one list."""
        return cls(f"_list_{what}_{list_id}", what, list_id)

    @classmethod
    def contacted_of(cls, entity: str) -> Given:
        """Return the table of what all lists of an entity contacted."""
        return cls("_list_contacted_all", "contacted", None, entity)

    @classmethod
    def tagged(cls, entity: str, tags: tuple[str, ...] = ()) -> Given:
        """Return the table of rows of an entity with one of some tags, or of all their tags."""
        folded = tuple(sorted({tag.strip().casefold() for tag in tags}))
        mark = hashlib.md5("\x1f".join(folded).encode(), usedforsecurity=False).hexdigest()[:12] if folded else "any"
        return cls(f"_tagged_{entity}_{mark}", "tagged", None, entity, folded)

    @classmethod
    def consents_on(cls, topic_id: int) -> Given:
        """Return the table of what people said about a topic."""
        return cls(f"_consents_{topic_id}", "consents", topic_id=topic_id)


@dataclass(frozen=True)
class ListSource:
    """A marketing list as a condition sees it; with `keeps_contacted` rows it contacted stay in a dynamic one."""

    id: int
    name: str
    is_static: bool
    definition: Definition
    keeps_contacted: bool = False


@dataclass(frozen=True)
class RfmRules:
    """How buyers are put into five groups: over how many days, in which currency, and at which bounds.

    Bounds are four numbers, the best first (days rising, orders and money falling); without any, fifths of the buyers.
    """

    days: int = 365
    currency: str = "EUR"
    recency: tuple[float, ...] = ()
    frequency: tuple[float, ...] = ()
    monetary: tuple[float, ...] = ()


class Catalogue(Protocol):
    """Finds what is stored by name or number; each method raises SegmentError naming the place when it is not there."""

    def segment(self, name: str, place: str) -> Definition:
        """Return a stored segment's definition."""
        ...

    def marketing_list(self, name: str, place: str) -> ListSource:
        """Return a marketing list."""
        ...

    def email_campaign(self, name: str, place: str) -> int:
        """Return the number of an email campaign."""
        ...

    def rfm_rules(self) -> RfmRules:
        """Return how buyers are put into groups."""
        ...

    def topic(self, name: str, place: str) -> int:
        """Return the number of a topic people consent to."""
        ...


class Nothing:
    """A catalogue without anything in it, for definitions compiled outside a workspace."""

    def segment(self, name: str, place: str) -> Definition:
        """Raise SegmentError."""
        raise SegmentError(f"{place}: there is no segment {name!r}; no segment is stored here.")

    def marketing_list(self, name: str, place: str) -> ListSource:
        """Raise SegmentError."""
        raise SegmentError(f"{place}: there is no marketing list {name!r}; no list is stored here.")

    def email_campaign(self, name: str, place: str) -> int:
        """Raise SegmentError."""
        raise SegmentError(f"{place}: there is no email campaign {name!r}; no campaign is stored here.")

    def rfm_rules(self) -> RfmRules:
        """Return those of a workspace that says nothing."""
        return RfmRules()

    def topic(self, name: str, place: str) -> int:
        """Raise SegmentError."""
        raise SegmentError(f"{place}: there is no topic {name!r}; no topic is stored here.")
