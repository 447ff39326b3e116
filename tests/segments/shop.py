"""A small entity model that has every kind of field and relation, and random rows for it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from analytics.lists import Tags
from analytics.model.entity import ContactPath, Entity, EntityModel, Field, Relation, RelationFilter
from analytics.store import Store

NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)  # the day Berlin's clocks go forward
ZONE = "Europe/Berlin"

Row = dict[str, Any]
Data = Mapping[str, Sequence[Row]]


def _fields(*fields: Field) -> dict[str, Field]:
    return {f.name: f for f in fields}


def _f(name: str, kind: Any, **more: Any) -> Field:
    return Field(name, kind, name.replace("_", " ").capitalize(), **more)


MODEL = EntityModel.of(
    [
        Entity(
            name="grp",
            label="Group",
            plural="Groups",
            key="id",
            title="name",
            fields=_fields(_f("id", "text"), _f("name", "text"), _f("discount", "percent")),
        ),
        Entity(
            name="company",
            label="Company",
            plural="Companies",
            key="id",
            title="name",
            fields=_fields(
                _f("id", "text"),
                _f("name", "text", history=True),
                _f("group_id", "text"),
                _f("parent_id", "text"),
                _f("rating", "integer", history=True),
            ),
            relations={
                "group": Relation("group", "Group", "grp", "one", "group_id", "id"),
                "parent": Relation("parent", "Parent", "company", "one", "parent_id", "id"),
                "users": Relation("users", "Users", "user", "many", "id", "company_id"),
            },
        ),
        Entity(
            name="user",
            label="User",
            plural="Users",
            key="id",
            title="email",
            as_of="created_at",
            fields=_fields(
                _f("id", "text"),
                _f("email", "text", personal=True),
                _f("first name", "text"),
                _f("company_id", "text"),
                _f("enabled", "boolean"),
                _f("birthday", "date"),
                _f("last_login", "datetime"),
                _f("created_at", "datetime"),
                _f("logins", "integer"),
                _f("score", "number"),
                _f("credit", "money", history=True),
                _f("tier", "enum", options=("Gold", "Silver", "Bronze")),
                _f("country", "enum"),
                _f("interests", "multi_enum", options=("Shoes", "Hats", "Coats")),
                _f("labels", "multi_enum", history=True),
            ),
            relations={
                "company": Relation("company", "Company", "company", "one", "company_id", "id"),
                "orders": Relation("orders", "Orders", "order", "many", "id", "user_id"),
                "returns": Relation(
                    "returns", "Returns", "order", "many", "id", "user_id", (RelationFilter("is_return", True),)
                ),
                # Not by key: several people may share an address, the one with the smallest key is meant.
                "person": Relation("person", "Person", "person", "one", "email", "email"),
                "open_order": Relation(
                    "open_order", "Open order", "order", "one", "id", "user_id", (RelationFilter("status", "open"),)
                ),
            },
            contacts=(ContactPath("email", "email", "email"), ContactPath("phone", "phone", "person.phone")),
        ),
        Entity(
            name="person",
            label="Person",
            plural="People",
            key="id",
            fields=_fields(_f("id", "text"), _f("email", "text"), _f("phone", "text"), _f("city", "text")),
            contacts=(ContactPath("email", "email", "email"),),
        ),
        Entity(
            name="order",
            label="Order",
            plural="Orders",
            key="id",
            as_of="created_at",
            fields=_fields(
                _f("id", "text"),
                _f("user_id", "text"),
                _f("created_at", "datetime"),
                _f("shipped_on", "date"),
                _f("status", "enum"),
                _f("total", "money"),
                _f("total_base", "money"),
                _f("refunded", "money"),
                _f("currency", "text"),
                _f("internal_status", "enum", options=("open", "cancelled")),
                _f("weight", "number"),
                _f("lines", "integer"),
                _f("is_return", "boolean"),
                _f("note", "text"),
            ),
            relations={
                "user": Relation("user", "User", "user", "one", "user_id", "id"),
                "items": Relation("items", "Items", "item", "many", "id", "order_id"),
            },
            contacts=(ContactPath("email", "email", "user.email"),),
        ),
        Entity(
            name="item",
            label="Item",
            plural="Items",
            key="id",
            fields=_fields(
                _f("id", "text"),
                _f("order_id", "text"),
                _f("product_id", "text"),
                _f("price", "money"),
                _f("sku", "text"),
            ),
            relations={
                "order": Relation("order", "Order", "order", "one", "order_id", "id"),
                "product": Relation("product", "Product", "product", "one", "product_id", "id"),
            },
        ),
        Entity(
            name="product",
            label="Product",
            plural="Products",
            key="id",
            fields=_fields(_f("id", "text"), _f("name", "text"), _f("brand", "text"), _f("price", "money")),
            relations={"items": Relation("items", "Items", "item", "many", "id", "product_id")},
        ),
    ]
)

WORDS = ["Ada", "ada", "BOB", "bob%", "O'Hara", "x_y", "Änne", "änne", "", "Zoë; drop", '"q"', "a.c", "abc"]
COUNTRIES = ["NO", "no", "GB", "DE", "United Kingdom"]
TAGS = ["VIP", "Änne's", "late"]
LABELS = ["VIP", "vip", "a, b", "Änne", "x;y"]
STATUSES = ["open", "Open", "closed", "cancelled"]


def make_rows(seed: int, size: int = 12) -> Data:
    """Return random rows for every entity: small domains, so that conditions meet values; nulls everywhere."""
    r = random.Random(seed)

    def maybe(value: Any, nothing: float = 0.2) -> Any:
        return None if r.random() < nothing else value

    def when() -> datetime:
        if r.random() < 0.3:  # near midnights and the hour that is missing
            base = datetime(2026, 3, 28, 22, 30, tzinfo=UTC) + timedelta(minutes=30 * r.randrange(30))
            return base + timedelta(microseconds=r.choice([0, 1, 59_999_999]))
        return NOW - timedelta(hours=r.randrange(-48, 24 * 400), minutes=r.choice([0, 30]))

    def money() -> Decimal:
        return Decimal(r.choice([0, 1, 5, 10, 10, 25, 100, -5])) + Decimal(r.choice(["0", "0.25", "0.5", "0.99"]))

    groups = [
        {"id": f"g{n}", "name": maybe(r.choice(WORDS)), "discount": maybe(r.choice([0.0, 5.0, 12.5]))} for n in range(3)
    ]
    companies = [
        {
            "id": f"c{n}",
            "name": maybe(r.choice(WORDS)),
            "group_id": maybe(f"g{r.randrange(4)}"),  # g3 does not exist
            "parent_id": maybe(f"c{r.randrange(5)}", 0.5),
            "rating": maybe(r.randrange(4)),
        }
        for n in range(4)
    ]
    users = [
        {
            "id": f"u{n:02}",
            "email": maybe(f"{r.choice(['a', 'b', 'c', 'd'])}@example.com", 0.1),
            "first name": maybe(r.choice(WORDS)),
            "company_id": maybe(f"c{r.randrange(5)}"),
            "enabled": maybe(r.random() < 0.5),
            "birthday": maybe(date(r.choice([1984, 2000]), r.choice([2, 3, 12]), r.choice([1, 28, 29])), 0.3)
            if r.random() < 0.3
            else maybe(date(1990, r.randrange(1, 13), r.randrange(1, 29))),
            "last_login": maybe(when()),
            "created_at": maybe(when(), 0.1),
            "logins": maybe(r.randrange(5)),
            "score": maybe(r.choice([0.0, 0.5, 1.5, 2.0, -1.0])),
            "credit": maybe(money()),
            "tier": maybe(r.choice(["Gold", "Silver", "Bronze"])),
            "country": maybe(r.choice(COUNTRIES)),
            "interests": maybe(sorted(r.sample(["Shoes", "Hats", "Coats"], r.randrange(4)))),
            "labels": maybe(r.sample(LABELS, r.randrange(4))),
            "_tags": r.sample(TAGS, r.choice([0, 0, 1, 2])),
        }
        for n in range(size)
    ]
    for n, user in enumerate(users):
        if user["email"] == "d@example.com":  # one mailbox, spelled in some ways
            user["email"] = ["d@bücher.example", " D@Bücher.example", "d@xn--bcher-kva.example"][n % 3]
    people = [
        {
            "id": f"p{n}",
            "email": maybe(f"{r.choice(['a', 'b', 'c'])}@example.com"),
            "phone": maybe(f"+49 30 {n}"),
            "city": maybe(r.choice(WORDS)),
        }
        for n in range(6)
    ]
    orders = [
        {
            "id": f"o{n:02}",
            "user_id": maybe(f"u{int(size * r.random() ** 2):02}", 0.1),
            "created_at": maybe(when(), 0.1),
            "shipped_on": maybe(date(2026, 3, r.randrange(1, 31)), 0.4),
            "status": maybe(r.choice(STATUSES)),
            "total": maybe(money()),
            "total_base": maybe(money(), 0.5),
            "refunded": maybe(Decimal("1.5"), 0.8),
            "currency": maybe(r.choice(["EUR", "EUR", "USD"])),
            "internal_status": maybe(r.choice(["open", "open", "open", "cancelled"])),
            "weight": maybe(r.choice([0.5, 1.5, 2.0])),
            "lines": maybe(r.randrange(4)),
            "is_return": maybe(r.random() < 0.3),
            "note": maybe(r.choice(WORDS)),
            "_tags": r.sample(TAGS, r.choice([0, 1])),
        }
        for n in range(size * 2)
    ]
    products = [
        {
            "id": f"s{n}",
            "name": maybe(r.choice(WORDS)),
            "brand": maybe(r.choice(["Acme", "acme", "Umbrella"])),
            "price": maybe(money()),
        }
        for n in range(4)
    ]
    items = [
        {
            "id": f"i{n:03}",
            "order_id": maybe(f"o{r.randrange(size * 2):02}", 0.1),
            "product_id": maybe(f"s{r.randrange(5)}"),
            "price": maybe(money()),
            "sku": maybe(r.choice(["X1", "x1", "X2", ""])),
        }
        for n in range(size * 3)
    ]
    return {
        "grp": groups,
        "company": companies,
        "user": users,
        "person": people,
        "order": orders,
        "item": items,
        "product": products,
    }


def fill(store: Store, data: Data, model: EntityModel = MODEL) -> None:
    """Write rows to the lake, every table of the model made, and their `_tags` to the state."""
    tags = Tags(store, model)
    for entity in model.entities.values():
        store.lake.ensure(entity.schema)
        rows = data.get(entity.name, ())
        if rows:
            names = [c.name for c in entity.schema.columns]
            store.lake.merge(entity.name, _arrow(entity, [{n: row.get(n) for n in names} for row in rows]))
            for name in TAGS:
                tags.add(entity.name, name, [row["id"] for row in rows if name in row.get("_tags", ())])


def _arrow(entity: Entity, rows: list[Row]) -> pa.Table:
    from analytics.store.arrow import arrow_schema

    return pa.Table.from_pylist(rows, schema=arrow_schema(entity.schema))
