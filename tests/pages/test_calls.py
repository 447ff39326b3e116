"""Calls: a campaign is made, a person is called, the outcome is noted, the next one comes."""

from __future__ import annotations

import pyarrow as pa

from analytics.segments import Definition
from analytics.services import Services
from analytics.store.arrow import arrow_schema
from tests.pages.conftest import Dashboard, keyed, press, said

PAGE = "pages/sending/calls.py"


def _list(services: Services) -> int:
    schema = services.model.entity("customer_user").schema
    rows = [
        {"id": f"tel{n}", "email": f"tel{n}@example.com", "first_name": name, "phone": f"+80012345{n:03}"}
        for n, name in enumerate(["Ada", "*Bob* <b>"])
    ]
    whole = [{c.name: row.get(c.name) for c in schema.columns} for row in rows]
    services.store.lake.merge("customer_user", pa.Table.from_pylist(whole, arrow_schema(schema)))
    where = {"field": "id", "is": "starts_with", "value": "tel"}
    definition = Definition.from_document({"entity": "customer_user", "where": where, "sort": [{"field": "id"}]})
    return services.lists.create("Phones", definition, contact="phone").id


def test_a_campaign_is_made_and_people_are_called_one_after_the_other(full: Dashboard, services: Services) -> None:
    _list(services)
    at = press(full.open(PAGE), "Create a call campaign")
    at.text_input(key="calls.name").set_value("Spring calls")
    at.text_area(key="calls.script").set_value("Hello {{ entity.first_name }}, {{ sender.name }} here.\nBye.").run()
    press(at, "Create")
    made = services.calls.get("Spring calls")
    assert at.query_params["call"] == [str(made.id)] or at.query_params["call"] == str(made.id)
    at.text_input(key="calls.caller").set_value("Kim").run()
    press(at, "Next person")
    assert "Hello Ada, Kim here." in said(at)
    keyed(at.text_area, "+80012345000.0").set_value("on holiday").run()
    press(at, "No answer")
    assert "Hello *Bob* <b>, Kim here." in said(at)
    call, *others = services.calls.calls(made.id)
    assert (call.outcome, call.note, call.caller, others) == ("no_answer", "on holiday", "Kim", [])
    press(at, "Do not call")
    assert "Nobody to call now" in said(at)
    assert "1 person to be called later" in said(at)
    assert services.suppressions.reasons(["+80012345001"]) == {"+80012345001": "do_not_call"}
    keyed(at.segmented_control, "calls.part").set_value("Results").run()
    assert not at.exception and not at.error
    assert [m.value for m in at.metric[:4]] == ["2", "2", "1", "0"]


def test_a_script_that_names_nothing_known_is_refused_in_a_sentence(full: Dashboard, services: Services) -> None:
    number = _list(services)
    at = full.open(PAGE, call="new", list=str(number))
    at.text_input(key="calls.name").set_value("A")
    at.text_area(key="calls.script").set_value("{{ entity.frist_name }}").run()
    press(at, "Create")
    assert "Unknown variable 'entity.frist_name'" in said(at)
    assert services.calls.all() == ()


def test_a_telephone_list_leads_to_its_calls(full: Dashboard, services: Services) -> None:
    number = _list(services)
    at = full.open("pages/audience/lists.py", list=str(number))
    assert not at.error
    assert [b.label for b in at.button if b.key == "list.call"] == ["Call them"]
    services.calls.create("Spring calls", marketing_list=number, script="Hello.")
    assert "Goes to: Spring calls" in said(full.open("pages/audience/lists.py", list=str(number)))


def test_a_marketing_campaign_shows_its_calls_and_their_cost(full: Dashboard, services: Services) -> None:
    _list(services)
    owner = services.marketing_campaigns.create("Spring", code="spring26")
    services.calls.create("Spring calls", marketing_list="Phones", script="Hi", marketing_campaign=owner.id, cost="12")
    at = full.open("pages/campaigns/marketing_campaigns.py", campaign=str(owner.id))
    assert not at.error
    assert any("Spring calls" in frame.value.to_string() for frame in at.dataframe)
    assert "entered as cost so far 12.00 EUR" in said(at)


def test_a_call_back_needs_a_time(full: Dashboard, services: Services) -> None:
    _list(services)
    made = services.calls.create("Spring calls", marketing_list="Phones", script="Hi")
    at = full.open(PAGE, call=str(made.id))
    at.text_input(key="calls.caller").set_value("Kim").run()
    press(at, "Next person")
    assert [b.disabled for b in at.button if b.label == "Call back"] == [True]
    next(t for t in at.toggle if t.key and t.key.startswith("calls.agreed")).set_value(True).run()
    press(at, "Call back")
    (call,) = services.calls.calls(made.id)
    assert call.outcome == "call_back" and call.next_call_at is not None and call.next_call_at > call.at
