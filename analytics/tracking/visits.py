"""Visits and identities, as SQL over a snapshot's `events` and `verdicts`."""

from __future__ import annotations

from functools import cache

from analytics.engine import load_sql
from analytics.tracking.verdicts import LATEST_SQL


@cache
def visits_sql() -> str:
    """Return the query of visits: visit_id, website, visitor, person, started_at, ended_at, pages, events,
    campaign_code, email_campaign_id, sending_id, delivery_id, is_human. The file says what each is; no parameters."""
    return load_sql(__package__, "visits").replace("/* latest */", LATEST_SQL)


@cache
def identities_sql() -> str:
    """Return the query of identities: kind, value, person, strength (3 declared, 2 mail token, 1 device), since."""
    return load_sql(__package__, "identities")
