"""Data: a file is handed over, its plan changed, imported by the worker, its result read."""

from __future__ import annotations

import io

import pytest
from streamlit.testing.v1 import AppTest

from analytics.services import Services
from analytics.store.jobs import Jobs
from analytics.views import imports
from analytics.worker.worker import Worker
from tests.pages import workspace
from tests.pages.conftest import Dashboard, press, said

PAGE = "pages/audience/data.py"
ORDERS = b"Nr;Total;Mail\nA1;10,50;ada@example.com\nA2;oops;bob@example.com\nA3;7;cy@example.com\n"


def _handed_over(dashboard: Dashboard) -> AppTest:
    at = dashboard.open(PAGE)
    at.file_uploader[0].set_value(("orders of today.csv", ORDERS, "text/csv")).run()
    assert not at.exception, at.exception
    return at


def test_the_kind_is_guessed_from_the_name_and_the_missing_key_is_said(empty: Dashboard) -> None:
    at = _handed_over(empty)
    assert at.selectbox(key="data.entity").value == "order"
    assert "order needs its key id" in said(at)


def test_a_file_is_mapped_imported_and_its_bad_lines_can_be_had(empty: Dashboard) -> None:
    at = _handed_over(empty)
    _map(at, "id", "Nr")
    assert not at.error
    plan = at.dataframe[0].value
    assert dict(zip(plan["field"], plan["from"], strict=True))["Total"] == "Total"
    assert "Not used: Mail" in said(at)
    press(at, "Import")
    with workspace.services_of(empty.root) as services:
        assert Worker(services).work_job()
        with services.engine() as engine:
            found = engine.rows('select id, total from "order" order by id')
    assert [(key, float(total)) for key, total in found] == [("A1", 10.5), ("A3", 7.0)]
    at.run()
    assert "1 lines rejected" in said(at)
    assert [b.label for b in at.get("download_button")] == ["Lines that were not imported"]
    press(at, "Import another file")
    assert at.file_uploader[0].value is None


def test_an_edited_plan_takes_another_column(empty: Dashboard) -> None:
    at = _handed_over(empty)
    _map(at, "id", "Nr")
    plan = at.dataframe[0].value
    row = list(plan["field"]).index("Total")
    at.session_state[at.dataframe[0].key] = {
        "edited_rows": {row: {"from": "0"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    at.run()
    edited = at.dataframe[0].value
    assert dict(zip(edited["field"], edited["from"], strict=True))["Total"] == "0"


def test_asking_for_an_import_twice_makes_one_job(empty: Dashboard) -> None:
    with workspace.services_of(empty.root) as services:
        upload = imports.keep(services, "one-request-key", "orders.csv", io.BytesIO(ORDERS))
        choices = imports.Choices("order", {"id": "Nr"})
        assert imports.enqueue(services, upload, choices) == imports.enqueue(services, upload, choices)
        assert len(Jobs(services.store.state).recent("import")) == 1


def test_a_file_that_is_none_gets_a_sentence(empty: Dashboard) -> None:
    at = empty.open(PAGE)
    at.file_uploader[0].set_value(("people.xlsx", b"not a workbook", "application/x")).run()
    assert not at.exception
    assert "people.xlsx" in said(at)


@pytest.mark.parametrize("name", ["../../escape.csv", "/etc/x.csv", "..", ".csv"])
def test_an_upload_stays_in_its_folder(empty: Dashboard, name: str) -> None:
    with workspace.services_of(empty.root) as services:
        kept = imports.keep(services, "0123456789abcdef", name, io.BytesIO(b"x"))
    assert kept.path.parent == empty.root / "uploads"


def test_kinds_are_counted_and_records_can_be_looked_at(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE)
    kinds = at.dataframe[0].value
    assert dict(zip(kinds["kind"], kinds["count"], strict=True))["Customer users"] == 60
    at.selectbox(key="data.look").set_value("customer_user").run()
    assert len(at.dataframe[1].value) == 50


def _map(at: AppTest, path: str, source: str) -> None:
    at.selectbox(key="data.rule.path").set_value(path)
    at.text_input(key="data.rule.source").set_value(source).run()
    press(at, "Add")
