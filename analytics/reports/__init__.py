"""Questions about what campaigns did, and the metrics they are answered with."""

from analytics.reports.calls import CallReport, CallsQuery, calls
from analytics.reports.efficiency import efficiency
from analytics.reports.lift import LiftReport, lift
from analytics.reports.outcome import EfficiencyReport
from analytics.reports.query import EfficiencyQuery
from analytics.reports.registry import Reports, names, report

__all__ = [
    "CallReport",
    "CallsQuery",
    "EfficiencyQuery",
    "EfficiencyReport",
    "LiftReport",
    "Reports",
    "calls",
    "efficiency",
    "lift",
    "names",
    "report",
]
