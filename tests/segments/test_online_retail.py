"""A segment of the Online Retail shop, asked through the shipped entities and checked against pandas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.store import Store
from analytics.store.arrow import arrow_schema

AS_OF = datetime(2011, 12, 1, tzinfo=UTC)
NOT_A_RETURN = {"field": "is_return", "is": "no"}
LAPSED = {
    "entity": "customer_user",
    "where": {
        "all": [
            {"related": "orders", "measure": "count", "is": "at_least", "value": 3, "where": NOT_A_RETURN},
            {
                "related": "orders",
                "measure": "count",
                "is": "equals",
                "value": 0,
                "where": {"all": [NOT_A_RETURN, {"field": "created_at", "is": "on_or_after", "value": "today - 90d"}]},
            },
            {"field": "country", "is": "not_equals", "value": "United Kingdom"},
        ]
    },
}


@pytest.fixture(scope="module")
def invoices(shared: Path) -> pd.DataFrame:
    """One row per invoice with a customer: the earliest time and the sum of its lines."""
    lines = pd.read_parquet(shared / "online-retail" / "online_retail.parquet")
    lines = lines[lines["CustomerID"].notna()]
    lines["customer"] = lines["CustomerID"].astype(float).astype(int).astype(str)
    lines["money"] = (lines["Quantity"] * lines["UnitPrice"]).round(4)
    invoices = lines.groupby("InvoiceNo", as_index=False).agg(
        customer=("customer", "first"), at=("InvoiceDate", "min"), total=("money", "sum"), country=("Country", "first")
    )
    invoices["at"] = pd.to_datetime(invoices["at"]).dt.tz_localize("UTC")
    invoices["is_return"] = invoices["InvoiceNo"].astype(str).str.startswith("C")
    return invoices


@pytest.fixture(scope="module")
def shop(invoices: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    model = load_model(None)
    with Store.create(tmp_path_factory.mktemp("retail") / "shop", clock=SimulatedClock(AS_OF)) as store:
        for entity in model.entities.values():
            store.lake.ensure(entity.schema)
        people = invoices.sort_values("at").groupby("customer", as_index=False).first()
        rows = [
            {"id": r.customer, "email": f"c{r.customer}@example.com", "country": r.country, "created_at": r.at}
            for r in people.itertuples()
        ]
        orders = [
            {"id": str(r.InvoiceNo), "customer_user_id": r.customer, "created_at": r.at, "is_return": r.is_return}
            for r in invoices.itertuples()
        ]
        for name, given in (("customer_user", rows), ("order", orders)):
            schema = arrow_schema(model.entity(name).schema)
            filled = [{field: row.get(field) for field in schema.names} for row in given]
            store.lake.merge(name, pa.Table.from_pylist(filled, schema=schema))
        yield store


@pytest.mark.shared
def test_lapsed_customers_abroad_are_those_pandas_finds(shop: Store, invoices: pd.DataFrame) -> None:
    seen = invoices[invoices["at"] <= AS_OF]
    sales = seen[~seen["is_return"]]
    count = sales.groupby("customer").size()
    recent = set(sales[sales["at"] >= AS_OF - timedelta(days=90)]["customer"])
    abroad = seen.sort_values("at").groupby("customer")["country"].first()
    expected = sorted(c for c in count[count >= 3].index if c not in recent and abroad[c] != "United Kingdom")
    assert len(expected) > 10
    with Engine(shop.snapshot(), shop.settings, as_of=AS_OF) as engine:
        segments = Segments(shop, load_model(None))
        definition = Definition.from_document(LAPSED)
        assert segments.keys(definition, engine).column("key").to_pylist() == expected
        assert segments.count(definition, engine) == len(expected)
