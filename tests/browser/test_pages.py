"""Every page of a shop that has not sent yet, in a real browser: no error, nothing loaded from outside."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import window

pytestmark = pytest.mark.browser

PAGES = {
    "": "home",
    "data": "data",
    "lists": "lists",
    "segments": "segments",
    "suppressions": "suppressions",
    "templates": "templates",
    "email_campaigns": "email-campaigns",
    "sink": "sink",
    "marketing_campaigns": "marketing-campaigns",
    "websites": "websites",
    "efficiency": "efficiency",
}


def test_every_page_opens_on_a_shop_nothing_was_sent_from(browser: Browser, address: str) -> None:
    with window(browser, address) as screen:
        for path, name in PAGES.items():
            screen.open(path)
            expect(screen.page.locator("h1").first).to_be_visible()
            screen.shoot(f"empty-{name}-light")
            screen.sound()
