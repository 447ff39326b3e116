"""How large segments and lists were when: exact comings and goings, crashes, lost files, what is due."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from analytics.lists import Lists
from analytics.lists.sizes import SizePoint, Sizes
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition, Segments
from analytics.services import Services
from analytics.settings import Settings
from analytics.store import Store
from analytics.store.tables import marketing_list
from analytics.worker import Worker
from tests.segments.shop import MODEL, NOW, ZONE, fill

GOLD = {"field": "tier", "is": "equals", "value": "Gold"}


def user(where: Any = None, **more: Any) -> Definition:
    return Definition.from_document({"entity": "user", **({"where": where} if where else {}), **more})


def put(store: Store, **tiers: str | None) -> None:
    fill(store, {"user": [{"id": key, "email": f"{key}@example.com", "tier": tier} for key, tier in tiers.items()]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "s", Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        put(store, a="Gold", b="Gold", c="Silver")
        yield store


@pytest.fixture
def sizes(store: Store, segments: Segments, lists: Lists) -> Sizes:
    return Sizes(store, MODEL, segments, lists)


def later(store: Store, **span: float) -> None:
    clock = store.clock
    assert isinstance(clock, SimulatedClock)
    clock.advance(timedelta(**span))


def numbers(points: tuple[SizePoint, ...]) -> list[tuple[int, int | None, int | None]]:
    return [(p.count, p.entered, p.left) for p in points]


def test_a_measurement_says_exactly_who_came_and_went(sizes: Sizes, segments: Segments, store: Store) -> None:
    segments.save("VIP", user(GOLD))
    first = sizes.measure("segment", "VIP")
    assert first == SizePoint(NOW, 1, 2, None, None)
    change = sizes.changes("segment", "VIP")
    assert change is not None and (change.before, change.entered, change.left) == (None, (), ())
    put(store, b="Silver", c="Gold", d="Gold")
    later(store, days=1)
    assert numbers((sizes.measure("segment", "VIP"),)) == [(3, 2, 1)]
    change = sizes.changes("segment", "VIP")
    assert change is not None
    assert (change.before, change.at, change.entered, change.left) == (
        NOW,
        NOW + timedelta(days=1),
        ("c", "d"),
        ("b",),
    )
    later(store, days=1)
    sizes.measure("segment", "VIP")
    assert numbers(sizes.history("segment", "vip").points) == [(2, None, None), (3, 2, 1), (3, 0, 0)]
    frame = sizes.history("segment", "VIP").df
    assert frame["count"].tolist() == [2, 3, 3]
    assert frame["entered"].tolist()[1:] == [2, 0]
    assert len(list(store.folder.memberships.iterdir())) == 1


def test_two_measurements_at_one_moment_are_one_after_the_other(sizes: Sizes, segments: Segments) -> None:
    segments.save("VIP", user(GOLD))
    sizes.measure("segment", "VIP")
    assert sizes.measure("segment", "VIP").at > NOW
    assert numbers(sizes.history("segment", "VIP").points) == [(2, None, None), (2, 0, 0)]


def test_a_lost_or_damaged_file_is_made_again_and_nothing_is_guessed(
    sizes: Sizes, segments: Segments, store: Store
) -> None:
    segments.save("VIP", user(GOLD))
    for damage in (Path.unlink, lambda path: path.write_bytes(b"torn")):
        sizes.measure("segment", "VIP")
        (kept,) = store.folder.memberships.iterdir()
        damage(kept)
        assert sizes.changes("segment", "VIP") is None
        put(store, c="Gold")
        assert numbers((sizes.measure("segment", "VIP"),)) == [(3, None, None)]
        assert numbers((sizes.measure("segment", "VIP"),)) == [(3, 0, 0)]
        put(store, c="Silver")


def test_what_a_crash_leaves_is_never_taken_for_the_last_membership(
    sizes: Sizes, segments: Segments, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments.save("VIP", user(GOLD))
    sizes.measure("segment", "VIP")
    put(store, c="Gold")
    later(store, days=1)

    # Killed after the file, before the numbers: a file and a draft of a moment no number knows.
    (kept,) = store.folder.memberships.iterdir()
    (kept.parent / "segment-1-1893456000000000.parquet").write_bytes(kept.read_bytes())
    (kept.parent / ".segment-1-1893456000000001.parquet.77").write_bytes(b"half")
    assert numbers((sizes.measure("segment", "VIP"),)) == [(3, 1, 0)]
    assert len(list(store.folder.memberships.iterdir())) == 1

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:  # after the numbers, before the old file goes
        broken.setattr(Sizes, "_forget", die)
        put(store, c="Silver")
        with pytest.raises(KeyboardInterrupt):
            sizes.measure("segment", "VIP")
    assert numbers((sizes.measure("segment", "VIP"),)) == [(2, 0, 0)]
    assert numbers(sizes.history("segment", "VIP").points)[-2:] == [(2, 0, 1), (2, 0, 0)]
    assert len(list(store.folder.memberships.iterdir())) == 1


def test_removed_members_leave_a_list_and_static_ones_stay(sizes: Sizes, lists: Lists, store: Store) -> None:
    lists.create("Moving", user(GOLD), contact="email")
    lists.create("Still", user(GOLD), contact="email", kind="static")
    for name in ("Moving", "Still"):
        assert sizes.measure("list", name).count == 2
    lists.remove("Moving", ["a"])
    put(store, c="Gold")
    assert numbers((sizes.measure("list", "Moving"), sizes.measure("list", "Still"))) == [(2, 1, 1), (2, 0, 0)]
    assert sizes.measure("list", "Still").version == 1


def test_what_changed_or_was_not_measured_today_is_due(
    sizes: Sizes, segments: Segments, lists: Lists, store: Store
) -> None:
    def due() -> list[str]:
        return [s.name for s in sizes.due()]

    segments.save("VIP", user(GOLD))
    lists.create("Buyers", segment="VIP", contact="email")
    lists.create("Still", user(), contact="email", kind="static")
    assert due() == ["VIP", "Buyers", "Still"]
    done = sizes.measure_due(most=2)
    assert ([s.name for s in done.measured], done.is_complete) == (["VIP", "Buyers"], False)
    assert sizes.measure_due().is_complete
    assert due() == []
    later(store, minutes=1)
    segments.save("VIP", user())
    assert due() == ["VIP", "Buyers"]  # the list follows its segment
    sizes.measure_due()
    later(store, minutes=1)
    lists.refresh("Still")
    assert due() == ["Still"]
    sizes.measure_due()
    later(store, hours=14)  # past midnight in Berlin
    assert sorted(due()) == ["Buyers", "Still", "VIP"]


def test_sizes_go_with_what_was_measured_even_if_its_number_comes_again(
    sizes: Sizes, segments: Segments, store: Store
) -> None:
    segments.save("VIP", user(GOLD))
    sizes.measure("segment", "VIP")
    segments.delete("VIP")
    later(store, minutes=1)
    assert segments.save("Other", user()).id == 1
    assert sizes.history("segment", "Other").points == ()
    assert [s.name for s in sizes.due()] == ["Other"]
    assert numbers((sizes.measure("segment", "Other"),)) == [(3, None, None)]
    segments.delete("Other")
    sizes.measure_due()
    assert sizes.recent() == {}
    assert list(store.folder.memberships.iterdir()) == []


def test_the_worker_measures_and_passes_what_cannot_be(store: Store) -> None:
    services = Services(store, MODEL)
    services.segments.save("Base", user(GOLD))
    services.segments.save("VIP", user())
    lists = services.lists
    lists.create("Gone", user(GOLD), contact="email")
    services.segments.save("On a list", user({"list": "Gone"}))
    with store.state.write() as connection:  # as in a workspace from before named lists were kept
        connection.execute(delete(marketing_list))
    worker = Worker(services)
    with capture_logs() as logs:
        assert worker.measure() is False
        assert worker.measure() is False
    assert [(entry["event"], entry["id"]) for entry in logs] == [("not measured", 3)]
    assert {key for key, _ in services.sizes.recent().items()} == {("segment", 1), ("segment", 2)}


def test_many_random_changes_add_up(sizes: Sizes, segments: Segments, store: Store) -> None:
    draw = random.Random(3)
    segments.save("VIP", user(GOLD))
    people: dict[str, str | None] = {f"p{n}": None for n in range(30)}
    put(store, **people, a=None, b=None, c=None)
    before: set[str] = set()
    sizes.measure("segment", "VIP")
    for _ in range(6):
        for key in draw.sample(list(people), 9):
            people[key] = draw.choice(["Gold", "Silver", None])
        put(store, **people)
        now = {key for key, tier in people.items() if tier == "Gold"}
        assert numbers((sizes.measure("segment", "VIP"),)) == [(len(now), len(now - before), len(before - now))]
        change = sizes.changes("segment", "VIP")
        assert change is not None
        assert (set(change.entered), set(change.left)) == (now - before, before - now)
        before = now
