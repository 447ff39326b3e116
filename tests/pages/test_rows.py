"""The rows of what people did and said: built without the text language, opened again as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analytics.model.streams import EVENTS, VERDICTS
from analytics.segments import parse_text, write_text
from analytics.services import Services
from analytics.store.arrow import arrow_schema
from analytics.views import audience_preview
from tests.pages.conftest import Dashboard, keyed, press, said

PAGE = "pages/audience/lists.py"
EVERY_PART = (
    'did(page_view url contains "/sale" title starts with "Hats" category is empty action in ("play", "stop") '
    'name = "Intro" 3 times website "shop" from source "newsletter" medium "email" code "spring" within 36h '
    "when after today - 7d by all)",
    "did(order at most 2 times within 30d)",
    "did(any exactly 0 times)",
    "not did(cart when between today - 9d and today)",
    'sequence(clicked(any campaign within 2 weeks by all) then did(page_view url contains "x" within 9d) then '
    "did(order) within 7d)",
    "sequence(did(cart) without did(order by all) within 1440 min)",
    'consent("NEWS") is granted',
    'consent("news") is withdrawn',
    'consent("other") is none',
    "rfm(recency) <= 2",
    "rfm(frequency) in (1, 2)",
    "rfm(monetary) between 2 and 4",
    'rfm(score) in ("1-1-1", "1-1-2")',
    'rfm(score) starts with "1-"',
    "rfm(recency) is empty",
    'split("autumn" part 1 of 3)',
    'split("autumn" part 2 of (50, 33.3, 16.7))',
    "not received(any campaign within 5d 7 times)",
)


def test_rows_of_every_kind_open_with_fields_of_their_own_and_are_saved_unchanged(
    full: Dashboard, services: Services
) -> None:
    for topic in ("news", "other"):
        services.topics.create(topic)
    made = parse_text(f"customer_user where {' and '.join(EVERY_PART)}")
    services.lists.create("Everything", made, contact="email")
    at = full.open(PAGE, list=str(services.lists.get("Everything").id), edit="1")
    assert not [t for t in at.text_input if t.label == "Condition as text"]
    assert len([b for b in at.button if b.label.startswith("Remove this ")]) == len(EVERY_PART)
    at.text_input(key="lists.edit.name").set_value("All of it").run()
    press(at, "Save list")
    assert services.lists.get("All of it").definition == made


def test_a_slow_count_is_said_before_it_is_saved(
    full: Dashboard, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_preview, "SLOW", 0)
    at = full.open(PAGE, list="new")
    at.text_input(key="lists.edit.name").set_value("Slow one").run()
    save = next(b for b in at.button if b.label == "Save list")
    assert save.disabled
    next(c for c in at.checkbox if c.label == "Save it all the same").set_value(True).run()
    press(at, "Save list")
    assert services.lists.get("Slow one").kind == "dynamic"


def test_columns_with_their_labels_order_and_limit_are_kept_by_the_editor(full: Dashboard, services: Services) -> None:
    made = parse_text(
        'customer_user where enabled is yes show city as "Town", count(orders) as "Orders" '
        "sort by count(orders) desc, last_name limit 7"
    )
    services.lists.create("Top", made, contact="email")
    at = full.open(PAGE, list=str(services.lists.get("Top").id), edit="1")
    at.text_input(key="lists.edit.name").set_value("Top seven").run()
    press(at, "Save list")
    assert services.lists.get("Top seven").definition == made


def test_what_people_did_and_said_is_built_and_the_count_follows(full: Dashboard, services: Services) -> None:
    with services.engine() as engine:
        people = [r[0] for r in engine.rows("select email from customer_user where email is not null order by 1")][:3]
    _visits(services, people)
    topic = services.topics.create("Newsletter")
    for address in people[:2]:
        services.consents.record(address, topic.id, True, wording="Yes, write to me", source="test")
    services.websites.create("Our shop", "shop", "https://shop.example.com")
    at = full.open(PAGE, list="new")
    _more(at, "What they did: on a website")
    assert at.metric[0].value == "3"
    keyed(at.multiselect, ".details").set_value(["url"]).run()
    assert at.metric[0].value == "60"  # a row without its value says nothing yet
    keyed(at.text_input, ".url.value.text.one").set_value("/sale").run()
    assert at.metric[0].value == "2"
    keyed(at.selectbox, ".website").set_value("shop").run()
    keyed(at.selectbox, ".within").set_value("24h").run()
    assert at.metric[0].value == "2"
    _more(at, "What they said: yes or no to a topic")
    assert at.metric[0].value == "1"
    keyed(at.selectbox, ".state").set_value("none").run()
    assert at.metric[0].value == "1"
    keyed(at.number_input, ".times.1").set_value(2).run()
    assert at.metric[0].value == "0"
    keyed(at.selectbox, ".times-op").set_value("at_most").run()
    keyed(at.number_input, ".times.0").set_value(1).run()
    keyed(at.selectbox, ".state").set_value("granted").run()
    at.text_input(key="lists.edit.name").set_value("Lookers").run()
    press(at, "Save list")
    assert services.lists.get("Lookers").definition == parse_text(
        'customer_user where did(page_view url contains "/sale" website "shop" at most 1 times within 24h) '
        'and consent("Newsletter") is granted'
    )


def test_a_sequence_grows_shrinks_and_ends_without_something(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, list="new")
    _more(at, "What they did: one thing after another")
    press(at, "Another step")
    keyed(at.selectbox, ".s2.what").set_value("mail.opened").run()
    assert (
        _where(at, services, "A")
        == "sequence(clicked(any campaign) then did(order) then opened(any campaign) within 7d)"
    )
    at = full.open(PAGE, list="new")
    _more(at, "What they did: one thing after another")
    keyed(at.selectbox, ".ending").set_value("without").run()
    press(at, "Without the last step")
    keyed(at.selectbox, ".without.what").set_value("did.cart").run()
    assert _where(at, services, "B") == "sequence(clicked(any campaign) without did(cart) within 7d)"


def test_groups_and_samples_are_built(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, list="new")
    _more(at, "Groups and samples: best to worst buyers (RFM)")
    _more(at, "Groups and samples: part of an even split")
    divided = next(t for t in at.text_input if t.label == "Name of the division")
    divided.set_value("autumn").run()
    keyed(at.selectbox, ".kind").set_value("shares").run()
    keyed(at.text_input, ".shares").set_value("60, 60").run()
    assert "together 100 at most" in said(at)
    keyed(at.text_input, ".shares").set_value("60, 40").run()
    part = next(s for s in at.selectbox if s.label == "Part")
    part.set_value("2").run()
    assert _where(at, services, "C") == 'rfm(recency) <= 2 and split("autumn" part 2 of (60.0, 40.0))'


def test_without_a_topic_the_row_says_where_one_is_made(full: Dashboard) -> None:
    at = full.open(PAGE, list="new")
    _more(at, "What they said: yes or no to a topic")
    assert "There is no topic people could say yes or no to." in said(at)
    assert at.metric[0].value == "60"


def _more(at: AppTest, option: str) -> None:
    menu = next(m for m in at.menu_button if m.label == "More")
    menu.click(option).run()
    assert not at.exception, at.exception


def _where(at: AppTest, services: Services, name: str) -> str:
    """Return the conditions of what the editor says now, after it was saved under a name."""
    at.text_input(key="lists.edit.name").set_value(name).run()
    press(at, "Save list")
    return write_text(services.lists.get(name).definition).removeprefix("customer_user where ")


def _visits(services: Services, people: list[str]) -> None:
    """Have everybody look at one page an hour ago, all but the first at the sale."""
    at = datetime.now(UTC) - timedelta(hours=1)
    events = [
        {"event_id": f"e{n}", "kind": "page_view", "endpoint": "matomo", "website": "shop", "person": person,
         "occurred_at": at, "received_at": at, "url": f"https://shop.example.com/{'sale' if n else ''}"}
        for n, person in enumerate(people)
    ]  # fmt: skip
    verdicts = [{"event_id": e["event_id"], "ruleset": 1, "verdict": "human", "decided_at": at} for e in events]
    for schema, rows in ((EVENTS, events), (VERDICTS, verdicts)):
        columns = {c.name: None for c in schema.columns}
        table = pa.Table.from_pylist([{**columns, **row} for row in rows], schema=arrow_schema(schema))
        services.store.lake.append(schema.name, table, app_id="test", version=1)
