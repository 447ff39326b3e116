"""The tables of people's SQL: what the page says is what is there, and what is hidden is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from analytics.engine import LockedEngine
from analytics.entities import load_model
from analytics.errors import QueryError
from analytics.model.streams import STREAMS
from analytics.segments import sql_views
from analytics.store import Store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sql.md"


def test_the_page_lists_every_table_and_column() -> None:
    views = sql_views(load_model(None))
    rows = [f"| `{v.name}` | {', '.join(f'`{name}` {kind}' for name, kind in v.columns)} |" for v in views]
    listed = [line for line in PAGE.read_text().split("## Tables")[1].splitlines() if line.startswith("| `")]
    assert listed == rows, "put these lines under '## Tables' of docs/sql.md:\n" + "\n".join(rows)


def test_the_page_names_every_hidden_column() -> None:
    hidden = {name for view in sql_views(load_model(None)) for name in view.hidden}
    assert hidden == {"client_address", "user_agent", "parameters"}
    assert all(f"`{name}`" in PAGE.read_text() for name in hidden)


def test_the_views_have_the_listed_columns_and_no_more(quiet_store: Store) -> None:
    from tests.segments.shop import MODEL

    with LockedEngine(quiet_store.snapshot(), quiet_store.settings) as engine:
        for view in sql_views(MODEL):
            found = engine.query(f'select * from "{view.name}" limit 0').table
            assert found.column_names == [name for name, _ in view.columns]


@pytest.mark.parametrize(
    "reach",
    [
        "select {} from events",
        "select e.{} from events e",
        "select main.events.{} from main.events",
        'select "{}" from events',
        "select struct_extract(events, '{}') from events",
        "select events.{} from (from events) events",
        "select * replace (1 as {}) from events",
        "select columns('{}') from events",
        "select count(*) from events where {} is not null",
        "select count(*) from events order by {}",
        "select count(*) from events group by {}",
        "select 1 from events a join events b using ({})",
        "with e as (from events) select {} from e",
        "select e['{}'] from events e",
        "pivot events on {} using count(*)",
    ],
)
@pytest.mark.parametrize("column", ["client_address", "user_agent", "parameters", "_deleted_at"])
def test_a_hidden_column_is_not_reached_by_any_way(quiet_store: Store, reach: str, column: str) -> None:
    with LockedEngine(quiet_store.snapshot(), quiet_store.settings) as engine, pytest.raises(QueryError):
        engine.query(reach.format(column))


def test_a_whole_row_does_not_show_what_is_hidden(store: Store) -> None:
    address = "203.0.113.77"
    row = {
        "event_id": "e1",
        "received_at": datetime(2026, 1, 1, tzinfo=UTC),
        "client_address": address,
        "kind": "click",
    }
    schema = next(s for s in STREAMS if s.name == "events")
    store.lake.ensure(schema)
    store.lake.append("events", pa.Table.from_pylist([row]), app_id="test", version=1)
    with LockedEngine(store.snapshot(), store.settings) as engine:
        for sql in ("from events", "select events from events", "select e::varchar from events e"):
            shown = engine.query(sql).table
            assert shown.num_rows == 1
            assert address not in str(shown.to_pylist())
