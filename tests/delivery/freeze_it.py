"""A freeze as a process of its own, to be killed: `python freeze_it.py WORKSPACE SENDING`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from analytics.delivery.freeze import freeze
from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.store import Store

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

if __name__ == "__main__":
    with Store.open(Path(sys.argv[1]), clock=SimulatedClock(AT)) as store:
        print("begun", flush=True)
        print(freeze(store, load_model(None), int(sys.argv[2]), chunk=7, lake_chunk=60))
