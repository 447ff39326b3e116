"""The shipped templates hold, fit the shipped entities and look after themselves."""

from __future__ import annotations

import re

import pytest

from analytics.entities import load_model
from analytics.templates import compile_template, preview
from analytics.templates.starters import Starter, starters
from tests.templates.shop import parsed, plan, sent

MODEL = load_model(None)


def test_there_are_three_to_begin_with() -> None:
    assert [s.name for s in starters()] == ["Newsletter", "Win-back", "Plain letter"]


@pytest.mark.parametrize("starter", starters(), ids=lambda s: s.name)
def test_a_starter_is_a_sound_mail(starter: Starter) -> None:
    made = compile_template(starter.subject, starter.preheader, starter.html, None, starter.entity, MODEL)
    assert made.has_unsubscribe
    assert all(link.startswith("https://shop.example/") for link in made.links)
    assert len(starter.html) < 102_000 // 4  # Gmail cuts at 102 KB
    for marker in ("prefers-color-scheme: dark", 'name="viewport"', 'role="presentation"', "color-scheme"):
        assert marker in starter.html
    assert "<script" not in starter.html and "<img" not in starter.html
    message, text, html = parsed(sent(plan(made), {"first_name": "Ada"}).message)
    assert message["Subject"].strip()
    assert "Unsubscribe (" in text or "unsubscribe (" in text
    assert starter.preheader in html
    assert not re.search(r"\{[{%]", html + text)


@pytest.mark.parametrize("starter", [s for s in starters() if s.entity], ids=lambda s: s.name)
def test_a_starter_greets_people_it_knows_nothing_of(starter: Starter) -> None:
    made = compile_template(starter.subject, starter.preheader, starter.html, None, starter.entity, MODEL)
    seen = preview(made, {}, constants={"shop.name": "Teal & Co"})
    for line in (seen.subject, *seen.text.splitlines()):
        assert "  " not in line and " ," not in line and "()" not in line
