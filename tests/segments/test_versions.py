"""Versions of stored segments: kept at every save, compared, restored, copied; and who uses a segment."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete

from analytics.errors import NotFound, SegmentError
from analytics.segments import Definition, Segments, difference, laid_out, outline, parse_text
from analytics.store import Store
from analytics.store.tables import segment_version
from tests.segments.generate import Generator
from tests.segments.shop import MODEL

GOLD = {"field": "tier", "is": "equals", "value": "Gold"}
LOGINS = {"field": "logins", "is": "at_least", "value": 3}
BUYERS = {"related": "orders", "measure": "count", "is": "at_least", "value": 2}


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


def said(old: Definition, new: Definition) -> list[str]:
    return [str(change) for change in difference(MODEL, old, new).changes]


def test_every_save_that_changes_the_definition_is_a_version(segments: Segments) -> None:
    segments.save("VIP", user(GOLD))
    segments.save("VIP", user(GOLD), "only a note")
    segments.save("vip", user(LOGINS))
    assert [(v.version, v.definition) for v in segments.versions("VIP")] == [(2, user(LOGINS)), (1, user(GOLD))]
    assert segments.version("VIP", 1).definition == user(GOLD)
    with pytest.raises(NotFound, match=r"No version of 'vip' 7\. There are: 2, 1"):
        segments.version("VIP", 7)


def test_a_segment_older_than_its_versions_has_the_present_one(segments: Segments, store: Store) -> None:
    segments.save("VIP", user(GOLD))
    segments.save("VIP", user(LOGINS))
    with store.state.write() as connection:
        connection.execute(delete(segment_version))
    assert [v.version for v in segments.versions("VIP")] == [2]
    with store.state.write() as connection:
        connection.execute(delete(segment_version))
    segments.save("VIP", user(BUYERS))
    assert [(v.version, v.definition) for v in segments.versions("VIP")] == [(3, user(BUYERS)), (2, user(LOGINS))]


def test_an_old_version_is_restored_as_the_new_one(segments: Segments) -> None:
    segments.save("VIP", user(GOLD))
    segments.save("VIP", user(LOGINS))
    assert segments.restore("VIP", 1).version == 3
    assert segments.get("VIP").definition == user(GOLD)
    assert [v.version for v in segments.versions("VIP")] == [3, 2, 1]


def test_versions_go_with_their_segment(segments: Segments, store: Store) -> None:
    segments.save("VIP", user(GOLD))
    segments.delete("VIP")
    with store.state.read() as connection:
        assert connection.execute(segment_version.select()).all() == []


def test_a_copy_gets_a_free_name_and_its_own_versions(segments: Segments) -> None:
    segments.save("VIP", user(GOLD), "the best")
    segments.save("VIP", user(LOGINS))
    assert segments.clone("VIP").name == "VIP copy"
    copy = segments.clone("VIP")
    assert (copy.name, copy.version, copy.definition, copy.description) == ("VIP copy 2", 1, user(LOGINS), "the best")
    assert segments.clone("VIP", "Regulars").name == "Regulars"
    with pytest.raises(SegmentError, match="There is a segment 'VIP copy' already"):
        segments.clone("VIP", "vip COPY")


def test_the_copy_of_a_long_name_still_fits(segments: Segments) -> None:
    segments.save("n" * 255, user(GOLD))
    assert segments.clone("n" * 255).name == "n" * 250 + " copy"


def test_a_segment_says_who_uses_it_before_it_changes_or_goes(segments: Segments) -> None:
    segments.save("VIP", user(GOLD))
    segments.save("Loyal", user({"all": [{"segment": "vip"}, LOGINS]}))
    assert [(u.kind, u.name, u.is_base) for u in segments.used_by("VIP")] == [("segment", "Loyal", False)]
    assert segments.used_by("Loyal") == ()
    with pytest.raises(SegmentError, match="named by the segment 'Loyal'"):
        segments.delete("VIP")
    with pytest.raises(SegmentError, match="named by the segment 'Loyal'"):
        segments.rename("VIP", "Best")


def test_the_same_definition_has_no_changes() -> None:
    assert said(user(GOLD), user(GOLD)) == []
    assert {line.sign for line in difference(MODEL, user(GOLD), user(GOLD)).lines} == {" "}


def test_added_and_removed_and_changed_conditions_are_said_in_words() -> None:
    fewer = {**LOGINS, "value": 5}
    old, new = user({"all": [GOLD, LOGINS]}), user({"all": [fewer, BUYERS]})
    assert said(old, new) == [
        "Changed: Logins is at least 3 → Logins is at least 5",
        "Added: Number of Orders is at least 2",
        "Removed: Tier is Gold",
    ]
    assert said(user(), user(GOLD)) == ["Added: Tier is Gold"]
    assert said(user(GOLD), user()) == ["Removed: Tier is Gold"]
    assert said(user(GOLD), user({"not": GOLD})) == ["Changed: Tier is Gold → not: Tier is Gold"]


def test_a_change_deep_in_a_group_is_that_condition_alone() -> None:
    old = user({"all": [GOLD, {"any": [LOGINS, BUYERS]}]})
    new = user({"all": [GOLD, {"any": [LOGINS, {**BUYERS, "value": 9}]}]})
    assert said(old, new) == ["Changed: Number of Orders is at least 2 → Number of Orders is at least 9"]
    both = user({"all": [GOLD, {"all": [LOGINS, BUYERS]}]})
    assert said(old, both) == ["Changed: any condition of the group is enough → all conditions of the group hold"]


def test_columns_sort_limit_and_entity_are_compared_too() -> None:
    old = user(GOLD, columns=[{"field": "logins"}], sort=[{"field": "logins"}])
    new = user(GOLD, columns=[{"field": "company.name", "label": "Firm"}], limit=1000)
    assert said(old, new) == [
        "Added: column Company › Name as “Firm”",
        "Removed: column Logins",
        "Removed: sorted by Logins",
        "Added: the first 1,000 of that order",
    ]
    assert said(user(), Definition("company")) == ["Changed: of users → of companies"]


def test_lines_show_the_text_form_with_what_came_and_went() -> None:
    lines = difference(MODEL, user({"all": [GOLD, LOGINS]}), user({"all": [GOLD, BUYERS]})).lines
    assert [f"{line.sign}{line.text}" for line in lines] == [
        " user",
        ' where tier = "Gold"',
        "-  and logins >= 3",
        "+  and count(orders) >= 2",
    ]


def test_a_definition_laid_out_over_lines_is_that_definition() -> None:
    for seed in range(300):
        definition = Definition.from_document(Generator(seed).definition())
        assert parse_text(laid_out(definition)) == definition, seed
        assert said(definition, definition) == []
        assert all(line.text for line in outline(MODEL, definition))


def test_any_two_definitions_that_differ_have_a_change_to_show() -> None:
    made = [Definition.from_document(Generator(seed).definition()) for seed in range(150)]
    for old, new in pairwise(made):
        assert said(old, new), (old, new)
        assert {line.sign for line in difference(MODEL, old, new).lines} & {"+", "-"}


def test_conditions_are_read_as_an_outline() -> None:
    where = {"all": [GOLD, {"not": {"any": [LOGINS, {"segment": "VIP"}]}}]}
    lines = outline(MODEL, user(where))
    assert [(line.depth, line.text, line.is_heading) for line in lines] == [
        (0, "All of these", True),
        (1, "Tier is Gold", False),
        (1, "Not: any of these", True),
        (2, "Logins is at least 3", False),
        (2, "Is in the segment “VIP”", False),
    ]
