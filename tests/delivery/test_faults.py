"""The proof: a sender that is killed again and again, to a server that drops connections, loses and doubles nobody."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from analytics.delivery import export_facts
from analytics.engine import read
from analytics.store import Store
from analytics.store.tables import delivery, delivery_fact, list_state, sending
from tests.delivery.conftest import HERE, Server
from tests.delivery.ledgers import a_sending
from tests.delivery.world import open_world

SOAK = os.environ.get("SHELDUCK_SOAK") == "1"
KILLS, RECIPIENTS = (50, 2_000) if SOAK else (6, 400)
CONNECTIONS = 5
ROOT = HERE.parents[1]


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_a_killed_sender_loses_nobody_and_doubles_nobody(tmp_path: Path, server: Callable[..., Server]) -> None:
    rng = random.Random(20_260_301)
    post = server(seed=rng.randrange(2**31))
    with open_world(tmp_path / "shop") as store:
        sending_id = a_sending(store, RECIPIENTS, shared={3: ["another 3"], 5: ["another 5", "third 5"]})
        under_way = 0
        for kill in range(KILLS):
            assert _kill_on_the_way(store, post, sending_id, rng), f"the sending was over before kill {kill + 1}"
            handed = _states(store, sending_id)["handed"]
            assert handed <= CONNECTIONS
            under_way += handed
        assert _run(store, post, sending_id).wait(600) == 0
        _everybody_is_accounted_for(store, post, sending_id)
        # Unknown is only what was under way at a kill, or what the server itself did not answer.
        reasons = _uncertain(store, sending_id)
        assert reasons["interrupted"] == under_way
        assert reasons["no reply"] <= len(post.lines("silent"))


def _kill_on_the_way(store: Store, post: Server, sending_id: int, rng: random.Random) -> bool:
    """Start a sender and kill it at a random point; False when it came to its end before."""
    share = RECIPIENTS / (KILLS + 4)
    goal = len(post.lines("taken")) + rng.uniform(0, share)
    process = _run(store, post, sending_id)
    while process.poll() is None and len(post.lines("taken")) < goal:
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.01))
    process.kill()
    return process.wait() != 0


def _run(store: Store, post: Server, sending_id: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / "send_until_done.py")]
    return subprocess.Popen(
        [*command, str(store.folder.root), str(sending_id), str(post.port), str(CONNECTIONS)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )


def _states(store: Store, sending_id: int) -> Counter[str]:
    with store.state.read() as connection:
        rows = connection.execute(
            select(delivery.c.state, func.count().label("count"))
            .where(delivery.c.sending_id == sending_id)
            .group_by(delivery.c.state)
        )
        return Counter({row[0]: row[1] for row in rows})


def _uncertain(store: Store, sending_id: int) -> Counter[str]:
    with store.state.read() as connection:
        reasons = select(delivery.c.reason).where(delivery.c.sending_id == sending_id, delivery.c.state == "uncertain")
        return Counter(connection.execute(reasons).scalars())


def _everybody_is_accounted_for(store: Store, post: Server, sending_id: int) -> None:
    taken = Counter(recipient for recipient, _ in post.lines("taken"))
    assert not [r for r, count in taken.items() if count > 1], "somebody got the mail twice"
    with store.state.read() as connection:
        rows = connection.execute(select(delivery).where(delivery.c.sending_id == sending_id)).all()
        status = connection.execute(select(sending.c.status).where(sending.c.id == sending_id)).scalar_one()
        facts = connection.execute(select(delivery_fact.c.delivery_id, delivery_fact.c.state)).all()
        contacted = dict(connection.execute(select(list_state.c.entity_key, list_state.c.contacted_times)).all())
    assert status == "done"
    assert len(rows) == RECIPIENTS
    for row in rows:
        got = taken[row.address]
        assert row.state in ("accepted", "rejected", "uncertain"), f"{row.address} is {row.state}: lost"
        assert got == {"accepted": 1, "rejected": 0}.get(row.state, got), f"{row.address} is {row.state}, got {got}"
        assert contacted.get(row.entity_key, 0) == (row.state == "accepted")
    ids = dict(post.lines("taken"))
    assert all(ids.get(row.address, row.message_id) == row.message_id for row in rows)
    finals = Counter(fact for fact in facts if fact.state in ("accepted", "rejected"))
    assert finals == Counter((row.id, row.state) for row in rows if row.state in ("accepted", "rejected"))
    assert export_facts(store, chunk=100) == len(facts)
    assert export_facts(store) == 0
    kept = read(store, lambda engine: engine.rows("select delivery_id, state from deliveries order by seq"))
    assert kept == [tuple(fact) for fact in facts]
