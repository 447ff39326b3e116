"""A segment definition as a frozen tree, and its document form (docs/segments.md).

The document is the same in the database, in a file and in Python. `Definition.from_document` checks its shape and names
the exact place of a mistake (`where.all[1].is`); whether fields, operators and values fit the entity model is checked
when it is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from analytics.errors import SegmentError

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...] | None

MAX_DEPTH = 40
MOST_PARTS = 100
RFM_PARTS = ("recency", "frequency", "monetary", "score")
BEHAVIOURS = ("received", "opened", "clicked", "bounced", "unsubscribed")
WEB_EVENTS = ("page_view", "event", "cart", "order", "search", "download", "outlink", "goal", "any")
EVENT_TEXTS = ("url", "title", "category", "action", "name")
CONSENT_STATES = ("granted", "withdrawn", "none")


@dataclass(frozen=True)
class All:
    """Every node holds; without nodes it holds for every row."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one node holds."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The node does not hold."""

    node: Node


@dataclass(frozen=True)
class FieldCondition:
    """A field of the row, or of related rows by a dotted path, compared with a value."""

    field: str
    operator: str
    value: Value = None
    part: str | None = None


@dataclass(frozen=True)
class Measure:
    """A number or value computed over related rows: `measure` of `field` over the rows at `related` where `where`.

    `by` orders the rows for first and last; by default the time field of the related entity does.
    """

    related: str
    measure: str
    field: str | None = None
    by: str | None = None
    where: Node | None = None


@dataclass(frozen=True)
class MeasureCondition:
    """A measure over related rows compared with a value."""

    measure: Measure
    operator: str
    value: Value = None


@dataclass(frozen=True)
class SameRow:
    """At least one row at the path `related` fulfils all of `where` by itself."""

    related: str
    where: Node


@dataclass(frozen=True)
class InSegment:
    """The row, or a related one at the path `through`, is in a stored segment."""

    segment: str
    through: str | None = None


@dataclass(frozen=True)
class InList:
    """The row, or a related one at the path `through`, is a member of a marketing list."""

    name: str
    through: str | None = None


@dataclass(frozen=True)
class Contacted:
    """How often (`times`) or when last (`last`) the row was contacted, through one list or, without a name, any."""

    what: Literal["times", "last"]
    operator: str
    value: Value = None
    list_name: str | None = None


@dataclass(frozen=True)
class Behaviour:
    """What the person behind a row did with mails of one email campaign or any, at least `times` times.

    `within` is a duration such as "30d" back from now; `by` "human" leaves out what machines did.
    """

    behaviour: str
    campaign: str | None = None  # None = any
    within: str | None = None
    times: int = 1
    by: Literal["human", "all"] = "human"


@dataclass(frozen=True)
class EventText:
    """A text of an event on a website (one of EVENT_TEXTS) compared with a value."""

    column: str
    operator: str
    value: Value = None


@dataclass(frozen=True)
class Did:
    """What the person behind a row did on websites: events of one kind or any that fulfil all that is given.

    Their number is compared with `times` by `operator` (at_least, at_most, equals). `within` is a duration back from
    now, `when` an operator of dates with the value `at`; `source`, `medium`, `code` are the campaign the event carries.
    """

    event: str
    texts: tuple[EventText, ...] = ()
    website: str | None = None
    source: str | None = None
    medium: str | None = None
    code: str | None = None
    times: int = 1
    operator: str = "at_least"
    within: str | None = None
    when: str | None = None
    at: Value = None
    by: Literal["human", "all"] = "human"


@dataclass(frozen=True)
class Sequence:
    """One step after the other, each later than the one before, the last within a duration of the first.

    With `without` the last step is also followed by none of that within the duration.
    """

    steps: tuple[Behaviour | Did, ...]
    within: str | None = None
    without: Behaviour | Did | None = None


@dataclass(frozen=True)
class Consent:
    """The newest word of the row's address on a topic: granted, withdrawn, or none was ever said."""

    topic: str
    state: str


@dataclass(frozen=True)
class Changed:
    """A field whose history is kept was changed, to a value if `operator` is given, in a time if `when` is."""

    field: str
    operator: str | None = None
    value: Value = None
    when: str | None = None  # an operator of dates
    at: Value = None


@dataclass(frozen=True)
class Sample:
    """A percentage of rows from a place in 0 to 100: a stable hash of `salt` and key decides, on any machine.

    Samples with the same salt and percentages that do not overlap never share a row.
    """

    percent: float
    start: float = 0.0
    salt: str = ""


@dataclass(frozen=True)
class Tag:
    """The row bears one of some tags (`any_of`), or none of them (`none_of`)."""

    names: tuple[str, ...]
    operator: Literal["any_of", "none_of"] = "any_of"


@dataclass(frozen=True)
class Rfm:
    """How lately (recency), how often (frequency), for how much (monetary) a row bought, from 1 (best) to 5.

    `score` is the three together as text, such as "1-2-1".
    """

    part: Literal["recency", "frequency", "monetary", "score"]
    operator: str
    value: Value = None


@dataclass(frozen=True)
class Split:
    """One part, from 1 on, of a named division of all rows: into `of` equal parts or parts of these percentages.

    A stable hash of name and key decides, so every row is in one part at most, the same on any machine.
    """

    name: str
    part: int
    of: int | tuple[float, ...]


Node = (
    All
    | AnyOf
    | Not
    | FieldCondition
    | MeasureCondition
    | SameRow
    | InSegment
    | InList
    | Contacted
    | Behaviour
    | Did
    | Sequence
    | Consent
    | Changed
    | Sample
    | Tag
    | Rfm
    | Split
)


@dataclass(frozen=True)
class Column:
    """A column that is shown: a field over to-one relations, or a measure."""

    source: str | Measure
    label: str | None = None


@dataclass(frozen=True)
class Sort:
    """One step of the order; rows without a value come last."""

    source: str | Measure
    descending: bool = False


@dataclass(frozen=True)
class Definition:
    """Which rows of `entity`, what of them is shown, in which order and how many at most.

    Rows that compare equal by `sort` are ordered by key, so two runs agree and `limit` means the top N. With `sql`, one
    SELECT whose first column is the key, `where` is None and the query's own order counts where `sort` is empty.
    """

    entity: str
    where: Node | None = None
    columns: tuple[Column, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    sql: str | None = None

    @classmethod
    def from_document(cls, document: Any) -> Definition:
        """Return the definition a document (dicts, lists, scalars) describes; SegmentError names place and value."""
        from analytics.segments.documents import read_definition  # it needs the tree

        return read_definition(document)

    def to_document(self) -> dict[str, Any]:
        """Return the document of this definition; `from_document` of it is equal to this value."""
        from analytics.segments.documents import definition_document  # it needs the tree

        return definition_document(self)


def wrong(place: str, value: object, right: str) -> SegmentError:
    """Return the error for a value at a place of a definition, with what would be right."""
    shown = repr(value)
    return SegmentError(f"{place}: {shown if len(shown) <= 120 else shown[:117] + '...'} is not {right}.")
