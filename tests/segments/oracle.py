"""A slow, naive evaluator of definitions over plain rows, written from docs/segments.md and not from the compiler.

It reads documents, not the product's tree, and knows nothing of SQL: loops over rows and three rules, that a negative
operator is the opposite of its positive one, that no value fulfils no positive operator, and that 0 is the count and
sum of nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key
from typing import Any
from zoneinfo import ZoneInfo

from analytics.model.entity import EntityModel, Relation
from tests.segments.oracle_people import People

Row = Mapping[str, Any]

OPPOSITES = {
    "not_equals": "equals",
    "none_of": "any_of",
    "not_contains": "contains",
    "not_starts_with": "starts_with",
    "not_ends_with": "ends_with",
    "not_matches": "matches",
    "not_between": "between",
    "no": "yes",
    "empty": "not_empty",
}


class Oracle:
    """Evaluates documents over `data`, a list of rows per entity."""

    def __init__(
        self,
        model: EntityModel,
        data: Mapping[str, Sequence[Row]],
        now: datetime,
        zone: str,
        *,
        week_start: int = 0,
        year_start: int = 1,
    ) -> None:
        self.model, self.data, self.now, self.zone = model, data, now, ZoneInfo(zone)
        self.week_start, self.year_start = week_start, year_start
        self._rfm: dict[str, dict[str, dict[str, Any]]] = {}
        self.local = now.astimezone(self.zone).replace(tzinfo=None)
        self.people = People(self)

    def keys(self, document: Mapping[str, Any]) -> list[str]:
        """Return the keys of a definition's rows in order."""
        entity = document["entity"]
        where = document.get("where")
        rows = [r for r in self.data[entity] if where is None or self.holds(where, r, entity)]
        rows.sort(key=cmp_to_key(lambda a, b: self._compare(document.get("sort", []), a, b, entity)))
        return [r["id"] for r in rows][: document.get("limit")]

    def _compare(self, sort: Sequence[Mapping[str, Any]], a: Row, b: Row, entity: str) -> int:
        for step in sort:
            x, y = self._sorted_value(step, a, entity), self._sorted_value(step, b, entity)
            if x == y:
                continue
            if x is None or y is None:
                return 1 if x is None else -1  # no value comes last, whatever the direction
            return (-1 if x < y else 1) * (-1 if step.get("direction") == "descending" else 1)
        return -1 if a["id"] < b["id"] else 1

    def _sorted_value(self, step: Mapping[str, Any], row: Row, entity: str) -> Any:
        value = self._measured(step, row, entity) if "related" in step else self.ends(row, entity, step["field"])
        if isinstance(value, list):
            value = value[0] if value else None  # the only one
        if isinstance(value, list):
            value = ", ".join(value) or None
        return value.lower() if isinstance(value, str) else value

    def holds(self, node: Mapping[str, Any], row: Row, entity: str) -> bool:
        """Return whether a node holds for a row."""
        if "all" in node:
            return all(self.holds(n, row, entity) for n in node["all"])
        if "any" in node:
            return any(self.holds(n, row, entity) for n in node["any"])
        if "not" in node:
            return not self.holds(node["not"], row, entity)
        if "same" in node:
            rows, last = self._rows_at(row, entity, node["same"])
            return any(self.holds(node["where"], r, last) for r in rows)
        if "split" in node:
            shares = [100 / node["of"]] * node["of"] if isinstance(node["of"], int) else node["of"]
            place = _place(node["split"], row["id"]) / 2**32 * 100
            return sum(shares[: node["part"] - 1]) <= place < sum(shares[: node["part"]])
        if "sample" in node:
            start, place = node.get("from", 0), _place(node.get("salt", ""), row["id"])
            return round(start / 100 * 2**32) <= place < round((start + node["sample"]) / 100 * 2**32)
        if "tag" in node:
            bears = {t.lower() for t in row.get("_tags", ())} & {name.lower() for name in node["value"]}
            return bool(bears) == (node["tag"] == "any_of")
        if "consent" in node:
            return self.people.consent(row, entity, node["consent"]) == node["is"]
        if "did" in node or "behaviour" in node:
            return self.people.did_often_enough(row, entity, node)
        if "sequence" in node:
            return bool(self.people.ends_of(row, entity, node))
        operator = node["is"]
        if "rfm" in node and operator not in OPPOSITES:
            value = self.rfm(entity).get(row["id"], {}).get(node["rfm"])
            return self.fits(value, "text" if node["rfm"] == "score" else "integer", node)
        if operator in OPPOSITES:
            return not self.holds({**node, "is": OPPOSITES[operator]}, row, entity)
        if "related" in node:
            kind = self._measured_kind(node, entity)
            return self.fits(self._measured(node, row, entity), kind, node)
        kind = self._kind(entity, node["field"])
        return any(self.fits(value, kind, node) for value in self.ends(row, entity, node["field"]))

    # --- buyers ---

    def rfm(self, entity: str) -> dict[str, dict[str, Any]]:
        """Return the groups of all rows of an entity that have orders, the score too, by key."""
        if entity not in self._rfm:
            bought = {r["id"]: self._bought(r, entity) for r in self.data[entity]}
            buyers = {key: values for key, values in bought.items() if values is not None}
            groups: dict[str, dict[str, Any]] = {key: {} for key in buyers}
            for n, part in enumerate(("recency", "frequency", "monetary")):
                for key, values in buyers.items():
                    worse = [other[n] < values[n] for other in buyers.values()]
                    if part == "recency":  # more days are worse
                        worse = [other[n] > values[n] for other in buyers.values()]
                    groups[key][part] = 5 - 5 * sum(worse) // len(buyers)
            for found in groups.values():
                found["score"] = "-".join(str(found[p]) for p in ("recency", "frequency", "monetary"))
            self._rfm[entity] = groups
        return self._rfm[entity]

    def _bought(self, row: Row, entity: str) -> tuple[int, int, Decimal] | None:
        orders = [
            o
            for o in self._follow(row, self.model.entities[entity].relations["orders"])
            if o["created_at"] is not None and o["created_at"] <= self.now and not o["is_return"]
            if o["internal_status"] != "cancelled"
        ]
        if not orders:
            return None
        days = [(self.local.date() - o["created_at"].astimezone(self.zone).date()).days for o in orders]
        year = [o for o, since in zip(orders, days, strict=True) if since <= 365]
        return min(days), len(year), sum((_money(o) for o in year), Decimal())

    # --- related rows ---

    def _follow(self, row: Row, relation: Relation) -> list[Row]:
        value = row[relation.own_field]
        if value is None:
            return []
        found = [
            r
            for r in self.data[relation.target]
            if r[relation.target_field] == value and all(r[f.field] == f.value for f in relation.where)
        ]
        found.sort(key=lambda r: r["id"])
        return found[:1] if relation.kind == "one" else found

    def _rows_at(self, row: Row, entity: str, path: str) -> tuple[list[Row], str]:
        """Return the different rows at the end of a path of relations, and their entity."""
        rows = [row]
        for step in path.split("."):
            relation = self.model.entities[entity].relations[step]
            entity = relation.target
            found = {r["id"]: r for start in rows for r in self._follow(start, relation)}
            rows = list(found.values())
        return rows, entity

    def ends(self, row: Row, entity: str, path: str) -> list[Any]:
        """Return the values at the end of a dotted path, one for each related row."""
        way, _, name = path.rpartition(".")
        rows, last = self._rows_at(row, entity, way) if way else ([row], entity)
        if name not in self.model.entities[last].fields:
            rows, name = self._rows_at(row, entity, path)[0], "id"
        return [r[name] for r in rows]

    def _kind(self, entity: str, path: str) -> str:
        resolved = self.model.resolve(entity, path)
        return resolved.field.type if resolved.field is not None else "text"

    def _measured_kind(self, node: Mapping[str, Any], entity: str) -> str:
        if node["measure"] == "count":
            return "integer"
        kind = self._kind(entity, f"{node['related']}.{node['field']}")
        return "number" if node["measure"] == "avg" and kind != "money" else kind

    def _measured(self, node: Mapping[str, Any], row: Row, entity: str) -> Any:
        rows, last = self._rows_at(row, entity, node["related"])
        if node.get("where") is not None:
            rows = [r for r in rows if self.holds(node["where"], r, last)]
        measure = node["measure"]
        if measure == "count":
            return len(rows)
        if measure in ("first", "last"):
            by = node.get("by") or self.model.entities[last].as_of
            dated = sorted((r for r in rows if r[by] is not None), key=lambda r: (r[by], r["id"]))
            return dated[0 if measure == "first" else -1][node["field"]] if dated else None
        values = [r[node["field"]] for r in rows if r[node["field"]] is not None]
        if measure == "sum":
            return sum(values)
        if not values:
            return None
        if measure == "avg":
            mean = sum(values) / len(values)
            return mean.quantize(Decimal("0.0001"), ROUND_HALF_UP) if isinstance(mean, Decimal) else mean
        return min(values) if measure == "min" else max(values)

    # --- one value ---

    def fits(self, value: Any, kind: str, node: Mapping[str, Any]) -> bool:
        """Return whether a value fulfils a positive operator."""
        operator, wanted = node["is"], node.get("value")
        if value is None:
            return False
        if kind == "multi_enum":
            if operator == "not_empty":
                return len(value) > 0
            return any(v.lower() in [w.lower() for w in wanted] for v in value)
        if operator == "not_empty":
            return value != ""
        if operator == "yes":
            return value is True
        if node.get("part"):
            return self._part_fits(value, node)
        if kind in ("date", "datetime"):
            return self._time_fits(value, kind, operator, wanted)
        if kind in ("text", "enum"):
            return _text_fits(value.lower(), operator, wanted)
        return _number_fits(value, operator, wanted)

    def compares(self, value: Any, kind: str, node: Mapping[str, Any]) -> bool:
        """Return whether a value fulfils an operator, positive or negative."""
        operator = node["is"]
        if operator in OPPOSITES:
            return not self.fits(value, kind, {**node, "is": OPPOSITES[operator]})
        return self.fits(value, kind, node)

    def _time_fits(self, value: Any, kind: str, operator: str, wanted: Any) -> bool:
        spans = [self.span(w, kind) for w in (wanted if isinstance(wanted, list) else [wanted])]
        start, end = spans[0]
        if operator == "between":
            start, end = min(spans)[0], max(spans)[1]
        return {
            "equals": start <= value < end,
            "between": start <= value < end,
            "before": value < start,
            "after": value >= end,
            "on_or_after": value >= start,
            "on_or_before": value < end,
        }[operator]

    def span(self, text: str, kind: str) -> tuple[Any, Any]:
        """Return start and end of what a text means, as dates or as UTC times."""
        start, end, is_day = self._span(text)
        if kind == "date":
            if is_day:
                return start.date(), end.date()
            day = start.astimezone(self.zone).date()
            return day, day + timedelta(days=1)
        return (self._utc(start), self._utc(end)) if is_day else (start, end)

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def _span(self, text: str) -> tuple[datetime, datetime, bool]:
        midnight = datetime.combine(self.local.date(), time())
        if match := re.fullmatch(r"now - (\d+)h", text):
            start = self.now - timedelta(hours=int(match[1]))
            return start, start + timedelta(microseconds=1), False
        if match := re.fullmatch(r"today - (\d+)d", text):
            start = midnight - timedelta(days=int(match[1]))
            return start, start + timedelta(days=1), True
        if match := re.fullmatch(r"start of (\w+)", text):
            start = self._first(midnight, match[1])
            return start, start + timedelta(days=1), True
        if match := re.fullmatch(r"this (\w+) - (\d+)", text):
            start, end = self._first(midnight, match[1]), midnight + timedelta(days=1)
            while not self._begins(end, match[1]):
                end += timedelta(days=1)
            for _ in range(int(match[2])):
                start, end = self._first(start - timedelta(days=1), match[1]), start
            return start, end, True
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            start = datetime.fromisoformat(text)
            return start, start + timedelta(days=1), True
        start = self._utc(datetime.fromisoformat(text))
        return start, start + timedelta(minutes=1), False

    def _first(self, day: datetime, unit: str) -> datetime:
        """Go back day by day to the first of the week, month, quarter or year."""
        while not self._begins(day, unit):
            day -= timedelta(days=1)
        return day

    def _begins(self, day: datetime, unit: str) -> bool:
        if unit == "week":
            return day.weekday() == self.week_start
        months = {
            "month": range(1, 13),
            "quarter": [(self.year_start - 1 + 3 * n) % 12 + 1 for n in range(4)],
            "year": [self.year_start],
        }
        return day.day == 1 and day.month in months[unit]

    def _number_of(self, part: str, day: Any) -> int:
        if part != "quarter":
            return PARTS[part](day)
        months = [(self.year_start - 1 + n) % 12 + 1 for n in range(12)]
        return months.index(day.month) // 3 + 1

    def _part_fits(self, value: Any, node: Mapping[str, Any]) -> bool:
        part, operator, wanted = node["part"], node["is"], node["value"]
        local = value.astimezone(self.zone) if isinstance(value, datetime) else value
        numbers = [self._wanted_part(part, w) for w in (wanted if isinstance(wanted, list) else [wanted])]
        number = self._number_of(part, local)
        if operator == "between" and part != "year" and numbers[0] > numbers[1]:
            return number >= numbers[0] or number <= numbers[1]  # over the turn
        return _number_fits(number, operator, sorted(numbers) if operator == "between" else numbers)

    def _wanted_part(self, part: str, wanted: Any) -> int:
        if isinstance(wanted, int):
            return wanted
        if part == "day_and_month" and re.fullmatch(r"\d\d-\d\d", wanted):
            return int(wanted.replace("-", ""))
        start, _, is_day = self._span(wanted)
        return self._number_of(part, start if is_day else start.astimezone(self.zone))


PARTS: Mapping[str, Callable[[Any], int]] = {
    "hour": lambda d: d.hour,
    "day_of_week": lambda d: d.isoweekday(),
    "day_of_month": lambda d: d.day,
    "day_of_year": lambda d: int(d.strftime("%j")),
    "week": lambda d: int(d.strftime("%V")),
    "month": lambda d: d.month,
    "year": lambda d: d.year,
    "day_and_month": lambda d: d.month * 100 + d.day,
}


def _place(salt: str, key: str) -> int:
    return int(hashlib.md5(f"{salt}:{key}".encode()).hexdigest()[:8], 16)


def _money(order: Row) -> Decimal:
    """What an order is worth in the base currency (euros), less its refund; nothing where that is not known."""
    total, base, refund = order["total"], order["total_base"], order["refunded"] or Decimal()
    if order["currency"] in (None, "EUR"):
        worth = base if base is not None else total
        return Decimal() if worth is None else worth - refund
    if base is None or not refund:
        return base or Decimal()
    return (base - refund * base / total).quantize(Decimal("0.0001"), ROUND_HALF_UP) if total else Decimal()


def _text_fits(value: str, operator: str, wanted: Any) -> bool:
    low = [w.lower() for w in (wanted if isinstance(wanted, list) else [wanted])]
    return {
        "equals": lambda: value == low[0],
        "any_of": lambda: value in low,
        "contains": lambda: low[0] in value,
        "starts_with": lambda: value.startswith(low[0]),
        "ends_with": lambda: value.endswith(low[0]),
        "matches": lambda: re.search(low[0], value) is not None,
    }[operator]()


def _number_fits(value: Any, operator: str, wanted: Any) -> bool:
    exact = isinstance(value, int | Decimal)
    numbers = [Decimal(str(w)) if exact else float(w) for w in (wanted if isinstance(wanted, list) else [wanted])]
    first = numbers[0]
    return {
        "equals": lambda: value == first,
        "any_of": lambda: value in numbers,
        "at_least": lambda: value >= first,
        "more_than": lambda: value > first,
        "at_most": lambda: value <= first,
        "less_than": lambda: value < first,
        "between": lambda: min(numbers) <= value <= max(numbers),
    }[operator]()
