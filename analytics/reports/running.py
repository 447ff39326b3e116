"""Running query files: the values they name bound, their text kept for whoever wants to see what was asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from analytics.engine import Engine, load_sql
from analytics.lists.address import address_keys
from analytics.reports.query import Scope
from analytics.settings import Settings

Row = dict[str, Any]

_READ = ("events", "verdicts", "deliveries", "calls", "order", "customer_user")


class Run:
    """Runs query files on an engine with the values they name, and keeps their text."""

    def __init__(self, engine: Engine, scope: Scope, settings: Settings) -> None:
        self.engine = engine
        self.values: dict[str, Any] = {
            "since": scope.since,
            "until": scope.until,
            "low": scope.low,
            "email_campaign": scope.email_campaign_id,
            "marketing_campaign": scope.marketing_campaign_id,
            "window_days": scope.window_days,
            "is_first": scope.model == "first touch",
            "base_currency": settings.base_currency,
            "zone": settings.timezone,
            # The websites' whole traffic says nothing about one campaign.
            "with_site": scope.email_campaign_id is None and scope.marketing_campaign_id is None,
        }
        self._texts: list[tuple[str, str]] = []

    def make(self, name: str) -> None:
        """Run a query file that makes a table."""
        self.statement(name, load_sql("analytics.reports", name))

    def ask(self, name: str) -> list[Row]:
        """Run a query file and return its rows by column."""
        text = load_sql("analytics.reports", name)
        self._texts.append((name, text))
        return self.engine.arrow(text, self.named(text)).to_pylist()

    def statement(self, name: str, text: str) -> None:
        """Run a statement and keep it under a name."""
        self._texts.append((name, text))
        self.engine.rows(text, self.named(text))

    @property
    def sql(self) -> str:
        """All that was run, each query under its name, the bound values first."""
        bound = "\n".join(f"-- ${name} = {value!s}" for name, value in sorted(self.values.items()))
        return "\n\n".join([bound, *(f"-- {name}\n{text.strip()};" for name, text in self._texts)]) + "\n"

    @property
    def versions(self) -> Mapping[str, int]:
        """The versions of the lake's tables that were read."""
        return {n: v for n, v in self.engine.snapshot.versions.items() if n in _READ}

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that differ where queries, values or versions of tables do."""
        return hashlib.sha256(f"{self.sql}\n{sorted(self.versions.items())}".encode()).hexdigest()[:16]

    def named(self, text: str) -> dict[str, Any]:
        """Return the values a text names: no others may be bound."""
        code = re.sub(r"--[^\n]*", "", text)
        return {name: self.values[name] for name in set(re.findall(r"\$([a-z_]+)", code))}


def make_persons(run: Run) -> None:
    """Make `_person`: whom the orders in `_valued_order` belong to, by address key."""
    run.make("efficiency_customers")
    odd = run.engine.arrow("select distinct email from _customer where plain is null order by email").column("email")
    spelled = pa.table({"email": pa.array(odd.to_pylist(), pa.string()), "key": address_keys(odd)})
    run.engine.register("_spelled", spelled)
    run.make("efficiency_persons")
