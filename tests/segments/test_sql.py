"""Segments written as SQL take part in everything a definition does, on one snapshot and at one moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.engine import Engine
from analytics.errors import ModelError, SegmentError
from analytics.lists import Lists
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments, SqlError, load_definition, outline, parse_text, write_text
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill

SQL = 'select user_id, count(*) as orders from "order" group by 1 having count(*) >= 2'
USERS = [
    {"id": f"u{n}", "email": f"u{n}@example.com", "created_at": NOW - timedelta(days=10 * n), "logins": n}
    for n in range(6)
]
BUYERS = {"u0": 3, "u2": 2, "u4": 1, "u5": 5}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    settings = Settings.of({"timezone": ZONE, "threads": 2})
    with Store.create(tmp_path / "shop", settings, SimulatedClock(NOW)) as store:
        orders = [
            {"id": f"{who}-{n}", "user_id": who, "created_at": NOW - timedelta(days=n)}
            for who, count in BUYERS.items()
            for n in range(count)
        ]
        fill(store, {"user": USERS, "order": orders})
        yield store


@pytest.fixture
def lists(store: Store, segments: Segments) -> Lists:
    return Lists(store, MODEL, segments)


def _of(sql: str, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", "sql": sql, **more})


def _keys(segments: Segments, engine: Engine, definition: Definition) -> list[str]:
    keys: list[str] = segments.keys(definition, engine).column("key").to_pylist()
    assert len(keys) == segments.count(definition, engine)
    return keys


# --- what it gives ---


def test_the_first_column_says_who_is_in(segments: Segments, engine: Engine) -> None:
    assert _keys(segments, engine, _of(SQL)) == ["u0", "u2", "u5"]


def test_columns_sort_and_limit_apply_to_the_rows_of_the_query(segments: Segments, engine: Engine) -> None:
    definition = _of(SQL, columns=["logins"], sort=[{"field": "logins", "direction": "descending"}], limit=2)
    shown = segments.sample(definition, engine)
    assert shown.rows.column("Id").to_pylist() == ["u5", "u2"]
    assert shown.rows.column("Logins").to_pylist() == [5, 2]
    assert segments.count(definition, engine) == 2


def test_the_order_of_the_query_counts_where_the_definition_has_none(segments: Segments, engine: Engine) -> None:
    ordered = f"{SQL} order by count(*) desc, 1"
    assert _keys(segments, engine, _of(ordered)) == ["u5", "u0", "u2"]
    assert _keys(segments, engine, _of(ordered, limit=1)) == ["u5"]
    assert _keys(segments, engine, _of(ordered, sort=["email"])) == ["u0", "u2", "u5"]
    assert segments.sample(_of(ordered), engine).rows.column("Id").to_pylist() == ["u5", "u0", "u2"]


def test_nulls_doubles_and_strangers_are_left_out(segments: Segments, engine: Engine) -> None:
    sql = "select * from (values ('u3'), (null), ('u1'), ('u3'), ('nobody')) v(id)"
    assert _keys(segments, engine, _of(sql)) == ["u1", "u3"]
    assert _keys(segments, engine, _of(f"{sql} order by id desc")) == ["u3", "u1"]


def test_deleted_rows_are_in_no_view(store: Store, segments: Segments) -> None:
    fill(store, {"user": [{"id": "u1", "email": "u1@example.com", "_deleted_at": NOW}]})
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        assert _keys(segments, engine, _of("select id from \"user\" where id <= 'u2'")) == ["u0", "u2"]


def test_a_number_may_be_a_key_but_a_fraction_may_not(store: Store, segments: Segments) -> None:
    fill(store, {"user": [{"id": "7", "email": "seven@example.com"}]})
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        assert _keys(segments, engine, _of("select 7")) == ["7"]
        with pytest.raises(SqlError, match=r"The first column, .*, is DOUBLE and no key"):
            segments.count(_of("select 7::double"), engine)


def test_now_and_today_are_the_moment_of_the_definition_in_the_workspaces_zone(
    store: Store, segments: Segments
) -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # already 1 July in Berlin
    sql = """
        select id from "user" where today() = date '2026-07-01' and current_date = today()
        and now() = timestamptz '2026-06-30 22:30:00+00' and current_timestamp = now()
        and get_current_timestamp() = now()
        and date_trunc('day', now()) = timestamptz '2026-07-01 00:00:00+02'
    """
    with Engine(store.snapshot(), store.settings, now=late) as engine:
        assert segments.count(_of(sql), engine) == 6
        assert segments.count(_of(sql), engine.at(late + timedelta(days=1))) == 0
        assert segments.count(_of(sql), engine) == 6


def test_as_of_hides_later_rows_and_is_the_present(store: Store, segments: Segments) -> None:
    then = NOW - timedelta(days=25)
    with Engine(store.snapshot(), store.settings, as_of=then) as engine:
        assert _keys(segments, engine, _of('select id from "user"')) == ["u3", "u4", "u5"]
        assert (
            segments.count(_of(f"select id from \"user\" where now() = timestamptz '{then.isoformat()}'"), engine) == 3
        )


def test_what_is_asked_on_an_engine_stays_what_its_snapshot_holds(store: Store, segments: Segments) -> None:
    definition = _of('select id from "user" order by id desc')
    with Engine(store.snapshot(), store.settings, now=NOW) as engine:
        fill(store, {"user": [{"id": "u9", "email": "new@example.com"}]})
        assert _keys(segments, engine, definition) == ["u5", "u4", "u3", "u2", "u1", "u0"]
    with Engine(store.snapshot(), store.settings, now=NOW) as fresh:
        assert _keys(segments, fresh, definition)[0] == "u9"


# --- stored, nested, in lists ---


def test_it_is_stored_and_named_by_other_segments(segments: Segments, engine: Engine) -> None:
    assert segments.save("Buyers", _of(SQL)).version == 1
    assert segments.save("Buyers", _of(SQL.replace(">= 2", ">= 3"))).version == 2
    assert segments.get("buyers").definition == _of(SQL.replace(">= 2", ">= 3"))
    where = {"all": [{"segment": "Buyers"}, {"field": "logins", "is": "at_least", "value": 1}]}
    assert _keys(segments, engine, Definition.from_document({"entity": "user", "where": where})) == ["u5"]
    without = Definition.from_document({"entity": "user", "where": {"not": {"segment": "Buyers"}}})
    assert _keys(segments, engine, without) == ["u1", "u2", "u3", "u4"]
    related = Definition.from_document({"entity": "order", "where": {"segment": "Buyers", "through": "user"}})
    assert segments.count(related, engine) == 8


def test_a_cycle_that_passes_sql_is_still_refused(segments: Segments) -> None:
    segments.save("A", _of(SQL))
    segments.save("B", Definition.from_document({"entity": "user", "where": {"segment": "A"}}))
    with pytest.raises(SegmentError, match="leads back to itself"):
        segments.save("A", Definition.from_document({"entity": "user", "where": {"segment": "B"}}))


def test_a_segment_of_the_wrong_keys_is_not_stored(segments: Segments) -> None:
    with pytest.raises(
        SegmentError, match=r"None of the 11 keys it gives is one of users \(such as 'u0-0', .*which is id"
    ):
        segments.save("Wrong", _of('select id from "order"'))
    with pytest.raises(SegmentError, match="no key in any of users"):
        segments.save("Empty keys", _of('select null::varchar from "order"'))
    assert segments.save("Nobody yet", _of('select id from "order" where false')).version == 1


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_a_list_of_it_has_members_an_audience_and_an_export(
    lists: Lists, engine: Engine, tmp_path: Path, kind: str
) -> None:
    ordered = _of(f"{SQL} order by count(*) desc", columns=["logins"])
    lists.create("Buyers", ordered, kind=kind, contact="email", engine=engine)
    assert lists.members(engine, "Buyers", 10).rows.column("entity_key").to_pylist() == ["u5", "u0", "u2"]
    assert lists.members(engine, "Buyers", 10, search="u2@").total == 1
    lists.remove("Buyers", ["u0"])
    counts = lists.counts(engine, "Buyers")
    assert (counts.members, counts.removed) == (2, 1)
    assert lists.audience(engine, "Buyers").column("address").to_pylist() == ["u5@example.com", "u2@example.com"]
    assert lists.export(engine, "Buyers", tmp_path / "members.csv") == 2
    inside = Definition.from_document({"entity": "user", "where": {"list": "Buyers"}})
    assert lists._segments.count(inside, engine) == 2


def test_a_static_list_of_it_says_what_a_refresh_changes(store: Store, lists: Lists, engine: Engine) -> None:
    lists.create("Buyers", _of(SQL), kind="static", contact="email", engine=engine)
    fill(store, {"order": [{"id": "u4-9", "user_id": "u4", "created_at": NOW}]})
    with Engine(store.snapshot(), store.settings, now=NOW) as fresh:
        assert lists.preview_refresh("Buyers", fresh).entered == ("u4",)
        assert lists.refresh("Buyers", fresh).total == 4


def test_a_list_on_a_stored_segment_takes_no_sql_of_its_own(segments: Segments, lists: Lists, engine: Engine) -> None:
    segments.save("Buyers", _of(SQL))
    made = lists.create("On it", segment="Buyers", contact="email", engine=engine)
    assert lists.members(engine, made, 10).total == 3
    with pytest.raises(SegmentError, match="by conditions, not by SQL"):
        lists.create("Both", _of(SQL), segment="Buyers", contact="email", engine=engine)


# --- why ---


def test_the_row_the_query_gave_is_the_reason(segments: Segments, engine: Engine) -> None:
    there = segments.explain(_of(SQL), engine, "u0@example.com")
    assert (there.key, there.is_member, there.row) == ("u0", True, {"user_id": "u0", "orders": 3})
    assert there.conditions is not None and there.conditions.holds
    absent = segments.explain(_of(SQL), engine, "u1")
    assert (absent.is_member, absent.row) == (False, None)
    cut = segments.explain(_of(SQL, limit=1), engine, "u5")
    assert (cut.is_member, cut.row) == (False, {"user_id": "u5", "orders": 5})
    with pytest.raises(SegmentError, match="nothing to explain"):
        segments.explain(_of(SQL), engine, "nobody")


def test_the_query_for_people_holds_the_sql(segments: Segments, engine: Engine) -> None:
    shown = str(segments.sql(_of(SQL), engine))
    assert f"--   {SQL}" in shown and "_query_" in shown
    assert str(segments.sql(_of(SQL))) == shown


# --- forms ---


FORMS = [
    _of(SQL),
    _of(SQL, columns=["logins"], sort=[{"field": "logins", "direction": "descending"}], limit=3),
    _of(f"-- the best of them\n{SQL}\n-- as of today"),
    _of(f"-- limit: 5\n{SQL}"),
    _of(f"--\n{SQL}"),
    _of('select "a;b\'" from x -- é'),
]


@pytest.mark.parametrize("definition", FORMS)
def test_every_form_of_it_says_the_same(definition: Definition, tmp_path: Path) -> None:
    assert Definition.from_document(definition.to_document()) == definition
    assert parse_text(write_text(definition)) == definition
    (tmp_path / "a.sql").write_text(write_text(definition))
    assert load_definition(tmp_path / "a.sql") == definition
    (tmp_path / "a.json").write_text(json.dumps(definition.to_document()))
    assert load_definition(tmp_path / "a.json") == definition


def test_a_file_may_leave_the_entity_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(SQL)
    assert load_definition(tmp_path / "a.sql", "user") == _of(SQL)
    with pytest.raises(SegmentError, match="begin with a line such as -- entity: customer_user"):
        load_definition(tmp_path / "a.sql")
    (tmp_path / "a.sql").write_text(f"-- entity: order\n{SQL}")
    with pytest.raises(SegmentError, match="it is of order, not of user"):
        load_definition(tmp_path / "a.sql", "user")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"sql": "select 1", "where": {"field": "logins", "is": "empty"}}, "both `where` and `sql`"),
        ({"sql": ""}, "sql: '' is not one SELECT as text"),
        ({"sql": 5}, "sql: 5 is not one SELECT as text"),
        ({"sql": "select '\x00'"}, "a character no text has"),
    ],
)
def test_a_broken_document_is_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(SegmentError, match=says):
        Definition.from_document({"entity": "user", **document})


def test_versions_of_it_differ_by_query_and_by_line(segments: Segments) -> None:
    segments.save("Buyers", parse_text("user where logins > 2"))
    segments.save("Buyers", _of(f"{SQL}\norder by 2"))
    segments.save("Buyers", _of(f"{SQL}\norder by 1"))
    said = segments.diff("Buyers", 2, 3)
    assert [str(change) for change in said.changes] == [
        f"Changed: the query {SQL} order by 2 → the query {SQL} order by 1"
    ]
    assert [(line.sign, line.text) for line in said.lines if line.sign != " "] == [
        ("-", "order by 2"),
        ("+", "order by 1"),
    ]
    assert str(segments.diff("Buyers", 1, 2).changes[0]) == f"Added: the query {SQL} order by 2"
    assert [line.text for line in outline(MODEL, segments.get("Buyers").definition)] == [
        "Those the query finds",
        SQL,
        "order by 1",
    ]


# --- while it is written ---


def test_looking_at_sql_counts_it_and_says_what_is_left_out(segments: Segments, engine: Engine) -> None:
    values = "('u3'), (null), ('u1'), ('u3'), ('nobody'), ('nothing')"
    look = segments.check_sql("user", f"select * from (values {values}) v(id)", engine)
    assert (look.count, look.error) == (2, None)
    assert look.columns[0] == "Id" and look.rows is not None
    assert look.rows.column(0).to_pylist() == ["u1", "u3"]
    assert look.warnings == (
        "1 row without a key is left out.",
        "1 row is of a key that came before; each key counts once.",
        "2 keys are of no user there is and left out, such as 'nobody', 'nothing'.",
    )
    assert segments.check_sql("user", SQL).count == 3


@pytest.mark.parametrize(
    ("sql", "line", "column", "says"),
    [
        ("select id\nfrom user_s", 2, 6, "No table 'user_s'; there are audience,"),
        ('select é, nosuch\nfrom "user"', 1, 8, 'column "é" not found'),
        ('select id, nosuch from "user"', 1, 12, 'column "nosuch" not found'),
        ('select id\n  frm "order" f', 2, 7, "syntax error"),
        ("select id,\n getenv('HOME') from x", 2, 2, "The function getenv cannot be used here"),
        ('select user_id from "order" where id = $1', None, None, "The parameter $1 has no value here"),
        ('select cast(id as int) from "order"', None, None, "Could not convert string"),
        ("delete from orders", None, None, "Only SELECT"),
        ('select id from "order"', None, None, "None of the 11 keys"),
        ('select id from "order" where random() > 0.5', None, None, "random gives other rows each time"),
        ('select id from "order" tablesample 10%', None, None, "sample gives other rows each time"),
        ('select age(created_at) from "order"', 1, 8, "age takes two times here"),
        ("", None, None, "is not one SELECT"),
    ],
)
def test_looking_at_wrong_sql_says_where_and_what(
    segments: Segments, engine: Engine, sql: str, line: int | None, column: int | None, says: str
) -> None:
    look = segments.check_sql("user", sql, engine)
    assert look.count is None and look.error is not None
    assert says in look.error.message and "Error:" not in look.error.message
    assert (look.error.line, look.error.column) == (line, column)


def test_looking_at_sql_of_no_entity_is_refused(segments: Segments) -> None:
    with pytest.raises(ModelError, match="No entity 'nobody'"):
        segments.check_sql("nobody", SQL)


def test_a_quick_definition_is_measured_and_a_slow_one_estimated(segments: Segments, engine: Engine) -> None:
    for definition in (_of(SQL), parse_text("user where logins > 2")):
        cost = segments.cost(definition, engine)
        assert cost.seconds is not None and not cost.is_slow and cost.sentence.startswith("Counting takes")
    slow = _of("select count(*)::varchar from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 5")
    cost = segments.cost(slow, engine, 0.2)
    assert (cost.seconds, cost.is_slow) == (None, True)
    assert "longer than 0.2 seconds" in cost.sentence
