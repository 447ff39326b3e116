"""The whole path on a small shop: the report's numbers are those of what the recipients did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.story.conftest import Recipient

HTML = """<html><body><p>Dear {{ entity.first_name }},</p>
<p><a href="https://shop.example.com/offers">Offers</a> <a href="https://shop.example.com/new">News</a></p></body></html>"""


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str, pd.DataFrame], str]:
    def write(name: str, table: pd.DataFrame) -> str:
        path = tmp_path / name
        table.to_csv(path, index=False)
        return str(path)

    return write


def test_from_a_csv_to_the_efficiency_of_a_campaign(
    shelduck: Callable[..., str],
    collector: Callable[[], str],
    recipients: Callable[[str], dict[str, Recipient]],
    csv: Callable[[str, pd.DataFrame], str],
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    names = ["ada", "ben", "cleo", "dora", "emil", "fay"]
    users = pd.DataFrame(
        {
            "id": [*names, "twin", "nobody", "stranger"],
            "email": [*(f"{n}@example.com" for n in names), "ADA@example.com", "", "stranger@example.com"],
            "first_name": [n.title() for n in [*names, "twin", "nobody", "stranger"]],
            "created_at": (now - timedelta(days=100)).isoformat(),
        }
    )
    buyers = [*names, "twin", "nobody"]
    past = pd.DataFrame(
        {
            "id": [f"{who}-{n}" for who in buyers for n in (1, 2)],
            "identifier": [f"{who}-{n}" for who in buyers for n in (1, 2)],
            "customer_user_id": [who for who in buyers for _ in (1, 2)],
            "total": 20,
            "currency": "EUR",
            "created_at": (now - timedelta(days=30)).isoformat(),
        }
    )
    shelduck("init", "--name", "Small shop")
    shelduck("import", csv("users.csv", users), "--entity", "customer_user")
    shelduck("import", csv("orders.csv", past), "--entity", "order")
    segment = tmp_path / "buyers.yaml"
    segment.write_text(
        "entity: customer_user\nwhere:\n  all:\n"
        "    - {related: orders, measure: count, is: at_least, value: 2}\n"
        "sort: [{field: id}]\n"
    )
    assert "8" in shelduck("segment", str(segment))
    (tmp_path / "mail.html").write_text(HTML)
    shelduck("list", "create", "Buyers", "--segment", str(segment))
    shelduck(
        "template",
        "save",
        "Hello",
        "--html",
        str(tmp_path / "mail.html"),
        "--entity",
        "customer_user",
        "--subject",
        "For {{ entity.first_name }}",
    )
    shelduck("marketing", "create", "Spring", "--code", "SPRING", "--budget", "500")
    shelduck("website", "create", "Shop", "shop", "https://shop.example.com", "--campaign", "SPRING")
    shelduck(
        "campaign",
        "create",
        "First",
        "--list",
        "Buyers",
        "--template",
        "Hello",
        "--marketing",
        "SPRING",
        "--cost",
        "10",
    )
    shelduck("send", "First", "--yes")

    people = recipients(collector())
    assert sorted(people) == [f"{n}@example.com" for n in names]  # the twin shares a mail, nobody has no address
    assert people["ada@example.com"].message["Subject"] == "For Ada"
    ada, ben, cleo, dora = (people[f"{n}@example.com"] for n in names[:4])
    ada.open()
    ada.open()
    ben.open()
    landing = ben.click()
    assert landing.startswith(
        "https://shop.example.com/offers?utm_source=shelduck&utm_medium=email&utm_campaign=SPRING"
    )
    ben.hit(idsite="shop", url=landing, action_name="Offers")
    ben.hit(idsite="shop", url="https://shop.example.com/basket", action_name="Basket")
    ben.hit(idsite="shop", url="https://shop.example.com/thanks", idgoal="0", ec_id="ben-3", revenue="77.50")
    cleo.client.headers["User-Agent"] = "python-requests/2.32.3"  # her mail gateway follows every link
    for number in range(2):
        cleo.click(number)
    dora.unsubscribe()
    after = pd.DataFrame(
        {
            "id": ["ben-3", "emil-3"],
            "identifier": ["ben-3", "emil-3"],
            "customer_user_id": ["ben", "emil"],  # Emil bought too, but touched nothing
            "total": ["77.50", "12.00"],
            "currency": "EUR",
            "created_at": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
        }
    )
    shelduck("import", csv("new-orders.csv", after), "--entity", "order")
    shelduck("ingest")
    shelduck("report", "efficiency", "--csv", str(tmp_path / "efficiency.csv"))

    (row,) = pd.read_csv(tmp_path / "efficiency.csv").to_dict("records")
    expected = {
        "name": "First",
        "recipients": 6,
        "sent": 6,
        "delivered": 6,
        "bounced": 0,
        "uncertain": 0,
        "opens_human": 2,
        "opens_all": 2,
        "clicks_human": 1,
        "clicks_all": 2,
        "unsubscribes": 1,
        "visits": 1,
        "visitors": 1,
        "orders": 1,
        "cost": 10,
    }
    assert {name: row[name] for name in expected} == expected
    assert Decimal(str(row["revenue"])) == Decimal("77.5")
    assert Decimal(str(row["roi"])) == Decimal("6.75")
    assert "Complete until" in (tmp_path / "efficiency.csv.txt").read_text()
    assert "dora@example.com" in shelduck("suppress")
    # Sent is sent: the same command sends nothing twice, and says so.
    assert "was sent before" in shelduck("send", "First", "--yes", fails=1)
    assert len(list((shelduck.home / "sink").rglob("*.eml"))) == 6  # type: ignore[attr-defined]
