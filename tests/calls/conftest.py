"""A shop with a telephone list and a call campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition
from analytics.services import Services
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.arrow import arrow_schema

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday, noon in London."""

SCRIPT = "Hello {{ entity.first_name or 'there' }}, this is {{ sender.name }} of {{ shop.name }}."

USERS = (
    ("u1", "ada@example.com", "Ada", "+44 20 7946 0101", "GB"),
    ("u2", "bob@example.com", "Bob", "020 7946 0102", "United Kingdom"),
    ("u3", "cy@example.com", "Cy", "030 901820", "DE"),
    ("u4", "ada2@example.com", "Ada again", "+442079460101", "GB"),
    ("u5", "dee@example.com", "Dee", "12", "GB"),
    ("u6", "eve@example.com", "Eve", None, "GB"),
)


def put(services: Services, entity: str, rows: list[dict[str, Any]]) -> None:
    """Merge rows into an entity's table."""
    schema = services.model.entity(entity).schema
    services.store.lake.ensure(schema)
    names = [c.name for c in schema.columns]
    whole = [{name: row.get(name) for name in names} for row in rows]
    services.store.lake.merge(entity, pa.Table.from_pylist(whole, arrow_schema(schema)))


def user(key: str, email: str | None, first_name: str, phone: str | None, country: str | None) -> dict[str, Any]:
    return {"id": key, "email": email, "first_name": first_name, "phone": phone, "country": country, "created_at": NOW}


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def services(tmp_path: Path, clock: SimulatedClock) -> Iterator[Services]:
    """Two people in London, one of them under two rows, one in Berlin, and two nobody can call."""
    settings = Settings.of({"name": "Test shop", "timezone": "Europe/Berlin"})
    with Services(Store.create(tmp_path / "shop", settings, clock), load_model(None)) as opened:
        put(opened, "customer_user", [user(*row) for row in USERS])
        opened.lists.create(
            "Phones",
            Definition.from_document({"entity": "customer_user", "sort": [{"field": "id"}]}),
            contact="phone",
        )
        opened.calls.create("Spring calls", marketing_list="Phones", script=SCRIPT, most_attempts=3)
        yield opened


@pytest.fixture
def take(services: Services) -> Callable[..., Any]:
    """Take the next person for a caller; returns the number, None without one."""

    def taken(caller: str = "Kim", campaign: str = "Spring calls", **more: Any) -> str | None:
        with services.engine() as engine:
            found = services.calls.next(engine, campaign, caller, **more)
        return None if found is None else found.line.phone_key

    return taken


@pytest.fixture
def note(services: Services) -> Callable[..., Any]:
    """Note an outcome; every note has a request key of its own unless one is given."""
    number = iter(range(1_000_000))

    def noted(phone: str, outcome: str, campaign: str = "Spring calls", **more: Any) -> Any:
        given = {"request_key": f"k{next(number)}", **more}
        with services.engine() as engine:
            return services.calls.note(engine, campaign, phone, outcome, **given)

    return noted
