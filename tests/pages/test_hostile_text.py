"""Names and values from outside are shown letter by letter, never as markup."""

from __future__ import annotations

import pytest

from analytics.services import Services
from pages._ui import charts
from pages._ui.messages import plain
from tests.pages.conftest import Dashboard

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "**bold** _it_ `code` $x$ # head",
    ":red[text] :material/home: :smile:",
    "https://evil.example www.evil.example a@evil.example",
    "line\nbreak",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_sign_with_a_meaning_in_markdown_is_escaped(text: str) -> None:
    made = plain(text)
    unescaped = [ch for n, ch in enumerate(made) if ch in "<>[]()*_`$#:!~|" and (n == 0 or made[n - 1] != "\\")]
    assert unescaped == []
    assert "\n" not in made


def test_nothing_in_it_is_taken_for_an_address() -> None:
    made = plain("https://evil.example www.evil.example a@evil.example :smile:")
    for sign in ("https\\:\\/\\/", "www\\.", "@e", ":s"):
        assert sign not in made


def test_a_label_of_a_chart_holds_no_markup() -> None:
    assert charts.safe('<a href="javascript:1">x</a>') == '&lt;a href="javascript:1"&gt;x&lt;/a&gt;'
    assert len(charts.safe("x" * 500)) == 48


def test_a_hostile_campaign_name_stays_text_on_its_page(full: Dashboard, services: Services) -> None:
    name = '<img src=x onerror="alert(1)"> [x](javascript:1)'
    made = services.marketing_campaigns.create(name, "evil")
    at = full.open("pages/campaigns/marketing_campaigns.py", campaign=str(made.id))
    assert at.title[0].value == plain(name)
    assert "\\<img" in at.title[0].value
