"""What a template may say is decided when it is saved, with a sentence that names variable and place."""

from __future__ import annotations

import pytest

from analytics.errors import ModelError, TemplateError, UnknownVariable
from tests.templates.shop import compiled


def test_paths_are_what_the_parts_show_sorted() -> None:
    made = compiled(
        "<p>{{ entity.last_name }} {{ entity['customer'].group.name }}</p>{% if entity.total > 1 %}x{% endif %}",
        subject="{{ entity.first_name }}",
        text="{{ entity.visits }}",
        preheader="{{ entity.birthday | date }}",
    )
    assert made.paths == ("birthday", "customer.group.name", "first_name", "last_name", "total", "visits")
    assert made.types["total"] == "money"


def test_variables_of_branches_nobody_may_reach_are_checked_too() -> None:
    with pytest.raises(UnknownVariable):
        compiled("{% if false %}{{ entity.frist_name }}{% endif %}")


@pytest.mark.parametrize(
    ("parts", "name", "place", "nearest"),
    [
        ({"html": "a\nb {{ entity.frist_name }}"}, "entity.frist_name", "html, line 2", "entity.first_name"),
        ({"html": "x", "subject": "{{ entity.emial }}"}, "entity.emial", "subject", "entity.email"),
        ({"html": "x", "text": "\n\n{{ first_name }}"}, "first_name", "text, line 3", "entity.first_name"),
        ({"html": "x", "preheader": "{{ shop.nam }}"}, "shop.nam", "preheader", "shop.name"),
        ({"html": "{{ entity.customer.nmae }}"}, "entity.customer.nmae", "html, line 1", "entity.customer.name"),
        ({"html": "{{ entity.custmer.name }}"}, "entity.custmer.name", "html, line 1", "entity.customer.name"),
        ({"html": "{{ unsubscribe }}"}, "unsubscribe", "html, line 1", "unsubscribe_url"),
        ({"html": "{{ zzz }}"}, "zzz", "html, line 1", None),
        ({"html": "{{ loop.index }}"}, "loop.index", "html, line 1", None),
    ],
)
def test_an_unknown_variable_is_named_with_its_place_and_the_nearest_known(parts, name, place, nearest) -> None:
    with pytest.raises(UnknownVariable) as caught:
        compiled(**parts)
    assert (caught.value.name, caught.value.place, caught.value.nearest) == (name, place, nearest)
    assert f"{name!r} in {place}." in str(caught.value)
    assert caught.value.known


def test_a_to_many_path_is_refused_with_the_relation_that_has_many_rows() -> None:
    with pytest.raises(TemplateError, match="'orders', which has many rows for one customer_user"):
        compiled("{{ entity.orders.total }}")
    with pytest.raises(TemplateError, match="'orders', which has many rows"):
        compiled("{% for order in entity.orders %}{{ order }}{% endfor %}")


@pytest.mark.parametrize("source", ["{{ entity }}", "{{ entity.customer }}"])
def test_a_whole_row_is_no_value(source: str) -> None:
    with pytest.raises(TemplateError, match="is a whole row; name a field of it"):
        compiled(source)


def test_a_template_for_any_entity_has_no_values_of_a_row() -> None:
    assert compiled("{{ shop.name }} {{ unsubscribe_url }}", entity=None).paths == ()
    with pytest.raises(TemplateError, match="this template is for any entity"):
        compiled("{{ entity.first_name }}", entity=None)


def test_an_unknown_entity_is_named() -> None:
    with pytest.raises(ModelError, match="No entity 'ordr'"):
        compiled("x", entity="ordr")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("a\n{{ entity.email", "html, line 2"),
        ("{% if entity.email %}x", "html, line 1"),
        ("{% frobnicate %}", "There are if, for, set and raw"),
        ("{{ entity.email | uper }}", "no filter 'uper'. Did you mean 'upper'?"),
        ("{{ entity.email is primey }}", "no test 'primey'"),
        ("{{ today | date('%Q') }}", "Date format '%Q' has '%Q'"),
        ("{{ today | date(zone='Mars/Olympus') }}", "No time zone 'Mars/Olympus'"),
        ("{% set entity = 1 %}", "the name 'entity' is taken"),
        ("{% set _e0 = 1 %}", "the name '_e0' is taken"),
        ("\ufdd0", "U+FDD0 is no character"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(source: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compiled(source)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("subject", "html"), [("", "x"), ("x" * 256, "x"), ("x", " "), ("x", "x" * 500_001)])
def test_empty_and_oversized_parts_are_refused(subject: str, html: str) -> None:
    with pytest.raises(TemplateError):
        compiled(html, subject=subject)


def test_style_sheets_with_braces_and_hashes_are_no_comments() -> None:
    css = "<style>@media(x){#id{color:red}}</style>"
    assert compiled(css + "{# gone {{ nothing }} #}{{ entity.id }}").paths == ("id",)


def test_links_are_listed_with_their_variables() -> None:
    made = compiled(
        "<a href='https://a.example/?x=1&amp;y=2'>a</a><a href=\"https://b.example/{{ entity.id }}\">b</a>"
        "<a href='{{ entity.website }}'>c</a><a href='mailto:x@example.com'>d</a>"
    )
    assert made.links == ("https://a.example/?x=1&y=2", "https://b.example/{entity.id}", "{entity.website}")
    assert not made.has_unsubscribe
    assert compiled("<a href='{{ unsubscribe_url }}'>u</a>").has_unsubscribe


@pytest.mark.parametrize(
    "source",
    [
        "<a href={{ entity.website }}>x</a>",
        "<img class=a alt = x{{ entity.first_name }} src='y'>",
        '<td\nwidth="1" height={{ entity.visits }}>',
    ],
)
def test_a_value_in_an_attribute_needs_quotes(source: str) -> None:
    with pytest.raises(TemplateError, match="html: put quotes around the value of"):
        compiled(source)


def test_quotes_are_asked_for_only_where_they_matter() -> None:
    compiled(
        "<a title='a={{ entity.id }}' href=\"x={{ entity.id }}\">a={{ entity.id }}</a> 1 < 2 a={{ entity.id }} > 1"
        "<!-- <a b={{ entity.id }}> --><p style=x>{{ entity.id }}</p><td width={{ campaign.code }}>"
    )


@pytest.mark.parametrize(
    "hostile", ["<!--", "<style>", "<a ", "<a '", '<a "', "<a href=", "<body ", "{{", "</body", "https://"]
)
def test_markup_that_never_ends_is_read_in_one_go(hostile: str) -> None:
    """A regular expression that begins anew at each of 40,000 places would take minutes."""
    compiled("{% raw %}" + hostile * 40_000 + "{% endraw %}", text="{% raw %}" + hostile * 40_000 + "{% endraw %}")
