"""The two sides of the switch: conditions any related rows fulfil between them, and those one row fulfils alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.engine import Engine
from analytics.errors import SegmentError, UnknownField
from analytics.model.clock import SimulatedClock
from analytics.segments import Segments, parse_text, write_text
from analytics.settings import Settings
from analytics.store import Store
from tests.segments.shop import MODEL, NOW, ZONE, fill


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Segments, Engine]]:
    folder: Path = tmp_path_factory.mktemp("same") / "s"
    orders = [
        ("o1", "apart", "open", 10),
        ("o2", "apart", "closed", 500),
        ("o3", "both", "open", 500),
        ("o4", "both", "open", 600),
    ]
    items = [("i1", "o1", "s1", "A"), ("i2", "o1", "s2", "B"), ("i3", "o3", "s1", "B"), ("i4", "o3", "s1", "B")]
    with Store.create(folder, Settings.of({"timezone": ZONE}), SimulatedClock(NOW)) as store:
        fill(
            store,
            {
                "user": [{"id": k, "company_id": "c"} for k in ("apart", "both", "none")],
                "company": [{"id": "c", "name": "Acme"}],
                "order": [{"id": o, "user_id": u, "status": s, "total": t} for o, u, s, t in orders],
                "item": [{"id": i, "order_id": o, "product_id": p, "sku": s} for i, o, p, s in items],
                "product": [{"id": "s1", "brand": "Acme"}, {"id": "s2", "brand": "Other"}],
            },
        )
        with Engine(store.snapshot(), store.settings, now=NOW) as engine:
            yield Segments(store, MODEL), engine


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('user where orders.status = "open" and orders.total > 100', ["apart", "both"]),
        ('user where some orders where (status = "open" and total > 100)', ["both"]),
        ('user where not some orders where (status = "open" and total > 100)', ["apart", "none"]),
        ('user where some orders.items where (sku = "B" and product.brand = "Acme")', ["both"]),
        ('user where orders.items.sku = "B" and orders.items.product.brand = "Acme"', ["apart", "both"]),
        ('user where some orders where (total > 50 and some items where (sku = "B"))', ["both"]),
        ('user where some orders where (status = "open") and some orders where (total > 100)', ["apart", "both"]),
        ('user where some orders where (items.sku = "A" and items.sku = "B")', ["apart"]),
        ("user where some orders where (count(items) >= 2 and total < 50)", ["apart"]),
        ('company where some users.orders where (status = "closed" and total > 100)', ["c"]),
        ('company where some users where (id = "apart" and not orders.status = "closed")', []),
        ('order where some user where (id = "both" and company.name = "Acme")', ["o3", "o4"]),
    ],
)
def test_one_row_has_to_fulfil_all_of_it(engine: tuple[Segments, Engine], text: str, keys: list[str]) -> None:
    segments, connection = engine
    definition = parse_text(text)
    assert segments.keys(definition, connection).column("key").to_pylist() == keys
    assert segments.count(definition, connection) == len(keys)
    assert write_text(definition) == text


def test_two_rows_that_fit_do_not_count_a_person_twice(engine: tuple[Segments, Engine]) -> None:
    segments, connection = engine
    assert segments.count(parse_text('user where some orders.items where (sku = "B")'), connection) == 2
    assert " JOIN " not in segments.sql(parse_text('user where some orders.items where (sku = "B")'), connection).sql


def test_what_is_no_related_row_is_refused_with_its_place(engine: tuple[Segments, Engine]) -> None:
    segments, _ = engine
    with pytest.raises(SegmentError, match=r"where\.same: 'orders\.total' is not a path of relations; user has "):
        segments.check(parse_text("user where some orders.total where (id is empty)"))
    with pytest.raises(UnknownField, match=r"where\.where\.field"):
        segments.check(parse_text("user where some orders where (colour is empty)"))
