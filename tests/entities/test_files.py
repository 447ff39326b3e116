"""Files of every kind, broken ones too: what can be read is imported, the rest is told with line and reason."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.entities.importing import MappedField, plan_file
from analytics.errors import ImportFailed, MappingError
from tests.entities.shop import Shop, counted

CONTACTS = "Id,First name,Last name,Emails 1 Email,Birthday\n1,Ada,Lovelace,ada@example.com,1815-12-10\n"


def test_columns_are_mapped_by_name_label_and_the_names_other_programs_use(shop: Shop) -> None:
    path = shop.file("c.csv", CONTACTS + "2,Grace,Hopper,grace@example.com,1906-12-09\n")
    plan = plan_file(shop.store, shop.model, path, entity="contact")
    assert {f.field: f.expression for f in plan.fields} == {
        "id": "Id",
        "first_name": "First name",
        "last_name": "Last name",
        "email": "Emails 1 Email",
        "birthday": "Birthday",
    }
    assert plan.fields[0] == MappedField("id", "contact", "id", "text", "Id", "name", "1")
    assert dict(plan.columns) == {
        "Id": "integer",
        "First name": "text",
        "Last name": "text",
        "Emails 1 Email": "text",
        "Birthday": "date",
    }
    assert "contact" not in shop.store.lake.tables() or shop.value("select count(*) from contact") == 0


def test_a_guess_can_be_overridden_dropped_and_switched_off(shop: Shop) -> None:
    shop.load(CONTACTS, "contact", {"last_name": 'upper("Last name")', "birthday": ""})
    assert shop.rows("select last_name, first_name, birthday from contact") == [("LOVELACE", "Ada", None)]
    shop.load(CONTACTS.replace("1,Ada", "2,Ada"), "contact", {"id": "Id"}, guess=False)
    assert shop.rows("select first_name from contact where id = '2'") == [(None,)]


def test_order_lines_are_recognised_without_a_mapping(shop: Shop) -> None:
    text = (
        "Order number,Order date,Customer user id,SKU,Quantity,Unit price\n"
        "1,2026-01-05,7,A,2,1.5\n1,2026-01-05,7,B,1,1\n"
    )
    report = shop.load(text, "order")
    assert counted(report, "order")[0] == 1
    assert shop.rows("select sku, quantity, price from order_item order by position") == [
        ("A", 2.0, Decimal("1.5")),
        ("B", 1.0, Decimal(1)),
    ]
    assert shop.value('select customer_user_id from "order"') == "7"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(shop: Shop, delimiter: str) -> None:
    text = delimiter.join(["id", "first_name", "last_name"]) + "\n" + delimiter.join(["1", '"A, B; C"', "D"]) + "\n"
    shop.load(text, "contact")
    assert shop.rows("select first_name, last_name from contact") == [("A, B; C", "D")]


def test_excels_own_marks_are_understood(shop: Shop) -> None:
    shop.load("sep=;\r\nid;first_name\r\n1;Ada\r\n", "contact")
    assert shop.value("select first_name from contact") == "Ada"


def test_every_text_encoding_in_use_is_read(shop: Shop) -> None:
    text = "id;city\n{};Köln\n"
    shop.load(text.format(1).encode("utf-8-sig"), "contact")
    latin = shop.load(text.format(2).encode("latin-1"), "contact")
    shop.load(text.format(3).encode("utf-16"), "contact")
    shop.load(gzip.compress(text.format(4).encode()), "contact", name="x.csv.gz")
    shop.load(text.format(5).encode("cp850"), "contact", encoding="cp850")
    assert {row[0] for row in shop.rows("select city from contact")} == {"Köln"}
    assert any("not UTF-8 (line 2 holds byte 0xF6); it was read as Latin-1" in w for w in latin.warnings)


def test_a_single_line_in_another_encoding_is_rejected_alone(shop: Shop) -> None:
    lines = [f"{n},Köln".encode() for n in range(10)]
    lines[4] = "4,Köln".encode("latin-1")
    report = shop.load(b"id,city\n" + b"\n".join(lines) + b"\n", "contact")
    assert report.rejected == 1 and counted(report, "contact")[1] == 9
    assert shop.rejects(report)[0][0] == 6 and shop.rejects(report)[0][3] == "the line is not valid UTF-8"


def test_rejected_text_is_no_formula_in_a_spreadsheet(shop: Shop) -> None:
    report = shop.load('id,created_at\n1,=1+1\n2,"＝1+1"\n3,soon\n', "contact")
    assert [value for _, _, value, _ in shop.rejects(report)] == ["'=1+1", "'＝1+1", "soon"]


def test_a_quote_that_is_never_closed_costs_its_line_and_no_other(shop: Shop) -> None:
    rows = [f"{n},name {n}" for n in range(1, 3000)]
    rows[9] = '10,"name 10'
    rows[1499] = '1500,"name "1500'
    report = shop.load("id,first_name\n" + "\n".join(rows) + "\n", "contact")
    assert [(line, reason) for line, _, _, reason in shop.rejects(report)] == [
        (11, "a quote is never closed"),
        (1501, "',' expected after '\"'"),
    ]
    assert counted(report, "contact")[1] == 2997


def test_values_over_several_lines_are_kept_and_later_lines_keep_their_numbers(shop: Shop) -> None:
    report = shop.load('id,description,birthday\n1,"two\nlines",2000-01-01\n2,x,never\n', "contact")
    assert shop.value("select description from contact where id = '1'") == "two\nlines"
    assert shop.rejects(report)[0][:3] == (4, "birthday", "never")


def test_lines_with_too_many_or_too_few_values_are_rejected_unless_told_to_fill_them(shop: Shop) -> None:
    text = "id,first_name,last_name\n1,Ada,Lovelace\n2,Grace\n3,a,b,c\n\n4,x,y\n"
    report = shop.load(text, "contact")
    assert [r[3] for r in shop.rejects(report)] == [
        "the line has 2 values, the header names 3 columns",
        "the line has 4 values, the header names 3 columns",
    ]
    assert shop.value("select count(*) from contact") == 2
    filled = shop.load(text, "contact", fill_short=True)
    assert filled.rejected == 1 and shop.value("select count(*) from contact") == 3


def test_each_bad_value_is_told_with_line_column_value_and_reason(shop: Shop) -> None:
    text = (
        "no,at,total,currency,returned,status,until\n"
        "1,2026-01-01,5,EUR,yes,Open,2026-01-01\n"
        ",2026-01-01,5,EUR,no,open,\n"
        "3,yesterday,5,EUR,no,open,\n"
        "4,2026-01-01,five,EUR,no,open,\n"
        "5,2026-01-01,5.12345,EUR,no,open,\n"
        "6,2026-01-01,5,EURO,no,open,\n"
        "7,2026-01-01,5,EUR,maybe,open,\n"
        "8,2026-01-01,5,EUR,no,finished,\n"
        "1,2026-01-01,7,EUR,no,open,\n"
        "9,2026-13-01,x,eur,no,Closed,\n"
        f"{'k' * 201},2026-01-01,5,EUR,no,open,\n"
        "10,0000-00-00 00:00:00,99999999999999999,EUR,no,open,\n"
    )
    mapping = {"id": "no", "created_at": "at", "is_return": "returned", "internal_status": "status"}
    report = shop.load(text, "order", mapping)
    assert counted(report, "order") == (1, 1, 0, 0, 0)
    assert report.lines == 12 and report.rejected == 11
    assert shop.rows('select id, internal_status, is_return from "order"') == [("1", "open", True)]
    money = "no amount with at most 15 digits before and 4 after the point"
    moment = "no time; write 2026-11-24 14:30, 2026-11-24T14:30:00+01:00 or a date"
    options = "open, pending, processing, shipped, closed, cancelled, archived"
    assert shop.rejects(report) == [
        (3, "no", "", "it is empty, and it is id, without which the row cannot be told from others"),
        (4, "at", "yesterday", moment),
        (5, "total", "five", money),
        (6, "total", "5.12345", money),
        (7, "currency", "EURO", "unknown currency; write a code of ISO 4217 such as EUR"),
        (8, "returned", "maybe", "neither true nor false; write true, false, yes, no, 1 or 0"),
        (9, "status", "finished", f"no option of Internal status; there are {options}"),
        (10, "no", "1", "the key comes more than once; line 2 was taken"),
        (11, "at", "2026-13-01", moment),
        (11, "total", "x", money),
        (12, "no", "k" * 201, "a key has at most 200 characters"),
        (13, "at", "0000-00-00 00:00:00", moment),
        (13, "total", "99999999999999999", money),
    ]


def test_of_a_doubled_key_the_newest_row_stays_where_rows_have_a_time(shop: Shop) -> None:
    text = "id,email,updated_at\n1,a@example.com,2026-01-01\n1,b@example.com,2026-01-03\n1,c@example.com,2026-01-02\n"
    report = shop.load(text, "contact")
    assert shop.value("select email from contact") == "b@example.com"
    assert [r[0] for r in shop.rejects(report)] == [2, 4]


def test_decimal_commas_are_found_out_and_apply_to_the_whole_file(shop: Shop) -> None:
    shop.load("id;total;discount\n1;1.234,50;1.000\n2;7;0,5\n", "order")
    assert shop.rows('select total, discount from "order" order by id') == [
        (Decimal("1234.5"), Decimal(1000)),
        (Decimal(7), Decimal("0.5")),
    ]
    shop.load('id,total\n3,"1,234.50"\n4,"2,000"\n', "order")
    assert shop.rows("select total from \"order\" where id in ('3', '4') order by id") == [
        (Decimal("1234.5"),),
        (Decimal(2000),),
    ]
    shop.load("id;total\n5;1,234\n", "order", decimal=",")
    assert shop.value("select total from \"order\" where id = '5'") == Decimal("1.234")


def test_the_order_of_day_and_month_is_found_out_or_said(shop: Shop) -> None:
    shop.load("id,birthday\n1,11/16/1930\n2,3/7/1973\n", "contact")
    shop.load("id,birthday\n3,16.11.1930\n4,07.03.1973\n", "contact")
    assert shop.rows("select id, birthday from contact order by id") == [
        ("1", date(1930, 11, 16)),
        ("2", date(1973, 3, 7)),
        ("3", date(1930, 11, 16)),
        ("4", date(1973, 3, 7)),
    ]
    unclear = shop.load("id,birthday\n5,03/07/1973\n", "contact")
    assert any("read in two ways; they were read month before day" in w for w in unclear.warnings)
    shop.load("id,birthday\n6,03/07/1973\n", "contact", dates="dmy")
    assert shop.value("select birthday from contact where id = '6'") == date(1973, 7, 3)
    short = shop.load("id,birthday\n7,03/07/73\n", "contact")
    assert short.rejected == 1  # two digits do not say which century


def test_whole_keys_lose_point_zero_and_keys_with_zeros_in_front_keep_them(shop: Shop) -> None:
    shop.load("id,customer_id\n17850.0,12.0\n00123,007\n", "customer_user")
    assert shop.rows("select id, customer_id from customer_user order by id") == [("00123", "007"), ("17850", "12")]


def test_parquet_keeps_its_types_and_inner_structures_become_dotted_columns(shop: Shop) -> None:
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0]),
            "total": pa.array([2.55, 0.1 + 0.2]),
            "created_at": pa.array([1_782_907_200_000_000_000, None], pa.timestamp("ns")),
            "customer_user": pa.array([{"id": 7, "email": "a@example.com"}, None]),
            "tags": pa.array([["x"], []]),
        }
    )
    path = shop.folder / "öl.parquet"
    pq.write_table(table, path)
    report = shop.load(path, "order")
    assert report.rejected == 0
    assert shop.rows('select id, total, customer_user_id from "order" order by id') == [
        ("1", Decimal("2.55"), "7"),
        ("2", Decimal("0.3"), None),
    ]
    assert shop.rows("select id, email from customer_user") == [("7", "a@example.com")]
    assert report.plan.unused == ("tags",)


def test_json_lines_with_inner_objects_and_lists_of_items_are_read(shop: Shop) -> None:
    orders = [
        {
            "identifier": "N1",
            "currency": "USD",
            "createdAt": "2026-07-01T12:00:00Z",
            "customerUser": {"id": 7, "email": "ada@example.com"},
            "lineItems": [
                {"productSku": "A", "quantity": 2, "value": 1.25},
                {"productSku": "B", "quantity": 1, "value": 3},
            ],
        },
        {"identifier": "N2", "currency": "USD", "createdAt": "2026-07-02T12:00:00Z"},
    ]
    mapping = {
        "id": "identifier",
        "customer_user.id": "customerUser.id",
        "customer_user.email": "customerUser.email",
        "items.sku": "lineItems.productSku",
        "items.quantity": "lineItems.quantity",
        "items.price": "lineItems.value",
        "total": 'sum("lineItems.quantity" * "lineItems.value")',
    }
    text = "\n".join([json.dumps(orders[0]), "{broken", "[1]", "", json.dumps(orders[1])])
    report = shop.load(text, "order", mapping, name="orders.jsonl")
    assert [(r[0], r[3].split(":")[0]) for r in shop.rejects(report)] == [
        (2, "the line is no JSON"),
        (3, "the line is no JSON object"),
    ]
    assert shop.rows("select sku, quantity, price from order_item where order_id = 'N1' order by position") == [
        ("A", 2.0, Decimal("1.25")),
        ("B", 1.0, Decimal(3)),
    ]
    assert shop.rows('select id, total from "order" order by id') == [("N1", Decimal("5.5")), ("N2", None)]
    array = shop.load(json.dumps(orders), "order", mapping, name="orders.json")
    assert array.changed == 0


def test_excel_is_read_with_its_dates_and_whole_numbers(shop: Shop) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Leute"
    sheet.append([])
    sheet.append(["Id", "First name", "Birthday", "Created"])
    sheet.append([17850.0, "Ada", date(1915, 12, 10), datetime(2026, 7, 1, 12, 30)])  # noqa: DTZ001  # Excel knows no zones
    sheet.append([2, "Grace", "soon", None])
    book.create_sheet("Other")
    path = shop.folder / "leute.xlsx"
    book.save(path)
    report = shop.load(path, "contact")
    assert shop.rows("select id, first_name, birthday from contact") == [("17850", "Ada", date(1915, 12, 10))]
    assert shop.rejects(report)[0][:3] == (4, "Birthday", "soon")
    assert any("The sheet 'Leute' was read; there are also Other" in w for w in report.warnings)
    with pytest.raises(ImportFailed, match="has no sheet 'X'; there are Leute, Other"):
        shop.load(path, "contact", sheet="X")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.csv", b"", "is empty: it has not even a header"),
        ("x.csv", b"\x00\x01\x02" * 50, "is no text: it holds zero bytes"),
        ("x.csv.gz", b"no gzip", "is no complete gzip file"),
        ("x.csv.gz", gzip.compress(b"id\n1\n" * 100_000)[:-200], "is no complete gzip file"),
        ("x.parquet", b"PAR1", "cannot be read as Parquet"),
        ("x.xlsx", b"no zip", "cannot be read as a spreadsheet"),
        ("x.json", b"[{]", "is no JSON array"),
        ("x.jsonl", b"[1]\n", "holds no JSON object"),
        ("x.dat", b"id\n1\n", "has an ending that says nothing about its content"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_with_a_sentence(
    shop: Shop, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(ImportFailed, match=sentence):
        shop.load(shop.file(name, content), "contact")


def test_a_file_that_is_not_there_or_not_the_named_encoding_is_refused(shop: Shop) -> None:
    with pytest.raises(ImportFailed, match="does not exist"):
        shop.load(Path("nowhere.csv"), "contact")
    with pytest.raises(ImportFailed, match="is not utf-8"):
        shop.load("id,city\n1,Köln\n".encode("latin-1"), "contact", encoding="utf-8")
    with pytest.raises(ImportFailed, match="Unknown encoding 'utf-99'"):
        shop.load("id\n1\n", "contact", encoding="utf-99")


def test_doubled_column_names_are_told_apart(shop: Shop) -> None:
    report = shop.load("id,email,Email\n1,a@example.com,b@example.com\n", "contact", {"phone": "Email 2"})
    assert shop.rows("select email, phone from contact") == [("a@example.com", "b@example.com")]
    assert any("'Email' comes more than once; column 3 is called 'Email 2'" in w for w in report.warnings)


@pytest.mark.parametrize(
    "expression",
    [
        "read_text('/etc/passwd')",
        "(select content from read_text('/etc/passwd'))",
        "getenv('HOME')",
        "id) as v, (select 1",
        "id from range(3)",
        "count(*) over ()",
        "now()",
        "random()",
        "current_setting('threads')",
        "$1",
        "columns(*)",
        "list(id)",
        "id; select 1",
        "'/etc/passwd'::blob; --",
    ],
)
def test_an_expression_computes_from_the_columns_of_the_line_and_nothing_else(shop: Shop, expression: str) -> None:
    with pytest.raises(MappingError):
        shop.load("id\n1\n", "contact", {"first_name": expression})


def test_expressions_see_numbers_as_numbers_and_text_where_that_is_meant(shop: Shop) -> None:
    text = "no,n,price,code\n1,2,1.50,5\n2,10,0.25,C6\n3,3,1,7\n"
    mapping = {
        "id": "'N' || no",
        "total": "n * price",
        "is_return": "code like 'C%'",
        "customer_notes": "case when n > 3 then 'many' else 'few' end -- a remark",
        "po_number": "no || '-' || code",
    }
    shop.load(text, "order", mapping)
    assert shop.rows('select id, total, is_return, customer_notes, po_number from "order" order by id') == [
        ("N1", Decimal(3), False, "few", "1-5"),
        ("N2", Decimal("2.5"), True, "many", "2-C6"),
        ("N3", Decimal(3), False, "few", "3-7"),
    ]


def test_a_broken_number_in_an_expression_rejects_its_line_alone(shop: Shop) -> None:
    report = shop.load("no,n,price\n1,2,3\n2,n/a,3\n3,4,5\n", "order", {"id": "no", "total": "n * price"})
    assert shop.rejects(report) == [(3, "n", "n/a", "no number, and n * price needs one")]
    assert shop.rows('select id, total from "order" order by id') == [("1", Decimal(6)), ("3", Decimal(20))]


def test_an_expression_that_fails_for_a_line_rejects_that_line_alone(shop: Shop) -> None:
    text = "no,d\n1,2026-01-05\n2,tomorrow\n3,\n"
    report = shop.load(text, "order", {"id": "no", "created_at": "strptime(d, '%Y-%m-%d')"})
    assert [(r[0], r[3]) for r in shop.rejects(report)] == [(3, "the expression cannot be computed for this line")]
    assert shop.value('select count(*) from "order"') == 2
