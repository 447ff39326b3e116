"""Templates are kept under their name, with a version that rises when they change."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from sqlalchemy import insert

from analytics.engine import Engine
from analytics.errors import NotFound, TemplateError, UnknownVariable
from analytics.store import Store
from analytics.store.tables import email_campaign, marketing_list
from analytics.templates import Templates
from tests.templates.shop import MODEL

HTML = "<p>Dear {{ entity.first_name | default('friend') }} of {{ entity.customer.group.name }}</p>"


def use(store: Store, template_id: int) -> None:
    """An email campaign that uses a template."""
    now = store.clock.now()
    kept = {"created_at": now, "updated_at": now}
    with store.state.write() as connection:
        connection.execute(
            insert(marketing_list).values(
                id=1,
                name="l",
                entity="customer_user",
                kind="dynamic",
                channel="email",
                contact="email",
                definition={},
                **kept,
            )
        )
        connection.execute(
            insert(email_campaign).values(
                name="Spring", list_id=1, template_id=template_id, sender_email="a@example.com", **kept
            )
        )


def test_saving_again_under_a_name_raises_the_version_only_when_something_changed(
    store: Store, templates: Templates
) -> None:
    first = templates.save("Hello", "Hi", HTML, entity="customer_user")
    assert (first.version, first.entity, first.text) == (1, "customer_user", None)
    store.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    assert templates.save(" Hello ", "Hi", HTML, entity="customer_user") == first
    changed = templates.save("Hello", "Hi there", HTML, entity="customer_user", preheader="p", text="t")
    assert (changed.id, changed.version, changed.created_at) == (first.id, 2, first.created_at)
    assert changed.updated_at > first.updated_at
    assert templates.get("Hello") == templates.get(first.id) == templates.get(str(first.id)) == changed
    assert templates.all() == (changed,)
    assert templates.compiled("Hello").paths == ("customer.group.name", "first_name")


def test_a_template_that_does_not_hold_is_not_kept(templates: Templates) -> None:
    with pytest.raises(UnknownVariable):
        templates.save("Hello", "Hi {{ entity.nmae }}", HTML, entity="customer_user")
    with pytest.raises(NotFound, match=r"No template 'Hello'\. There is no template yet\."):
        templates.get("Hello")


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\nb"])
def test_a_name_that_cannot_be_one_is_refused(templates: Templates, name: str) -> None:
    with pytest.raises(TemplateError):
        templates.save(name, "Hi", "x")


def test_rename_and_clone_keep_names_apart(templates: Templates) -> None:
    first = templates.save("One", "Hi", HTML, entity="customer_user", text="plain")
    copy = templates.clone("One", "Two")
    assert (copy.version, copy.html, copy.text, copy.entity) == (1, first.html, "plain", "customer_user")
    assert templates.rename("Two", "Three").id == copy.id
    for work in (lambda: templates.rename("Three", "One"), lambda: templates.clone("One", "Three")):
        with pytest.raises(TemplateError, match="already; choose another name"):
            work()
    assert [t.name for t in templates.all()] == ["One", "Three"]


def test_a_template_in_use_can_neither_go_nor_change_its_entity(store: Store, templates: Templates) -> None:
    made = templates.save("One", "Hi", "x", entity="customer_user")
    use(store, made.id)
    with pytest.raises(TemplateError, match="email campaign 'Spring' uses it"):
        templates.delete("One")
    with pytest.raises(TemplateError, match="cannot become one for order: email campaign 'Spring' uses it"):
        templates.save("One", "Hi", "x", entity="order")
    assert templates.save("One", "Hi", "y").entity is None
    templates.save("Two", "Hi", "x")
    templates.delete("Two")
    assert [t.name for t in templates.all()] == ["One"]


def fill(store: Store) -> None:
    store.lake.ensure(MODEL.entity("customer_group").schema)
    for name, rows in {
        "customer_group": [{"id": "g1", "name": "Gold"}],
        "customer": [{"id": "c1", "name": "ACME", "group_id": "g1"}, {"id": "c2", "name": "Bo's", "group_id": None}],
        "customer_user": [
            {"id": "u1", "first_name": "Ada", "customer_id": "c1"},
            {"id": "u2", "first_name": None, "customer_id": "c2"},
            {"id": "u3", "first_name": "Eve", "customer_id": "gone"},
        ],
    }.items():
        schema = MODEL.entity(name).schema
        store.lake.ensure(schema)
        store.lake.merge(name, pa.Table.from_pylist(rows))


def test_a_preview_shows_a_row_of_the_lake(store: Store, templates: Templates) -> None:
    fill(store)
    templates.save("Hello", "Hi {{ entity.first_name }} from {{ shop.name }}", HTML, entity="customer_user")
    expected = {
        "u1": "Dear Ada of Gold",
        "u2": "Dear friend of ",
        "u3": "Dear Eve of ",
        None: "Dear Ada of Gold",
    }
    with Engine(store.snapshot(), store.settings) as engine:
        for key, line in expected.items():
            seen = templates.preview("Hello", templates.values(engine, "Hello", key))
            assert seen.html.startswith(f"<p>{line}</p>")
        assert seen.subject == "Hi Ada from Teal & Co"
        assert "#unsubscribe" in seen.html and "/o/" not in seen.html
        with pytest.raises(NotFound, match=r"No customer_user 'u9'\. There are: u1, u2, u3"):
            templates.values(engine, "Hello", "u9")
        templates.save("Any", "Hi", "<p>{{ today }}</p>")
        assert templates.values(engine, "Any", "u1") == {}
        assert templates.preview("Any", {}).html.startswith("<p>4 March 2026</p>")
