"""The text form: lossless both ways, the example of docs/segments.md, and errors that point at the character."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.segments import Definition
from analytics.segments.definition import BEHAVIOURS, CONSENT_STATES, EVENT_TEXTS, RFM_PARTS, WEB_EVENTS
from analytics.segments.operators import BY_TYPE, MEASURES, OPERATORS, PARTS
from analytics.segments.text import RESERVED, TextError, parse, write
from tests.segments.generate import Generator


def test_the_documented_example_reads_like_this() -> None:
    definition = parse(
        """customer_user where customer.group.name in ("Gold", "Silver")
             and count(orders where created_at > today - 90d and internal_status not in ("cancelled")) >= 2
             and not clicked(any campaign within 30d) sort by last_login desc"""
    )
    assert definition.to_document() == {
        "entity": "customer_user",
        "where": {
            "all": [
                {"field": "customer.group.name", "is": "any_of", "value": ["Gold", "Silver"]},
                {
                    "related": "orders",
                    "measure": "count",
                    "is": "at_least",
                    "value": 2,
                    "where": {
                        "all": [
                            {"field": "created_at", "is": "after", "value": "today - 90d"},
                            {"field": "internal_status", "is": "none_of", "value": ["cancelled"]},
                        ]
                    },
                },
                {"not": {"behaviour": "clicked", "campaign": "any", "within": "30d"}},
            ]
        },
        "sort": [{"field": "last_login", "direction": "descending"}],
    }


def test_random_definitions_survive_the_way_through_text() -> None:
    for seed in range(600):
        definition = Definition.from_document(Generator(seed).definition())
        assert parse(write(definition)) == definition, write(definition)


_NAMES = st.one_of(
    st.sampled_from(sorted(RESERVED)),
    st.from_regex(r"[a-z_]{1,8}(\.[a-z]{1,5})?", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(lambda t: t.strip()),
)
_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    st.sampled_from(
        [
            "today",
            "today-90d",
            "now - 3 h",
            "12-24",
            "2026-01-31",
            "2026-01-31 10:30",
            " today",
            "5",
            "this month -1",
            "start of week",
            'a"b\\',
            "`",
            "today - 3",
            "2026-01-31-",
            "12-245",
        ]
    ),
)
_SCALAR = st.one_of(
    _TEXT, st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)


@st.composite
def _compared(draw: st.DrawFn, keys: tuple[str, str] = ("is", "value")) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(OPERATORS)))
    arity = OPERATORS[name].arity
    if arity == "none":
        return {keys[0]: name}
    if arity == "one":
        return {keys[0]: name, keys[1]: draw(_SCALAR)}
    least, most = (2, 2) if arity == "two" else (1, 4)
    return {keys[0]: name, keys[1]: draw(st.lists(_SCALAR, min_size=least, max_size=most))}


_DURATION = st.one_of(st.sampled_from(["30d", "3 weeks"]), _NAMES)


@st.composite
def _step(draw: st.DrawFn, step: bool = True, kinds: tuple[str, ...] = ("behaviour", "did")) -> dict[str, Any]:
    """A behaviour or did; one that is a `step` of a sequence happens once."""

    def maybe(key: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {key: draw(values)} if draw(st.booleans()) else {}

    node = {**maybe("within", _DURATION), **maybe("by", st.sampled_from(["human", "all"]))}
    if draw(st.sampled_from(kinds)) == "behaviour":
        node |= {"behaviour": draw(st.sampled_from(BEHAVIOURS)), **maybe("campaign", _NAMES)}
        return node if step else node | maybe("times", st.integers(1, 99))
    node["did"] = draw(st.sampled_from(WEB_EVENTS))
    for key in draw(st.sets(st.sampled_from(EVENT_TEXTS), max_size=2)):
        node[key] = draw(_compared())
    for key in draw(st.sets(st.sampled_from(["website", "source", "medium", "code"]), max_size=2)):
        node[key] = draw(_NAMES)
    if draw(st.booleans()):
        node |= draw(_compared(("when", "at")))
    if not step and draw(st.booleans()):
        node |= {"is": draw(st.sampled_from(["at_least", "at_most", "equals"])), "times": draw(st.integers(1, 99))}
    return node


@st.composite
def _leaf(draw: st.DrawFn) -> dict[str, Any]:
    def maybe(key: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {key: draw(values)} if draw(st.booleans()) else {}

    kinds = ["field", "related", "same", "segment", "list", "contacted", "changed", "sample", "tag", "rfm", "split"]
    kind = draw(st.sampled_from([*kinds, "behaviour", "did", "sequence", "consent"]))
    match kind:
        case "field":
            return {"field": draw(_NAMES), **draw(_compared()), **maybe("part", st.sampled_from(sorted(PARTS)))}
        case "related":
            measure = draw(st.sampled_from(sorted(MEASURES)))
            node = {"related": draw(_NAMES), "measure": measure, **draw(_compared())}
            node |= {"field": draw(_NAMES)} if measure != "count" else {}
            return node | (maybe("by", _NAMES) if measure in ("first", "last") else {}) | maybe("where", _NODES)
        case "same":
            return {"same": draw(_NAMES), "where": draw(_NODES)}
        case "segment" | "list":
            return {kind: draw(_NAMES), **maybe("through", _NAMES)}
        case "contacted":
            return {"contacted": draw(st.sampled_from(["times", "last"])), **draw(_compared()), **maybe("list", _NAMES)}
        case "behaviour" | "did":
            return draw(_step(step=False, kinds=(kind,)))
        case "sequence":
            steps = draw(st.lists(_step(), min_size=2, max_size=3))
            return {"sequence": steps, "within": draw(_DURATION), **maybe("without", _step())}
        case "consent":
            return {"consent": draw(_NAMES), "is": draw(st.sampled_from(CONSENT_STATES))}
        case "split":
            of = draw(st.one_of(st.integers(2, 100), st.lists(st.floats(0.01, 20), min_size=1, max_size=5)))
            part = draw(st.integers(1, of if isinstance(of, int) else len(of)))
            return {"split": draw(_NAMES), "part": part, "of": of}
        case "rfm":
            return {"rfm": draw(st.sampled_from(RFM_PARTS)), **draw(_compared())}
        case "tag":
            return {
                "tag": draw(st.sampled_from(["any_of", "none_of"])),
                "value": draw(st.lists(_NAMES, min_size=1, max_size=3)),
            }
        case "changed":
            to = draw(_compared()) if draw(st.booleans()) else {}
            when = draw(_compared(("when", "at"))) if draw(st.booleans()) else {}
            return {"changed": draw(_NAMES), **to, **when}
        case _:
            return {"sample": draw(st.floats(0, 50)), **maybe("from", st.floats(0, 50)), **maybe("salt", _TEXT)}


_NODES = st.recursive(
    _leaf(),
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda nodes: {"all": nodes}),
        st.lists(below, min_size=1, max_size=3).map(lambda nodes: {"any": nodes}),
        below.map(lambda node: {"not": node}),
    ),
    max_leaves=8,
)


@settings(max_examples=250, deadline=None)
@given(_NODES, _NAMES, st.lists(_NAMES, max_size=2), st.lists(_NAMES, max_size=2))
def test_any_definition_survives_the_way_through_text(
    where: dict[str, Any], entity: str, columns: list[str], sort: list[str]
) -> None:
    document = {"entity": entity, "where": where, "columns": [{"field": c, "label": c} for c in columns], "sort": sort}
    definition = Definition.from_document(document)
    assert parse(write(definition)) == definition


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_position(text: str) -> None:
    try:
        parse(text)
    except TextError as error:
        assert 0 <= error.position <= len(text)
        assert "^" in str(error)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "expected the name of an entity, found the end"),
        ("user where", 11, "expected a condition, found the end"),
        ("user where logins >> 2", 20, "found '>'"),
        ("user where logins = 2 limit many", 29, "expected a whole number of rows, found 'many'"),
        ("user where (logins = 2", 23, "expected '\\)', found the end"),
        ("user where tier in ()", 21, "expected a text in quotes, a number or a date"),
        ("user where count = 3", 12, "write `count` if it is a name"),
        ("user where logins = 2 logins = 3", 23, "expected and, or, show, sort by, limit or the end"),
        ("user where name = 'x'", 19, "expected a text in quotes"),
        ('user where name = "\\x"', 20, "not written right"),
        ("user where did(walk)", 16, "expected page_view or event"),
        ("user where did(any within 3d within 4d)", 30, "within was said already"),
        ('user where did(any source "x")', 20, "expected a number of times, url"),
        ("user where did(any at most often)", 28, "expected a number of times, found 'often'"),
        ("user where sequence(logins > 2)", 21, "expected a step: received"),
        ('user where consent("News") is yes', 31, "expected granted or withdrawn or none"),
        ("user where clicked(campaign 3)", 29, "the name of a campaign in quotes"),
        ("user where logins not > 3", 23, "expected a comparison: in, between, contains, matches"),
        ("user where some orders", 23, "expected where, found the end"),
        ("user where some where (total > 3)", 17, "expected a path to related rows"),
        ("user where some orders where total > 3", 30, "expected '\\('"),
        ("user where\n  logins ~ 3", 10, "line 2, column 10"),
    ],
)
def test_errors_point_at_the_character(text: str, column: int, says: str) -> None:
    with pytest.raises(TextError, match=says) as caught:
        parse(text)
    error = caught.value
    line_start = text.rfind("\n", 0, error.position) + 1
    assert error.position - line_start + 1 == column
    assert str(error).endswith("\n" + " " * (column - 1) + "^")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(TextError, match="nested"):
        parse("user where " + "(" * 5_000)


def test_every_type_has_operators() -> None:
    assert {o for operators in BY_TYPE.values() for o in operators} == set(OPERATORS)
