"""Entities are data: those that ship hold together, and a user's own file adds to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics.entities import load_model
from analytics.errors import ModelError

OWN = """
entity = "subscriber"
key = "id"
title = "email"

[fields.id]
type = "text"

[fields.email]
type = "text"
personal = true

[fields.customer_user_id]
type = "text"

[relations.customer_user]
kind = "one"
target = "customer_user"
own_field = "customer_user_id"

[[contacts]]
channel = "email"
path = "email"
"""


def test_every_targetable_entity_of_the_model_system_has_its_contact_path() -> None:
    model = load_model()
    paths = {e.name: {c.channel: c.path for c in e.contacts} for e in model.targetable()}
    assert {name: found["email"] for name, found in paths.items()} == {
        "account": "default_contact.email",
        "contact": "email",
        "customer_user": "email",
        "lead": "email",
        "order": "customer_user.email",
        "quote": "customer_user.email",
        "shopping_list": "customer_user.email",
    }


def test_every_entity_has_a_label_a_doc_and_columns_for_the_lake() -> None:
    for entity in load_model().entities.values():
        assert entity.label and entity.plural and entity.doc, entity.name
        assert entity.schema.column(entity.key).type == "text"
        assert {"_imported_at", "_deleted_at", "_source_at"} <= {c.name for c in entity.schema.columns}


def test_addresses_names_and_telephone_numbers_are_personal() -> None:
    for entity in load_model().entities.values():
        for name in ("email", "first_name", "last_name", "phone", "birthday", "street"):
            if name in entity.fields:
                assert entity.fields[name].personal, f"{entity.name}.{name}"


def test_a_table_of_the_users_own_becomes_targetable_by_its_declaration(tmp_path: Path) -> None:
    (tmp_path / "subscriber.toml").write_text(OWN)
    model = load_model(tmp_path)
    assert model.entity("subscriber") in model.targetable()
    assert model.resolve("subscriber", "customer_user.customer.name").entity.name == "customer"
    assert model.entity("subscriber").relations["customer_user"].target_field == "id"


def test_a_workspace_adds_fields_relations_and_options_to_a_shipped_entity(tmp_path: Path) -> None:
    (tmp_path / "order.toml").write_text(
        'entity = "order"\n[fields]\nwarehouse = { type = "text" }\n'
        'payment_status = { options = ["paid", "unpaid"] }\n'
        '[relations.parent_order]\nkind = "one"\ntarget = "order"\nown_field = "po_number"\n'
    )
    order = load_model(tmp_path).entity("order")
    assert order.fields["warehouse"].type == "text"
    assert order.fields["payment_status"].options == ("paid", "unpaid")
    assert order.fields["payment_status"].history
    assert order.relations["parent_order"].target == "order"
    assert order.label == "Order" and "items" in order.relations


def test_the_model_of_a_folder_that_is_not_there_is_the_shipped_one(tmp_path: Path) -> None:
    assert load_model(tmp_path / "nothing").entities.keys() == load_model().entities.keys()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace('key = "id"', 'key = "uid"'), "key is 'uid'; expected one of its fields: id, email"),
        (lambda t: t.replace('type = "text"', 'type = "txt"', 1), "field id: type is 'txt'; expected one of text,"),
        (lambda t: t.replace('title = "email"', 'colour = "red"'), "unknown key 'colour'; there are entity, label"),
        (lambda t: t.replace('target = "customer_user"', 'target = "user"'), "no entity 'user'; there are account"),
        (lambda t: t.replace('path = "email"', 'path = "mail"'), "no field or relation 'mail'"),
        (lambda t: t.replace('"subscriber"', '"Subscriber"'), "the name 'Subscriber' cannot be used"),
        (lambda t: t.replace('"subscriber"', '"events"'), "a table of Shelduck's own has it"),
        (lambda t: t.replace("personal = true", 'personal = "yes"'), "personal is 'yes'; expected true or false"),
        (lambda t: t.replace('own_field = "customer_user_id"', ""), "own_field is missing"),
        (lambda t: t.replace('kind = "one"', 'kind = "two"'), "kind is 'two'; expected one of one, many"),
        (lambda t: t.replace("[fields.id]", "[fields.id"), "is no TOML file"),
    ],
)
def test_what_is_wrong_in_a_declaration_is_named(tmp_path: Path, change: object, sentence: str) -> None:
    assert callable(change)
    file = tmp_path / "subscriber.toml"
    file.write_text(change(OWN))
    with pytest.raises(ModelError, match=re.escape(sentence)) as caught:
        load_model(tmp_path)
    assert str(file) in str(caught.value)


def test_the_type_of_a_shipped_field_cannot_change(tmp_path: Path) -> None:
    (tmp_path / "order.toml").write_text('entity = "order"\n[fields]\ntotal = { type = "text" }\n')
    with pytest.raises(ModelError, match="its type is money and cannot become text"):
        load_model(tmp_path)
