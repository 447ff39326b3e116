"""A piece of work done again and again in a thread of its own until the worker stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from analytics.errors import AnalyticsError

_LONGEST_PAUSE = 60.0  # seconds; after failures the pause doubles up to this


@dataclass(frozen=True)
class Loop:
    """Work, and how many seconds to wait after it. `work` returns whether there is more to do at once."""

    name: str
    every: float
    work: Callable[[], bool]

    def run(self, stop: threading.Event) -> None:
        """Repeat the work until `stop` is set. A failure is logged, and the next try comes after a longer pause."""
        log = structlog.get_logger().bind(part=self.name)
        failures = 0
        while not stop.is_set():
            try:
                more = self.work()
                failures = 0
            except AnalyticsError as error:
                more, failures = False, failures + 1
                log.error("refused", reason=str(error))
            except Exception:
                # One broken task must not take mail, log and jobs down with it; the log has the whole story.
                more, failures = False, failures + 1
                log.exception("failed")
            if not more:
                stop.wait(min(self.every * 2**failures, max(self.every, _LONGEST_PAUSE)))
