"""A segment in a real browser: its past is read, an old version restored with the keyboard, overlaps drawn."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from analytics.segments import parse_text
from analytics.services import Services
from tests.browser.conftest import NARROW, SECONDS, window

pytestmark = pytest.mark.browser


def test_an_old_version_is_compared_and_restored_with_the_keyboard(
    browser: Browser, address: str, services: Services
) -> None:
    first = parse_text("customer_user where enabled is yes")
    made = services.segments.save("Enabled", first)
    services.sizes.measure("segment", made.id)
    services.segments.save("Enabled", parse_text("customer_user where enabled is yes and count(orders) >= 2"))
    services.sizes.measure("segment", made.id)
    services.segments.save("Everybody", parse_text("customer_user limit 1000"))
    with window(browser, address) as screen:
        screen.open("")  # a fresh server knows its pages after the first one
        screen.open(f"segments?segment={made.id}")
        page = screen.page
        expect(page.get_by_text("Added: Number of Orders is at least 2")).to_be_visible()
        page.locator("summary", has_text="Compare with version 2").focus()
        page.keyboard.press("Enter")
        expect(page.locator("code", has_text="+   and count(orders) >= 2")).to_be_visible(timeout=SECONDS * 1000)
        page.get_by_role("button", name="Restore").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Version 3", exact=True)).to_be_visible(timeout=SECONDS * 1000)
        screen.settle()
        screen.shoot("segment-light")
        screen.sound()
    assert services.segments.get(made.id).definition == first
    for theme, size, name in (("dark", None, "overlap-dark"), ("light", NARROW, "overlap-narrow")):
        with window(browser, address, theme, **({"size": size} if size else {})) as screen:
            screen.open("segments?overlap=1")
            expect(screen.page.get_by_text("Each bar counts members")).to_be_visible(timeout=SECONDS * 1000)
            expect(screen.page.locator(".js-plotly-plot")).to_have_count(1)
            screen.shoot(name)
            screen.sound()
