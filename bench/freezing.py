"""Freezing a list against the bare INSERT: a list of a million into the ledger and the lake, beside it one INSERT of as
many ready rows into the same table; and the members of a static list, asked and kept, beside theirs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from analytics.campaigns import EmailCampaigns
from analytics.delivery import Sendings
from analytics.delivery.freeze import freeze
from analytics.entities import load_model
from analytics.lists import Lists
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from analytics.templates import Templates
from bench.measure import Measure, seconds


def measured(count: int) -> Measure:
    """Return the seconds to freeze a list of `count` people, and those of inserting as many rows."""
    with tempfile.TemporaryDirectory(prefix="bench-freeze-") as folder:
        with shop(Path(folder) / "ours", count) as store:
            number = queued(store, "<p>Hello {{ entity.first_name }}</p>")
            ours = seconds(lambda: freeze(store, load_model(None), number))
        with shop(Path(folder) / "theirs", 1) as store:
            theirs = _bare_insert(store, queued(store, "<p>Hello</p>"), count)
    return Measure.of(f"freeze {count:,} people", ours, theirs, "s")


def members(count: int) -> Measure:
    """Return the seconds to make a static list of `count` people, and those of inserting as many ready members."""
    everybody = Definition.from_document({"entity": "customer_user"})
    model = load_model(None)
    with tempfile.TemporaryDirectory(prefix="bench-members-") as folder, shop(Path(folder) / "shop", count) as store:
        lists = Lists(store, model, Segments(store, model))
        ours = seconds(lambda: lists.create("Kept", everybody, contact="email", kind="static"))
        other = lists.create("Bare", everybody, contact="email")
        rows = [(other.id, 1, f"{n:07d}", n) for n in range(count)]
        with store.state.write() as connection:
            into = "insert into list_member (list_id, generation, entity_key, position) values (?, ?, ?, ?)"
            begun = time.perf_counter()
            connection.exec_driver_sql(into, rows)
        theirs = time.perf_counter() - begun
    return Measure.of(f"a static list of {count:,} members", ours, theirs, "s")


def _bare_insert(store: Store, sending_id: int, count: int, piece: int = 50_000) -> float:
    """Return the seconds of inserting `count` ready rows in one transaction, in the order of addresses like ours."""
    from analytics.delivery.freeze import _insert_delivery

    took = 0.0
    with store.state.write() as connection:
        for start in range(0, count, piece):
            rows = [_row_of(sending_id, n) for n in range(start, min(start + piece, count))]
            took += seconds(lambda rows=rows: connection.exec_driver_sql(_insert_delivery(connection), rows))  # type: ignore[misc]
        begun = time.perf_counter()
    return took + time.perf_counter() - begun


def _row_of(sending_id: int, n: int) -> tuple[Any, ...]:
    key = f"{n:08x}@example.org"
    values = f'{{"first_name":"Person {n}"}}'
    message_id = f"<{n:08x}-0000-5000-8000-000000000000@example.com>"
    return (n + 1, sending_id, key, key, key, f"{n:07d}", None, "planned", None, 0, 1, message_id, values, 1)


# --- a shop ---


@contextmanager
def shop(root: Path, people: int) -> Iterator[Store]:
    """Make a workspace with so many customer users."""
    model = load_model(None)
    with Store.create(root, Settings()) as store:
        for entity in model.entities.values():
            store.lake.ensure(entity.schema)
        numbers = range(people)
        # Addresses come in no order, as in life.
        table = {
            "id": [f"{n:07d}" for n in numbers],
            "email": [f"{(n * 2_654_435_761) % 2**32:08x}@example.org" for n in numbers],
            "first_name": [f"Person {n}" for n in numbers],
        }
        store.lake.merge("customer_user", pa.table(table))
        yield store


def queued(store: Store, body: str) -> int:
    """Queue a campaign with that body to everybody; returns the sending's number."""
    model = load_model(None)
    definition = Definition.from_document({"entity": "customer_user"})
    Lists(store, model, Segments(store, model)).create("Everybody", definition, contact="email")
    Templates(store, model).save("News", "News for {{ entity.first_name }}", body, entity="customer_user")
    campaign = EmailCampaigns(store).create("News", marketing_list="Everybody", template="News")
    return Sendings(store, model).queue(campaign.id, "bench").id
