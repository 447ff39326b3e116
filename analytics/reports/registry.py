"""The reports by name: one front door for pages, command line and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from analytics.errors import NotFound, ReportError
from analytics.model.entity import EntityModel
from analytics.reports.calls import CallReport, CallsQuery, calls
from analytics.reports.efficiency import efficiency
from analytics.reports.lift import LiftReport, lift
from analytics.reports.outcome import EfficiencyReport
from analytics.reports.query import EfficiencyQuery
from analytics.store import Store

Report = EfficiencyReport | LiftReport | CallReport


def report(store: Store, model: EntityModel, name: str, **filters: Any) -> Report:
    """Return the report called `name`; `filters` are the fields of EfficiencyQuery, for calls those of CallsQuery.

    Raises NotFound for an unknown report, ReportError for an unknown filter or one that makes no sense.
    """
    if name not in _REPORTS:
        raise NotFound("report", name, names())
    compute, asked = _REPORTS[name]
    known = [field.name for field in fields(asked)]
    for given in filters:
        if given not in known:
            raise ReportError(f"Report {name} has no filter {given!r}; there are {', '.join(known)}.")
    return compute(store, model, asked(**filters))


def names() -> tuple[str, ...]:
    """Return the names of all reports."""
    return tuple(_REPORTS)


def question(name: str) -> str:
    """Return the question a report answers; NotFound lists the reports there are."""
    if name not in _REPORTS:
        raise NotFound("report", name, names())
    return (_REPORTS[name][0].__doc__ or "").partition("\n")[0]


class Reports:
    """The reports of a workspace."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model

    def names(self) -> tuple[str, ...]:
        """Return the names of all reports."""
        return names()

    def question(self, name: str) -> str:
        """Return the question a report answers."""
        return question(name)

    def report(self, name: str, **filters: Any) -> Report:
        """Return a report by name; see `report`."""
        return report(self._store, self._model, name, **filters)

    def efficiency(self, query: EfficiencyQuery | None = None, **filters: Any) -> EfficiencyReport:
        """Return the efficiency report of a query, or of filters."""
        return efficiency(self._store, self._model, query or EfficiencyQuery(**filters))

    def lift(self, query: EfficiencyQuery | None = None, **filters: Any) -> LiftReport:
        """Return the lift report of a query, or of filters."""
        return lift(self._store, self._model, query or EfficiencyQuery(**filters))

    def calls(self, query: CallsQuery | None = None, **filters: Any) -> CallReport:
        """Return the call report of a query, or of filters."""
        return calls(self._store, self._model, query or CallsQuery(**filters))


_REPORTS: Mapping[str, tuple[Callable[[Store, EntityModel, Any], Report], type[EfficiencyQuery | CallsQuery]]] = {
    "efficiency": (efficiency, EfficiencyQuery),
    "lift": (lift, EfficiencyQuery),
    "calls": (calls, CallsQuery),
}
