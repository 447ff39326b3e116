"""The demo shop: an office supplier with 600 customers, made from a seed, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from analytics.demo import people

DAYS = 548  # 18 months
_ORDERS_A_YEAR = 3.6  # of an average customer user


@dataclass(frozen=True)
class Size:
    """How many rows the shop has of each kind."""

    customers: int = 600
    users: int = 5_000
    products: int = 400
    leads: int = 900
    shopping_lists: int = 3_000
    quotes: int = 1_500


SIZES = {"full": Size(), "small": Size(60, 400, 60, 50, 120, 60)}
"""The sizes a demo shop comes in: the full one, and one for a quick look."""


@dataclass(frozen=True)
class Shop:
    """The shop's tables by entity name, and when it opened."""

    tables: Mapping[str, pd.DataFrame]
    opened_at: datetime

    def between(self, since: datetime, until: datetime) -> dict[str, pd.DataFrame]:
        """Return what a nightly export at `until` has that one at `since` had not: rows made after it, and customer
        users with their last log-in as it was then.
        """
        after, by = pd.Timestamp(since), pd.Timestamp(until)
        fresh = {}
        for name, table in self.tables.items():
            made = _made(table)
            first = since == self.opened_at
            fresh[name] = table[(made <= by) & (first | (made > after))]
        users, orders = self.tables["customer_user"], self.tables["order"]
        fresh["customer_user"] = _with_logins(users[users["created_at"] <= by], orders[orders["created_at"] <= by])
        return fresh


def make_shop(seed: int, today: datetime, size: Size = SIZES["full"]) -> Shop:
    """Return a shop that opened 18 months before `today` (aware).

    Orders come from a Poisson process per customer user, their rates gamma distributed (the NBD model: Ehrenberg 1959),
    so that a few people buy much and many buy little.
    """
    rng = np.random.default_rng(seed)
    opened = (today - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    customers = _customers(rng, size.customers, opened)
    users = _users(rng, size.users, customers, opened)
    rates = rng.gamma(0.7, _ORDERS_A_YEAR / 0.7, len(users))
    # One in three went quiet at some moment: those are whom a win-back campaign is for.
    quiet_from = np.where(rng.random(len(users)) < 0.33, rng.uniform(60, DAYS, len(users)), DAYS)
    products = _products(rng, size.products, opened)
    orders, items = _orders(rng, users, customers, products, rates, quiet_from, opened)
    lists, list_items = _baskets(rng, users, products, opened, "shopping_list", size.shopping_lists)
    quotes, quote_items = _baskets(rng, users, products, opened, "quote", size.quotes)
    tables = {
        "customer_group": pd.DataFrame({"id": [g.lower() for g in people.GROUPS], "name": people.GROUPS}),
        "customer": customers.drop(columns=["country", "city"]),
        "customer_user": users,
        "account": _accounts(customers),
        "contact": _contacts(rng, customers, users),
        "lead": _leads(rng, size.leads, opened),
        "product": products,
        "order": orders,
        "order_item": items,
        "shopping_list": lists,
        "shopping_list_item": list_items,
        "quote": quotes,
        "quote_item": quote_items,
    }
    return Shop(tables, opened)


def _made(table: pd.DataFrame) -> pd.Series:
    if "created_at" in table:
        return table["created_at"]
    return pd.Series(pd.Timestamp.min.tz_localize("UTC"), index=table.index)


def _times(rng: np.random.Generator, days: np.ndarray, opened: datetime) -> pd.Series:
    """Return times of working hours (UTC) on the given days since the opening."""
    hour = np.clip(rng.normal(11.5, 2.8, len(days)), 5.5, 20.5)
    seconds = np.floor(days) * 86_400 + hour * 3_600 + rng.integers(0, 60, len(days))
    return pd.Series(pd.Timestamp(opened) + pd.to_timedelta(np.floor(seconds), unit="s")).dt.as_unit("us")


def _customers(rng: np.random.Generator, count: int, opened: datetime) -> pd.DataFrame:
    countries = rng.choice(list(people.CITIES), count, p=people.COUNTRY_WEIGHTS)
    names = [
        f"{rng.choice(people.LAST_NAMES)} {rng.choice(people.TRADES)} {rng.choice(people.FORMS)}" for _ in range(count)
    ]
    return pd.DataFrame(
        {
            "id": [f"C{n:04d}" for n in range(1, count + 1)],
            "name": names,
            "group_id": rng.choice([g.lower() for g in people.GROUPS], count, p=people.GROUP_WEIGHTS),
            "country": countries,
            "city": [rng.choice(people.CITIES[c]) for c in countries],
            "created_at": _times(rng, rng.integers(-600, 250, count), opened),
        }
    )


def _users(rng: np.random.Generator, count: int, customers: pd.DataFrame, opened: datetime) -> pd.DataFrame:
    # Every customer has one user at least; the rest fall where users are already (a few large customers).
    weights = rng.gamma(0.8, 1.0, len(customers))
    more = rng.choice(len(customers), count - len(customers), p=weights / weights.sum())
    owner = np.concatenate([np.arange(len(customers)), more])
    first = rng.choice(people.FIRST_NAMES, count)
    last = rng.choice(people.LAST_NAMES, count)
    domain = rng.choice(people.DOMAINS, count)
    owners = customers.iloc[owner].reset_index(drop=True)
    made = owners["created_at"] + pd.to_timedelta(rng.integers(0, 200 * 86_400, count), unit="s")
    return pd.DataFrame(
        {
            "id": [f"U{n:05d}" for n in range(1, count + 1)],
            "email": [
                f"{f.lower()}.{w.lower()}.{n}@{d}"
                for n, (f, w, d) in enumerate(zip(first, last, domain, strict=True), 1)
            ],
            "first_name": first,
            "last_name": last,
            "customer_id": owners["id"],
            "enabled": rng.random(count) < 0.97,
            "confirmed": rng.random(count) < 0.95,
            "is_guest": False,
            "country": owners["country"],
            "city": owners["city"],
            "created_at": made,
        }
    )


def _with_logins(users: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Return the users with the last log-in at their last order (or sign-up) and one log-in an order and sign-up."""
    last = orders.groupby("customer_user_id")["created_at"].max()
    counts = orders["customer_user_id"].value_counts()
    return users.assign(
        last_login=users["id"].map(last).fillna(users["created_at"]),
        login_count=users["id"].map(counts).fillna(0).astype("int64") + 1,
    )


def _products(rng: np.random.Generator, count: int, opened: datetime) -> pd.DataFrame:
    kinds = [(category, good) for category, goods in people.CATEGORIES.items() for good in goods]
    chosen = rng.integers(0, len(kinds), count)
    finish = rng.choice(people.FINISHES, count)
    price = np.round(np.exp(rng.normal(2.7, 0.9, count)), 1) - 0.05
    return pd.DataFrame(
        {
            "id": [f"P{n:03d}" for n in range(1, count + 1)],
            "sku": [f"{kinds[k][0][:3].upper()}-{n:03d}" for n, k in enumerate(chosen, 1)],
            "name": [f"{kinds[k][1]} {f}" for k, f in zip(chosen, finish, strict=True)],
            "category": [kinds[k][0] for k in chosen],
            "price": np.maximum(price, 0.95).round(2),
            "currency": "EUR",
            "created_at": pd.Timestamp(opened).as_unit("us"),
        }
    )


def _orders(
    rng: np.random.Generator,
    users: pd.DataFrame,
    customers: pd.DataFrame,
    products: pd.DataFrame,
    rates: np.ndarray,
    quiet_from: np.ndarray,
    opened: datetime,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    since = ((users["created_at"] - pd.Timestamp(opened)).dt.total_seconds() / 86_400).to_numpy()
    since = np.maximum(since, 0)
    span = np.maximum(np.minimum(quiet_from, DAYS - 0.5) - since, 0)
    counts = rng.poisson(rates * span / 365)
    who = np.repeat(np.arange(len(users)), counts)
    day = since[who] + rng.random(len(who)) * span[who]
    keep = day < DAYS - 1
    who, day = who[keep], day[keep]
    made = _times(rng, day, opened)
    buyer = users.iloc[who].reset_index(drop=True)
    made = made.where(made > buyer["created_at"], buyer["created_at"] + pd.Timedelta(minutes=20))
    orders = pd.DataFrame(
        {
            "customer_id": buyer["customer_id"],
            "customer_user_id": buyer["id"],
            "country": buyer["country"],
            "currency": "EUR",
            "created_at": made,
        }
    ).sort_values(["created_at", "customer_user_id"], ignore_index=True)
    orders.insert(0, "id", [f"O{n:06d}" for n in range(1, len(orders) + 1)])
    orders.insert(1, "identifier", [f"{100_000 + n}" for n in range(1, len(orders) + 1)])
    items = order_items(rng, orders["id"].to_numpy(), products)
    items["created_at"] = items["order_id"].map(orders.set_index("id")["created_at"])
    totals = (items["price"] * items["quantity"]).groupby(items["order_id"]).sum().round(2)
    orders["subtotal"] = orders["id"].map(totals)
    orders["total"] = orders["subtotal"]
    fate = rng.random(len(orders))
    orders["internal_status"] = np.where(fate < 0.04, "cancelled", "closed")
    orders["payment_status"] = np.where(fate < 0.04, "canceled", "full")
    return orders, items


def order_items(rng: np.random.Generator, order_ids: np.ndarray, products: pd.DataFrame) -> pd.DataFrame:
    """Return one to six lines for each order."""
    lines = 1 + rng.poisson(1.3, len(order_ids)).clip(0, 5)
    owner = np.repeat(order_ids, lines)
    # Popularity falls off like 1/rank (Zipf), as it does in most shops.
    weights = 1 / np.arange(2, len(products) + 2)
    chosen = products.iloc[rng.choice(len(products), len(owner), p=weights / weights.sum())]
    return pd.DataFrame(
        {
            "order_id": owner,
            "product_id": chosen["id"].to_numpy(),
            "sku": chosen["sku"].to_numpy(),
            "product_name": chosen["name"].to_numpy(),
            "quantity": (1 + rng.poisson(1.1, len(owner))).astype("float64"),
            "price": chosen["price"].to_numpy(),
            "currency": "EUR",
        }
    )


def _baskets(
    rng: np.random.Generator, users: pd.DataFrame, products: pd.DataFrame, opened: datetime, entity: str, count: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return quotes or shopping lists with their lines."""
    owner = users.iloc[rng.integers(0, len(users), count)].reset_index(drop=True)
    made = owner["created_at"] + pd.to_timedelta(rng.integers(0, 150 * 86_400, count), unit="s")
    prefix = entity[0].upper() + "L" if entity == "shopping_list" else "Q"
    head = pd.DataFrame(
        {
            "id": [f"{prefix}{n:05d}" for n in range(1, count + 1)],
            "customer_id": owner["customer_id"],
            "customer_user_id": owner["id"],
            "currency": "EUR",
            "created_at": made,
        }
    )
    lines = order_items(rng, head["id"].to_numpy(), products).rename(columns={"order_id": f"{entity}_id"})
    lines["created_at"] = lines[f"{entity}_id"].map(head.set_index("id")["created_at"])
    totals = (lines["price"] * lines["quantity"]).groupby(lines[f"{entity}_id"]).sum().round(2)
    if entity == "quote":
        head.insert(1, "identifier", [f"{5_000 + n}" for n in range(1, count + 1)])
        head["internal_status"] = rng.choice(["open", "sent_to_customer", "accepted", "expired"], count)
        head["valid_until"] = made + pd.Timedelta(days=30)
    else:
        head.insert(1, "label", rng.choice(["Shopping list", "Monthly order", "Kitchen", "New office"], count))
        head["subtotal"] = head["id"].map(totals)
    return head, lines


def _accounts(customers: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": customers["id"].str.replace("C", "A"),
            "name": customers["name"],
            "default_contact_id": customers["id"].str.replace("C", "K") + "-1",
            "created_at": customers["created_at"],
        }
    )


def _contacts(rng: np.random.Generator, customers: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Return the first one to three users of each customer, as the sales people know them."""
    place = users.groupby("customer_id").cumcount()
    known = users[place < rng.integers(1, 4, len(customers))[users["customer_id"].str[1:].astype(int) - 1]]
    number = known.groupby("customer_id").cumcount() + 1
    return pd.DataFrame(
        {
            "id": known["customer_id"].str.replace("C", "K") + "-" + number.astype(str),
            "first_name": known["first_name"],
            "last_name": known["last_name"],
            "email": known["email"],
            # Numbers for fiction (Ofcom: 020 7946 0000 to 0999).
            "phone": [f"+44 20 7946 {n:04d}" for n in rng.integers(0, 1_000, len(known))],
            "account_id": known["customer_id"].str.replace("C", "A"),
            "created_at": known["created_at"],
        }
    ).reset_index(drop=True)


def _leads(rng: np.random.Generator, count: int, opened: datetime) -> pd.DataFrame:
    first, last = rng.choice(people.FIRST_NAMES, count), rng.choice(people.LAST_NAMES, count)
    return pd.DataFrame(
        {
            "id": [f"L{n:04d}" for n in range(1, count + 1)],
            "name": [f"{f} {w}" for f, w in zip(first, last, strict=True)],
            "first_name": first,
            "last_name": last,
            "email": [
                f"{f.lower()}.{w.lower()}.lead{n}@example.org"
                for n, (f, w) in enumerate(zip(first, last, strict=True), 1)
            ],
            "company_name": [f"{rng.choice(people.LAST_NAMES)} {rng.choice(people.TRADES)}" for _ in range(count)],
            "status": rng.choice(["new", "qualified", "canceled"], count, p=[0.6, 0.25, 0.15]),
            "source": rng.choice(people.LEAD_SOURCES, count),
            "created_at": _times(rng, rng.integers(0, DAYS - 2, count), opened),
        }
    )
