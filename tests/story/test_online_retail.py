"""The whole path on a real shop's invoices, from the command line alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.story.conftest import Recipient

MAPPING = """
entity = "order"

[options]
timezone = "Europe/London"

[map]
id = "InvoiceNo"
identifier = "InvoiceNo"
created_at = "InvoiceDate"
country = "Country"
currency = "'GBP'"
is_return = "InvoiceNo like 'C%'"
total = "sum(Quantity * UnitPrice)"

[map.customer_user]
id = "CustomerID"
email = "'c' || CustomerID || '@example.com'"
first_name = "'Customer ' || CustomerID"
country = "Country"
created_at = "InvoiceDate"

[map.items]
sku = "StockCode"
product_name = "Description"
quantity = "Quantity"
price = "UnitPrice"
"""
SEGMENT = """
entity: customer_user
where:
  all:
    - {related: orders, measure: count, is: at_least, value: 3, where: {field: is_return, is: no}}
    - {related: orders, measure: count, is: equals, value: 0,
       where: {all: [{field: is_return, is: no}, {field: created_at, is: on_or_after, value: today - 90d}]}}
    - {field: country, is: not_equals, value: United Kingdom}
sort: [{field: id}]
"""
HTML = """<html><body><p>Hello {{ entity.first_name }} in {{ entity.country }}</p>
<a href="https://shop.example.com/back">Come back</a></body></html>"""


def quiet_customers(path: Path) -> set[str]:
    """The segment's members by pandas, from the published data."""
    lines = pd.read_parquet(path)
    lines = lines[lines["CustomerID"].notna() & ~lines["InvoiceNo"].astype(str).str.startswith("C")]
    moment = pd.to_datetime(lines["InvoiceDate"])
    lines = lines[moment < "2011-12-01"]
    moment = moment[moment < "2011-12-01"]
    by_customer = lines.assign(moment=moment).groupby("CustomerID")
    facts = by_customer.agg(invoices=("InvoiceNo", "nunique"), last=("moment", "max"), country=("Country", "last"))
    chosen = facts[(facts["invoices"] >= 3) & (facts["last"] < "2011-09-02") & (facts["country"] != "United Kingdom")]
    return {f"c{int(number)}@example.com" for number in chosen.index.astype(float)}


def test_real_invoices_become_a_list_mails_clicks_and_a_report(
    shared: Path,
    shelduck: Callable[..., str],
    collector: Callable[[], str],
    recipients: Callable[[str], dict[str, Recipient]],
    tmp_path: Path,
) -> None:
    (tmp_path / "retail.toml").write_text(MAPPING)
    (tmp_path / "quiet.yaml").write_text(SEGMENT)
    (tmp_path / "mail.html").write_text(HTML)
    data = shared / "online-retail" / "online_retail.parquet"
    shelduck("init", "--name", "Retail", "--timezone", "Europe/London", "--currency", "GBP")
    told = shelduck("import", str(data), "--entity", "order", "--mapping", str(tmp_path / "retail.toml"))
    for figure in ("25,900", "4,372", "541,909", "9,747,747.93"):
        assert figure in told

    expected = quiet_customers(data)
    told = shelduck("segment", str(tmp_path / "quiet.yaml"), "--as-of", "2011-12-01", "--sql")
    assert str(len(expected)) in told.split()
    assert "SELECT" in told.upper()
    shelduck("list", "create", "Quiet abroad", "--segment", str(tmp_path / "quiet.yaml"))
    shelduck(
        "template",
        "save",
        "Back",
        "--html",
        str(tmp_path / "mail.html"),
        "--entity",
        "customer_user",
        "--subject",
        "{{ entity.first_name }}",
    )
    shelduck("marketing", "create", "Comeback", "--code", "BACK")
    shelduck("campaign", "create", "Back", "--list", "Quiet abroad", "--template", "Back", "--marketing", "BACK")
    shelduck("send", "Back", "--as-of", "2011-12-01", "--yes")

    people = recipients(collector())
    assert set(people) == expected
    clickers = sorted(people)[:3]
    for address in clickers:
        people[address].open()
        assert "utm_campaign=BACK" in people[address].click()
    one = people[clickers[0]]
    assert one.message["Subject"] == f"Customer {clickers[0].removeprefix('c').split('@')[0]}"
    shelduck("ingest")
    shelduck("report", "efficiency", "--csv", str(tmp_path / "report.csv"))
    (row,) = pd.read_csv(tmp_path / "report.csv").to_dict("records")
    assert (row["recipients"], row["delivered"], row["opens_human"], row["clicks_human"]) == (
        len(expected),
        len(expected),
        3,
        3,
    )
