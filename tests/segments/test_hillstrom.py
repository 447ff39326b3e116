"""The groups of the Hillstrom e-mail test, a table of the user's own: counted by segments, published by its author."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.entities.importing import import_file
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.segments import Segments, parse_text
from analytics.store import Store

pytestmark = pytest.mark.shared

DECLARED = """
entity = "shopper"
label = "Shopper"
plural = "Shoppers"
key = "id"
title = "email"

[fields]
id = { type = "text", label = "Id" }
email = { type = "text", label = "Email", personal = true }
recency = { type = "integer", label = "Months since last purchase" }
history_segment = { type = "text", label = "Spent last year, as a class" }
history = { type = "money", label = "Spent last year" }
mens = { type = "boolean", label = "Bought men's goods" }
womens = { type = "boolean", label = "Bought women's goods" }
zip_code = { type = "enum", label = "Neighbourhood", options = ["Surburban", "Rural", "Urban"] }
newbie = { type = "boolean", label = "New within a year" }
channel = { type = "enum", label = "Channel", options = ["Phone", "Web", "Multichannel"] }
segment = { type = "enum", label = "Mailed", options = ["Mens E-Mail", "Womens E-Mail", "No E-Mail"] }
visit = { type = "boolean", label = "Visited" }
conversion = { type = "boolean", label = "Bought" }
spend = { type = "money", label = "Spent afterwards" }

[[contacts]]
name = "email"
channel = "email"
path = "email"
"""

# MineThatData E-Mail Analytics Challenge (Kevin Hillstrom, 2008): customers, visits, conversions, spend of each group.
PUBLISHED = {
    "Mens E-Mail": (21_307, 3_894, 267, Decimal("30311.69")),
    "Womens E-Mail": (21_387, 3_238, 189, Decimal("23038.11")),
    "No E-Mail": (21_306, 2_262, 122, Decimal("13908.33")),
}


@pytest.fixture(scope="module")
def people(shared: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        rows = connection.execute(f"from read_csv('{shared / 'hillstrom' / 'hillstrom.csv.gz'}')").df()
    numbers = [f"h{n:05}" for n in range(len(rows))]
    return rows.assign(id=numbers, email=[f"{number}@example.com" for number in numbers])


@pytest.fixture(scope="module")
def shop(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, EntityModel]]:
    folder = tmp_path_factory.mktemp("hillstrom")
    people.to_parquet(folder / "people.parquet")
    with Store.create(folder / "shop", clock=SimulatedClock(datetime(2008, 3, 20, tzinfo=UTC))) as store:
        (store.folder.model / "shopper.toml").write_text(DECLARED, encoding="utf-8")
        model = load_model(store.folder.model)
        store.lake.ensure(model.entity("shopper").schema)
        report = import_file(store, model, folder / "people.parquet", entity="shopper")
        assert report.lines == 64_000 and report.rejected == 0
        yield store, model


@pytest.mark.parametrize("group", PUBLISHED)
def test_a_group_has_the_published_customers_visits_conversions_and_spend(
    shop: tuple[Store, EntityModel], group: str
) -> None:
    customers, visits, conversions, spend = PUBLISHED[group]
    store, model = shop
    segments = Segments(store, model)
    with Engine(store.snapshot(), store.settings) as engine:
        mailed = f'shopper where `segment` = "{group}"'
        assert segments.count(parse_text(mailed), engine) == customers
        assert segments.count(parse_text(f"{mailed} and visit is yes"), engine) == visits
        assert segments.count(parse_text(f"{mailed} and conversion is yes"), engine) == conversions
        buyers = segments.sample(parse_text(f"{mailed} and spend > 0 show spend"), engine, customers)
        assert sum(buyers.rows.column(buyers.columns[-1]).to_pylist()) == spend
        assert buyers.rows.num_rows == conversions


def test_targets_inside_the_groups_are_those_pandas_finds(
    shop: tuple[Store, EntityModel], people: pd.DataFrame
) -> None:
    store, model = shop
    segments = Segments(store, model)
    picked = people[
        (people["segment"] == "Mens E-Mail")
        & ((people["mens"] == 1) | people["history"].between(200, 350))
        & ~((people["zip_code"] == "Rural") & (people["channel"] != "Web"))
        & people["recency"].isin([1, 2, 3])
    ]
    text = (
        'shopper where `segment` = "Mens E-Mail" and (mens is yes or history between 200 and 350) '
        'and not (zip_code = "Rural" and channel != "Web") and recency in (1, 2, 3)'
    )
    with Engine(store.snapshot(), store.settings) as engine:
        assert segments.keys(parse_text(text), engine).column("key").to_pylist() == sorted(picked["id"])


def test_the_groups_are_apart_and_together_everybody(shop: tuple[Store, EntityModel]) -> None:
    store, model = shop
    segments = Segments(store, model)
    with Engine(store.snapshot(), store.settings) as engine:
        for group in PUBLISHED:
            text = f'shopper where `segment` = "{group}" and not `segment` in ("{group}")'
            assert segments.count(parse_text(text), engine) == 0
        assert segments.count(parse_text("shopper"), engine) == 64_000
        assert segments.count(parse_text("shopper where `segment` is empty"), engine) == 0
