"""Segments: built, measured, compared, restored, copied, made into a list."""

from __future__ import annotations

from analytics.segments import Definition
from analytics.services import Services
from tests.pages.conftest import Dashboard, keyed, press, said

PAGE = "pages/audience/segments.py"
RHINE = {"field": "city", "is": "any_of", "value": ["Bonn", "Köln"]}
ENABLED = {"field": "enabled", "is": "yes"}


def users(where: object = None) -> Definition:
    return Definition.from_document({"entity": "customer_user", **({"where": where} if where else {})})


def test_the_first_segment_is_built_and_measured(full: Dashboard, services: Services) -> None:
    at = full.open(PAGE)
    assert "No segment yet" in said(at)
    press(at, "Create the first segment")
    at.text_input(key="segments.edit.name").set_value("Everybody").run()
    assert at.metric[0].value == "60"
    press(at, "Save segment")
    made = services.segments.get("Everybody")
    assert at.query_params["segment"] == str(made.id)
    assert [p.count for p in services.sizes.history("segment", made.id).points] == [60]
    assert "there is no condition" in said(at)


def test_a_new_segment_never_takes_the_place_of_another(full: Dashboard, services: Services) -> None:
    services.segments.save("VIP", users(ENABLED))
    at = full.open(PAGE, segment="new")
    at.text_input(key="segments.edit.name").set_value("vip").run()
    press(at, "Save segment")
    assert "choose another name, such as 'VIP copy'" in at.error[0].value.replace("\\", "")
    assert services.segments.get("VIP").definition == users(ENABLED)


def test_an_edited_segment_is_a_new_version_under_its_new_name(full: Dashboard, services: Services) -> None:
    made = services.segments.save("VIP", users(ENABLED))
    services.lists.create("Buyers", segment="VIP", contact="email")
    at = full.open(PAGE, segment=str(made.id), edit="1")
    assert "changes the list “Buyers” too" in said(at)
    at.text_input(key="segments.edit.name").set_value("Best").run()
    press(at, "Save segment")
    assert (services.segments.get(made.id).name, services.segments.get(made.id).version) == ("Best", 1)


def test_the_detail_tells_conditions_size_uses_and_who_came(full: Dashboard, services: Services) -> None:
    made = services.segments.save("Rhine", users({"any": [RHINE, ENABLED]}))
    services.lists.create("On the Rhine", segment="Rhine", contact="email")
    services.sizes.measure("segment", made.id)
    services.segments.save("Rhine", users())
    services.sizes.measure("segment", made.id)
    entered = services.sizes.changes("segment", made.id)
    assert entered is not None and entered.entered
    at = full.open(PAGE, segment=str(made.id))
    page = said(at)
    assert "Removed: City is any of Bonn, Köln" in page
    assert keyed(at.button, "use.list.1").label == "On the Rhine"
    assert at.metric[0].value == "60"
    which = next(group for group in at.get("button_group") if group.proto.id.endswith(".which"))
    assert f"Entered ({len(entered.entered)})" in str(which.proto)
    assert keyed(at.button, "segment.delete").disabled


def test_an_old_version_is_compared_and_restored(full: Dashboard, services: Services) -> None:
    made = services.segments.save("Rhine", users(RHINE))
    services.segments.save("Rhine", users(ENABLED))
    at = full.open(PAGE, segment=str(made.id))
    press(at, "Restore")
    again = services.segments.get(made.id)
    assert (again.version, again.definition) == (3, users(RHINE))
    assert "Version 3" in said(at)


def test_a_copy_and_a_list_are_made_of_a_segment(full: Dashboard, services: Services) -> None:
    made = services.segments.save("Rhine", users(RHINE))
    at = press(full.open(PAGE, segment=str(made.id)), "Make a copy")
    assert at.title[0].value == "Rhine copy"
    press(full.open(PAGE, segment=str(made.id)), "Make a list of it")
    assert services.lists.get("Rhine").segment == "Rhine"
    press(full.open(PAGE, segment=str(made.id)), "Make a list of it")
    assert services.lists.get("Rhine copy").segment == "Rhine"


def test_segments_and_lists_are_compared_with_suppressed_addresses(full: Dashboard, services: Services) -> None:
    services.segments.save("Rhine", users(RHINE))
    services.segments.save("Enabled", users(ENABLED))
    services.lists.create("All", users(), contact="email")
    at = full.open(PAGE, overlap="1")
    assert "Each bar counts members" in said(at)
    at.checkbox(key="segments.overlap.suppressed").check().run()
    assert not at.error
    assert "Each bar counts addresses" in said(at)
    at.multiselect(key="segments.overlap.sets").set_value([]).run()
    assert "Choose 2 to 8" in said(at)
