"""A workspace with a small shop in it, made once and copied for every test."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa

from analytics.bootstrap import create_services, open_services
from analytics.demo.shop import Size, make_shop
from analytics.services import Services

SMALL = Size(customers=12, users=60, products=20, leads=10, shopping_lists=20, quotes=10)
NAME = "Jürgen's shop #1"


def fill(services: Services, today: datetime | None = None) -> None:
    """Put a small made-up shop into the lake."""
    store = services.store
    shop = make_shop(7, today or datetime.now(UTC), SMALL)
    for name, frame in shop.tables.items():
        schema = services.model.entity(name).schema
        columns = {c.name: c.type for c in schema.columns}
        keyed = (
            frame if schema.key in frame else frame.assign(**{schema.key: [f"{name}-{n}" for n in range(len(frame))]})
        )
        store.lake.merge(name, _table(keyed, columns))


def _table(frame: pd.DataFrame, types: Mapping[str, str]) -> pa.Table:
    arrays = {
        name: [None if pd.isna(v) else Decimal(str(v)) for v in frame[name]] if types[name] == "money" else frame[name]
        for name in frame.columns
        if name in types
    }
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in arrays.items()})


def make(folder: Path, *, filled: bool) -> Path:
    """Make a workspace below `folder` and return its path."""
    root = folder / NAME
    with create_services(root, settings={"name": "Test shop", "timezone": "Europe/Berlin"}) as services:
        if filled:
            fill(services)
    return root


def copy(prepared: Path, folder: Path) -> Path:
    """Return a copy of a prepared workspace below `folder`."""
    return Path(shutil.copytree(prepared, folder / NAME))


def services_of(root: Path) -> Services:
    """Return services over a workspace, beside those of the dashboard."""
    return open_services(root)
