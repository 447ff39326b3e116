"""The main path, clicked through: list, template, campaign, queue, live progress, reactions, report."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from analytics.services import Services
from analytics.views import templates
from tests.browser.conftest import NARROW, SECONDS, Screen, window
from tests.pages import scenario, workspace

pytestmark = pytest.mark.browser

PAGES = {
    "": "home",
    "data": "data",
    "lists?list=1": "list",
    "lists?list=1&edit=1": "list-editor",
    "templates?template=1": "template",
    "email_campaigns": "email-campaigns",
    "email_campaigns?campaign=1": "email-campaign",
    "sink": "sink",
    "marketing_campaigns?campaign=1": "marketing-campaign",
    "websites?website=1": "website",
    "efficiency": "efficiency",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a marketing campaign and a website, but nothing to send yet."""
    made = workspace.make(tmp_path_factory.mktemp("path"), filled=True)
    with workspace.services_of(made) as services:
        campaign = services.marketing_campaigns.create("Spring", "spring-26")
        services.websites.create("Our shop", "shop", "https://shop.example.com", campaigns=[campaign.id])
    return made


def test_from_a_condition_to_the_report(screen: Screen, services: Services) -> None:
    screen.open("")
    page = screen.page
    _make_list(screen)
    _write_template(screen)
    _send(screen)
    assert len(list(scenario.mails(services))) == 60
    scenario.visit(services)
    _until(lambda: services.reports.efficiency().total["clicks_human"] == 18)
    page.get_by_role("button", name="Report", exact=True).click()
    screen.settle()
    expect(page.get_by_text("Of 60 recipients, 100.0 % got the mail, 30.0 %")).to_be_visible()
    screen.sound()


def _make_list(screen: Screen) -> None:
    page = screen.page
    _go(screen, "Marketing lists")
    _press(screen, "Create the first list")
    _fill(page.get_by_label("Name", exact=True), "Everybody with an address")
    _press(screen, "Condition")
    _choose(page, "Comparison", "contains")
    _fill(page.get_by_role("textbox", name="Value", exact=True), "@example.")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("60")
    _press(screen, "Save list")
    expect(page.get_by_role("heading", name="Everybody with an address")).to_be_visible()


def _write_template(screen: Screen) -> None:
    page = screen.page
    _go(screen, "Templates")
    page.get_by_role("button", name="Start with this").nth(1).click()
    screen.settle()
    _fill(page.get_by_label("Name", exact=True), "Spring news")
    _press(screen, "Save")
    expect(page.get_by_role("heading", name="Spring news")).to_be_visible()


def _send(screen: Screen) -> None:
    page = screen.page
    _go(screen, "Email campaigns")
    _press(screen, "Create a campaign")
    _fill(page.get_by_label("Name", exact=True), "Spring news, first mail")
    _choose(page, "Marketing campaign", "Spring (spring-26)")
    _press(screen, "Create and check")
    screen.shoot("path-check-light")
    _fill(page.get_by_label(re.compile("Type 60 to confirm")), "60")
    _press(screen, "Queue now")
    expect(page.get_by_text(re.compile("Finished .*60 of 60 mails have a result"))).to_be_visible(
        timeout=SECONDS * 1000
    )
    screen.settle()


def test_every_page_shows_what_happened_in_light_and_dark(browser: Browser, address: str) -> None:
    with window(browser, address) as screen:
        for path, name in PAGES.items():
            screen.open(path)
            expect(screen.page.locator("h1").first).to_be_visible()
            screen.shoot(f"full-{name}-light")
            screen.page.emulate_media(color_scheme="dark")
            screen.settle()
            screen.shoot(f"full-{name}-dark")
            screen.page.emulate_media(color_scheme="light")
            screen.sound()


def test_no_page_scrolls_sideways_on_a_telephone(browser: Browser, address: str) -> None:
    with window(browser, address, size=NARROW) as screen:
        for path, name in PAGES.items():
            screen.open(path)
            expect(screen.page.locator("h1").first).to_be_visible()
            wide = screen.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= NARROW["width"], f"{name} is {wide} pixels wide"
            screen.shoot(f"full-{name}-narrow")
            screen.sound()


def test_a_mail_cannot_run_scripts_or_load_anything(screen: Screen, services: Services) -> None:
    html = (
        '<p id="x">untouched</p><script>document.getElementById("x").textContent = "changed";'
        'window.parent.hacked = true;</script><img src="https://evil.example/pixel.gif" onerror="parent.hacked = true">'
    )
    templates.save(services, templates.Draft(None, "Hostile", "customer_user", "Hello", "", html, ""))
    number = services.templates.get("Hostile").id
    screen.open(f"templates?template={number}")
    frame = screen.page.locator('iframe[title="Preview of the mail"]')
    expect(frame).to_have_attribute("sandbox", "")
    expect(screen.page.frame_locator('iframe[title="Preview of the mail"]').locator("#x")).to_have_text("untouched")
    assert screen.page.evaluate("window.hacked") is None
    assert not [c for c in screen.complaints if c.startswith("asked for")]


def test_a_row_of_a_table_opens_what_it_names(screen: Screen) -> None:
    screen.open("lists")
    # The grid is a canvas: its button stands in the first column of the first row.
    screen.page.get_by_test_id("stDataFrame").click(position={"x": 44, "y": 55}, force=True)
    expect(screen.page.get_by_role("heading", name="Everybody with an address")).to_be_visible()
    screen.settle()
    screen.sound()


def test_the_first_steps_can_be_done_with_the_keyboard(screen: Screen) -> None:
    screen.open("lists")
    page = screen.page
    _tab_to(page, page.get_by_role("button", name="New list"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New marketing list")).to_be_visible()
    screen.settle()
    _tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    screen.settle()
    _tab_to(page, page.get_by_role("button", name="Save list"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()
    screen.sound()


def _tab_to(page: Page, wanted: Locator) -> None:
    expect(wanted).to_be_enabled()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{wanted} cannot be reached with the Tab key")


def _go(screen: Screen, title: str) -> None:
    screen.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(screen.page.get_by_role("heading", name=title, level=1)).to_be_visible()
    screen.settle()


def _press(screen: Screen, label: str) -> None:
    screen.page.get_by_role("button", name=label, exact=True).click()
    screen.settle()


def _fill(field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")
    expect(field.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible()


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
