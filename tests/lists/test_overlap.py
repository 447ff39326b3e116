"""Whom segments and lists share, against plain Python sets."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analytics import Workspace
from analytics.engine import Engine
from analytics.errors import ListError, NotFound, SegmentError
from analytics.lists import Lists, Suppressions
from analytics.lists.overlap import SUPPRESSED, Overlap, Overlaps
from analytics.lists.sizes import Sizes
from analytics.model.address import address_key
from analytics.segments import Definition, Segments
from analytics.store import Store
from tests.segments.generate import Generator
from tests.segments.shop import MODEL, fill


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


@pytest.fixture
def overlaps(store: Store, segments: Segments, lists: Lists) -> Overlaps:
    return Overlaps(store, MODEL, segments, lists)


def naive(sets: list[set[str]]) -> dict[tuple[int, ...], int]:
    """Return how many keys are in exactly which sets, one key after the other."""
    return Counter(tuple(n for n, s in enumerate(sets) if key in s) for key in set().union(*sets))


def exact(found: Overlap) -> dict[tuple[int, ...], int]:
    return {i.sets: i.count for i in found.intersections}


def check_pairs(found: Overlap, sets: list[set[str]]) -> None:
    assert found.total == len(set().union(*sets))
    assert found.sizes == tuple(map(len, sets))
    for n, one in enumerate(sets):
        for m, other in enumerate(sets):
            assert found.common(n, m) == len(one & other)
            assert found.jaccard(n, m) == (len(one & other) / len(one | other) if one | other else None)
            assert found.share(n, m) == (len(one & other) / len(one) if one else None)
    assert found.df.to_numpy().tolist() == [[len(a & b) for b in sets] for a in sets]


def fits(segments: Segments, definition: Definition) -> bool:
    """Return whether a random definition names nothing that is not stored here, such as a campaign."""
    try:
        segments.check(definition)
    except SegmentError:
        return False
    return True


@pytest.mark.parametrize("seed", range(6))
def test_rows_overlap_as_sets_of_keys_do(
    seed: int, overlaps: Overlaps, segments: Segments, lists: Lists, engine: Engine
) -> None:
    draw, made, wanted = random.Random(seed), [], seed + 2
    generator = Generator(seed)
    while len(made) < wanted + 1:
        definition = Definition.from_document(generator.definition())
        if definition.entity == "user" and fits(segments, definition):
            made.append(definition)
    for n, definition in enumerate(made[:-1]):
        segments.save(f"S{n}", definition)
    lists.create("L", made[-1], contact="email", kind=draw.choice(["dynamic", "static"]), engine=engine)
    keys = [set(segments.keys(definition, engine).column("key").to_pylist()) for definition in made]
    out = set(draw.sample(sorted(keys[-1]), len(keys[-1]) // 3))
    lists.remove("L", out)
    keys[-1] -= out
    found = overlaps.compare(engine, [overlaps.find(f"S{n}") for n in range(wanted)] + [overlaps.find("L")])
    assert (found.by, found.names) == ("row", (*(f"S{n}" for n in range(wanted)), "L"))
    assert exact(found) == naive(keys)
    check_pairs(found, keys)
    counts = [i.count for i in found.intersections]
    assert counts == sorted(counts, reverse=True)


def test_sets_of_several_entities_and_suppressed_addresses_overlap_by_address(
    overlaps: Overlaps, segments: Segments, lists: Lists, store: Store, suppressions: Suppressions
) -> None:
    addresses = ["Ada@example.com", "ada@EXAMPLE.com", "bob@example.com", None, "no address", "bücher@exämple.org"]
    rows = [{"id": f"z{n}", "email": a, "tier": "Gold" if n % 2 else "Silver"} for n, a in enumerate(addresses)]
    fill(store, {"user": rows, "order": [{"id": "zo", "user_id": "z2"}, {"id": "zp", "user_id": "z0"}]})
    is_mine = {"field": "id", "is": "starts_with", "value": "z"}
    segments.save("People", user(is_mine))
    segments.save("Golden", user({"all": [is_mine, {"field": "tier", "is": "equals", "value": "Gold"}]}))
    segments.save("Orders", Definition.from_document({"entity": "order", "where": is_mine}))
    suppressions.add("BOB@example.com")
    suppressions.add("bob@example.com", "complaint")
    suppressions.add("other@example.com")
    with Engine(store.snapshot(), store.settings, now=store.clock.now()) as engine:
        sets = [overlaps.find(name) for name in ("People", "Golden", "Orders")]
        found = overlaps.compare(engine, sets, suppressed=True)

    def known(*numbers: int) -> set[str]:
        return {key for n in numbers if (key := address_key(addresses[n] or "")) is not None}

    expected = [known(0, 1, 2, 3, 4, 5), known(1, 3, 5), known(2, 0), {"bob@example.com", "other@example.com"}]
    assert (found.by, found.names) == ("address", ("People", "Golden", "Orders", SUPPRESSED))
    assert exact(found) == naive(expected)
    assert found.unreached == (2, 1, 0, 0)
    check_pairs(found, expected)


def test_what_cannot_be_compared_is_refused_with_what_would_be_right(
    overlaps: Overlaps, segments: Segments, lists: Lists, engine: Engine
) -> None:
    segments.save("A", user())
    segments.save("Products", Definition("product"))
    lists.create("A", user(), contact="email")
    one, products = overlaps.find("segment:A"), overlaps.find("Products")
    with pytest.raises(ListError, match="'A' is a segment and a list; write 'segment:A' or 'list:A'"):
        overlaps.find("A")
    with pytest.raises(NotFound, match="No segment or list 'B'"):
        overlaps.find("B")
    with pytest.raises(ListError, match="1 segments and lists cannot be compared; name 2 to 8"):
        overlaps.compare(engine, [one])
    with pytest.raises(ListError, match="'A' is named twice"):
        overlaps.compare(engine, [one, one])
    with pytest.raises(ListError, match="which have no e-mail address"):
        overlaps.compare(engine, [one, products])
    with pytest.raises(ListError, match="compared by address"):
        overlaps.compare(engine, [one, products], by="row")
    both = overlaps.compare(engine, [one, overlaps.find("list:A")])
    assert both.names == ("A (segment)", "A (list)")
    assert both.jaccard(0, 1) == 1.0


def test_a_workspace_compares_by_name(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        services = workspace.services
        fill(
            services.store,
            {"customer_user": [{"id": n, "country": c} for n, c in zip("abc", ("DE", "DE", "NO"), strict=True)]},
            services.model,
        )
        for country in ("DE", "NO"):
            where = {"field": "country", "is": "equals", "value": country}
            services.segments.save(country, Definition.from_document({"entity": "customer_user", "where": where}))
        services.segments.save("All", Definition("customer_user"))
        assert exact(workspace.overlap("DE", "no", "All")) == {(0, 2): 2, (1, 2): 1}


def test_a_segment_written_as_sql_is_compared_and_measured_like_any_other(
    overlaps: Overlaps, segments: Segments, lists: Lists, store: Store, engine: Engine
) -> None:
    query = "select id from \"user\" where tier = 'Gold'"
    segments.save("Written", Definition.from_document({"entity": "user", "sql": query}))
    segments.save("Built", user({"field": "tier", "is": "equals", "value": "Gold"}))
    segments.save("Other", Definition.from_document({"entity": "user", "sql": 'select id from "user" limit 3'}))
    found = overlaps.compare(engine, [overlaps.find("Written"), overlaps.find("Built"), overlaps.find("Other")])
    assert found.jaccard(0, 1) == 1.0
    assert found.sizes[2] == 3
    assert Sizes(store, MODEL, segments, lists).measure("segment", "Written").count == found.sizes[0] > 0
