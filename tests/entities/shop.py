"""What the tests of imports have at hand: files written from text, imports, and the tables afterwards."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from analytics.engine import read
from analytics.entities.importing import ImportOptions, ImportReport, Rule, import_file
from analytics.model.clock import SimulatedClock
from analytics.model.entity import EntityModel
from analytics.store import Store

ONLINE_RETAIL: Mapping[str, str] = {
    "id": "InvoiceNo",
    "identifier": "InvoiceNo",
    "created_at": "InvoiceDate",
    "country": "Country",
    "currency": "'GBP'",
    "is_return": "InvoiceNo like 'C%'",
    "total": "sum(Quantity * UnitPrice)",
    "customer_user.id": "CustomerID",
    "customer_user.email": "'c' || CustomerID || '@example.com'",
    "customer_user.country": "Country",
    "customer_user.created_at": "InvoiceDate",
    "items.sku": "StockCode",
    "items.product_name": "Description",
    "items.quantity": "Quantity",
    "items.price": "UnitPrice",
    "items.product.id": "StockCode",
    "items.product.name": "Description",
}


class Shop:
    """A workspace that files are imported into; its clock moves on a minute with each import."""

    def __init__(self, store: Store, model: EntityModel, clock: SimulatedClock, folder: Path) -> None:
        self.store, self.model, self.clock, self.folder = store, model, clock, folder
        folder.mkdir(exist_ok=True)

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(
        self,
        source: str | bytes | Path,
        entity: str,
        mapping: Mapping[str, str] | Iterable[Rule | str] = (),
        name: str = "file.csv",
        **options: Any,
    ) -> ImportReport:
        """Import a file, or text as the file `name`."""
        path = source if isinstance(source, Path) else self.file(name, source)
        self.clock.advance(timedelta(minutes=1))
        return import_file(
            self.store, self.model, path, entity=entity, mapping=mapping, options=ImportOptions(**options)
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the newest snapshot."""
        return read(self.store, lambda engine: engine.rows(sql))

    def value(self, sql: str) -> Any:
        """Ask the newest snapshot for one value."""
        return self.rows(sql)[0][0]

    def rejects(self, report: ImportReport) -> list[tuple[int, str, str, str]]:
        """Return (line, column, value, reason) of the rejects file."""
        assert report.rejects_file is not None
        with report.rejects_file.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["line", "column", "value", "reason"]
        return [(int(line), column, value, reason) for line, column, value, reason in rows[1:]]


def counted(report: ImportReport, entity: str) -> tuple[int, int, int, int, int]:
    """Return (read, added, changed, unchanged, deleted) of an entity."""
    found = next(c for c in report.counts if c.entity == entity)
    return found.read, found.added, found.changed, found.unchanged, found.deleted
