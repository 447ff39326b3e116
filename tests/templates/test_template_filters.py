"""What each filter and test makes of values, and of nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from analytics.errors import TemplateError
from analytics.templates import preview
from analytics.templates.filters import FILTERS
from tests.templates.shop import compiled

ROW = {
    "first_name": "ada mary",
    "last_name": "O'Neil-smith",
    "website": "line one\nline <two>",
    "total": Decimal("1234567.8950"),
    "score": 2.5,
    "visits": 3,
    "enabled": False,
    "birthday": date(1990, 2, 3),
    "created_at": datetime(2026, 7, 1, 22, 5, 9, tzinfo=UTC),
}

CASES = [
    ("entity.first_name | upper", "ADA MARY"),
    ("entity.first_name | title", "Ada Mary"),
    ("entity.last_name | title", "O'neil-Smith"),
    ("entity.first_name | capitalize", "Ada mary"),
    ("'  x ' | trim", "x"),
    ("entity.first_name | truncate(6)", "ada…"),
    ("entity.first_name | truncate(5, '')", "ada"),
    ("entity.first_name | truncate(80)", "ada mary"),
    ("entity.first_name | length", "8"),
    ("entity.first_name | replace('a', 'o')", "odo mory"),
    ("entity.first_name | split(' ') | first", "ada"),
    ("entity.first_name | split | last", "mary"),
    ("['a', 1, entity.email] | join", "a, 1"),
    ("[1, 2] | join('-')", "1-2"),
    ("entity.first_name[:3] ~ '!' ~ 1", "ada!1"),
    ("'a b&c' | urlencode", "a%20b%26c"),
    ("'<b>x</b>' | striptags", "x"),
    ("entity.total | money('EUR')", "1,234,567.90 EUR"),
    ("entity.total | money('JPY')", "1,234,568 JPY"),
    ("entity.total | money('KWD', '.', ',')", "1.234.567,895 KWD"),
    ("entity.total | money", "1,234,567.90"),
    ("entity.total | money(entity.email)", "1,234,567.90"),
    ("entity.total | number", "1,234,567.895"),
    ("entity.visits | number", "3"),
    ("1000.5 | number(2, ' ', ',')", "1 000,50"),
    ("entity.score | round", "3"),
    ("2.345 | round(2)", "2.35"),
    ("-4 | abs", "4"),
    ("entity.score", "2.5"),
    ("entity.total", "1234567.8950".rstrip("0")),
    ("entity.visits * 2.0", "6"),
    ("entity.enabled", "no"),
    ("entity.birthday", "3 February 1990"),
    ("entity.birthday | date('%d.%m.%y')", "03.02.90"),
    ("entity.created_at", "2 July 2026, 00:05"),
    ("entity.created_at | date", "2 July 2026"),
    (
        "entity.created_at | datetime('%a %b %-d %-I:%M:%S %p %Z %z', 'America/New_York')",
        "Wed Jul 1 6:05:09 PM EDT -0400",
    ),
    ("today | date('%A, 100%%')", "Wednesday, 100%"),
    ("entity.email | default('nobody')", "nobody"),
    ("'  ' | default('blank')", "blank"),
    ("0 | default(7)", "0"),
    ("'yes' if entity.email is defined else 'no'", "no"),
    ("entity.email is none and entity.email is blank and '' is blank", "yes"),
    ("3 is odd and 4 is even and 9 is divisibleby(3)", "yes"),
    ("'a' is string and 1 is number and 'x' is in(['x'])", "yes"),
    ("'a' in entity.first_name and 'z' not in entity.first_name", "yes"),
    ("{'DE': 'Hallo'}['DE'] ~ {'DE': 'Hallo'}['FR'] | default('Hello')", "HalloHello"),
    ("(entity.total > 100) ~ (entity.total < 100)", "yesno"),
    ("7 // 2 ~ '|' ~ 7 % 4 ~ '|' ~ 7 / 2", "3|3|3.5"),
    ("1 / 0 | default('none')", ""),
]


@pytest.mark.parametrize(("expression", "shown"), CASES)
def test_an_expression_shows(expression: str, shown: str) -> None:
    made = compiled("x", text=f"{{{{ {expression} }}}}|")
    seen = preview(made, ROW, constants={"today": date(2026, 3, 4)}, zone="Europe/Berlin")
    assert seen.text.split("|\n")[0] == shown


def test_line_breaks_are_kept_where_asked() -> None:
    seen = preview(compiled("<p>{{ entity.website | nl2br }}</p>", text="{{ entity.website | nl2br }}"), ROW)
    assert seen.html.startswith("<p>line one<br>\nline &lt;two&gt;</p>")
    assert seen.text.startswith("line one\nline <two>")


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_makes_nothing_of_nothing(name: str) -> None:
    arguments = {"replace": "('a', 'b')"}.get(name, "")
    seen = preview(compiled("x", text=f"[{{{{ entity.email | {name}{arguments} }}}}]"), {})
    assert seen.text.startswith("[0]" if name == "length" else "[]")


@pytest.mark.parametrize(
    "expression",
    [
        "entity.email + 1",
        "1 - entity.email",
        "entity.email * entity.email",
        "-entity.email",
        "entity.email[0]",
        "entity.email[:2]",
        "entity.email ~ ''",
        "1 / 0",
        "entity.customer.group.name",
    ],
)
def test_calculating_with_nothing_gives_nothing(expression: str) -> None:
    assert preview(compiled("x", text=f"[{{{{ {expression} }}}}]"), {}).text.startswith("[]")


def test_comparing_with_nothing_is_false() -> None:
    either = "entity.total > 1 or entity.total <= 1 or entity.email in ['a'] or 'a' in entity.email"
    source = f"{{% if {either} %}}yes{{% else %}}no{{% endif %}}"
    assert preview(compiled("x", text=source), {}).text.startswith("no")
    assert preview(compiled("x", text="{% for n in entity.email %}x{% else %}none{% endfor %}"), {}).text.startswith(
        "none"
    )


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("entity.first_name | money", "needs a number"),
        ("entity.first_name | date", "needs a date"),
        ("entity.first_name | truncate(0)", "length of 1 or more"),
        ("entity.first_name | replace('', 'x')", "a text to look for"),
        ("entity.score | round(99)", "from 0 to 10"),
        ("entity.birthday | date(entity.first_name ~ '%k')", "has '%k'"),
        ("entity.created_at | date('%d', entity.first_name)", "No time zone 'ada mary'"),
        ("entity.first_name + 'x'", "only numbers can be calculated with; join texts with ~"),
    ],
)
def test_a_filter_that_cannot_work_says_what_it_needs(expression: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=r"text, line 1") as caught:
        preview(compiled("x", text=f"{{{{ {expression} }}}}"), ROW)
    assert sentence in str(caught.value)
