"""Imports a file and dies at its n-th step: `python die_at.py WORKSPACE FILE N WHEN`, run by test_crashes.

A step is an operation that leaves a trace: a merge, an append, the file of announced changes. WHEN is before or after.
Exit code 0 means the import ended before it had that many steps.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics.entities import load_model
from analytics.entities.importing import history as history_module
from analytics.entities.importing import import_file, writing
from analytics.model.clock import SimulatedClock
from analytics.store import Store
from analytics.store.lake import Lake
from tests.entities.test_crashes import LATER, MAPPING

steps = 0


def dying(inner: Callable[..., Any], at: int, when: str) -> Callable[..., Any]:
    """Return `inner`, killing this process before or after the call that is the `at`-th of all."""

    def call(*arguments: Any, **named: Any) -> Any:
        global steps  # noqa: PLW0603  # counts over all wrapped functions
        steps += 1
        mine = steps
        if mine == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = inner(*arguments, **named)
        if mine == at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return call


def main(workspace: str, file: str, at: int, when: str) -> None:
    writing._ROWS = 3  # several merges an entity
    with Store.open(Path(workspace), clock=SimulatedClock(datetime.fromisoformat(LATER).astimezone(UTC))) as store:
        Lake.merge = dying(Lake.merge, at, when)  # type: ignore[method-assign]
        Lake.append = dying(Lake.append, at, when)  # type: ignore[method-assign]
        history_module.announce = dying(history_module.announce, at, when)
        history_module.settle = dying(history_module.settle, at, when)
        import_file(store, load_model(), Path(file), entity="order", mapping=MAPPING)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
