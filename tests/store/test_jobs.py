"""Jobs: once asked for once, done by one worker at a time, taken over when that one dies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from analytics.errors import NotFound
from analytics.model.clock import SimulatedClock
from analytics.store import Store
from analytics.store.jobs import LEASE, Jobs
from tests.store.shop import NOW


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store.state, SimulatedClock(NOW))


def test_asking_twice_under_one_key_makes_one_job(jobs: Jobs) -> None:
    first = jobs.enqueue("import", "upload-1", {"path": "a.csv"})
    assert jobs.enqueue("import", "upload-1", {"path": "other.csv"}) == first
    assert jobs.get(first).payload == {"path": "a.csv"}
    assert len(jobs.recent("import")) == 1


def test_a_claimed_job_is_nobody_elses_until_its_worker_dies(store: Store) -> None:
    clock = SimulatedClock(NOW)
    jobs = Jobs(store.state, clock)
    number = jobs.enqueue("import", "k", {})
    assert jobs.claim(["import"], "a").id == number
    assert jobs.claim(["import"], "b") is None
    clock.advance(LEASE - timedelta(seconds=1))
    assert jobs.note(number, "a", 5, 10)
    clock.advance(LEASE - timedelta(seconds=1))
    assert jobs.claim(["import"], "b") is None
    clock.advance(timedelta(seconds=2))
    assert jobs.claim(["import"], "b").id == number
    assert not jobs.note(number, "a", 6, 10)
    jobs.finish(number, "a", "late")
    assert jobs.get(number).state == "running"
    jobs.finish(number, "b", "10 rows")
    assert (jobs.get(number).state, jobs.get(number).message) == ("done", "10 rows")


def test_a_finished_job_is_not_claimed_again(jobs: Jobs) -> None:
    number = jobs.enqueue("import", "k", {})
    jobs.claim(["import"], "a")
    jobs.finish(number, "a", "the file is gone", failed=True)
    assert jobs.get(number).state == "failed"
    assert jobs.claim(["import"], "b") is None


def test_other_kinds_are_left_alone(jobs: Jobs) -> None:
    jobs.enqueue("export", "k", {})
    assert jobs.claim(["import"], "a") is None


def test_an_unknown_job_is_said_to_be_unknown(jobs: Jobs) -> None:
    with pytest.raises(NotFound, match="No job 7"):
        jobs.get(7)
