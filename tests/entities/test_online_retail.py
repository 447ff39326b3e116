"""Online Retail: a real flat file of half a million lines, with published totals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.entities.shop import ONLINE_RETAIL, Shop, counted

pytestmark = pytest.mark.shared


def test_the_published_totals_come_out_and_the_raw_day_afterwards_changes_nothing(shop: Shop, shared: Path) -> None:
    parquet = shared / "online-retail" / "online_retail.parquet"
    raw_day = shared / "online-retail" / "2011-11-29.raw.csv.gz"

    report = shop.load(parquet, "order", ONLINE_RETAIL, timezone="Europe/London")
    totals = dict(report.totals)
    assert totals["Orders"] == 25_900
    assert totals["Customer users"] == 4_372
    assert totals["Order items"] == report.lines == 541_909
    assert round(Decimal(totals["Sum of quantity × price"]), 2) == Decimal("9747747.93")
    assert report.rejected == 0 and report.rejects_file is None
    assert any("43 orders have lines that differ in created_at; the earliest" in w for w in report.warnings)

    assert shop.value('select sum(total) from "order"') == Decimal("9747747.9340")
    assert shop.value("select sum(cast(quantity as decimal(18,4)) * price) from order_item") == Decimal("9747747.934")
    assert shop.value('select count(*) from order_item i join "order" o on o.id = i.order_id') == 541_909
    assert shop.value('select count(*) from "order" where is_return') == 3_836
    assert shop.value('select count(*) from order_item i join "order" o on o.id = order_id where is_return') == 9_288
    assert shop.value('select count(distinct country) from "order"') == 38
    lines = 'select count(*) from order_item i join "order" o on o.id = i.order_id where customer_user_id is null'
    assert shop.value(lines) == 135_080
    # Valid sales as published: with customer, no C invoice, quantity and price above 0.
    valid = shop.rows(
        """select count(*), count(distinct o.id), count(distinct customer_user_id),
            sum(cast(quantity as integer) * price)
        from order_item i join "order" o on o.id = i.order_id
        where customer_user_id is not null and not is_return and quantity > 0 and price > 0"""
    )
    assert valid == [(397_884, 18_532, 4_338, Decimal("8911407.9040"))]
    doubled = """select sum(n - 1) from (select count(*) as n from order_item i join "order" o on o.id = order_id
        group by o.id, sku, product_name, quantity, i.created_at, price, customer_user_id, o.country)"""
    assert shop.value(doubled) == 5_268

    before = shop.store.lake.version("order_item"), shop.store.lake.version("order")
    again = shop.load(raw_day, "order", ONLINE_RETAIL, timezone="Europe/London")
    assert again.lines == 4_313
    assert again.changed == 0 and again.rejected == 0
    assert counted(again, "order") == (151, 0, 0, 151, 0)
    assert counted(again, "order_item") == (4_313, 0, 0, 4_313, 0)
    assert (shop.store.lake.version("order_item"), shop.store.lake.version("order")) == before
    assert shop.value("select count(*) from changes") == 0

    everything = shop.load(parquet, "order", ONLINE_RETAIL, timezone="Europe/London")
    assert everything.changed == 0


def test_the_raw_day_alone_gives_keys_without_point_zero_and_links_where_there_is_a_customer(
    shop: Shop, shared: Path
) -> None:
    report = shop.load(shared / "online-retail" / "2011-11-29.raw.csv.gz", "order", ONLINE_RETAIL)
    assert report.rejected == 0
    assert shop.rows("select id, email from customer_user where id = '13349'") == [("13349", "c13349@example.com")]
    assert shop.value("select count(*) from customer_user where id like '%.%' or email like '%.0@%'") == 0
    without = shop.rows('select id, customer_user_id from "order" where customer_user_id is null order by id limit 1')
    assert without and without[0][1] is None
    # Quoted commas stay inside their value.
    assert shop.value("select count(*) from order_item where product_name like '%,%'") > 0
