"""Calls reach the lake once, in order, whoever exports when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from analytics.calls import export_calls
from analytics.services import Services
from analytics.store.tables import FIRST_OF_INSTANCE, meta
from analytics.worker import Worker
from tests.calls.conftest import NOW

ADA, BOB, CY = "+442079460101", "+442079460102", "+4930901820"


def facts(services: Services) -> list[tuple[Any, ...]]:
    with services.engine() as engine:
        return engine.rows(
            "select call_id, phone_key, outcome, is_reached, person, entity_key from calls order by call_id"
        )


def test_every_call_is_exported_once(services: Services, note: Callable[..., Any]) -> None:
    note(ADA, "no_answer")
    note(BOB, "ordered", caller="Kim")
    assert export_calls(services.store) == 2
    assert export_calls(services.store) == 0
    note(CY, "do_not_call")
    assert export_calls(services.store, chunk=1) == 1
    base = FIRST_OF_INSTANCE
    assert facts(services) == [
        (base + 1, ADA, "no_answer", False, "ada@example.com", "u1"),
        (base + 2, BOB, "ordered", True, "bob@example.com", "u2"),
        (base + 3, CY, "do_not_call", True, "cy@example.com", "u3"),
    ]


def test_exporters_at_once_write_each_call_once(services: Services, note: Callable[..., Any]) -> None:
    for n in range(20):
        note(ADA, "no_answer", request_key=f"r{n}")
    threads = [threading.Thread(target=export_calls, args=(services.store, 3)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] - FIRST_OF_INSTANCE for row in facts(services)] == list(range(1, 21))


def test_a_restored_workspace_numbers_above_what_was_exported(services: Services, note: Callable[..., Any]) -> None:
    note(ADA, "no_answer")
    export_calls(services.store)
    with services.store.state.write() as connection:
        connection.execute(update(meta).where(meta.c.name == "instance").values(value=5))
    services.store = replace(services.store, instance=5)
    services.__dict__.pop("calls")
    assert note(BOB, "ordered").id == 5 * FIRST_OF_INSTANCE + 1
    assert export_calls(services.store) == 1


def test_the_worker_exports_calls(services: Services, note: Callable[..., Any]) -> None:
    note(ADA, "busy", at=NOW)
    assert Worker(services).track()
    assert len(facts(services)) == 1
