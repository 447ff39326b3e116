"""The rules of an import: what is replaced, kept, deleted, and what of it is remembered."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from analytics.errors import ImportFailed, MappingError, ModelError
from tests.entities.shop import Shop, counted

ORDERS = {
    "id": "no",
    "created_at": "at",
    "total": "sum(qty * price)",
    "customer_user.id": "buyer",
    "customer_user.email": "mail",
    "customer_user.city": "city",
    "items.sku": "sku",
    "items.quantity": "qty",
    "items.price": "price",
}
HEAD = "no,at,buyer,mail,city,sku,qty,price\n"
FIRST = (
    HEAD
    + "1,2026-01-05 10:00,7,ada@example.com,Bonn,A,1,2.50\n"
    + "1,2026-01-05 10:01,7,ada@example.com,Bonn,A,1,2.50\n"
    + "1,2026-01-05 10:00,7,ada@example.com,Bonn,B,3,1.00\n"
    + "2,2026-01-06 10:00,,,,A,2,2.50\n"
)


def test_lines_without_a_key_belong_to_their_order_and_exact_duplicates_all_count(shop: Shop) -> None:
    report = shop.load(FIRST, "order", ORDERS)
    assert counted(report, "order_item") == (4, 4, 0, 0, 0)
    assert shop.rows("select id, order_id, position, sku from order_item order by id") == [
        ("1#1", "1", 1, "A"),
        ("1#2", "1", 2, "A"),
        ("1#3", "1", 3, "B"),
        ("2#1", "2", 1, "A"),
    ]
    assert shop.rows('select id, total, customer_user_id from "order" order by id') == [
        ("1", Decimal("8.0000"), "7"),
        ("2", Decimal("5.0000"), None),
    ]
    assert dict(report.totals)["Sum of quantity × price"] == Decimal("13")


def test_a_repeat_changes_nothing_and_commits_nothing(shop: Shop) -> None:
    shop.load(FIRST, "order", ORDERS)
    versions = shop.store.snapshot().versions
    report = shop.load(FIRST, "order", ORDERS)
    assert report.changed == 0
    assert shop.store.snapshot().versions == versions


def test_importing_an_order_again_replaces_its_lines_and_leaves_other_orders_alone(shop: Shop) -> None:
    shop.load(FIRST, "order", ORDERS)
    report = shop.load(HEAD + "1,2026-01-05 10:00,7,ada@example.com,Bonn,C,1,9.00\n", "order", ORDERS)
    assert counted(report, "order_item") == (1, 0, 1, 0, 2)
    assert shop.rows("select id, sku from order_item order by id") == [("1#1", "C"), ("2#1", "A")]
    assert shop.value("select total from \"order\" where id = '1'") == Decimal("9")
    back = shop.load(FIRST, "order", ORDERS)
    assert counted(back, "order_item") == (4, 0, 3, 1, 0)
    assert shop.value("select count(*) from order_item") == 4


def test_values_that_differ_between_lines_take_the_earliest_time_and_the_latest_rest_with_a_warning(shop: Shop) -> None:
    text = HEAD + (
        "1,2026-01-05 10:05,7,ada@example.com,Bonn,A,1,1\n"
        "1,2026-01-05 10:00,7,ada@example.com,Köln,A,1,1\n"
        "1,2026-01-05 10:02,7,,,A,1,1\n"
    )
    report = shop.load(text, "order", ORDERS)
    assert shop.value('select created_at from "order"') == datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    assert shop.value("select city from customer_user") == "Bonn"
    assert "1 orders have lines that differ in created_at; the earliest was taken." in report.warnings
    assert "1 customer users have lines that differ in customer_user.city; the latest was taken." in report.warnings


def test_what_comes_along_does_not_empty_and_an_older_line_changes_nothing(shop: Shop) -> None:
    shop.load(HEAD + "5,2026-02-10,7,new@example.com,Bonn,A,1,1\n", "order", ORDERS)
    older = shop.load(HEAD + "4,2026-02-01,7,old@example.com,Ulm,A,1,1\n", "order", ORDERS)
    assert counted(older, "customer_user") == (1, 0, 0, 1, 0)
    assert next(c for c in older.counts if c.entity == "customer_user").older == 1
    assert shop.rows("select email, city from customer_user") == [("new@example.com", "Bonn")]
    shop.load(HEAD + "6,2026-02-20,7,,Kiel,A,1,1\n", "order", ORDERS)
    assert shop.rows("select email, city from customer_user") == [("new@example.com", "Kiel")]
    # A line from between is older than what only confirmed the values.
    shop.load(HEAD + "7,2026-02-25,7,new@example.com,Kiel,A,1,1\n", "order", ORDERS)
    shop.load(HEAD + "8,2026-02-22,7,mid@example.com,Jena,A,1,1\n", "order", ORDERS)
    assert shop.rows("select email, city from customer_user") == [("new@example.com", "Kiel")]


def test_the_order_of_two_imports_does_not_matter_for_what_comes_along(shop: Shop) -> None:
    mapping = {**ORDERS, "customer_user.created_at": "at"}
    shop.load(HEAD + "5,2026-02-10,7,new@example.com,Bonn,A,1,1\n", "order", mapping)
    shop.load(HEAD + "4,2026-02-01,7,old@example.com,Ulm,A,1,1\n", "order", mapping)
    shop.load(HEAD + "4,2026-02-01,8,old@example.com,Ulm,A,1,1\n", "order", mapping)
    shop.load(HEAD + "5,2026-02-10,8,new@example.com,Bonn,A,1,1\n", "order", mapping)
    rows = shop.rows("select email, city, created_at from customer_user order by id")
    assert rows[0] == rows[1] == ("new@example.com", "Bonn", datetime(2026, 1, 31, 23, tzinfo=UTC))


def test_an_import_of_the_entity_itself_is_newer_than_old_orders(shop: Shop) -> None:
    shop.load("id,email,city\n7,ada@example.com,Bonn\n", "customer_user")
    shop.load(HEAD + "4,2026-02-01,7,old@example.com,Ulm,A,1,1\n", "order", ORDERS)
    assert shop.rows("select email, city from customer_user") == [("ada@example.com", "Bonn")]


def test_a_row_with_an_older_updated_at_changes_nothing(shop: Shop) -> None:
    shop.load("id,email,updated_at\n7,b@example.com,2026-02-02\n", "customer_user")
    report = shop.load("id,email,updated_at\n7,a@example.com,2026-02-01\n", "customer_user")
    assert counted(report, "customer_user") == (1, 0, 0, 1, 0)
    assert shop.value("select email from customer_user") == "b@example.com"


def test_an_empty_cell_empties_a_field_of_the_imported_entity_and_other_fields_stay(shop: Shop) -> None:
    shop.load("id,first_name,city\n7,Ada,Bonn\n", "customer_user")
    report = shop.load("id,city\n7,\n", "customer_user")
    assert counted(report, "customer_user") == (1, 0, 1, 0, 0)
    assert shop.rows("select first_name, city from customer_user") == [("Ada", None)]


def test_a_complete_import_marks_absent_rows_deleted_and_one_that_returns_lives_again(shop: Shop) -> None:
    shop.load("id,email\n1,a@example.com\n2,b@example.com\n3,c@example.com\n", "contact")
    report = shop.load("id,email\n1,a@example.com\n3,c@example.com\n", "contact", complete=True)
    assert counted(report, "contact") == (2, 0, 0, 2, 1)
    assert shop.rows("select id from contact order by id") == [("1",), ("3",)]
    assert (
        counted(shop.load("id,email\n1,a@example.com\n3,c@example.com\n", "contact", complete=True), "contact")[4] == 0
    )
    back = shop.load("id,email\n2,b@example.com\n", "contact")
    assert counted(back, "contact") == (1, 0, 1, 0, 0)
    assert shop.value("select count(*) from contact") == 3


def test_a_complete_import_of_orders_takes_the_lines_of_absent_orders_with_it(shop: Shop) -> None:
    shop.load(FIRST, "order", ORDERS)
    report = shop.load(HEAD + "2,2026-01-06 10:00,,,,A,2,2.50\n", "order", ORDERS, complete=True)
    assert counted(report, "order")[4] == 1 and counted(report, "order_item")[4] == 3
    assert shop.rows("select id from order_item") == [("2#1",)]
    assert shop.value("select count(*) from customer_user") == 1  # what comes along is never complete


def test_a_row_that_is_rejected_is_there_and_is_not_deleted(shop: Shop) -> None:
    shop.load("id,birthday\n1,2000-01-01\n2,2000-01-02\n", "contact")
    report = shop.load("id,birthday\n1,2000-01-01\n2,soon\n", "contact", complete=True)
    assert counted(report, "contact") == (1, 0, 0, 1, 0)
    assert shop.value("select count(*) from contact") == 2


def test_a_complete_file_with_unreadable_lines_or_without_rows_deletes_nothing_and_says_so(shop: Shop) -> None:
    shop.load("id,email\n1,a@example.com\n2,b@example.com\n", "contact")
    unreadable = shop.load('id,email\n1,a@example.com\n2,"b@example.com\n', "contact", complete=True)
    assert any("1 lines could not be read well enough" in w for w in unreadable.warnings)
    empty = shop.load("id,email\n", "contact", complete=True)
    assert any("holds no contacts, so none was marked deleted" in w for w in empty.warnings)
    assert shop.value("select count(*) from contact") == 2


def test_a_line_that_is_rejected_keeps_the_places_of_the_others_and_what_was_accepted_before(shop: Shop) -> None:
    shop.load(FIRST, "order", ORDERS)
    broken = FIRST.replace("1,2026-01-05 10:01,7,ada@example.com,Bonn,A,1,2.50", "1,2026-01-05 10:01,7,,,A,one,2.50")
    report = shop.load(broken, "order", ORDERS)
    assert report.rejected == 1
    assert counted(report, "order_item") == (3, 0, 0, 3, 0)
    assert shop.value("select count(*) from order_item") == 4


def test_changes_of_kept_fields_are_remembered_once(shop: Shop) -> None:
    shop.load("id,email,city,enabled\n1,a@example.com,Bonn,yes\n2,b@example.com,Bonn,yes\n", "customer_user")
    assert shop.value("select count(*) from changes") == 0
    version = shop.store.lake.version("customer_user")
    text = "id,email,city,enabled\n1,A@example.com,Ulm,no\n2,b@example.com,Ulm,yes\n"
    shop.load(text, "customer_user")
    shop.load(text, "customer_user")
    rows = shop.rows(
        "select entity, entity_key, field, old_value, new_value, changed_at, base_version from changes order by field"
    )
    at = shop.rows("select _imported_at from customer_user where id = '1'")[0][0]
    assert rows == [
        ("customer_user", "1", "email", "a@example.com", "A@example.com", at, version),
        ("customer_user", "1", "enabled", "true", "false", at, version),
    ]
    assert not list((shop.store.lake.root / "_pending").iterdir())


def test_items_alone_replace_the_lines_of_their_orders(shop: Shop) -> None:
    mapping = {"order_id": "order", "sku": "sku", "quantity": "n"}
    shop.load("order,sku,n\n1,A,1\n1,B,1\n2,A,1\n", "order_item", mapping)
    report = shop.load("order,sku,n\n1,C,1\n", "order_item", mapping)
    assert counted(report, "order_item") == (1, 0, 1, 0, 1)
    assert shop.rows("select id, sku from order_item order by id") == [("1#1", "C"), ("2#1", "A")]


def test_items_with_keys_of_their_own_are_upserted(shop: Shop) -> None:
    text = "id,order_id,sku\n10,1,A\n11,1,B\n"
    shop.load(text, "order_item")
    shop.load("id,order_id,sku\n11,1,C\n", "order_item")
    assert shop.rows("select id, sku from order_item order by id") == [("10", "A"), ("11", "C")]


def test_new_rows_get_the_declared_default_and_the_currency_of_the_workspace(shop: Shop) -> None:
    shop.load("id,total\n1,5\n", "order")
    shop.load("id,total,internal_status\n1,6,closed\n", "order")
    shop.load("id,total\n1,7\n", "order")
    assert shop.rows('select currency, internal_status, total from "order"') == [("EUR", "closed", Decimal(7))]
    shop.load("id,total\n2,5\n", "order", currency="usd")
    assert shop.value("select currency from \"order\" where id = '2'") == "USD"


def test_naive_times_get_the_zone_and_times_with_one_keep_it(shop: Shop) -> None:
    text = (
        "id,created_at\n1,2026-07-01 12:00:00\n2,2026-07-01T12:00:00Z\n3,2026-07-01 12:00:00+05:30\n"
        "4,2026-01-01 12:00\n5,2026-01-01\n6,2026-07-01 12:00:00 America/New_York\n7,2026-07-01T12:00:00.5-0300\n"
    )
    report = shop.load(text, "customer_user")
    assert report.rejected == 0
    found = dict(shop.rows("select id, strftime(timezone('UTC', created_at), '%m-%d %H:%M:%S.%g') from customer_user"))
    assert found == {
        "1": "07-01 10:00:00.000",
        "2": "07-01 12:00:00.000",
        "3": "07-01 06:30:00.000",
        "4": "01-01 11:00:00.000",
        "5": "12-31 23:00:00.000",
        "6": "07-01 16:00:00.000",
        "7": "07-01 15:00:00.500",
    }
    shop.load("id,created_at\n8,2026-07-01 12:00:00\n", "customer_user", timezone="Asia/Tokyo")
    assert shop.value("select created_at from customer_user where id = '8'") == datetime(2026, 7, 1, 3, tzinfo=UTC)


def test_two_ways_to_the_same_entity_fill_one_table(shop: Shop) -> None:
    text = "no,buyer,company,name,group\n1,7,70,Acme,Gold\n"
    mapping = {
        "id": "no",
        "customer.id": "company",
        "customer.name": "name",
        "customer.group.id": "lower(group)",
        "customer.group.name": '"group"',
        "customer_user.id": "buyer",
        "customer_user.customer.id": "company",
    }
    with pytest.raises(MappingError, match="is no expression"):
        shop.load(text, "order", mapping)  # group is a word of SQL
    mapping["customer.group.id"] = 'lower("group")'
    report = shop.load(text, "order", mapping)
    assert counted(report, "customer")[1] == 1
    assert shop.rows("select id, name, group_id from customer") == [("70", "Acme", "gold")]
    assert shop.rows("select customer_id from customer_user") == [("70",)]
    assert shop.rows('select customer_id, customer_user_id from "order"') == [("70", "7")]


def test_several_lines_make_one_row_if_asked(shop: Shop) -> None:
    text = "no,at,n\n1,2026-01-01,2\n1,2026-01-02,3\n"
    mapping = {"id": "no", "created_at": "at", "total": "sum(n)"}
    report = shop.load(text, "order", mapping, lines=True)
    assert counted(report, "order") == (1, 1, 0, 0, 0)
    assert shop.value('select total from "order"') == Decimal(5)
    with pytest.raises(MappingError, match="sums over lines; that needs several lines to a row"):
        shop.load(text, "order", mapping)


def test_unknown_things_are_named_with_the_known_ones(shop: Shop) -> None:
    with pytest.raises(ModelError, match="No entity 'orders'; there are account, contact"):
        shop.load("id\n1\n", "orders")
    with pytest.raises(MappingError, match=r"order has no field 'totl'; there are id, identifier"):
        shop.load("id\n1\n", "order", {"totl": "id"})
    with pytest.raises(MappingError, match=r"no relation 'itmes' .* there are customer, customer_user, items"):
        shop.load("id\n1\n", "order", {"itmes.sku": "id"})
    with pytest.raises(MappingError, match=r"no column 'Invoce'. Did you mean 'Invoice'. There are Invoice"):
        shop.load("Invoice\n1\n", "order", {"id": "Invoce"})
    with pytest.raises(MappingError, match=r"order needs its key id: map it to a column. The file has foo, bar."):
        shop.load("foo,bar\n1,2\n", "order")
    with pytest.raises(MappingError, match=r"needs its key customer_user.id to fill customer_user.email"):
        shop.load("id,mail\n1,2\n", "order", {"customer_user.email": "mail"})
    with pytest.raises(MappingError, match="order_item needs id, or order_id, the row it belongs to"):
        shop.load("sku\nA\n", "order_item")
    with pytest.raises(ImportFailed, match="Unknown time zone 'Mars/Base'"):
        shop.load("id\n1\n", "order", timezone="Mars/Base")
    with pytest.raises(ImportFailed, match="Unknown currency 'XYZ'"):
        shop.load("id\n1\n", "order", currency="XYZ")
    with pytest.raises(MappingError, match="created_at is mapped twice"):
        shop.load("id\n1\n", "order", ["created_at = id", "created_at = 'x'"])


def test_a_table_of_ones_own_is_imported_like_those_that_ship(shop: Shop) -> None:
    from analytics.entities import load_model

    (shop.store.folder.model / "subscriber.toml").write_text(
        'entity = "subscriber"\nkey = "id"\n[fields]\nid = {type="text"}\nemail = {type="text", personal=true}\n'
        'score = {type="percent", history=true}\n[[contacts]]\nchannel="email"\npath="email"\n'
    )
    shop.model = load_model(shop.store.folder.model)
    report = shop.load("id,email,score\n1,a@example.com,12.5%\n", "subscriber")
    assert counted(report, "subscriber") == (1, 1, 0, 0, 0)
    assert shop.rows("select id, email, score from subscriber") == [("1", "a@example.com", 12.5)]
