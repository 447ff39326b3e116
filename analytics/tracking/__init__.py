"""Website and mail tracking: what clients report, who it was, whether it was a person, and in which visit."""

from analytics.tracking.control import apply_control
from analytics.tracking.ingest import IngestReport, clean_spool, complete_through, ingest
from analytics.tracking.verdicts import LATEST_SQL, latest_sql
from analytics.tracking.visits import identities_sql, visits_sql
from analytics.tracking.websites import Website, Websites

__all__ = [
    "LATEST_SQL",
    "IngestReport",
    "Website",
    "Websites",
    "apply_control",
    "clean_spool",
    "complete_through",
    "identities_sql",
    "ingest",
    "latest_sql",
    "visits_sql",
]
