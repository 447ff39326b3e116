"""Random definition documents over the small shop: every operator, type, measure and kind of path."""

from __future__ import annotations

import random
from typing import Any

from analytics.model.entity import Entity, EntityModel, Relation
from analytics.segments.operators import BY_TYPE, NUMERIC, OPERATORS
from tests.segments.shop import COUNTRIES, LABELS, MODEL, STATUSES, TAGS, WORDS
from tests.segments.stories import CAMPAIGNS, KINDS, SOURCES, TOPICS, URLS

Document = dict[str, Any]

PATTERNS = ["^a", "b+", "o.h", "e$", "[äz]", "a|x"]
DAYS = [
    "2026-03-29",
    "2026-03-28",
    "2026-03-01",
    "today - 0d",
    "today - 1d",
    "today - 30d",
    "today - 90d",
    "start of month",
    "start of week",
    "start of quarter",
    "start of year",
]
TIMES = [
    *DAYS,
    "now - 0h",
    "now - 3h",
    "now - 30h",
    "this month - 0",
    "this month - 1",
    "this week - 0",
    "this week - 1",
    "this quarter - 0",
    "this quarter - 2",
    "this year - 0",
    "this year - 1",
    "2026-03-29 03:30",
    "2026-03-28T23:00",
]
FROM = {"website": ["shop", "Blog"], "source": SOURCES, "medium": ["email", "print"], "code": ["x1", "X2"]}
_ONE = ["id", "email", "name"]


class Generator:
    """Makes documents from a seed."""

    def __init__(self, seed: int, model: EntityModel = MODEL) -> None:
        self.r, self.model = random.Random(seed), model

    def definition(self) -> Document:
        entity = self.r.choice(["user", "user", "user", "person", "order", "company", "item", "product"])
        document: Document = {"entity": entity, "where": self.node(self.model.entities[entity], 0)}
        if self.r.random() < 0.5:
            document["sort"] = [self.sort(self.model.entities[entity]) for _ in range(self.r.randrange(1, 3))]
        if self.r.random() < 0.3:
            document["limit"] = self.r.randrange(6)
        return document

    def sort(self, entity: Entity) -> Document:
        many = [r for r in entity.relations.values() if r.kind == "many"]
        direction = {"direction": self.r.choice(["ascending", "descending"])}
        if many and self.r.random() < 0.4:
            return {**self.measure(self.r.choice(many)), **direction}
        return {"field": self.path(entity, only_one=True), **direction}

    def node(self, entity: Entity, depth: int) -> Document:
        draw = self.r.random()
        if depth < 3 and draw < 0.45:
            kind = self.r.choice(["all", "any", "any", "not"])
            if self.r.random() < 0.05:
                return {"all": []}  # everybody
            if kind == "not":
                return {"not": self.node(entity, depth + 1)}
            return {kind: [self.node(entity, depth + 1) for _ in range(self.r.randrange(1, 4))]}
        if draw < 0.7 and any(r.kind == "many" for r in self._reach(entity)):
            return self.measured(entity, depth)
        if draw < 0.79 and entity.relations:
            path = self.path(entity, only_relations=True)
            return {"same": path, "where": self.node(self._end(entity, path), depth + 1)}
        if draw < 0.8:
            names = [self.r.choice([*TAGS, "vip", "nobody's"]) for _ in range(self.r.randrange(1, 3))]
            return {"tag": self.r.choice(["any_of", "none_of"]), "value": names}
        if draw < 0.85 and entity.name == "user":
            return self.rfm()
        if draw < 0.9 and any(c.channel == "email" for c in entity.contacts):
            return self.told()
        if draw < 0.93:
            if self.r.random() < 0.5:
                of = self.r.choice([2, 3, [50, 30, 20], [12.5, 25]])
                parts = of if isinstance(of, int) else len(of)
                return {"split": self.r.choice("ab"), "part": self.r.randint(1, parts), "of": of}
            return {
                "sample": self.r.choice([10, 33.3, 50]),
                "from": self.r.choice([0, 20]),
                "salt": self.r.choice("ab"),
            }
        return self.field(entity)

    def rfm(self) -> Document:
        part = self.r.choice(["recency", "frequency", "monetary", "score"])
        if part != "score":
            return {"rfm": part, **self._valued(self.r.choice(NUMERIC), lambda: self.r.randrange(1, 6))}
        operator = self.r.choice(["equals", "any_of", "none_of", "starts_with", "not_ends_with", "empty"])
        scores = ["1-1-1", "5-5-5", "1-", "5", "3-2-2", "5-3-3"]
        return {"rfm": part, **self._valued(operator, lambda: self.r.choice(scores))}

    # what people did and said

    def told(self) -> Document:
        kind = self.r.choice(["behaviour", "behaviour", "did", "did", "sequence", "sequence", "consent"])
        if kind == "consent":
            return {"consent": self.r.choice(TOPICS).upper(), "is": self.r.choice(["granted", "withdrawn", "none"])}
        if kind != "sequence":
            return self.behaviour(self.r.choice([1, 1, 2, 3])) if kind == "behaviour" else self.did(step=False)
        steps = [self.step() for _ in range(self.r.choice([1, 2, 2, 3]))]
        document: Document = {"sequence": steps}
        if len(steps) == 1 or self.r.random() < 0.3:
            document["without"] = self.step()
        if "without" in document or self.r.random() < 0.7:
            document["within"] = self.r.choice(["12h", "1d", "3d", "2w", "1440 min"])
        return document

    def step(self) -> Document:
        return self.behaviour() if self.r.random() < 0.5 else self.did(step=True)

    def behaviour(self, times: int = 1) -> Document:
        return {
            "behaviour": self.r.choice(["received", "opened", "clicked", "bounced", "unsubscribed"]),
            "campaign": self.r.choice(["any", "any", *CAMPAIGNS]),
            "times": times,
            **({"within": self.r.choice(["10d", "20d", "36h", "3w"])} if self.r.random() < 0.4 else {}),
            "by": self.r.choice(["human", "all"]),
        }

    def did(self, step: bool) -> Document:
        document: Document = {"did": self.r.choice(["any", "any", *KINDS[:-2]]), "by": self.r.choice(["human", "all"])}
        for key in ("url", "title", "category", "action", "name"):
            if self.r.random() < 0.15:
                operator = self.r.choice(BY_TYPE["text"])
                words = {"is": operator, **self._valued(operator, lambda operator=operator: self._event_text(operator))}
                document[key] = words
        for key, values in FROM.items():
            if self.r.random() < 0.12:
                document[key] = self.r.choice(values)
        if self.r.random() < 0.3:
            document["within"] = self.r.choice(["10d", "20d", "36h"])
        if self.r.random() < 0.2:
            operator = self.r.choice([o for o in BY_TYPE["datetime"] if o != "empty"])
            compared = self._valued(operator, lambda: self.r.choice(TIMES))
            document["when"] = compared.pop("is")
            if compared:
                document["at"] = compared["value"]
        if not step and self.r.random() < 0.6:
            document["is"] = self.r.choice(["at_least", "at_most", "equals"])
            document["times"] = self.r.choice([1, 2, 3] if document["is"] == "at_least" else [0, 1, 2])
        return document

    def _event_text(self, operator: str) -> str:
        if operator in ("matches", "not_matches"):
            return self.r.choice(["sale", "^https", "[ab]$"])
        return self.r.choice(["sale", "Sale", "hats", "video", "play", "A", "b", URLS[0]])

    def field(self, entity: Entity) -> Document:
        path = self.path(entity)
        resolved = self.model.resolve(entity.name, path)
        field = resolved.field
        kind = "text" if field is None else field.type
        if kind in ("date", "datetime") and self.r.random() < 0.4:
            return self.part(path, kind)
        operator = self.r.choice(BY_TYPE[kind])
        options = field.options if field is not None else ()
        return {"field": path, **self.comparison(kind, operator, options, path)}

    def part(self, path: str, kind: str) -> Document:
        parts = {
            "day_of_week": (1, 7),
            "day_of_month": (1, 31),
            "day_of_year": (1, 366),
            "week": (1, 53),
            "month": (1, 12),
            "quarter": (1, 4),
            "year": (2024, 2027),
            "day_and_month": None,
        }
        if kind == "datetime":
            parts["hour"] = (0, 23)
        part = self.r.choice(list(parts))
        operator = self.r.choice(NUMERIC)

        def value() -> Any:
            if self.r.random() < 0.25:
                return self.r.choice(DAYS if part != "hour" else ["now - 0h", "now - 3h"])
            limits = parts[part]
            return self.r.choice(["12-24", "02-29", "03-29", "01-01"]) if limits is None else self.r.randint(*limits)

        return {"field": path, "part": part, **self._valued(operator, value)}

    def measured(self, entity: Entity, depth: int) -> Document:
        relation = self.r.choice([r for r in self._reach(entity) if r.kind == "many"])
        steps = [] if relation.name in entity.relations and entity.relations[relation.name] is relation else None
        if steps is None:
            first = self.r.choice(
                [r for r in entity.relations.values() if r.kind == "one" and relation in self._own(r)]
            )
            steps = [first.name]
        document = self.measure(relation, steps, depth)
        name = document["measure"]
        end = self._end(entity, document["related"])
        kind = "integer" if name == "count" else end.fields[document["field"]].type
        if name == "avg" and kind != "money":
            kind = "number"
        operators = [o for o in BY_TYPE[kind] if not (name in ("count", "sum") and o in ("empty", "not_empty"))]
        options = () if name == "count" else end.fields[document["field"]].options
        return {
            **document,
            **self.comparison(kind, self.r.choice(operators), options, document.get("field") or "count"),
        }

    def measure(self, relation: Relation, steps: list[str] | None = None, depth: int = 2) -> Document:
        way, end = [*(steps or []), relation.name], self.model.entities[relation.target]
        if self.r.random() < 0.3:
            more = self.r.choice(list(end.relations.values()) or [None])
            if more is not None:
                way, end = [*way, more.name], self.model.entities[more.target]
        name = self.r.choice(["count", "count", "sum", "min", "max", "avg", "first", "last"])
        by_type = {
            "sum": ("integer", "number", "money"),
            "avg": ("integer", "number", "money"),
        }.get(name, ("integer", "number", "money", "text", "date", "datetime", "enum"))
        fields = [f.name for f in end.fields.values() if f.type in by_type]
        times = [f.name for f in end.fields.values() if f.type in ("date", "datetime")]
        if not fields or (name in ("first", "last") and not times):
            name = "count"
        document: Document = {"related": ".".join(way), "measure": name}
        if name != "count":
            document["field"] = self.r.choice(fields)
        if name in ("first", "last") and (end.as_of is None or self.r.random() < 0.3):
            document["by"] = self.r.choice(times)
        if self.r.random() < 0.5:
            document["where"] = self.node(end, max(depth + 1, 2))
        return document

    def comparison(self, kind: str, operator: str, options: tuple[str, ...], name: str) -> Document:
        def value() -> Any:
            if kind == "multi_enum" and not options:
                return self.r.choice([*LABELS, "änne", "a", "none"])
            if kind in ("text", "enum", "multi_enum"):
                return self._text(operator, options, name)
            if kind in ("date", "datetime"):
                return self.r.choice(DAYS if kind == "date" else TIMES)
            if kind == "integer":
                return self.r.randrange(-1, 5)
            if kind == "money":
                return self.r.choice(["0", 1, "5.25", "10.50", 10, "25.0000", 100, "-5", "12.345"])
            return self.r.choice([0, 0.5, 1.5, 2, 5.0, 12.5])

        return self._valued(operator, value)

    def _valued(self, operator: str, value: Any) -> Document:
        arity = OPERATORS[operator].arity
        if arity == "none":
            return {"is": operator}
        if arity == "one":
            return {"is": operator, "value": value()}
        count = 2 if arity == "two" else self.r.randrange(1, 4)
        return {"is": operator, "value": [value() for _ in range(count)]}

    def _text(self, operator: str, options: tuple[str, ...], name: str) -> str:
        if operator in ("matches", "not_matches"):
            return self.r.choice(PATTERNS)
        if options:
            return self.r.choice([*options, options[0].upper()])
        if operator in ("contains", "starts_with", "ends_with", "not_contains", "not_starts_with", "not_ends_with"):
            return self.r.choice(["a", "A", "o", "%", "_", "'", "example", "1", "b%"])
        if name.endswith("id") or ("." in name and self.r.random() < 0.2):
            return f"{self.r.choice('ugcoips')}{self.r.choice(['0', '1', '00', '01', '02', '001'])}"
        return self.r.choice([*WORDS, *COUNTRIES, *STATUSES, "a@example.com", "X1", "Acme"])

    def path(self, entity: Entity, only_one: bool = False, only_relations: bool = False) -> str:
        steps: list[str] = []
        while len(steps) < 3 and self.r.random() < ((1 if only_relations else 0.5) if not steps else 0.35):
            ways = [r for r in entity.relations.values() if r.kind == "one" or not only_one]
            if not ways:
                break
            relation = self.r.choice(ways)
            steps.append(relation.name)
            entity = self.model.entities[relation.target]
        if only_relations or (steps and self.r.random() < 0.1):
            return ".".join(steps)
        return ".".join([*steps, self.r.choice(list(entity.fields))])

    def _own(self, relation: Relation) -> list[Relation]:
        return list(self.model.entities[relation.target].relations.values())

    def _reach(self, entity: Entity) -> list[Relation]:
        own = list(entity.relations.values())
        return own + [r for one in own if one.kind == "one" for r in self._own(one)]

    def _end(self, entity: Entity, path: str) -> Entity:
        return self.model.resolve(entity.name, path).entity
