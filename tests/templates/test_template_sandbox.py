"""Templates reach nothing but their variables, and cannot exhaust the machine."""

from __future__ import annotations

import pytest

from analytics.errors import TemplateError
from analytics.templates import preview
from analytics.templates.sandbox import LONGEST_RANGE, environment
from tests.templates.shop import compiled

# Break-outs published against Jinja, Sprig, Twig and Liquid (GHSA-cpwx-vrp4-4pq7, GHSA-q2x7-8rv6-6q7h,
# GHSA-gmj6-6f8f-6699, CVE-2025-49136 and the usual cheat sheets).
PAYLOADS = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ entity.__class__ }}",
    "{{ entity['__class__'] }}",
    "{{ entity.first_name.__class__ }}",
    "{{ entity.first_name['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ entity|attr('first_name') }}",
    "{{ ''|attr('format') }}",
    "{{ '{0.__class__}'.format(entity) }}",
    "{{ '{0.__class__}'|format(entity) }}",
    "{{ '%s'|format('x') }}",
    "{{ ('{0.__cla' ~ 'ss__}').format(1) }}",
    "{{ 'a'.upper() }}",
    "{{ 'x'.join(['a']) }}",
    "{{ cycler('a').__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner() }}",
    "{{ namespace(a=1) }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ request }}",
    "{{ config }}",
    "{{ env('PATH') }}",
    "{{ range.__class__ }}",
    "{{ range(1).__class__ }}",
    "{{ range(1)|attr('__class__') }}",
    "{{ range }}",
    "{{ range(*[1]) }}",
    "{{ range(**{'a': 1}) }}",
    "{{ dict(a=1) }}",
    "{{ [].append(1) }}",
    "{{ {}.update({}) }}",
    "{{ ['a']|map('upper')|list }}",
    "{{ ['a']|map(attribute='__class__')|list }}",
    "{{ [1]|sum(attribute='__class__') }}",
    "{{ [1]|groupby('__class__') }}",
    "{{ [1]|selectattr('__class__')|list }}",
    "{{ 'x'|pprint }}",
    "{{ 'x'|tojson }}",
    "{{ '<b>'|safe }}",
    "{{ {'a': 1}|xmlattr }}",
    "{% include '/etc/passwd' %}",
    "{% include ['a', 'b'] ignore missing %}",
    "{% import 'x' as x %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block a %}{% endblock %}",
    "{% macro m() %}{% endmacro %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}{{ entity.first_name }}{% endautoescape %}",
    "{% set x %}{{ 1 }}{% endset %}",
    "{% with a = 1 %}{% endwith %}",
    "{% do 1 %}",
    "{% debug %}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "{% for loop in [1] %}{% endfor %}",
    "{% set a.b = 1 %}",
    "{{ 2 ** 99999999 }}",
    "{{ today.strftime('%Y') }}",
    "{{ today|date('%99999999d') }}",
    "{{ entity._e0 }}",
    "{{ _e0 }}",
    "{{ _budget }}",
    "{{ 'x'|_limited(1) }}",
    "{{ ['x']|_concat }}",
]


@pytest.mark.parametrize("part", ["html", "text", "subject", "preheader"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_break_out_is_refused_when_saved(payload: str, part: str) -> None:
    with pytest.raises(TemplateError):
        compiled(**{"html": "x {{ entity.first_name }}", part: payload})


@pytest.mark.parametrize(
    "payload",
    [
        "{{ ''['__class__'] }}",
        "{{ ['a']['append'] }}",
        "{{ {'a': 1}['items'] }}",
        "{{ {'a': 1}.keys }}",
        "{{ 'abc'.upper }}",
        "{% set x = 'a' %}{{ x.upper }}{{ x['__class__'] }}",
        "{% for x in [range(1)] %}{{ x['__class__'] }}{% endfor %}",
        "{% for x in [1] %}{{ loop['__class__'] }}{{ loop['_iterator'] }}{% endfor %}",
    ],
)
def test_an_item_that_is_an_attribute_elsewhere_is_nothing_here(payload: str) -> None:
    assert preview(compiled(f"<p>{payload}</p>"), {}).html.startswith("<p></p>")


def test_the_second_wall_stands_without_the_first() -> None:
    """Even unchecked, the sandbox gives no attribute and calls nothing."""
    env = environment(False, "UTC")
    for source in ("{{ ''.__class__ }}", "{{ x.y }}", "{{ x['__class__'] }}", "{{ range(1).start }}"):
        assert env.from_string(source).render(x=object()) == ""
    for source in ("{{ x() }}", "{{ ''.join([]) }}", "{{ '{}'.format(1) }}"):
        with pytest.raises(Exception, match=r"not safely callable|not callable|undefined"):
            env.from_string(source).render(x=lambda: "called")


def test_what_a_value_says_is_never_a_template() -> None:
    seen = preview(compiled("<p>{{ entity.first_name }}</p>"), {"first_name": "{{ 7 * 7 }}{% raw %}"})
    assert seen.html.startswith("<p>{{ 7 * 7 }}{% raw %}</p>")


NESTED = "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}"
BOMBS = [
    "{{ range(100000)|join }}",
    "{% for a in range(1001) %}x{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ entity.first_name * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 'a' + 'b' }}",
    NESTED,
    "{% for a in range(1000) %}{% for b in range(999) %}{% for c in [] %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = [a, a]|join('') %}" * 40 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a|replace('x', a) %}" * 9 + "{{ a }}",
    "{% set a = 999999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{{ '9' * 9 }}",
    "{% set x = 'y' %}" + "{{ x }}" * 21_000,
    "".join(f"{{% for a{n} in [1] %}}" for n in range(4)) + "x" + "{% endfor %}" * 4,
    "".join(f"{{% if {n} %}}" for n in range(400)) + "x" + "{% endif %}" * 400,
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 3000 + "1 }}",
    "{{ " + " + ".join(["1"] * 5000) + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{% set a = ['" + "x" * 90_000 + "'] %}{% for b in range(100) %}{{ a }}{% endfor %}",
]


@pytest.mark.parametrize("bomb", BOMBS, ids=[f"bomb {n}" for n in range(len(BOMBS))])
def test_a_bomb_is_defused_with_a_sentence(bomb: str) -> None:
    with pytest.raises(TemplateError):
        preview(compiled(f"<p>{bomb}</p>"), {"first_name": "Ada"})


def test_loops_within_the_limits_work() -> None:
    seen = preview(compiled("{% for n in range(3) %}{{ loop.index }}/{{ loop.length }} {{ n }};{% endfor %}"), {})
    assert seen.html.startswith("1/3 0;2/3 1;3/3 2;")
    assert LONGEST_RANGE == 1000
    many = preview(compiled("{% for n in range(1000) %}a{% endfor %}"), {})
    assert many.html.startswith("a" * 1000)


def test_html_is_escaped_in_html_and_not_in_text() -> None:
    evil = "<script>alert('x')</script> & \"q\""
    made = compiled(
        "<p title=\"{{ entity.first_name }}\">{{ entity.first_name ~ '!' }}{% set n = entity.first_name %}{{ n }}</p>",
        text="{{ entity.first_name }}{{ entity.first_name ~ '!' }}",
    )
    seen = preview(made, {"first_name": evil})
    assert "<script>" not in seen.html
    assert seen.html.count("&lt;script&gt;") == 3
    assert "&#34;q&#34;" in seen.html
    assert seen.text.startswith(evil + evil + "!")


def test_a_wrong_type_is_a_sentence_that_names_the_place() -> None:
    made = compiled("a\n{{ entity.first_name | money }}")
    with pytest.raises(TemplateError, match="html, line 2: The filter money needs a number; 'Ada' is none"):
        preview(made, {"first_name": "Ada"})
    with pytest.raises(TemplateError, match=r"entity\.total is 'lots', which is no money"):
        preview(compiled("{{ entity.total }}"), {"total": "lots"})
    with pytest.raises(TemplateError, match="html: it cannot be rendered"):
        preview(compiled("{% if entity.first_name > 3 %}x{% endif %}"), {"first_name": "Ada"})
