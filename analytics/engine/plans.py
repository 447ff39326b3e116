"""What DuckDB expects a query to cost, read from its plan."""

from __future__ import annotations

from typing import Any


def planned_rows(plan: Any) -> int:
    """Return how many rows a plan (as `explain (format json)` gives it) reads and makes, summed over its steps.

    It is an estimate from the tables' statistics, good to an order of magnitude.
    """
    if isinstance(plan, list):
        return sum(planned_rows(item) for item in plan)
    if not isinstance(plan, dict):
        return 0
    told = str((plan.get("extra_info") or {}).get("Estimated Cardinality", ""))
    return (int(told) if told.isdigit() else 0) + planned_rows(plan.get("children"))
