"""The sender as a process of its own, to be killed: `python send_until_done.py WORKSPACE SENDING PORT CONNECTIONS`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from analytics.delivery import drain
from analytics.delivery.records import Tuning
from analytics.entities import load_model
from analytics.settings import SmtpSettings
from analytics.store import Store
from tests.delivery.ledgers import PlainPlan

EAGER = Tuning(
    batch=40,
    retry=(timedelta(0),) * 40,
    sender_ttl=timedelta(seconds=0.5),
    patience=timedelta(seconds=20),
    reconnect=(0.01, 0.05),
    most_failures=10_000,
    most_rejected=1_000_000,
)


def main(folder: str, sending_id: str, port: str, connections: str) -> None:
    """Send until nothing is left."""
    smtp = SmtpSettings(host="127.0.0.1", port=int(port), security="none", connections=int(connections))
    with Store.open(Path(folder)) as store:
        while (
            sent := drain(store, load_model(None), int(sending_id), smtp=smtp, tuning=EAGER, plan=PlainPlan())
        ).status == "sending":
            assert sent.handled, sent


if __name__ == "__main__":
    main(*sys.argv[1:])
