"""Compiled queries against the naive evaluator: random definitions on random rows, nulls and to-many included."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.engine import Engine
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.segments.operators import OPERATORS
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.generate import Document, Generator
from tests.segments.oracle import Oracle
from tests.segments.shop import MODEL, NOW, ZONE, Data, fill, make_rows
from tests.segments.stories import make_stories, tell

DATASETS = 4
RECKONED: list[dict[str, object]] = [
    {},
    {"week_start": "sunday", "fiscal_year_start": 2},
    {"week_start": "saturday", "fiscal_year_start": 4},
    {"week_start": "wednesday", "fiscal_year_start": 12},
]
CASES = 4_000 if os.environ.get("SHELDUCK_SOAK") else 400


@pytest.fixture(scope="module", params=range(DATASETS))
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Segments, Engine, Data]]:
    seed: int = request.param
    folder: Path = tmp_path_factory.mktemp("oracle") / "shop"
    data = {**make_rows(seed + 100), **make_stories(seed, NOW)}
    reckoned = RECKONED[seed % len(RECKONED)]
    settings = Settings.of({"timezone": ZONE, "threads": 1, **reckoned})
    with Store.create(folder, settings, SimulatedClock(NOW)) as store:
        fill(store, data)
        tell(store, data, NOW)
        with Engine(store.snapshot(), store.settings, now=NOW) as engine:
            yield seed, Segments(store, MODEL), engine, data


def _oracle(engine: Engine, data: Data) -> Oracle:
    settings = engine.settings
    return Oracle(MODEL, data, NOW, ZONE, week_start=settings.week_start_number, year_start=settings.fiscal_year_start)


@pytest.mark.soak
def test_compiled_queries_give_what_the_naive_evaluator_gives(world: tuple[int, Segments, Engine, Data]) -> None:
    seed, segments, engine, data = world
    oracle = _oracle(engine, data)
    sizes: Counter[bool] = Counter()
    for case in range(CASES // DATASETS):
        document = Generator(seed * 1_000_003 + case).definition()
        definition = Definition.from_document(document)
        expected = oracle.keys(document)
        found = segments.keys(definition, engine).column("key").to_pylist()
        assert found == expected, f"seed {seed}, case {case}: {document}\n{segments.sql(definition, engine)}"
        if case % 5 == 0:
            assert segments.count(definition, engine) == len(expected), document
        sizes[0 < len(expected) < len(data[document["entity"]])] += 1
    assert sizes[True] > sizes[False] / 2, "most definitions select all rows or none: the cases prove little"


@pytest.mark.soak
def test_conditions_on_what_people_did_give_what_the_naive_evaluator_gives(
    world: tuple[int, Segments, Engine, Data],
) -> None:
    seed, segments, engine, data = world
    oracle = _oracle(engine, data)
    some: Counter[str] = Counter()
    for case in range(CASES // DATASETS // 5):
        generator = Generator(seed * 1_000_003 + 500_000 + case)
        document = {"entity": generator.r.choice(["user", "user", "person", "order"]), "where": generator.told()}
        definition = Definition.from_document(document)
        expected = oracle.keys(document)
        found = segments.keys(definition, engine).column("key").to_pylist()
        assert found == expected, f"seed {seed}, case {case}: {document}\n{segments.sql(definition, engine)}"
        if 0 < len(expected) < len(data[document["entity"]]):
            some[next(kind for kind in ("behaviour", "did", "sequence", "consent") if kind in document["where"])] += 1
    assert sum(some.values()) >= 4, f"most conditions hold for all rows or none: the cases prove little: {some}"
    if CASES > 1_000:
        assert min(some[kind] for kind in ("behaviour", "did", "sequence", "consent")) >= 5, some


def test_the_cases_use_every_operator_and_many_kinds_of_conditions() -> None:
    used: set[str] = set()
    kinds: Counter[str] = Counter()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            used.update(v for k, v in node.items() if k == "is" and "consent" not in node)
            kinds.update(list(node))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for seed in range(800):
        document: Document = Generator(seed).definition()
        walk(document)
    assert used == set(OPERATORS)
    assert all(kinds[kind] > 10 for kind in ("same", "tag", "rfm", "sample", "split", "related", "part")), kinds


def test_documents_survive_the_way_through_the_tree() -> None:
    for seed in range(300):
        definition = Definition.from_document(Generator(seed).definition())
        assert Definition.from_document(definition.to_document()) == definition
