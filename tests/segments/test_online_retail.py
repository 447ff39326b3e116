"""Eleven segments of a real shop, imported as its flat file comes, each against a pandas script over the same file.

The scripts work on the lines of the file with the times as written, which are London's; they know nothing of entities,
relations or SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from analytics.engine import Engine
from analytics.entities import load_model
from analytics.entities.importing import ImportOptions, import_file
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments, parse_text, write_text
from analytics.settings import Settings
from analytics.store import Store
from tests.entities.shop import ONLINE_RETAIL

pytestmark = pytest.mark.shared

NOW = datetime(2011, 12, 1, tzinfo=UTC)
TODAY = pd.Timestamp("2011-12-01")


@pytest.fixture(scope="module")
def lines(shared: Path) -> pd.DataFrame:
    """The lines of the file up to the first of December, with what a line says of its invoice."""
    lines = pd.read_parquet(shared / "online-retail" / "online_retail.parquet")
    numbers = pd.to_numeric(lines["CustomerID"]).astype("Int64").astype("string")
    lines = lines.assign(
        invoice=lines["InvoiceNo"].astype(str),
        customer=numbers.astype(object).where(numbers.notna(), None),
        at=pd.to_datetime(lines["InvoiceDate"]),
        money=(lines["Quantity"] * lines["UnitPrice"]).round(4),
        sku=lines["StockCode"].astype(str).str.lower(),
        name=lines["Description"].fillna("").astype(str).str.lower(),
    )
    begun = lines.groupby("invoice")["at"].transform("min")  # lines of 43 invoices differ by a minute
    return lines.assign(at=begun, is_return=lines["invoice"].str.startswith("C"))[begun < TODAY]


@pytest.fixture(scope="module")
def invoices(lines: pd.DataFrame) -> pd.DataFrame:
    """One row per invoice."""
    return lines.groupby("invoice", as_index=False).agg(
        customer=("customer", "first"), at=("at", "first"), total=("money", "sum"),
        country=("Country", "first"), is_return=("is_return", "first"), pieces=("Quantity", "sum"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    model = load_model(None)
    settings = Settings.of({"timezone": "Europe/London", "base_currency": "GBP"})
    with Store.create(tmp_path_factory.mktemp("retail") / "shop", settings, SimulatedClock(NOW)) as store:
        for entity in model.entities.values():
            store.lake.ensure(entity.schema)
        path = shared / "online-retail" / "online_retail.parquet"
        options = ImportOptions(timezone="Europe/London")
        import_file(store, model, path, entity="order", mapping=ONLINE_RETAIL, options=options)
        yield store


@pytest.fixture
def ask(shop: Store) -> Iterator[Callable[[str], list[str]]]:
    """Return the keys of a segment's text, in order, asked as of the first of December."""
    with Engine(shop.snapshot(), shop.settings, as_of=NOW) as engine:
        segments = Segments(shop, load_model(None))

        def keys(text: str) -> list[str]:
            definition = parse_text(text)
            assert parse_text(write_text(definition)) == definition
            assert Definition.from_document(definition.to_document()) == definition
            found: list[str] = segments.keys(definition, engine).column("key").to_pylist()
            assert segments.count(definition, engine) == len(found)
            return found

        yield keys


Ask = Callable[[str], list[str]]


def _people(customers: Iterable[str | None]) -> list[str]:
    return sorted({c for c in customers if c is not None})


def _everybody(invoices: pd.DataFrame) -> set[str]:
    """Return the customers there are by the first of December."""
    return set(_people(invoices["customer"]))


def test_lapsed_customers_three_orders_but_none_for_ninety_days(ask: Ask, invoices: pd.DataFrame) -> None:
    sales = invoices[~invoices["is_return"]]
    often = sales.groupby("customer").size()
    recent = set(sales[sales["at"] >= TODAY - pd.Timedelta(days=90)]["customer"])
    expected = _people(c for c in often[often >= 3].index if c not in recent)
    assert len(expected) > 100
    assert expected == ask(
        "customer_user where count(orders where is_return is no) >= 3 "
        "and count(orders where is_return is no and created_at >= today - 90d) = 0"
    )


def test_bought_one_product_and_never_another(ask: Ask, lines: pd.DataFrame) -> None:
    bought = lines[~lines["is_return"]]
    hearts = set(bought[bought["sku"] == "85123a"]["customer"])
    stands = set(lines[lines["sku"] == "22423"]["customer"])
    expected = _people(hearts - stands)
    assert len(expected) > 100
    assert expected == ask(
        'customer_user where count(orders where is_return is no and items.sku = "85123A") >= 1 '
        'and orders.items.sku != "22423"'
    )


def test_spent_much_and_sent_nothing_back(ask: Ask, invoices: pd.DataFrame) -> None:
    spent = invoices.groupby("customer")["total"].sum().round(4)
    returned = set(invoices[invoices["is_return"]]["customer"])
    expected = _people(c for c in spent[spent > 2000].index if c not in returned)
    assert len(expected) > 100
    assert expected == ask(
        "customer_user where sum(total of orders) > 2000 and not count(orders where is_return is yes) >= 1"
    )


def test_came_once_in_the_christmas_before(ask: Ask, invoices: pd.DataFrame) -> None:
    sales = invoices[~invoices["is_return"]]
    times = sales.groupby("customer")["at"].agg(["size", "min"])
    once = times[(times["size"] == 1) & (times["min"] < pd.Timestamp("2011-01-01"))]
    expected = _people(once.index)
    assert len(expected) > 50
    assert expected == ask(
        "customer_user where count(orders where is_return is no) = 1 "
        "and first(created_at of orders where is_return is no) < 2011-01-01"
    )


def test_average_order_of_german_and_french_buyers(ask: Ask, invoices: pd.DataFrame) -> None:
    abroad = invoices[invoices["country"].isin(["Germany", "France"]) & ~invoices["is_return"]]
    mean = abroad.groupby("customer")["total"].mean().round(4)
    expected = _people(mean[mean >= 400].index)
    assert len(expected) > 20
    assert expected == ask(
        'customer_user where avg(total of orders where country in ("Germany", "France") and is_return is no) >= 400'
    )


def test_a_single_line_of_many_pieces_of_something_cheap(ask: Ask, lines: pd.DataFrame) -> None:
    """One and the same line has both: a person with a big line and a cheap line is not meant."""
    same = lines[(lines["Quantity"] >= 500) & (lines["UnitPrice"] < 1) & lines["customer"].notna()]
    expected = _people(same["customer"])
    big, cheap = lines[lines["Quantity"] >= 500], lines[lines["UnitPrice"] < 1]
    assert 20 < len(expected) < len(set(_people(big["customer"])) & set(_people(cheap["customer"])))
    assert expected == ask("customer_user where count(orders.items where quantity >= 500 and price < 1) >= 1")


def test_orders_early_in_the_morning_by_london_time_in_summer(ask: Ask, invoices: pd.DataFrame) -> None:
    """Summer time matters: by UTC these hours would be the ones before."""
    early = invoices[(invoices["at"].dt.hour < 8) & invoices["at"].dt.month.between(4, 9) & ~invoices["is_return"]]
    expected = _people(early["customer"])
    by_utc = invoices[(invoices["at"].dt.hour < 9) & invoices["at"].dt.month.between(4, 9) & ~invoices["is_return"]]
    assert 10 < len(expected) < len(_people(by_utc["customer"]))
    assert expected == ask(
        "customer_user where count(orders where hour(created_at) < 8 and month(created_at) between 4 and 9 "
        "and is_return is no) >= 1"
    )


def test_last_order_one_to_two_months_ago(ask: Ask, invoices: pd.DataFrame) -> None:
    last = invoices[~invoices["is_return"]].groupby("customer")["at"].max()
    days = last.dt.normalize()
    fits = days.between(TODAY - pd.Timedelta(days=60), TODAY - pd.Timedelta(days=30))
    expected = _people(last[fits].index)
    assert len(expected) > 100
    assert expected == ask(
        "customer_user where last(created_at of orders where is_return is no) between today - 60d and today - 30d"
    )


def test_the_hundred_who_spent_most_in_their_order(ask: Ask, invoices: pd.DataFrame) -> None:
    spent = invoices[invoices["customer"].notna()].groupby("customer")["total"].sum().round(4).reset_index()
    best = spent.sort_values(["total", "customer"], ascending=[False, True]).head(100)
    assert list(best["customer"]) == ask("customer_user sort by sum(total of orders) desc limit 100")


def test_christmas_shoppers_of_november_by_two_orders_on_weekdays(ask: Ask, lines: pd.DataFrame) -> None:
    wanted = lines[
        lines["name"].str.contains("christmas")
        & (lines["at"].dt.month == 11)
        & (lines["at"].dt.day_of_week < 5)
        & ~lines["is_return"]
    ]
    orders = wanted.groupby("customer")["invoice"].nunique()
    expected = _people(orders[orders >= 2].index)
    assert len(expected) > 50
    assert expected == ask(
        'customer_user where count(orders where items.product_name contains "Christmas" and month(created_at) = 11 '
        "and day_of_week(created_at) <= 5 and is_return is no) >= 2"
    )


def test_customers_without_any_order_in_summer_or_with_a_big_refund(ask: Ask, invoices: pd.DataFrame) -> None:
    summer = invoices["at"].between(pd.Timestamp("2011-07-01"), pd.Timestamp("2011-09-30 23:59:59"))
    in_summer = set(invoices[summer]["customer"])
    refunds = invoices[invoices["is_return"]].groupby("customer")["total"].min().round(4)
    big = set(refunds[refunds <= -100].index)
    often = invoices.groupby("customer").size()
    regular = set(often[often >= 2].index)
    expected = _people(c for c in _everybody(invoices) & regular if c not in in_summer or c in big)
    assert 200 < len(expected) < len(_everybody(invoices))
    assert expected == ask(
        "customer_user where count(orders) >= 2 and (count(orders where created_at between 2011-07-01 and 2011-09-30)"
        " = 0 or min(total of orders where is_return is yes) <= -100)"
    )


def test_big_orders_themselves_are_a_segment_too(ask: Ask, invoices: pd.DataFrame) -> None:
    big = invoices[(invoices["total"].round(4) >= 1500) & (invoices["pieces"] > 1000) & (invoices["country"] != "EIRE")]
    expected = sorted(big["invoice"])
    assert len(expected) > 50
    assert expected == ask('order where total >= 1500 and sum(quantity of items) > 1000 and country != "EIRE"')


def test_rfm_groups_of_every_customer(ask: Ask, invoices: pd.DataFrame) -> None:
    sales = invoices[~invoices["is_return"] & invoices["customer"].notna()]
    year = sales[sales["at"] >= TODAY - pd.Timedelta(days=365)]
    buyers = pd.DataFrame(
        {
            "recency": (TODAY - sales.groupby("customer")["at"].max().dt.normalize()).dt.days,
            "frequency": year.groupby("customer").size(),
            "monetary": year.groupby("customer")["total"].sum().round(4),
        }
    ).fillna(0)
    for part, best_first in (("recency", True), ("frequency", False), ("monetary", False)):
        worse = buyers[part].rank(method="min", ascending=not best_first) - 1
        groups = 5 - (5 * worse // len(buyers)).astype(int)
        for group in (1, 3, 5):
            expected = _people(groups[groups == group].index)
            assert len(expected) > 300
            assert expected == ask(f"customer_user where rfm({part}) = {group}"), (part, group)
    without = _everybody(invoices) - set(buyers.index)
    assert sorted(without) == ask("customer_user where rfm(score) is empty")
