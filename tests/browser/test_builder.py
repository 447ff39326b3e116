"""Building a nested segment in a real browser, with the mouse and with the keyboard alone, and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import TimeoutError as TooLate

from analytics.segments import Definition, parse_text, write_text
from analytics.services import Services
from tests.browser.conftest import NARROW, Screen, window
from tests.pages import workspace

pytestmark = pytest.mark.browser

WANTED = (
    'customer_user where enabled is yes and (city in ("{first}", "{second}") or count(orders where total > 100) >= 1)'
)
DEEP = (
    'customer_user where customer.group.name in ("Gold", "Silver") and (count(orders where created_at > today - 90d '
    'and (internal_status not in ("cancelled") or count(items where quantity > 2) >= 1)) >= 2 or not (month(birthday) '
    '= 12 or in list "Everybody")) and not clicked(any campaign within 30d) and some orders where (total >= 100 and '
    "items.quantity > 1) and orders.total > 5 and orders.created_at >= today - 400d and sample(90) "
    'show customer.name as "Company", sum(total of orders) as "Spent" sort by last_login desc limit 1000'
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with one list of everybody and one that is deeply nested."""
    made = workspace.make(tmp_path_factory.mktemp("builder"), filled=True)
    with workspace.services_of(made) as services:
        services.lists.create("Everybody", Definition("customer_user"), contact="email")
        services.lists.create("Deep", parse_text(DEEP), contact="email")
    return made


@pytest.fixture(scope="module", autouse=True)
def opened_once(browser: Browser, address: str) -> None:
    """The first visitor of a fresh server who comes by a deep link is told that there is no such page."""
    with window(browser, address) as screen:
        screen.open("")


@pytest.fixture(scope="module")
def cities(services: Services) -> tuple[str, str]:
    """The two cities most users live in."""
    with services.engine() as engine:
        query = "select city from customer_user where city is not null group by 1 order by count(*) desc, 1 limit 2"
        first, second = (row[0] for row in engine.rows(query))
    return first, second


def test_a_nested_segment_is_built_with_the_mouse_and_a_member_removed(
    screen: Screen, services: Services, cities: tuple[str, str]
) -> None:
    page = screen.page
    screen.open("lists?list=new")
    page.set_viewport_size({"width": 1360, "height": 1300})  # what is dragged and where to, both in sight
    _fill(screen, page.get_by_label("Name", exact=True), "By mouse")
    _press(screen, "Condition")
    _pick(screen, "Field", "Enabled", 0)
    _press(screen, "Condition")
    _pick(screen, "Field", "City", 1)
    _pick(screen, "Comparison", "is any of", 1)
    for city in cities:
        _pick(screen, "Values", city, 0)
    page.keyboard.press("Escape")
    _menu(screen, "More", "Group: any of")
    _press(screen, "Related records")
    _press(screen, "Only those where …")
    _pick(screen, "Field", "Total · money", 2)
    _pick(screen, "Comparison", "is more than", 3)
    _fill(screen, page.get_by_label("Value", exact=True).last, "100")
    _drag(screen, page.locator(".sd-grip").nth(1), page.get_by_role("button", name="Condition", exact=True).nth(1))
    wanted = _wanted(cities)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(_count(services, wanted)))
    screen.shoot("builder-built-light")
    _press(screen, "Save list")
    expect(page.get_by_role("heading", name="By mouse")).to_be_visible()
    assert _same(services, "By mouse", wanted)
    screen.settle()
    _remove_one(screen, _count(services, wanted))
    screen.sound()


def test_a_nested_segment_is_built_with_the_keyboard_and_a_member_removed(
    screen: Screen, services: Services, cities: tuple[str, str]
) -> None:
    page = screen.page
    screen.open("lists?list=new")
    _type(screen, page.get_by_label("Name", exact=True), "By keys")
    _enter(screen, page.get_by_role("button", name="Condition", exact=True))
    _choose(screen, "Field", 0, "Enabled")
    _menu_by_keys(screen, page.get_by_role("button", name="More", exact=True), "Group: any of")
    _enter(screen, page.get_by_role("button", name="Condition", exact=True).first)
    _choose(screen, "Field", 1, "City")
    _enter(screen, page.get_by_role("button", name="Related records", exact=True).last)
    _enter(screen, page.get_by_role("button", name="Only those where …"))
    _choose(screen, "Field", 2, "Total")
    _choose(screen, "Comparison", 3, "is more than")
    _type(screen, page.get_by_label("Value", exact=True).last, "100")
    _choose(screen, "Comparison", 1, "is any of")
    for city in cities:
        _choose(screen, "Values", 0, city)
    page.keyboard.press("Escape")
    mover = page.get_by_role("button", name="Move or change this condition on related records")
    _menu_by_keys(screen, mover, "Move into the group beside it")
    wanted = _wanted(cities)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(_count(services, wanted)))
    _enter(screen, page.get_by_role("button", name="Save list"))
    expect(page.get_by_role("heading", name="By keys")).to_be_visible()
    assert _same(services, "By keys", wanted)
    screen.settle()
    _remove_one_by_keys(screen, _count(services, wanted))
    screen.sound()


def test_undo_takes_back_values_and_shape(screen: Screen) -> None:
    page = screen.page
    screen.open("lists?list=new")
    _press(screen, "Condition")
    _pick(screen, "Field", "Enabled", 0)
    _press(screen, "Undo")
    expect(page.get_by_role("combobox", name=re.compile("Field"))).to_have_value(re.compile("Email"))
    _press(screen, "Undo")
    expect(page.get_by_role("combobox", name=re.compile("Field"))).to_have_count(0)
    _press(screen, "Redo")
    _press(screen, "Redo")
    expect(page.get_by_role("combobox", name=re.compile("Field"))).to_have_value(re.compile("Enabled"))
    screen.sound()


def test_the_text_says_what_the_builder_shows_and_changes_it(screen: Screen) -> None:
    page = screen.page
    screen.open("lists?list=2&edit=1")
    with _run(screen):
        page.get_by_role("tab", name="Text").click()
    area = page.get_by_label("Definition as text")
    expect(area).to_have_value(re.compile("not clicked"))
    area.fill("customer_user where city =")
    with _run(screen):
        area.press("Control+Enter")
    expect(page.get_by_text("line 1, column 27: expected a text in quotes")).to_be_visible()
    screen.settle()
    screen.shoot("builder-text-light")
    area.fill('customer_user where city = "Bonn" and enabled is yes')
    with _run(screen):
        area.press("Control+Enter")
    with _run(screen):
        page.get_by_role("tab", name="SQL").click()
    expect(page.get_by_text("'bonn'").first).to_be_visible()
    with _run(screen):
        page.get_by_role("tab", name="Builder").click()
    expect(page.get_by_role("combobox", name=re.compile("Field"))).to_have_count(2)
    screen.sound()


def test_one_click_says_why_somebody_is_in(screen: Screen, services: Services) -> None:
    page = screen.page
    with services.engine() as engine:
        address = engine.value("select email from customer_user order by id limit 1")
    screen.open("lists?list=2&edit=1")
    _press(screen, "Why in, why out?")
    window_ = page.get_by_role("dialog")
    person = window_.get_by_role("combobox", name=re.compile("Person"))
    person.fill(address)
    person.press("Enter")
    expect(window_.get_by_text(re.compile("is (not )?in"))).to_be_visible()
    expect(window_.get_by_role("listitem").first).to_be_visible()
    screen.settle()
    page.screenshot(path=str(Path(__file__).parents[1] / "screenshots" / "builder-why-light.png"))
    screen.sound()


def test_a_deep_definition_is_shown_in_light_dark_and_narrow(browser: Browser, address: str) -> None:
    for name, theme, size in (("light", "light", None), ("dark", "dark", None), ("narrow", "light", NARROW)):
        with window(browser, address, theme, **({"size": size} if size else {})) as screen:
            screen.open("lists?list=2&edit=1")
            expect(screen.page.get_by_role("button", name="Save list")).to_be_enabled()
            screen.settle()
            screen.shoot(f"builder-deep-{name}")
            inner = screen.page.evaluate(
                "[...document.querySelectorAll('[class*=st-key-cond-], [class*=st-key-head-]')]"
                ".filter(e => e.scrollWidth > e.clientWidth + 1).length"
            )
            assert inner == 0, f"{inner} rows are wider than their place in {name}"
            screen.sound()


def _wanted(cities: tuple[str, str]) -> Definition:
    return parse_text(WANTED.format(first=cities[0], second=cities[1]))


def _count(services: Services, definition: Definition) -> int:
    with services.engine() as engine:
        return services.segments.count(definition, engine)


def _same(services: Services, name: str, wanted: Definition) -> bool:
    """Whether a list says what is wanted, whatever the order in its inner group."""
    saved = write_text(services.lists.get(name).definition)
    parts = sorted(re.split(r" and | or ", write_text(wanted).replace("(", "").replace(")", "")))
    return sorted(re.split(r" and | or ", saved.replace("(", "").replace(")", ""))) == parts and " or " in saved


_COUNT_RUNS = """
    if (window.runs === undefined) {
        window.runs = 0;
        new MutationObserver((changes) => {
            const app = document.querySelector("[data-testid=stApp]");
            if (app && app.dataset.testScriptState === "running") { window.runs += 1; }
        }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-test-script-state"] });
    }
    window.runs
"""


@contextmanager
def _run(screen: Screen) -> Iterator[None]:
    """Do something the page answers with a new run, and wait until that run is done."""
    before = screen.page.evaluate(_COUNT_RUNS)
    yield
    screen.page.wait_for_function("before => window.runs > before", arg=before, timeout=8_000)
    screen.settle()


# --- by mouse ---


def _press(screen: Screen, label: str, at: int = 0) -> None:
    with _run(screen):
        screen.page.get_by_role("button", name=label, exact=True).nth(at).click()


def _pick(screen: Screen, label: str, option: str, at: int) -> None:
    page = screen.page
    with _run(screen):
        page.get_by_role("combobox", name=re.compile(label)).nth(at).click()
        page.keyboard.type(option)  # the list shows what fits what is typed
        page.get_by_role("option", name=re.compile(f"^{re.escape(option)}")).first.click()


def _menu(screen: Screen, button: str, option: str) -> None:
    with _run(screen):
        screen.page.get_by_role("button", name=button, exact=True).last.click()
        screen.page.get_by_role("menuitem", name=option, exact=True).click()


def _fill(screen: Screen, field: Locator, text: str) -> None:
    with _run(screen):
        field.fill(text)
        field.press("Enter")


def _drag(screen: Screen, grip: Locator, onto: Locator) -> None:
    mouse = screen.page.mouse
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), onto.bounding_box()
    assert start is not None and end is not None
    with _run(screen):
        mouse.move(start["x"] + 3, start["y"] + start["height"] / 2)
        mouse.down()
        mouse.move(start["x"] + 20, start["y"] + 60, steps=4)
        mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
        mouse.up()


# --- by keyboard ---


def _tab_to(screen: Screen, wanted: Locator) -> None:
    expect(wanted).to_be_enabled()
    for _ in range(90):
        if wanted.evaluate("e => e === document.activeElement"):
            return
        screen.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached with the Tab key")


def _enter(screen: Screen, wanted: Locator) -> None:
    _tab_to(screen, wanted)
    with _run(screen):
        screen.page.keyboard.press("Enter")


def _type(screen: Screen, wanted: Locator, text: str) -> None:
    _tab_to(screen, wanted)
    with _run(screen):
        screen.page.keyboard.type(text)
        screen.page.keyboard.press("Enter")


def _choose(screen: Screen, label: str, at: int, option: str) -> None:
    page = screen.page
    _tab_to(screen, page.get_by_role("combobox", name=re.compile(label)).nth(at))
    with _run(screen):
        page.keyboard.type(option)
        expect(page.get_by_role("option", name=re.compile(f"^{re.escape(option)}")).first).to_be_visible()
        page.keyboard.press("Enter")


def _menu_by_keys(screen: Screen, button: Locator, option: str) -> None:
    page = screen.page
    _tab_to(screen, button)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name=option, exact=True)).to_be_visible()
    for _ in range(20):
        at = page.evaluate("document.activeElement.textContent")
        if at.strip() == option:
            break
        page.keyboard.press("ArrowDown")
        with suppress(TooLate):  # a key pressed while the menu still opens is not heard
            page.wait_for_function("at => document.activeElement.textContent !== at", arg=at, timeout=500)
    with _run(screen):
        page.keyboard.press("Enter")


# --- what follows ---


def _remove_one(screen: Screen, before: int) -> None:
    page = screen.page
    size = page.get_by_test_id("stMetricValue").first
    expect(size).to_have_text(str(before))
    grid = page.get_by_test_id("stDataFrame").first
    with _run(screen):  # the grid is a canvas: its boxes stand in the first column
        grid.click(position={"x": 18, "y": 52}, force=True)
    remove = page.get_by_role("button", name="Remove from list")
    expect(remove).to_be_enabled()
    with _run(screen):
        remove.click()
    expect(size).to_have_text(str(before - 1))


def _remove_one_by_keys(screen: Screen, before: int) -> None:
    page = screen.page
    size = page.get_by_test_id("stMetricValue").first
    expect(size).to_have_text(str(before))
    for _ in range(60):
        if page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    with _run(screen):
        page.keyboard.press("Shift+Space")  # ticks the row the grid's cursor is in
    _enter(screen, page.get_by_role("button", name="Remove from list"))
    expect(size).to_have_text(str(before - 1))
