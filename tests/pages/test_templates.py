"""Templates: started from a ready-made one, checked while written, previewed in a locked frame."""

from __future__ import annotations

from analytics.services import Services
from analytics.views import templates
from pages._ui import preview
from tests.pages.conftest import Dashboard, press, said

PAGE = "pages/sending/templates.py"


def test_a_starter_becomes_a_template(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, template="new", start="Win-back")
    at.text_input(key="templates.name").set_value("Come back").run()
    press(at, "Save")
    saved = services.templates.get("Come back")
    assert saved.entity == "customer_user"
    assert "entity.first_name" in saved.html
    assert at.query_params["template"] == str(saved.id)


def test_an_unknown_variable_gets_its_sentence_and_is_not_saved(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE, template="new", start="Plain letter")
    at.text_input(key="templates.name").set_value("Broken")
    at.text_input(key="templates.subject").set_value("Hi {{ entity.first_nam }}").run()
    assert "Unknown variable 'entity.first_nam' in subject" in said(at)
    press(at, "Save")
    assert services.templates.all() == ()


def test_the_preview_follows_the_chosen_reader(full: Dashboard, services: Services) -> None:
    with services.engine() as engine:
        first, second = engine.rows("select id, first_name from customer_user order by id limit 2")
    at = full.open(PAGE, template="new", start="Plain letter")
    at.text_input(key="templates.subject").set_value("For {{ entity.first_name }}").run()
    assert f"For {first[1]}" in said(at)
    at.selectbox(key="templates.member.customer_user").set_value(second[0]).run()
    assert f"For {second[1]}" in said(at)


def test_a_template_in_use_may_change_but_not_under_a_taken_name(full: Dashboard, services: Services) -> None:
    for name in ("One", "Two"):
        templates.save(services, templates.Draft(None, name, None, "Hello", "", "<p>Hello</p>", ""))
    one = services.templates.get("One")
    at = full.open(PAGE, template=str(one.id))
    at.text_input(key="templates.name").set_value("Two").run()
    press(at, "Save")
    assert "There is a template 'Two' already" in said(at)
    at.text_input(key="templates.name").set_value("Uno").run()
    press(at, "Save")
    assert {t.name for t in services.templates.all()} == {"Uno", "Two"}


def test_the_frame_of_a_mail_begins_with_a_policy_that_loads_nothing() -> None:
    page = preview.page_of("<script>alert(1)</script>")
    assert page.index("default-src 'none'") < page.index("<script>")
