"""Every query file can be prepared, says what a row is, and the visits are those of tracking."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from importlib import resources

import pytest

from analytics.engine import Engine, read
from analytics.reports.calls import make_call_tables
from analytics.reports.dimensions import read_dimensions
from analytics.reports.efficiency import make_tables
from analytics.reports.query import EfficiencyQuery, scope_of
from analytics.reports.running import Run
from analytics.reports.sources import make_sources
from analytics.tracking import visits_sql
from tests.reports.test_oracle import fill
from tests.reports.world import World

SQL = resources.files("analytics.reports").joinpath("sql")
FILES = sorted(file.name for file in SQL.iterdir() if file.name.endswith(".sql"))


@pytest.fixture
def run(world: World) -> Iterator[Run]:
    """A run over an empty shop with every table made."""
    world.website()
    world.write()
    with Engine(world.store.snapshot(), world.store.settings) as engine:
        yield _made(world, engine)


def _made(world: World, engine: Engine) -> Run:
    with world.store.state.read() as connection:
        scope = scope_of(EfficiencyQuery(), world.store.settings, connection)
    run = Run(engine, scope, world.store.settings)
    make_sources(run.statement, engine, world.model, read_dimensions(world.store.state))
    make_tables(run)
    make_call_tables(run)
    return run


def test_every_query_can_be_prepared_and_says_what_a_row_is(run: Run) -> None:
    run.make("efficiency_doubted")
    run.make("efficiency_judged_again")
    for name in FILES:
        text = SQL.joinpath(name).read_text("utf-8")
        question = re.sub(r"^create (or replace )?(table|view) \w+ as$", "", text, flags=re.MULTILINE)
        run.engine.rows(f"explain {question}", run.named(text))
        assert text.startswith("-- One row"), name


@pytest.mark.parametrize("seed", range(3))
def test_campaign_visits_are_visits_of_tracking(world: World, seed: int) -> None:
    fill(world, random.Random(1000 + seed))
    world.write()

    def compare(engine: Engine) -> None:
        _made(world, engine)
        columns = "event_id, website, device, started_at, delivery_id, campaign_code, visiting"
        ours = engine.rows(f"select {columns} from _visit")
        theirs = engine.rows(
            f"""
            select visit_id, website, visitor, started_at, delivery_id, campaign_code, person
            from ({visits_sql()}) v
            where (delivery_id is not null or campaign_code in (select code from _code))
                and exists (
                    select 1 from _site s
                    where s.website = v.website and s.device = v.visitor and not s.is_machine
                        and s.occurred_at between v.started_at and v.ended_at
                )
            """
        )
        assert sorted(ours) == sorted(theirs)

    read(world.store, compare)
