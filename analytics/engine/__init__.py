"""DuckDB over snapshots of the lake: the engine of the product's own SQL and the locked one for a user's."""

from analytics.engine.again import read
from analytics.engine.duck import Engine
from analytics.engine.locked import Answer, LockedEngine
from analytics.engine.locked_grammar import Checked, Grammar
from analytics.engine.plans import planned_rows
from analytics.engine.shared import SharedEngine
from analytics.engine.sql import load_sql, local_day, quote

__all__ = [
    "Answer",
    "Checked",
    "Engine",
    "Grammar",
    "LockedEngine",
    "SharedEngine",
    "load_sql",
    "local_day",
    "planned_rows",
    "quote",
    "read",
]
