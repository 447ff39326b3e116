"""Loops go on whatever their work does."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs

from analytics.errors import DeliveryError
from analytics.worker.loops import Loop


def run(work, **options) -> list[dict]:
    stop = threading.Event()
    with capture_logs() as logs:
        thread = threading.Thread(target=Loop("test", 0.001, lambda: work(stop), **options).run, args=(stop,))
        thread.start()
        thread.join(20)
    assert not thread.is_alive()
    return logs


def test_work_that_has_more_is_called_again_at_once_and_stops_when_told() -> None:
    calls = []

    def work(stop: threading.Event) -> bool:
        calls.append(1)
        if len(calls) == 100:
            stop.set()
        return True

    assert run(work) == []
    assert len(calls) == 100


def test_a_refusal_is_logged_as_its_sentence_and_work_goes_on() -> None:
    calls = []

    def work(stop: threading.Event) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise DeliveryError("The server said no.")
        stop.set()
        return False

    logs = run(work)
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("refused", "The server said no.")]
    assert len(calls) == 2


def test_the_unexpected_is_logged_whole_and_work_goes_on() -> None:
    calls = []

    def work(stop: threading.Event) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        stop.set()
        return False

    logs = run(work)
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("failed", True)]
