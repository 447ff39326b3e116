"""Requests that real tracking clients sent, and lines of Oro's own log."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from analytics.store import Store
from analytics.tracking import ingest
from tests.tracking.lines import events, hit, rows, spool

pytestmark = pytest.mark.shared


def recorded(shared: Path) -> list[dict[str, Any]]:
    with gzip.open(shared / "tracking" / "requests.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def ingested(store: Store, shared: Path) -> list[dict[str, Any]]:
    lines = []
    for n, request in enumerate(recorded(shared)):
        path, _, query = request["path"].partition("?")
        endpoint = "oro" if path == "/tracking.php" else "matomo"
        agent = request["headers"].get("User-Agent")
        lines.append(
            hit(n, endpoint, query, after=60 * n, m=request["method"], b=request["body"] or None, ua=agent, al=None)
        )
    spool(store, lines)
    report = ingest(store)
    assert (report.lines, report.quarantined) == (15, 0)
    return events(store)


def test_every_request_becomes_its_events(ingested: list[dict[str, Any]]) -> None:
    assert len(ingested) == 17, "two of the fifteen are bulks of two"
    kinds = [event["kind"] for event in ingested]
    assert sorted(kinds[2:4]) == ["content", "content"]
    assert [k for n, k in enumerate(kinds) if n not in (2, 3, 6, 7)] == [
        "page_view", "event", "ping", "page_view", "page_view", "event", "page_view", "event", "page_view", "order",
        "event", "goal", "page_view",
    ]  # fmt: skip
    assert sorted(kinds[6:8]) == ["order", "page_view"]


def test_campaign_visitor_and_user_are_read(ingested: list[dict[str, Any]]) -> None:
    server_side = [
        e for e in ingested if e["url"] == "http://shop.example/checkout" or e["url"] == "http://shop.example/"
    ]
    browser = [e for e in ingested if e not in server_side]
    assert {e["campaign_code"] for e in browser} == {"spring-sale"}
    assert {e.get("visitor") for e in ingested[:5]} == {"6c4d10b90e5bcf12"}
    assert {e.get("person") for e in ingested[:5]} == {"contact-42@example.com"}
    piwik = [e for e in ingested if e["endpoint"] == "oro"]
    assert {e["visitor"] for e in piwik} == {"ddc4d63b33e64e97"}
    assert [e.get("person") for e in piwik] == ["anna@example.com"] * (len(piwik) - 1) + [None]
    assert piwik[0]["title"] == "Spring sale — Überraschung"
    assert {e["campaign_keyword"] for e in piwik} == {"hero"}
    only_address = ingested[5]
    assert only_address["campaign_code"] == "spring-sale" and only_address["campaign_source"] == "newsletter"


def test_orders_and_shop_events_are_read(ingested: list[dict[str, Any]]) -> None:
    orders = {e["order_number"]: e for e in ingested if e["kind"] == "order"}
    assert orders["ORD-7"]["revenue"] == Decimal("12.5") and orders["ORD-1001"]["revenue"] == Decimal("24.97")
    assert json.loads(orders["ORD-1001"]["items"]) == [["SKU-1", "Blue widget", "Widgets", 9.99, 2]]
    assert orders["ORD-1001"]["parameters"]["ec_sh"] == "4.99"
    named = [(e["category"], e["action"], e["name"], e["value"]) for e in ingested if e["kind"] == "event"]
    assert ("OroCRM", "Tracking", "cart item added", 9.99) in named
    assert ("Newsletter", "Subscribe", "footer", 1.0) in named
    (goal,) = [e for e in ingested if e["kind"] == "goal"]
    assert goal["name"] == "1" and goal["revenue"] == Decimal("24.97")
    content = {e["action"]: e["name"] for e in ingested if e["kind"] == "content"}
    assert content == {"impression": "Spring banner", "click": "Spring banner"}
    structured = next(e for e in ingested if e["kind"] == "ping")["parameters"]
    assert json.loads(structured["uadata"])["formFactors"] == ["Desktop"], "JSON inside JSON keeps its quotes"


def test_headless_clients_are_machines_and_server_side_ones_unknown(
    store: Store, ingested: list[dict[str, Any]]
) -> None:
    found = rows(store, "select verdict, count(*) as n from verdicts group by all order by all")
    assert [(row["verdict"], row["n"]) for row in found] == [("machine", 14), ("unknown", 3)]


def test_lines_of_oros_own_log(store: Store, shared: Path) -> None:
    log = (shared / "tracking" / "20261123-07-60-1.log").read_text().splitlines()
    sent = [json.loads(line) for line in log]
    aside = ("loggedAt", "cip", "ua")
    spool(store, [
        hit(n, "oro", urlencode({k: v for k, v in one.items() if k not in aside}), after=n, ua=one["ua"])
        for n, one in enumerate(sent)
    ])  # fmt: skip
    assert ingest(store).events == len(sent) == 10
    found = events(store)
    assert {e["website"] for e in found} == {"shop-eu"}
    assert [e["kind"] for e in found].count("order") == 1
    assert next(e["title"] for e in found if e["kind"] == "page_view") == "Landing"
    assert "winback/ä & co" in {e["campaign_code"] for e in found}
    assert {e["person"] for e in found} == {f"contact{n}@example.com" for n in (1, 2, 3)}
