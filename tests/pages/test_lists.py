"""Marketing lists: built from conditions, counted live, their members taken out and put back."""

from __future__ import annotations

import pyarrow as pa

from analytics.segments import Definition
from analytics.services import Services
from analytics.store.arrow import arrow_schema
from tests.pages.conftest import Dashboard, keyed, press, said

PAGE = "pages/audience/lists.py"


def test_a_list_is_built_from_conditions_and_saved(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, list="new")
    assert at.metric[0].value == "60"
    at.text_input(key="lists.edit.name").set_value("Buyers with a voucher").run()
    press(at, "Condition")
    keyed(at.selectbox, ".field").set_value("enabled").run()
    keyed(at.selectbox, ".op.boolean").set_value("yes").run()
    press(at, "Related records")
    keyed(at.selectbox, ".relation").set_value("orders").run()
    keyed(at.number_input, ".value.integer.one").set_value(2).run()
    press(at, "Only those where …")
    inner = [s for s in at.selectbox if s.key and s.key.endswith(".field")][-1]
    inner.set_value("internal_status").run()
    keyed(at.selectbox, ".op.enum").set_value("none_of").run()
    at.multiselect[0].set_value(["cancelled"]).run()
    assert not at.error
    with services.engine() as engine:
        expected = engine.value(
            'select count(*) from customer_user u where enabled and (select count(*) from "order" o'
            " where o.customer_user_id = u.id and coalesce(internal_status, '') <> 'cancelled') >= 2"
        )
    assert at.metric[0].value == str(expected)
    press(at, "Save list")
    saved = services.lists.get("Buyers with a voucher")
    assert at.query_params["list"] == str(saved.id)
    assert saved.definition.to_document()["where"] == {
        "all": [
            {"field": "enabled", "is": "yes"},
            {
                "related": "orders",
                "measure": "count",
                "is": "at_least",
                "value": 2,
                "where": {"field": "internal_status", "is": "none_of", "value": ["cancelled"]},
            },
        ]
    }


def test_a_condition_that_goes_leaves_the_others_as_they_are(full: Dashboard) -> None:
    at = full.open(PAGE, list="new")
    for _ in range(3):
        press(at, "Condition")
    for number in range(3):
        row = [s for s in at.selectbox if s.key and s.key.endswith(".value.text.one")][number]
        row.set_value(row.options[number]).run()
    removers = [b for b in at.button if b.key and b.key.startswith("lists.build.e") and b.key.endswith(".remove")]
    removers[1].click().run()
    left = [s.value for s in at.selectbox if s.key and s.key.endswith(".value.text.one")]
    assert left == [row.options[0], row.options[2]]


def test_a_saved_list_opens_in_the_builder_again(full: Dashboard, services: Services) -> None:
    where = {"field": "city", "is": "any_of", "value": ["Bonn", "Köln"]}
    made = services.lists.create(
        "Rhine", Definition.from_document({"entity": "customer_user", "where": where}), contact="email"
    )
    at = full.open(PAGE, list=str(made.id), edit="1")
    assert at.text_input(key="lists.edit.name").value == "Rhine"
    assert at.multiselect[0].value == ["Bonn", "Köln"]
    at.text_input(key="lists.edit.name").set_value("Rhineland").run()
    press(at, "Save list")
    again = services.lists.get(made.id)
    assert (again.name, again.definition) == ("Rhineland", made.definition)


def test_a_list_written_as_sql_keeps_its_query_in_the_editor(full: Dashboard, services: Services) -> None:
    sql = "select id from customer_user -- where nobody is left out\nwhere city = 'Bonn'"
    made = services.lists.create(
        "Bonn", Definition.from_document({"entity": "customer_user", "sql": sql}), contact="email"
    )
    with services.engine() as engine:
        expected = services.segments.count(made.definition, engine)
    at = full.open(PAGE, list=str(made.id), edit="1")
    assert [c.value for c in at.code if c.value == sql]
    assert at.metric[0].value == str(expected)
    at.text_input(key="lists.edit.name").set_value("Bonn only").run()
    press(at, "Save list")
    again = services.lists.get(made.id)
    assert (again.name, again.definition) == ("Bonn only", made.definition)


def test_a_list_is_written_as_sql_with_its_mistakes_shown(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, list="new")
    at.session_state["lists.build.tab"] = "SQL"
    at.run()
    press(at, "Write who is meant as SQL")
    assert at.metric[0].value == "60"
    keyed(at.text_area, ".sql").set_value("select id\nfrom customer_user where nosuch").run()
    assert any(c.value.startswith("Line 2, column 26: ") and "nosuch" in c.value for c in at.code)
    assert not any("nosuch" in e.value for e in at.error)  # said once, with its lines
    assert keyed(at.button, "lists.build.save").disabled
    keyed(at.text_area, ".sql").set_value("select id from customer_user union all select 'nobody'").run()
    assert any("1 key is of no customer user" in w.value for w in at.warning)
    assert at.metric[0].value == "60"
    keyed(at.text_area, ".sql").set_value("select id from customer_user where city = 'Bonn'").run()
    at.text_input(key="lists.edit.name").set_value("By SQL").run()
    press(at, "Save list")
    saved = services.lists.get("By SQL").definition
    assert (saved.sql, saved.where) == ("select id from customer_user where city = 'Bonn'", None)


def test_a_taken_name_gets_its_sentence(full: Dashboard, services: Services) -> None:
    services.lists.create("All", Definition("customer_user"), contact="email")
    at = full.open(PAGE, list="new")
    at.text_input(key="lists.edit.name").set_value("All").run()
    press(at, "Save list")
    assert "There is a list 'All' already" in said(at)


def test_members_are_unsubscribed_removed_and_put_back(full: Dashboard, services: Services) -> None:
    made = services.lists.create("All", Definition("customer_user"), contact="email")
    at = full.open(PAGE, list=str(made.id))
    _tick(at, "lists.members.members.0", [0, 2])
    press(at, "Unsubscribe")
    _tick(at, "lists.members.members.0..1", [1])  # a grid of its own: no tick is left on another row
    press(at, "Remove from list")
    with services.engine() as engine:
        counts = services.lists.counts(engine, made)
    assert (counts.members, counts.unsubscribed, counts.removed) == (59, 2, 1)
    at = full.open(PAGE, list=str(made.id))
    keyed(at.segmented_control, "lists.which").set_value("removed").run()
    _tick(at, "lists.members.removed.0", [0])
    press(at, "Put back")
    with services.engine() as engine:
        assert services.lists.counts(engine, made).members == 60


def test_the_overview_names_every_list_with_its_size(full: Dashboard, services: Services) -> None:
    services.lists.create("All", Definition("customer_user"), contact="email")
    services.lists.create("Fixed", Definition("contact"), contact="email", kind="static")
    shown = full.open(PAGE).dataframe[0].value
    with services.engine() as engine:
        contacts = engine.value("select count(*) from contact")
    assert dict(zip(shown["name"], shown["members"], strict=True)) == {"All": 60, "Fixed": contacts}


def test_a_second_submit_of_a_new_list_makes_no_second_one(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, list="new")
    at.text_input(key="lists.edit.name").set_value("Once").run()
    press(at, "Save list")
    at.query_params["list"] = "new"
    at.run()
    at.text_input(key="lists.edit.name").set_value("Once").run()
    press(at, "Save list")
    assert [m.name for m in services.lists.all()] == ["Once"]
    assert not at.error


def test_all_that_match_a_search_are_removed_and_put_back_by_undo(full: Dashboard, services: Services) -> None:
    columns = Definition.from_document({"entity": "customer_user", "columns": [{"field": "city", "label": "Town"}]})
    made = services.lists.create("All", columns, contact="email")
    with services.engine() as engine:
        towns = services.lists.members(engine, made).rows.column("c0").to_pylist()
    town = next(t for t in towns if t)
    with services.engine() as engine:
        matching = services.lists.members(engine, made, search=town).total
    at = full.open(PAGE, list=str(made.id))
    at.text_input(key="lists.search").set_value(town).run()
    everybody = [c for c in at.checkbox if c.label.startswith("All")]
    assert [c.label for c in everybody] == [f"All {matching:,} that match the search"]
    everybody[0].check().run()
    press(at, f"Remove from list: all {matching:,}")
    with services.engine() as engine:
        assert services.lists.counts(engine, made).removed == matching
    press(at, "Undo")
    with services.engine() as engine:
        assert services.lists.counts(engine, made).removed == 0


def test_the_grid_shows_the_lists_columns_in_the_order_asked_for(full: Dashboard, services: Services) -> None:
    columns = Definition.from_document({"entity": "customer_user", "columns": [{"field": "city", "label": "Town"}]})
    made = services.lists.create("All", columns, contact="email")
    at = full.open(PAGE, list=str(made.id))
    at.selectbox(key="lists.sort").set_value("Town").run()
    at.selectbox(key="lists.descending").set_value(True).run()
    shown = [town for town in at.dataframe[0].value["own.Town"] if isinstance(town, str)]
    assert shown and shown == sorted(shown, key=str.lower, reverse=True)


def test_a_list_is_made_of_a_file_with_a_report_of_its_lines(full: Dashboard, services: Services) -> None:
    with services.engine() as engine:
        rows = engine.rows("select email from customer_user where email is not null order by id limit 2")
    content = "\n".join(["Mail", rows[0][0].upper(), rows[1][0], rows[1][0], "nobody@example.org"])
    at = full.open(PAGE, list="file")
    at.text_input(key="lists.upload.name").set_value("Fair").run()
    at.file_uploader[0].set_value(("guests.csv", content.encode(), "text/csv")).run()
    assert not at.error, said(at)
    assert [m.value for m in at.metric] == ["4", "2", "0", "1", "1"]
    press(at, "Make the list of 2 members")
    made = services.lists.get("Fair")
    assert at.query_params["list"] == str(made.id)
    assert (made.kind_label, len(services.uploads.all(made))) == ("uploaded", 1)
    press(at, "Another file")
    at.file_uploader[0].set_value(("more.csv", rows[0][0].encode(), "text/csv")).run()
    assert "0 members to come in, 1 to go out, 1 then." in said(at)
    press(at, "Change the list")
    with services.engine() as engine:
        assert services.lists.counts(engine, made).members == 1


def test_a_file_nobody_can_read_gets_its_sentence(full: Dashboard) -> None:
    at = full.open(PAGE, list="file")
    at.file_uploader[0].set_value(("a.xlsx", b"not a workbook", "application/x")).run()
    assert "cannot be read as a spreadsheet" in said(at)


def test_a_list_is_filled_by_hand(full: Dashboard, services: Services) -> None:
    with services.engine() as engine:
        key = engine.value("select id from customer_user order by id limit 1")
    at = full.open(PAGE, list="hand")
    at.text_input(key="lists.hand.name").set_value("Friends").run()
    press(at, "Make the list")
    at.text_area(key="lists.add.text").set_value(f"{key}, nobody@example.org")
    press(at, "Add")
    assert "Nobody has nobody@example.org" in said(at)
    with services.engine() as engine:
        assert services.lists.members(engine, "Friends").rows.column("entity_key").to_pylist() == [key]


def test_a_list_filled_by_hand_is_renamed_without_a_builder(full: Dashboard, services: Services) -> None:
    made = services.lists.create("Friends", Definition("customer_user"), contact="email", source="picked")
    at = full.open(PAGE, list=str(made.id), edit="1")
    assert not [b for b in at.button if b.label in ("Condition", "Why in, why out?")]
    at.text_input(key="lists.edit.name").set_value("Good friends").run()
    press(at, "Save list")
    renamed = services.lists.get(made.id)
    assert (renamed.name, renamed.source) == ("Good friends", "picked")


def test_a_text_that_cannot_be_read_is_not_passed_over_by_saving(full: Dashboard) -> None:
    at = full.open(PAGE, list="new")
    at.text_input(key="lists.edit.name").set_value("Half").run()
    at.session_state["lists.build.tab"] = "Text"
    at.run()
    keyed(at.text_area, ".text").set_value("customer_user where enabled is yse").run()
    assert keyed(at.button, "lists.build.save").disabled
    at.session_state["lists.build.tab"] = "Builder"
    at.run()
    assert not keyed(at.button, "lists.build.save").disabled


def test_a_telephone_list_says_which_numbers_make_no_call_of_their_own(full: Dashboard, services: Services) -> None:
    schema = services.model.entity("customer_user").schema
    phones = {"tel1": "+4915112345678", "tel2": "+4915112345678", "tel3": "12"}
    rows = [{"id": key, "email": f"{key}@example.com", "phone": phone} for key, phone in phones.items()]
    whole = [{c.name: row.get(c.name) for c in schema.columns} for row in rows]
    services.store.lake.merge("customer_user", pa.Table.from_pylist(whole, arrow_schema(schema)))
    where = {"field": "id", "is": "starts_with", "value": "tel"}
    definition = Definition.from_document({"entity": "customer_user", "where": where})
    made = services.lists.create("Phones", definition, contact="phone")
    shown = {m.label: m.value for m in full.open(PAGE, list=str(made.id)).metric}
    with services.engine() as engine:
        counts = services.lists.counts(engine, made)
    assert counts.bad_numbers == 1 and counts.shared_numbers > 0
    assert (shown["Wrong numbers"], shown["Shared numbers"]) == ("1", str(counts.shared_numbers))


def test_lists_are_put_together_on_a_form(full: Dashboard, services: Services) -> None:
    services.lists.create("All", Definition("customer_user"), contact="email")
    services.lists.create("None", Definition("customer_user", limit=0), contact="email")
    at = full.open(PAGE, list="others")
    at.text_input(key="lists.combine.name").set_value("Rest").run()
    at.multiselect(key="lists.combine.lists").set_value(["All", "None"]).run()
    at.radio(key="lists.combine.how").set_value("minus").run()
    press(at, "Make the list")
    with services.engine() as engine:
        assert services.lists.counts(engine, "Rest").members == 60


def test_a_static_list_is_refreshed_after_its_difference_was_shown(full: Dashboard, services: Services) -> None:
    made = services.lists.create("Still", Definition("customer_user"), contact="email", kind="static")
    at = full.open(PAGE, list=str(made.id))
    press(at, "Refresh")
    assert "Nothing would change" in said(at)


def test_contacted_members_are_kept_by_a_switch(full: Dashboard, services: Services) -> None:
    made = services.lists.create("All", Definition("customer_user"), contact="email")
    at = full.open(PAGE, list=str(made.id))
    keyed(at.toggle, f"list.keeps.{made.id}").set_value(True).run()
    assert services.lists.get(made.id).keeps_contacted


def _tick(at: object, key: str, rows: list[int]) -> None:
    at.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}  # type: ignore[attr-defined]
    at.run()  # type: ignore[attr-defined]


def test_the_history_of_a_list_is_opened_on_demand(full: Dashboard, services: Services) -> None:
    made = services.lists.create("All", Definition("customer_user"), contact="email")
    services.lists.update("All", definition=Definition("customer_user", limit=5))
    at = full.open(PAGE, list=str(made.id))
    assert "Versions" not in said(at)
    at.session_state["list.history"] = True
    at.run()
    assert "Added: the first 5 of that order" in said(at)
    press(at, "Measure now")
    assert [p.count for p in services.sizes.history("list", made.id).points] == [5]
