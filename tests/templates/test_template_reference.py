"""The fast composition says exactly what a plain Jinja render and a slow composition say."""

from __future__ import annotations

import os
import re
from html import escape, unescape
from urllib.parse import quote

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.templates import MailPlan
from analytics.templates.plaintext import to_text
from tests.templates.shop import BASE, compiled, parsed, plan, resolved, sent

COUNT = 1_200 if os.environ.get("SHELDUCK_SOAK") == "1" else 80

WORDS = st.sampled_from(
    [
        "Hello",
        " ",
        "  ",
        "\n",
        "\n\n",
        ".",
        "\n.\n",
        "\n..dots",
        "From me",
        "\nFrom me",
        "=",
        "=3D",
        "é",
        "Grüße ",
        "😀",
        "x" * 90,
        " y" * 60,
        "trailing \n",
        "tab\t\n",
        "\u00a0",
        "--",
        "\n--=_x",
        "漢字" * 40,
        "100 %",
        "a & b",
    ]
)
VALUES = (
    st.none()
    | st.lists(WORDS | st.sampled_from(["<b>", '"', "'", "&amp;", "{{ x }}", "\\", "%", "\r\n"])).map("".join)
    | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60)
)
ADDRESSES = st.sampled_from(["a", "path/x", "?q=1&amp;r=2", "#f", "%20", "ü"])
HOLES = st.sampled_from(
    [
        "{{ entity.first_name }}",
        "{{ entity.last_name }}",
        "{{ entity.first_name | default('friend') }}",
        "{{ entity.first_name | upper }}",
        "{{ entity.first_name ~ entity.last_name }}",
        "{{ campaign.code }}",
        "{{ shop.name }}",
    ]
)


@st.composite
def links(draw: st.DrawFn) -> str:
    quote = draw(st.sampled_from("'\""))
    address = "https://shop.example/" + "".join(
        draw(st.lists(ADDRESSES | st.sampled_from(["{{ entity.id | urlencode }}", "{{ campaign.code }}"]), max_size=3))
    )
    address = draw(st.sampled_from([address, "{{ entity.website }}", "mailto:ada@example.com"]))
    return f"<a class=x href={quote}{address}{quote}>{draw(WORDS)}</a>"


LEAVES = WORDS | HOLES | links() | st.sampled_from(["<p>", "</p>", "<br>\n", "<td>", "<!-- c -->"])


def branches(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=4).map("".join)
    conditions = st.sampled_from(["entity.first_name", "entity.last_name == 'x'", "entity.id is defined", "true"])
    return (
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, conditions, body, body)
        | body.map("{{% for n in range(2) %}}{}{{{{ n }}}}{{% endfor %}}".format)
        | body.map("{{% set a = entity.first_name %}}{}{{{{ a }}}}".format)
    )


def is_shallow(source: str) -> bool:
    """Loops may be three deep."""
    depth = deepest = 0
    for tag in re.findall(r"\{% (for|endfor)", source):
        depth += 1 if tag == "for" else -1
        deepest = max(deepest, depth)
    return deepest <= 3


SOURCES = st.lists(st.recursive(LEAVES, branches, max_leaves=12), max_size=12).map("".join).filter(is_shallow)
ROWS = st.fixed_dictionaries(
    {
        "first_name": VALUES,
        "last_name": VALUES | st.just("x"),
        "id": VALUES,
        "website": st.sampled_from([None, "https://w.example/?a=1&b='2'", "mailto:x@example.com", "nonsense"]),
    }
)


class Missing(jinja2.ChainableUndefined):
    """The reference's null."""


def reference(source: str, values: dict, *, html: bool) -> str:
    env = jinja2.Environment(
        autoescape=html, undefined=Missing, finalize=lambda v: "" if v is None else v, keep_trailing_newline=True
    )
    blank = lambda v: v is None or isinstance(v, jinja2.Undefined) or not v.strip()  # noqa: E731
    env.filters["default"] = lambda v, other: other if blank(v) else v
    env.filters["upper"] = lambda v: str(v).upper()
    env.filters["urlencode"] = lambda v: quote(str(v), safe="")
    row = {key: jinja2.Undefined() if value is None else value for key, value in values.items()}
    rendered = env.from_string(source).render(
        entity=row, campaign={"code": "spring-26"}, shop={"name": "Teal & Co"}, unsubscribe_url="#u"
    )
    return re.sub("\r\n|\r", "\n", rendered)


def addresses(html: str) -> str:
    """HTML with the addresses of links in one spelling: unescaped and trimmed, as they lead there."""

    def plain(found: re.Match[str]) -> str:
        return "href=" + re.sub("[\t\r\n]", "", unescape(found[2]).strip())

    return re.sub(r"""href=(["'])(.*?)\1""", plain, html, flags=re.S)


def assert_same(made: MailPlan, html: str, text: str | None, values: dict) -> None:
    mail = sent(made, values)
    read, plain, shown = parsed(mail.message)
    assert not read.defects and all(not part.defects for part in read.walk())
    assert mail.message.isascii() and b"\n" not in mail.message.replace(b"\r\n", b"")
    assert all(len(line) <= 78 for line in mail.message.partition(b"\r\n\r\n")[2].split(b"\r\n"))
    pixel = re.compile(re.escape(f'<img src="{BASE}/o/') + r'[\w-]{40}\.gif"[^>]*>\n$')
    assert len(pixel.findall(shown)) == 1
    bare = pixel.sub("", resolved(shown, made.constant_links, dict(mail.links), escape))
    bare = re.sub(re.escape(f"{BASE}/u/") + r"[\w-]{40}", "#u", bare)
    expected = reference(html, values, html=True)
    assert addresses(bare) == addresses(expected)
    plain = re.sub(re.escape(f"{BASE}/u/") + r"[\w-]{40}", "#u", plain)
    if text is not None:
        assert resolved(plain, made.constant_links, dict(mail.links)) == reference(text, values, html=False)
    assert re.search("[\ufdd0-\ufdef]", shown + plain) is None


@pytest.mark.soak
@settings(max_examples=COUNT, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SOURCES, st.lists(ROWS, min_size=1, max_size=3))
def test_html_is_what_a_plain_render_gives(source: str, rows: list[dict]) -> None:
    html = source + '<a href="{{ unsubscribe_url }}">u</a>'
    made = plan(compiled(html, text="{{ unsubscribe_url }}"))
    for values in rows:
        assert_same(made, html, None, values)


TEXTS = (
    st.lists(
        st.recursive(
            WORDS | HOLES | st.sampled_from([" https://a.example/x?y=1 ", " (http://b.example/). "]),
            branches,
            max_leaves=8,
        ),
        max_size=8,
    )
    .map("".join)
    .filter(is_shallow)
)


@pytest.mark.soak
@settings(max_examples=COUNT, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(TEXTS, st.lists(ROWS, min_size=1, max_size=3))
def test_text_is_what_a_plain_render_gives(source: str, rows: list[dict]) -> None:
    text = source + " {{ unsubscribe_url }}"
    html = '<a href="{{ unsubscribe_url }}">u</a>'
    made = plan(compiled(html, text=text))
    for values in rows:
        assert_same(made, html, text, values)


def test_the_text_made_from_html_is_that_of_the_finished_html() -> None:
    """Made once with marks instead of values, it says what the same conversion of the rendered HTML says."""
    html = (
        "<body><h1>Hi {{ entity.first_name | default('there') }}</h1>"
        "<table><tr><td>Order</td><td>{{ entity.id }}</td></tr>"
        "</table><p>See <a href='https://shop.example/{{ entity.id }}'>your order</a> or "
        "<a href='https://shop.example/'>us</a>{% if entity.visits > 2 %}, <b>regular</b>{% endif %}.</p>"
        "<a href='{{ unsubscribe_url }}'>Unsubscribe</a></body>"
    )
    made = plan(compiled(html))
    for values in (
        {"first_name": "Ada & <Bo>", "id": "17", "visits": 3},
        {"first_name": None, "id": "x y", "visits": 1},
    ):
        mail = sent(made, values)
        _, plain, shown = parsed(mail.message)
        assert plain == to_text(shown)
        assert f"your order ({BASE}/c/" in plain
