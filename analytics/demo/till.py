"""Where the demo's visitors pay: it numbers the orders, and its book is imported like any shop's export."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pandas as pd

from analytics.demo.shop import order_items


class Till:
    """Takes orders of customer users by e-mail address."""

    def __init__(self, users: pd.DataFrame, products: pd.DataFrame, *, series: str, seed: int) -> None:
        """Take the shop's customer users and products; `series` starts every order number ("41" gives 410001, ...)."""
        self._users = users.set_index("email")
        self._products = products
        self._series, self._rng = series, np.random.default_rng(seed)
        self._orders: list[dict[str, object]] = []
        self._items: list[pd.DataFrame] = []

    def ring_up(self, address: str, at: datetime) -> tuple[str, float, str]:
        """Return (order number, revenue, its lines as Matomo's `ec_items` JSON) of a new order."""
        number = f"{self._series}{len(self._orders) + 1:04d}"
        items = order_items(self._rng, np.array([f"O{number}"]), self._products)
        total = round(float((items["price"] * items["quantity"]).sum()), 2)
        user, made = self._users.loc[address], pd.Timestamp(at).as_unit("us")
        self._orders.append(
            {
                "id": f"O{number}",
                "identifier": number,
                "customer_id": user["customer_id"],
                "customer_user_id": user["id"],
                "country": user["country"],
                "currency": "EUR",
                "subtotal": total,
                "total": total,
                "internal_status": "open",
                "payment_status": "full",
                "created_at": made,
            }
        )
        self._items.append(items.assign(created_at=made))
        columns = (items[name].tolist() for name in ("sku", "product_name", "price", "quantity"))
        lines = [[sku, name, "", price, int(quantity)] for sku, name, price, quantity in zip(*columns, strict=True)]
        return number, total, json.dumps(lines)

    def book(self) -> dict[str, pd.DataFrame]:
        """Return the orders taken so far and their lines, by entity name; empty without any."""
        if not self._orders:
            return {}
        return {"order": pd.DataFrame(self._orders), "order_item": pd.concat(self._items, ignore_index=True)}
