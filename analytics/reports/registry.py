"""The reports by name: one front door for pages, command line and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from analytics.errors import NotFound, ReportError
from analytics.model.entity import EntityModel
from analytics.reports.efficiency import efficiency
from analytics.reports.lift import LiftReport, lift
from analytics.reports.outcome import EfficiencyReport
from analytics.reports.query import EfficiencyQuery
from analytics.store import Store

Report = EfficiencyReport | LiftReport


def report(store: Store, model: EntityModel, name: str, **filters: Any) -> Report:
    """Return the report called `name`; `filters` are the fields of EfficiencyQuery.

    Raises NotFound for an unknown report, ReportError for an unknown filter or one that makes no sense.
    """
    if name not in _REPORTS:
        raise NotFound("report", name, names())
    known = [field.name for field in fields(EfficiencyQuery)]
    for given in filters:
        if given not in known:
            raise ReportError(f"Report {name} has no filter {given!r}; there are {', '.join(known)}.")
    return _REPORTS[name](store, model, EfficiencyQuery(**filters))


def names() -> tuple[str, ...]:
    """Return the names of all reports."""
    return tuple(_REPORTS)


def question(name: str) -> str:
    """Return the question a report answers; NotFound lists the reports there are."""
    if name not in _REPORTS:
        raise NotFound("report", name, names())
    return (_REPORTS[name].__doc__ or "").partition("\n")[0]


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


_REPORTS: Mapping[str, Callable[[Store, EntityModel, EfficiencyQuery], Report]] = {
    "efficiency": efficiency,
    "lift": lift,
}
