"""Every page in a real browser: no error, nothing from outside, light, dark and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NARROW, WIDE, window

pytestmark = pytest.mark.browser

PAGES = {
    "": "home",
    "data": "data",
    "lists": "lists",
    "templates": "templates",
    "email_campaigns": "email-campaigns",
    "sink": "sink",
    "marketing_campaigns": "marketing-campaigns",
    "websites": "websites",
    "efficiency": "efficiency",
}


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)])
def test_every_page_opens_without_an_error(browser: Browser, address: str, theme: str, size: dict[str, int]) -> None:
    look = "narrow" if size is NARROW else theme
    with window(browser, address, theme, size) as screen:
        for path, name in PAGES.items():
            screen.open(path)
            expect(screen.page.locator("h1").first).to_be_visible()
            screen.shoot(f"empty-{name}-{look}")
            screen.sound()
