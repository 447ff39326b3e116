"""Behaviour and changes: what people did with their mails, which fields were changed, seen by segments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import insert

from analytics.engine import Engine
from analytics.model.clock import SimulatedClock
from analytics.model.streams import AUDIENCE, CHANGES, DELIVERIES, EVENTS, VERDICTS
from analytics.segments import Definition, Segments
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.arrow import arrow_schema
from analytics.store.tables import email_campaign, marketing_list, template
from tests.segments.shop import MODEL, NOW, ZONE, fill


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("kinds") / "s"
    with Store.create(folder, Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(
            store,
            {
                "user": [{"id": k, "company_id": "x" if k == "a" else None} for k in "abcd"],
                "company": [{"id": "x", "name": "Xenon"}],
            },
        )
        _campaigns(store)
        # Sending 1 of campaign 1 reached a, b (same address as a), c (bounced); sending 2 of campaign 2 reached a.
        mails = [(1, 11, "a"), (1, 11, "b"), (1, 12, "c"), (2, 21, "a")]
        _append(
            store,
            AUDIENCE,
            [
                {
                    "sending_id": s,
                    "delivery_id": d,
                    "entity": "user",
                    "entity_key": k,
                    "position": n,
                    "status": "delivery",
                }
                for n, (s, d, k) in enumerate(mails)
            ],
        )
        _append(
            store,
            DELIVERIES,
            [
                {"seq": n, "delivery_id": d, "sending_id": c, "email_campaign_id": c, "state": state, "at": ago(days)}
                for n, (d, c, state, days) in enumerate(
                    [
                        (11, 1, "planned", 40),
                        (11, 1, "accepted", 40),
                        (12, 1, "accepted", 40),
                        (12, 1, "bounced", 39),
                        (21, 2, "accepted", 5),
                        (21, 2, "unsubscribed", 4),
                    ]
                )
            ],
        )
        events = [
            ("e1", "open", 11, 1, 39),
            ("e2", "click", 11, 1, 38),
            ("e3", "click", 21, 2, 3),
            ("e4", "click", 21, 2, 2),
            ("e5", "open", 12, 1, 1),
            ("e6", "page_view", 12, 1, 1),
        ]
        _append(
            store,
            EVENTS,
            [
                {
                    "event_id": e,
                    "kind": k,
                    "delivery_id": d,
                    "email_campaign_id": c,
                    "occurred_at": ago(days),
                    "received_at": ago(days),
                }
                for e, k, d, c, days in events
            ],
        )
        _append(
            store,
            VERDICTS,
            [
                {"event_id": e, "ruleset": r, "verdict": v, "decided_at": ago(days)}
                for e, r, v, days in [
                    ("e1", 1, "human", 30),
                    ("e2", 1, "human", 30),
                    ("e2", 2, "machine", 20),
                    ("e3", 1, "machine", 3),
                    ("e3", 2, "human", 2),
                    ("e4", 2, "human", 2),
                    ("e5", 2, "machine", 1),
                ]
            ],
        )
        _append(
            store,
            CHANGES,
            [
                {
                    "change_id": str(n),
                    "entity": e,
                    "entity_key": k,
                    "field": f,
                    "old_value": o,
                    "new_value": v,
                    "changed_at": ago(days),
                }
                for n, (e, k, f, o, v, days) in enumerate(
                    [
                        ("user", "a", "credit", "1.0000", "9.5000", 3),
                        ("user", "b", "credit", "5.0000", None, 10),
                        ("user", "a", "credit", "0.0000", "1.0000", 20),
                        ("company", "x", "rating", "1", "3", 2),
                    ]
                )
            ],
        )
        yield store


@pytest.fixture(scope="module")
def engine(store: Store) -> Iterator[Engine]:
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        yield engine


def _append(store: Store, schema: Any, rows: list[dict[str, Any]]) -> None:
    names = [c.name for c in schema.columns]
    full = [{name: row.get(name) for name in names} for row in rows]
    store.lake.append(schema.name, pa.Table.from_pylist(full, schema=arrow_schema(schema)), app_id="test", version=1)


def _campaigns(store: Store) -> None:
    with store.state.write() as connection:
        connection.execute(
            insert(marketing_list).values(
                id=1,
                name="L",
                entity="user",
                kind="dynamic",
                channel="email",
                contact="email",
                definition={"entity": "user"},
                version=1,
                generation=0,
                created_at=NOW,
                updated_at=NOW,
            )
        )
        connection.execute(
            insert(template).values(id=1, name="T", subject="s", html="h", version=1, created_at=NOW, updated_at=NOW)
        )
        for number, name in ((1, "Winter"), (2, "Spring")):
            connection.execute(
                insert(email_campaign).values(
                    id=number,
                    name=name,
                    list_id=1,
                    template_id=1,
                    sender_email="s@example.com",
                    holdout_percent=0,
                    created_at=NOW,
                    updated_at=NOW,
                )
            )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"behaviour": "received"}, "ab"),
        ({"behaviour": "received", "campaign": "any", "times": 2}, "a"),
        ({"behaviour": "received", "campaign": "winter"}, "ab"),
        ({"behaviour": "received", "within": "30d"}, "a"),
        ({"not": {"behaviour": "received"}}, "cd"),
        ({"behaviour": "bounced"}, "c"),
        ({"behaviour": "unsubscribed", "campaign": "Spring"}, "a"),
        ({"behaviour": "opened"}, "ab"),
        ({"behaviour": "opened", "by": "all"}, "abc"),
        ({"behaviour": "clicked"}, "a"),  # the newest verdict on e2 says a machine did it
        ({"behaviour": "clicked", "by": "all"}, "ab"),
        ({"behaviour": "clicked", "times": 2}, "a"),
        ({"behaviour": "clicked", "times": 3}, ""),
        ({"behaviour": "clicked", "times": 3, "by": "all"}, "a"),
        ({"behaviour": "clicked", "campaign": "Winter"}, ""),
        ({"behaviour": "clicked", "campaign": "Winter", "by": "all", "within": "10d"}, ""),
        ({"changed": "credit"}, "ab"),
        ({"changed": "credit", "is": "at_least", "value": 5}, "a"),
        ({"changed": "credit", "is": "empty"}, "b"),
        ({"changed": "credit", "is": "not_equals", "value": "9.5"}, "ab"),
        ({"changed": "credit", "when": "after", "at": "today - 7d"}, "a"),
        ({"changed": "credit", "is": "at_most", "value": 1, "when": "after", "at": "today - 7d"}, ""),
        ({"not": {"changed": "credit"}}, "cd"),
        ({"changed": "company.rating", "is": "equals", "value": 3}, "a"),
    ],
)
def test_rows_are_found_by_what_happened(store: Store, engine: Engine, where: Any, expected: str) -> None:
    definition = Definition.from_document({"entity": "user", "where": where})
    assert Definition.from_document(definition.to_document()) == definition
    assert "".join(Segments(store, MODEL).keys(definition, engine).column("key").to_pylist()) == expected
