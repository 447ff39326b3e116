"""Every error Shelduck raises on purpose, one class per outcome.

Each message names the value, the place and what would be right.

    AnalyticsError
    ├── SettingsError            an unusable setting: key, value, what was expected
    ├── WorkspaceError           no workspace, a broken one, or one that cannot be written
    ├── StoreError               lake, state or spool refused something
    │   ├── ConcurrencyError     gave up after repeating a commit
    │   └── LossyCast            a value would not survive its column's type
    ├── ModelError               an entity declaration that does not hold together
    ├── ImportFailed             a file that cannot be read at all (bad rows are results, not errors)
    │   └── MappingError         a mapping that names an unknown field or column, or cannot be computed
    ├── SegmentError             a definition that cannot be compiled
    │   └── UnknownField
    ├── ListError
    ├── TemplateError            a template that cannot be compiled or rendered
    │   └── UnknownVariable
    ├── CampaignError
    │   └── SendingBlocked       queueing refused, with the reason
    ├── DeliveryError
    │   └── SenderBusy           another process is sending
    ├── TrackingError
    ├── ReportError
    │   └── QueryError           SQL of a person that is refused or fails, with its place
    │       └── QueryTimeout     it took longer than it may
    └── NotFound                 no such list, template, campaign, ... by that name
"""

from __future__ import annotations

from collections.abc import Sequence


class AnalyticsError(Exception):
    """The base of every error a page or command shows as a sentence."""


class SettingsError(AnalyticsError):
    """A setting cannot be used; the start stops here."""

    def __init__(self, key: str, value: object, expected: str) -> None:
        self.key, self.value, self.expected = key, value, expected
        super().__init__(f"Setting {key} is {value!r}; expected {expected}.")


class WorkspaceError(AnalyticsError):
    """There is no workspace, or it is damaged, or it cannot be written."""


class StoreError(AnalyticsError):
    """Lake, state or spool refused an operation."""


class ConcurrencyError(StoreError):
    """A commit met other writers more often than it may be repeated."""


class LossyCast(StoreError):
    """A value would change when cast to its column's declared type."""


class ModelError(AnalyticsError):
    """An entity declaration does not hold together."""


class ImportFailed(AnalyticsError):
    """A file cannot be imported at all."""


class MappingError(ImportFailed):
    """A mapping names a field or column that is not there, or cannot be computed."""


class SegmentError(AnalyticsError):
    """A segment definition cannot be compiled."""


class UnknownField(SegmentError):
    """A definition names a field or relation the entity does not have."""

    def __init__(self, name: str, entity: str, known: Sequence[str], place: str | None = None) -> None:
        self.name, self.entity, self.known, self.place = name, entity, tuple(known), place
        where = f"{place}: " if place else ""
        super().__init__(f"{where}{entity} has no field or relation {name!r}; there are {', '.join(known)}.")


class ListError(AnalyticsError):
    """A marketing list cannot be made or used as asked."""


class TemplateError(AnalyticsError):
    """A template cannot be compiled or rendered."""


class UnknownVariable(TemplateError):
    """A template names a variable that does not exist; `nearest` is the known one most like it."""

    def __init__(self, name: str, place: str, known: Sequence[str], nearest: str | None = None) -> None:
        self.name, self.place, self.known, self.nearest = name, place, tuple(known), nearest
        guess = f" Did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"Unknown variable {name!r} in {place}.{guess} There are {', '.join(known)}.")


class CampaignError(AnalyticsError):
    """A campaign cannot be made or changed as asked."""


class SendingBlocked(CampaignError):
    """A campaign may not be queued; the message says why and what would unblock it."""


class DeliveryError(AnalyticsError):
    """The ledger or the mailer cannot go on."""


class SenderBusy(DeliveryError):
    """Another process is sending; one at a time does."""


class TrackingError(AnalyticsError):
    """A tracking website or log cannot be used as asked."""


class ReportError(AnalyticsError):
    """A report cannot be computed as asked."""


class QueryError(ReportError):
    """SQL that a person wrote and that is refused, wrong, or too much; line and column count from 1, None without."""

    def __init__(self, message: str, sql: str = "", place: int | None = None) -> None:
        """Take what is wrong, the SQL, and the byte of it (UTF-8) where that stands, if it is known."""
        self.message = message
        self.line: int | None = None
        self.column: int | None = None
        if place is None or not sql:
            super().__init__(message)
            return
        before = sql.encode()[:place].decode(errors="ignore")
        start = before.rfind("\n") + 1
        self.line, self.column = before.count("\n") + 1, len(before) - start + 1
        shown = sql[start:].split("\n", 1)[0]
        super().__init__(f"line {self.line}, column {self.column}: {message}\n{shown}\n{' ' * (self.column - 1)}^")


class QueryTimeout(QueryError):
    """SQL that a person wrote and that took longer than it may."""


class NotFound(AnalyticsError):
    """Nothing of this kind has this name or number."""

    def __init__(self, kind: str, name: object, known: Sequence[str] = ()) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        there = f" There are: {', '.join(known)}." if known else f" There is no {kind} yet."
        super().__init__(f"No {kind} {name!r}.{there}")
