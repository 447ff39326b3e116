"""Splits: parts that share nobody, cover everybody and stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.engine import Engine
from analytics.errors import SegmentError
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments, parse_text
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill

USERS = 3_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Segments, Engine]]:
    folder: Path = tmp_path_factory.mktemp("split") / "s"
    with Store.create(folder, Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(store, {"user": [{"id": f"u{n:04}"} for n in range(USERS)]})
        with Engine(store.snapshot(), store.settings, now=NOW) as engine:
            yield Segments(store, MODEL), engine


def keys(shop: tuple[Segments, Engine], condition: str) -> set[str]:
    segments, engine = shop
    return set(segments.keys(parse_text(f"user where {condition}"), engine).column("key").to_pylist())


@pytest.mark.parametrize(
    ("of", "shares"),
    [
        ("2", [50, 50]),
        ("3", [100 / 3] * 3),
        ("7", [100 / 7] * 7),
        ("(50, 30, 20)", [50, 30, 20]),
        ("(10, 0.5)", [10, 0.5]),
    ],
)
def test_parts_share_nobody_and_have_about_their_percentage(
    shop: tuple[Segments, Engine], of: str, shares: list[float]
) -> None:
    parts = [keys(shop, f'split("autumn" part {n + 1} of {of})') for n in range(len(shares))]
    assert sum(map(len, parts)) == len(set().union(*parts))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) / USERS * 100 - share) < 4
    if sum(shares) > 99.99:
        assert set().union(*parts) == keys(shop, "id is not empty")


def test_a_part_stays_the_same_and_another_name_divides_anew(shop: tuple[Segments, Engine]) -> None:
    first = keys(shop, 'split("autumn" part 1 of 2)')
    assert first == keys(shop, 'split("autumn" part 1 of (50, 50))')
    assert first == keys(shop, 'sample(50 salt "autumn")')
    other = keys(shop, 'split("winter" part 1 of 2)')
    assert 0.2 < len(first & other) / USERS < 0.3


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"split": "a", "part": 0, "of": 3}, r"where\.part: 0 is not a part from 1 to 3"),
        ({"split": "a", "part": 3, "of": [50, 50]}, r"where\.part: 3 is not a part from 1 to 2"),
        ({"split": "a", "part": 1, "of": 1}, r"where\.of: 1 is not a number of parts from 2 to 100"),
        ({"split": "a", "part": 1, "of": [60, 50]}, r"where\.of: the parts add up to 110 percent"),
        ({"split": "a", "part": 1, "of": [60, "x"]}, r"where\.of\[1\]: 'x' is not a percentage"),
        ({"split": " ", "part": 1, "of": 2}, r"where\.split: ' ' is not a name"),
        ({"split": "a", "of": 2}, "where has no 'part'"),
    ],
)
def test_what_is_no_part_is_refused_with_its_place(document: dict[str, object], says: str) -> None:
    with pytest.raises(SegmentError, match=says):
        Definition.from_document({"entity": "user", "where": document})
