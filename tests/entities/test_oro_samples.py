"""Files that the model system exports: its templates for contacts and leads, a broken one, and 10,000 fake people."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from analytics.errors import MappingError
from tests.entities.shop import Shop, counted

pytestmark = pytest.mark.shared


def test_the_contact_export_is_understood_without_a_mapping(shop: Shop, shared: Path) -> None:
    report = shop.load(shared / "oro-samples" / "contact_export_template.csv", "contact")
    assert counted(report, "contact") == (1, 1, 0, 0, 0)
    columns = (
        "id, name_prefix, first_name, last_name, gender, birthday, phone, source, owner, postal_code, country, tags"
    )
    assert shop.rows(f"select {columns} from contact") == [
        (
            "1",
            "Mr.",
            "Jerry",
            "Coleman",
            "male",
            date(1973, 3, 7),
            "585-255-1127",
            "website",
            "admin",
            "14608",
            "US",
            ["custom tag", "second tag"],
        )
    ]
    assert any("Birthday can be read in two ways" in w for w in report.warnings)
    assert "Emails 2 Email" in report.plan.unused


def test_the_wrong_contact_file_gives_its_line_and_the_reason_and_nothing_else(shop: Shop, shared: Path) -> None:
    file = shared / "oro-samples" / "contact_import_wrong_data.csv"
    report = shop.load(file, "contact")
    assert counted(report, "contact") == (0, 0, 0, 0, 0) and report.rejected == 1
    ((line, _, value, reason),) = shop.rejects(report)
    assert (line, reason) == (2, "the line has 25 values, the header names 83 columns")
    assert "Mr." in value
    filled = shop.load(file, "contact", fill_short=True)
    assert [r[:3] for r in shop.rejects(filled)] == [(2, "Id", "")]


def test_a_lead_export_has_no_id_so_one_is_asked_for_and_can_be_made(shop: Shop, shared: Path) -> None:
    file = shared / "oro-samples" / "lead_export_template.csv"
    with pytest.raises(MappingError, match="lead needs its key id"):
        shop.load(file, "lead")
    mapping = {"id": 'md5(lower("Emails 1 Email"))', "account.id": "Customer Account Account name"}
    report = shop.load(file, "lead", {**mapping, "account.name": "Customer Account Account name"})
    assert counted(report, "lead") == (1, 1, 0, 0, 0)
    assert shop.rows("select name, status, company_name, number_of_employees, city, account_id from lead") == [
        ("Oro Inc. Lead Name", "new", "Oro Inc.", 100, "Rochester", "Jerry Coleman")
    ]
    assert shop.rows("select id, name from account") == [("Jerry Coleman", "Jerry Coleman")]


def test_a_german_product_export_is_read_with_its_umlauts(shop: Shop, shared: Path) -> None:
    file = shared / "oro-samples" / "account_import_template_de.csv"
    report = shop.load(
        file, "product", {"inventory_status": "Lagerbestand-Status.ID", "unit": "Einheitsmenge.Einheit.Code"}
    )
    assert counted(report, "product") == (1, 1, 0, 0, 0)
    assert shop.rows("select id, name, status, inventory_status, unit from product") == [
        ("sku_001", "Product Name", "enabled", "in_stock", "kg")
    ]


def test_ten_thousand_people_with_american_dates_and_doubled_addresses(shop: Shop, shared: Path) -> None:
    file = shared / "oro-samples" / "fake_contacts.csv.gz"
    report = shop.load(file, "contact", {"id": "Number"})
    assert counted(report, "contact") == (10_000, 10_000, 0, 0, 0)
    assert shop.rows("select first_name, last_name, birthday, email, street from contact where id = '2'") == [
        ("Debra", "Bailey", date(1930, 11, 16), "DebraDBailey@example.com", "4677 Pallet Street")
    ]
    by_address = shop.load(file, "customer_user", {"id": "lower(EmailAddress)", "email": "EmailAddress"})
    assert by_address.rejected == 10_000 - shop.value("select count(*) from customer_user")
    assert shop.value("select count(*) from customer_user") == 9_989
    assert all("the key comes more than once; line" in r[3] for r in shop.rejects(by_address))
