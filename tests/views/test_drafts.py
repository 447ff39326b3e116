"""The draft of a definition: lossless both ways, changed by moves, taken back and made again."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from analytics.segments import Definition, parse_text
from analytics.segments.definition import (
    All,
    AnyOf,
    Behaviour,
    Column,
    Consent,
    Did,
    FieldCondition,
    InList,
    Measure,
    MeasureCondition,
    Rfm,
    SameRow,
    Sequence,
    Split,
)
from analytics.views import rearranged
from analytics.views.drafts import Draft, Group, History, Item, Leaf, bare, definition, draft_of, items
from pages._ui import rows
from tests.segments.generate import Generator
from tests.segments.shop import MODEL

CITY = FieldCondition("city", "equals", "Bonn")
NO_CITY = FieldCondition("city", "equals", None)


@pytest.mark.soak
def test_any_definition_comes_back_from_its_draft_unchanged() -> None:
    for seed in range(2_000):
        made = Definition.from_document(Generator(seed).definition())
        assert definition(draft_of(made)) == made, seed


@pytest.mark.soak
def test_any_condition_has_a_row_with_fields_of_its_own() -> None:
    kinds = set()
    for seed in range(2_000):
        draft = draft_of(Definition.from_document(Generator(seed).definition()))
        leaves = [
            item for item in items(draft.root) if isinstance(item, Leaf) and item.node not in (All(()), AnyOf(()))
        ]
        assert [leaf for leaf in leaves if not rows.has_form(leaf)] == [], seed
        kinds |= {type(leaf.node) for leaf in leaves}
    assert {Behaviour, Did, Sequence, Consent, Rfm, Split} <= kinds
    assert not rows.has_form(Leaf(1, None, text="city ="))


@pytest.mark.soak
def test_any_draft_of_complete_rows_is_opened_again_as_it_was() -> None:
    for seed in range(2_000):
        draft = draft_of(Definition.from_document(Generator(seed).definition()))
        assert bare(draft_of(definition(draft))) == bare(draft), seed


def test_a_definition_keeps_columns_order_and_limit() -> None:
    made = parse_text('user show company.name as "Firm", sum(total of orders) sort by last_login desc, id limit 7')
    draft = draft_of(made)
    assert (len(draft.columns), len(draft.order), draft.limit) == (2, 2, 7)
    assert definition(draft) == made


def test_every_item_has_a_number_of_its_own() -> None:
    for seed in range(200):
        draft = draft_of(Definition.from_document(Generator(seed).definition()))
        numbers = [draft.root.id, *_numbers(draft.root), *(s.id for s in (*draft.columns, *draft.order))]
        assert len(numbers) == len(set(numbers)) and max(numbers) < draft.next_id


def test_what_says_nothing_yet_is_left_out() -> None:
    nothing = (NO_CITY, InList(""), MeasureCondition(Measure("orders", "sum"), "at_least", 1), SameRow("orders", CITY))
    leaves = tuple(Leaf(n, node) for n, node in enumerate(nothing, 10))
    leaves = (*leaves[:-1], replace(leaves[-1], inner=Group(30, "all", (Leaf(31, NO_CITY),))))
    root = Group(1, "any", (*leaves, Group(40, "not"), Leaf(41, None, text="city ="), Leaf(42, CITY)))
    assert definition(Draft("user", root)).where == CITY


@pytest.mark.parametrize(
    ("join", "text"),
    [
        ("all", 'user where city = "Bonn" and sample(10)'),
        ("any", 'user where city = "Bonn" or sample(10)'),
        ("not", 'user where not (city = "Bonn" or sample(10))'),
    ],
)
def test_a_group_holds_when_all_any_or_none_of_its_items_do(join: str, text: str) -> None:
    made = parse_text(text)
    assert draft_of(made).root.join == join
    assert definition(draft_of(made)) == made


def test_a_condition_turned_into_its_opposite_is_one_row() -> None:
    draft = rearranged.added(Draft("user"), 1, Behaviour("clicked"))
    turned = rearranged.negated(draft, draft.root.items[0].id)
    made = definition(turned)
    assert made == parse_text("user where not clicked(any campaign)")
    assert bare(draft_of(made)) == bare(turned)


# --- moves ---


@pytest.fixture
def draft() -> Draft:
    """Three rows; the second is a group of two; the third is on orders, with a condition on these."""
    text = 'user where city = "A" and (city = "B" or city = "C") and count(orders where status = "open") >= 1'
    return draft_of(parse_text(text))


def _numbers(group: Group) -> list[int]:
    found = []
    for item in items(group):
        found.append(item.id)
        if isinstance(item, Leaf) and item.inner is not None:
            found.append(item.inner.id)
    return found


def _said(draft: Draft) -> str:
    from analytics.segments import write_text

    return write_text(definition(draft)).removeprefix("user where ")


def _of(draft: Draft, *way: int) -> Item:
    item: Item = draft.root
    for at in way:
        group = item if isinstance(item, Group) else item.inner
        assert group is not None
        item = group.items[at]
    return item


def test_an_item_moves_up_and_down_until_the_end(draft: Draft) -> None:
    first = _of(draft, 0).id
    down = rearranged.moved(draft, first, "down")
    assert _said(down).startswith('(city = "B" or city = "C") and city = "A" and count')
    assert rearranged.moved(down, first, "up") == draft
    assert rearranged.moved(draft, first, "up") == draft


def test_an_item_moves_into_the_group_beside_it_and_out_again(draft: Draft) -> None:
    first = _of(draft, 0).id
    inside = rearranged.moved(draft, first, "in")
    assert _said(inside).startswith('(city = "A" or city = "B" or city = "C") and count')
    out = rearranged.moved(inside, first, "out")
    assert _said(out).startswith('(city = "B" or city = "C") and city = "A" and count')


def test_the_ways_an_item_can_go_depend_on_where_it_is(draft: Draft) -> None:
    assert rearranged.steps(draft, _of(draft, 0).id) == ("down", "in")
    assert rearranged.steps(draft, _of(draft, 1, 0).id) == ("down", "out")
    assert rearranged.steps(draft, _of(draft, 2, 0).id) == ()
    assert rearranged.steps(draft, draft.root.id) == ()


def test_an_item_is_dropped_before_after_or_into_another(draft: Draft) -> None:
    first, group = _of(draft, 0).id, _of(draft, 1).id
    assert _said(rearranged.placed(draft, first, group, "after")).startswith(
        '(city = "B" or city = "C") and city = "A"'
    )
    assert _said(rearranged.placed(draft, first, group, "into")).startswith('(city = "B" or city = "C" or city = "A")')
    assert rearranged.placed(draft, first, _of(draft, 1, 0).id, "into") == draft, "a row is no group"


def test_an_item_is_not_dropped_inside_itself_or_on_other_records(draft: Draft) -> None:
    group, orders = _of(draft, 1), _of(draft, 2)
    assert isinstance(orders, Leaf) and orders.inner is not None
    assert rearranged.placed(draft, group.id, _of(draft, 1, 0).id, "before") == draft
    assert rearranged.placed(draft, group.id, orders.inner.id, "into") == draft
    assert rearranged.placed(draft, orders.inner.items[0].id, draft.root.id, "into") == draft
    assert rearranged.placed(draft, orders.id, orders.inner.id, "into") == draft


def test_no_move_loses_a_condition_or_makes_one() -> None:
    chance = random.Random(3)
    for seed in range(300):
        draft = draft_of(Definition.from_document(Generator(seed).definition()))
        before = sorted(_numbers(draft.root))
        for _ in range(12):
            numbers = _numbers(draft.root) or [1]
            item, target = chance.choice(numbers), chance.choice([*numbers, 1])
            if chance.random() < 0.5:
                draft = rearranged.placed(draft, item, target, chance.choice(("before", "after", "into")))
            else:
                draft = rearranged.moved(draft, item, chance.choice(("up", "down", "in", "out")))
        assert sorted(_numbers(draft.root)) == before, seed


def test_an_item_is_copied_grouped_dissolved_and_taken_out(draft: Draft) -> None:
    first, group = _of(draft, 0).id, _of(draft, 1).id
    twice = rearranged.copied(draft, group)
    assert _said(twice).count('(city = "B" or city = "C")') == 2
    assert len(set(_numbers(twice.root))) == len(_numbers(twice.root))
    assert 'all(city = "A")' in _said(rearranged.grouped(draft, first))
    assert _said(rearranged.dissolved(draft, group)).startswith('city = "A" and city = "B" and city = "C" and')
    assert 'city = "A"' not in _said(rearranged.removed(draft, first))


def test_a_row_is_edited_as_text_and_as_fields_again(draft: Draft) -> None:
    orders = _of(draft, 2).id
    text = rearranged.as_text(draft, orders)
    row = _of(text, 2)
    assert isinstance(row, Leaf) and row.text == 'count(orders where status = "open") >= 1'
    assert _said(text) == _said(draft)
    assert bare(rearranged.as_fields(text, orders)) == bare(draft)


def test_conditions_any_rows_fulfil_become_ones_the_same_row_has_to(draft: Draft) -> None:
    any_row = draft_of(parse_text('user where orders.total > 100 and city = "A" and orders.lines >= 2'))
    assert rearranged.shared_rows(MODEL, "user", any_row.root) == ("orders",)
    same = rearranged.same_row(any_row, MODEL, "user", any_row.root.id, "orders")
    assert _said(same) == 'some orders where (total > 100 and lines >= 2) and city = "A"'
    row = _of(same, 0)
    assert isinstance(row, Leaf) and rearranged.can_part(row)
    assert _said(rearranged.any_row(same, row.id)) == 'orders.total > 100 and orders.lines >= 2 and city = "A"'


def test_columns_are_added_moved_and_taken_out() -> None:
    draft = rearranged.shown(rearranged.shown(Draft("user"), "columns", "id"), "columns", Measure("orders", "count"))
    second = draft.columns[1].id
    moved = rearranged.shifted(draft, "columns", second, -1)
    assert [c.source for c in definition(moved).columns] == [Measure("orders", "count"), "id"]
    assert rearranged.shifted(moved, "columns", second, -1) == moved
    assert [c.source for c in definition(rearranged.hidden(moved, "columns", second)).columns] == ["id"]


# --- history ---


def test_every_change_is_taken_back_and_made_again(draft: Draft) -> None:
    second = rearranged.removed(draft, _of(draft, 0).id)
    history = History(draft).changed(second).changed(second)
    assert (history.present, len(history.past)) == (second, 1)
    back = history.undone()
    assert (back.present, back.redone()) == (draft, history)
    assert back.undone() == back and history.redone() == history


def test_a_change_after_going_back_forgets_what_came_after(draft: Draft) -> None:
    history = History(draft).changed(Draft("user")).undone().changed(replace(draft, limit=3))
    assert (history.future, history.undone().present) == ((), draft)


def test_a_definition_written_as_sql_is_never_lost_to_the_builder() -> None:
    written = Definition("user", sql="select id from x", columns=(Column("email"),), limit=3)
    assert definition(draft_of(written)) == written
