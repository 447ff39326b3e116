"""From accepted lines to rows of entities: one table `n0`, `n1`, ... per node of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from analytics.engine.sql import quote
from analytics.entities.importing import parsing
from analytics.entities.importing.lines import Lines
from analytics.entities.importing.planning import Node, Plan
from analytics.model.entity import Field

_WHAT = {"latest": "the latest was taken", "earliest": "the earliest was taken"}


@dataclass(frozen=True)
class Rows:
    """The rows a node gives: the table `name` with the entity's `fields` and `_at`, when they were known."""

    node: Node
    name: str
    fields: tuple[Field, ...]
    present: str | None
    """Table (column k) of all keys the file holds, rejected lines included; None where rows come along only."""
    parent_link: str | None
    """Field by which rows replace those of the same parent, where they do."""


class Shaper:
    """Makes the rows of every node."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: Plan, lines: Lines, now: str) -> None:
        """`now` is the SQL of the moment of the import."""
        self._connection, self._plan, self._lines, self._now = connection, plan, lines, now
        self.warnings: list[str] = []

    def shape(self) -> list[Rows]:
        """Return the rows of all nodes in the order to write them: first those others point to, the root last."""
        numbered = list(enumerate(self._plan.nodes))
        order = {"one": 0, "child": 1, "root": 2}
        numbered.sort(key=lambda n: (order[n[1].kind], -n[1].path.count("."), n[0]))
        return [self._rows(node, f"n{number}") for number, node in numbered]

    def totals(self, rows: list[Rows]) -> list[tuple[str, int | Decimal]]:
        """Return what the accepted lines add up to."""
        found: list[tuple[str, int | Decimal]] = []
        for made in sorted(rows, key=lambda r: self._plan.nodes.index(r.node)):
            (count,) = self._connection.execute(f"select count(*) from {made.name}").fetchall()[0]  # noqa: S608  # own name
            found.append((made.node.entity.plural, int(count)))
        for made in rows:
            names = {f.name: f for f in made.fields}
            quantity, price = names.get("quantity"), names.get("price")
            if quantity is None or price is None or price.type != "money" or made.node.kind == "one":
                continue
            (total,) = self._connection.execute(
                f"select sum(cast(quantity as decimal(18,4)) * price) from {made.name}"  # noqa: S608  # own name
            ).fetchall()[0]
            found.append(("Sum of quantity × price", Decimal(total or 0)))
        return found

    def _rows(self, node: Node, name: str) -> Rows:
        if node.kind == "child":
            return self._child(node, name)
        if node.kind == "root" and not node.has_key:
            return self._numbered_root(node, name)
        if node.kind == "root" and not self._plan.by_lines:
            return self._single(node, name)
        return self._grouped(node, name)

    def _single(self, node: Node, name: str) -> Rows:
        """One row per line, as it stands."""
        fields = self._fields(node)
        terms = [f"{self._lines.value(node, f.name)} as {quote(f.name)}" for f in fields]
        self._create(name, f"select {', '.join(terms)}, {self._at('')} as _at from accepted")  # noqa: S608  # own names
        return Rows(node, name, fields, self._present(node, name), None)

    def _grouped(self, node: Node, name: str) -> Rows:
        """One row per key: the earliest or the latest value of its lines that is there."""
        key = self._lines.value(node, node.entity.key)
        fields = self._fields(node)
        terms: list[str] = []
        differing: list[tuple[Field, str, str]] = []
        for field in fields:
            value = self._lines.value(node, field.name)
            assert value is not None
            if value == key:
                terms.append(f"{key} as {quote(field.name)}")
                continue
            if field.keep == "earliest":
                terms.append(f"min({value}) as {quote(field.name)}")
            else:
                terms.append(f"arg_max({value}, _ord) filter ({value} is not null) as {quote(field.name)}")
            differing.append((field, f"count(*) filter (d{len(differing)})", f"min({value}) <> max({value})"))
        flags = "".join(f", {condition} as d{n}" for n, (_, _, condition) in enumerate(differing))
        self._create(
            name,
            f"select {', '.join(terms)}, {self._at('max')} as _at{flags} from accepted "  # noqa: S608  # own names
            f"where {key} is not null group by {key}",
        )
        if differing:
            counted = ", ".join(count for _, count, _ in differing)
            counts = self._connection.execute(f"select {counted} from {name}").fetchall()[0]  # noqa: S608  # own names
            for (field, _, _), count in zip(differing, counts, strict=True):
                if count:
                    self.warnings.append(
                        f"{count:,} {node.entity.plural.lower()} have lines that differ in "
                        f"{node.prefix}{field.name}; {_WHAT[field.keep]}."
                    )
        extra = self._add_sums(name, str(key)) if node.kind == "root" else ()
        return Rows(node, name, (*fields, *extra), self._present(node, name) if node.kind == "root" else None, None)

    def _add_sums(self, name: str, key: str) -> tuple[Field, ...]:
        """Add to the root's rows the fields that are summed over their lines."""
        made = []
        for number, (leaf, bound) in enumerate(self._lines.summed):
            raw = f"s{number}"
            value = parsing.value_sql(
                raw, leaf.field, is_key=False, zone=f"'{self._lines.zone}'", style=parsing.Style()
            )
            self._create(
                raw,
                f"select k, {value} as v, {raw} is not null and {value} is null as lost from ("  # noqa: S608  # checked expression
                f"select {key} as k, cast(({bound.sql}) as varchar) as {raw} "
                f"from {self._lines.variants()} join accepted using (_line) group by {key})",
            )
            (lost,) = self._connection.execute(f"select count(*) from {raw} where lost").fetchall()[0]  # noqa: S608  # own name
            if lost:
                self.warnings.append(
                    f"{leaf.field.name} of {lost:,} rows is empty: {leaf.expression!r} gave "
                    f"{parsing.reason(leaf.field, is_key=False)}."
                )
            self._create(
                f"{name}_{number}",
                f"select {name}.*, {raw}.v as {quote(leaf.field.name)} from {name} "  # noqa: S608  # own names
                f"left join {raw} on {name}.{quote(self._plan.root.entity.key)} = {raw}.k",
            )
            self._connection.execute(f"drop table {name}")
            self._connection.execute(f"alter table {name}_{number} rename to {name}")
            made.append(leaf.field)
        return tuple(made)

    def _child(self, node: Node, name: str) -> Rows:
        """One row per line, belonging to the root row of the line."""
        assert node.relation is not None
        return self._belonging(node, name, node.relation.target_field)

    def _numbered_root(self, node: Node, name: str) -> Rows:
        assert node.entity.parent is not None
        return self._belonging(node, name, node.entity.relations[node.entity.parent].own_field)

    def _belonging(self, node: Node, name: str, link: str) -> Rows:
        group = self._lines.group
        self._number()
        key_column = self._lines.value(node, node.entity.key)
        key = key_column or f"{group} || '#' || numbered.n"
        by_name = {f.name: f"{self._lines.value(node, f.name)}" for f in self._fields(node)}
        by_name[node.entity.key] = key
        by_name[link] = group
        position = node.entity.fields.get("position")
        if position is not None and position.type == "integer" and "position" not in node.leaves:
            by_name["position"] = "numbered.n"
        fields = tuple(node.entity.fields[f] for f in by_name)
        terms = [f"{value} as {quote(f)}" for f, value in by_name.items()]
        self._create(
            name,
            f"select {', '.join(terms)}, {self._at('')} as _at from accepted join numbered using (_line)",  # noqa: S608  # own names
        )
        present = key if key_column else f"{group} || '#' || n"
        self._create(
            f"k{name}",
            f"select distinct {present} as k from parsed join numbered using (_line) where {group} is not null",  # noqa: S608  # own names
        )
        return Rows(node, name, fields, f"k{name}", link)

    def _number(self) -> None:
        """Number the lines of each group, rejected ones too: a line's key stays when another one is put right."""
        group = self._lines.group
        self._connection.execute(
            f"create table if not exists numbered as select _line, "  # noqa: S608  # own names
            f"row_number() over (partition by {group} order by _line) as n from parsed where {group} is not null"
        )

    def _present(self, node: Node, name: str) -> str:
        key = self._lines.value(node, node.entity.key)
        self._create(f"k{name}", f"select distinct {key} as k from parsed where {key} is not null")  # noqa: S608  # own names
        return f"k{name}"

    def _fields(self, node: Node) -> tuple[Field, ...]:
        return tuple(leaf.field for name, leaf in node.leaves.items() if self._lines.value(node, name) is not None)

    def _at(self, function: str) -> str:
        time = self._lines.source_time
        if time is None:
            return self._now
        return f"coalesce({f'{function}({time})' if function else time}, {self._now})"

    def _create(self, name: str, query: str) -> None:
        self._connection.execute(f"create table {name} as {query}")
