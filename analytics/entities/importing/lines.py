"""From the text of lines to typed values: one row per line, the broken ones rejected with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from analytics.entities.importing import parsing
from analytics.entities.importing.expressions import Bound, Expressions
from analytics.entities.importing.planning import Leaf, Node, Plan
from analytics.entities.importing.sources import LINE, Staged
from analytics.entities.importing.values import ImportOptions, Reject
from analytics.model.entity import Field

_MOST_LINES = 1 << 40  # of a file: the time of a line and its number make one number that orders lines
_FAILURES = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


@dataclass(frozen=True)
class Slot:
    """One computed value of a line; fields that come from the same text as the same type share one."""

    number: int
    field: Field
    is_key: bool
    entity: str
    shown: str
    """What a reject names as its column."""
    column: str | None
    bound: Bound | None
    style: parsing.Style

    @property
    def raw(self) -> str:
        """The column of its text."""
        return f"r{self.number}"

    @property
    def value(self) -> str:
        """The column of its value."""
        return f"v{self.number}"


class Lines:
    """The typed lines of one import: the table `parsed`, then `accepted`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        staged: Staged,
        plan: Plan,
        expressions: Expressions,
        options: ImportOptions,
        zone: str,
    ) -> None:
        self._connection, self._staged, self._plan = connection, staged, plan
        self._expressions, self._options, self.zone = expressions, options, zone
        self._positions = {name: n for n, name in enumerate(staged.columns)}
        self._slots: dict[tuple[object, ...], Slot] = {}
        self._by_leaf: dict[tuple[str, str], Slot] = {}
        self._number = f"_line // {staged.scale}"  # the line as the file counts
        self._tried = False
        self.summed: list[tuple[Leaf, Bound]] = []
        for node in plan.nodes:
            for leaf in node.leaves.values():
                self._add(node, leaf)

    def slot(self, node: Node, name: str) -> Slot | None:
        """Return where the value of a node's field is, or None when nothing fills it line by line."""
        return self._by_leaf.get((node.path, name))

    def value(self, node: Node, name: str | None) -> str | None:
        """Return the column of `accepted` that holds a node's field, or None."""
        slot = self._by_leaf.get((node.path, name or ""))
        return None if slot is None else slot.value

    @property
    def group(self) -> str:
        """The column of the key several lines share: the root's, or that of the row root rows belong to."""
        root = self._plan.root
        if root.has_key:
            found = self.value(root, root.entity.key)
        else:
            assert root.entity.parent is not None
            found = self.value(root, root.entity.relations[root.entity.parent].own_field)
        assert found is not None
        return found

    def parse(self) -> list[str]:
        """Make the table `parsed`; returns notes on how numbers and dates were read."""
        self._make()
        notes = self._restyle()
        if notes is not None:
            self._connection.execute("drop table parsed")
            self._make()
        return notes or []

    def reject(self) -> None:
        """Make the table `reject` of what is wrong in which line, and mark the lines in `parsed`."""
        run = self._connection.execute
        run('create table reject (line bigint, "column" varchar, value varchar, reason varchar, entity varchar)')
        self._insert(self._staged.rejects)
        slots = list(self._slots.values())
        if run("select count(*) from parsed where _bad").fetchall()[0][0]:
            typed = f"select * from ({self._typed()}) where _line in (select _line from parsed where _bad)"  # noqa: S608  # own names
            run(f"create temp table wrong as {typed}", self._bindings())
            for slot in slots:
                self._explain(slot)
        self._empty_keys()
        self._doubled_keys()

    def accept(self) -> None:
        """Make the view `accepted`: the lines without a reject, `_ord` telling which is later."""
        time = self.source_time or self.value(self._plan.root, "updated_at")
        order = f"coalesce(cast(epoch_us({time}) as hugeint), 0) * {_MOST_LINES} + _line" if time else "_line"
        self._connection.execute(
            f"create view accepted as select * exclude (_bad), {order} as _ord from parsed where not _bad"  # noqa: S608  # own names
        )

    @property
    def source_time(self) -> str | None:
        """The column of the time at which what a line tells of other rows was known, if lines are dated papers."""
        root = self._plan.root
        return self.value(root, root.entity.as_of) if root.entity.document else None

    # --- SQL of lines ---

    def _add(self, node: Node, leaf: Leaf) -> None:
        place = f"{node.prefix}{leaf.field.name}"
        bound = None if leaf.parsed is None else self._expressions.bind(leaf.parsed, place)
        if leaf.parsed is not None and leaf.parsed.is_aggregate:
            assert bound is not None
            self.summed.append((leaf, bound))
            return
        is_key = leaf.field.name == node.entity.key or any(
            r.kind == "one" and r.own_field == leaf.field.name for r in node.entity.relations.values()
        )
        currency = parsing.is_currency(leaf.field)
        same = (leaf.column, bound, leaf.field.type, leaf.field.options, is_key, currency)
        if same not in self._slots:
            shown = leaf.column or leaf.expression
            self._slots[same] = Slot(
                len(self._slots),
                leaf.field,
                is_key,
                node.entity.name,
                shown,
                leaf.column,
                bound,
                parsing.Style(self._options.decimal or ".", self._options.dates),
            )
        self._by_leaf[(node.path, leaf.field.name)] = self._slots[same]

    def variants(self) -> str:
        """Return a subquery of the lines with every form of a column that expressions read."""
        bounds = [s.bound for s in self._slots.values() if s.bound] + [b for _, b in self.summed]
        views = dict.fromkeys(view for bound in bounds for view in bound.views)
        return f"(select *{''.join(f', {v}' for v in views)} from {LINE})"  # noqa: S608  # own names

    def _texts(self) -> str:
        terms = []
        for slot in self._slots.values():
            if slot.bound is None:
                assert slot.column is not None
                terms.append(f"c{self._positions[slot.column]} as {slot.raw}")
                continue
            sql = f"({slot.bound.sql})"
            if self._tried:
                # A struct that is null tells an expression that failed from one that gave null.
                terms.append(f"try(struct_pack(v := cast({sql} as varchar))) as e{slot.number}")
                terms.append(f"nullif(trim(struct_extract(e{slot.number}, 'v')), '') as {slot.raw}")
            else:
                terms.append(f"nullif(trim(cast({sql} as varchar)), '') as {slot.raw}")
            for n, column in enumerate(slot.bound.lenient):
                at = self._positions[column]
                terms.append(f"c{at} is not null and c{at}n is null as l{slot.number}_{n}")
                terms.append(f"c{at} as t{slot.number}_{n}")
        return f"select _line, {', '.join(terms)} from {self.variants()}"  # noqa: S608  # checked expressions

    def _typed(self) -> str:
        values = [
            f"{parsing.value_sql(s.raw, s.field, is_key=s.is_key, zone='$zone', style=s.style)} as {s.value}"
            for s in self._slots.values()
        ]
        return f"select *, {', '.join(values)} from ({self._texts()})"  # noqa: S608  # checked expressions

    def _bindings(self) -> dict[str, str]:
        return {"zone": self.zone} if "$zone" in self._typed() else {}

    def _make(self) -> None:
        slots = self._slots.values()
        conditions = [c for s in slots for c in self._conditions(s)]
        conditions += [f"{self.group} is null", *self._child_key_missing()]
        values = ", ".join(s.value for s in slots)
        sql = (  # names of our own, checked expressions
            f"create table parsed as select _line, {values}, coalesce({' or '.join(conditions)}, false) as _bad "  # noqa: S608
            f"from ({self._typed()})"
        )
        try:
            self._connection.execute(sql, self._bindings())
        except _FAILURES:
            if self._tried:
                raise
            self._tried = True
            self._make()

    def _conditions(self, slot: Slot) -> list[str]:
        found = [f"({slot.raw} is not null and {slot.value} is null)"]
        if slot.bound is not None:
            found += [f"l{slot.number}_{n}" for n in range(len(slot.bound.lenient))]
            if self._tried:
                found.append(f"e{slot.number} is null")
        return found

    def _child_key_missing(self) -> list[str]:
        child = self._plan.child
        key = None if child is None else self.value(child, child.entity.key)
        return [] if key is None else [f"{key} is null"]

    def _restyle(self) -> list[str] | None:
        """Look at columns with numbers or dates that are not written plainly; None when there are none."""
        odd = [
            s
            for s in self._slots.values()
            if s.field.type in ("integer", "number", "money", "percent", "date", "datetime") and self._has_failures(s)
        ]
        if not odd:
            return None
        notes = []
        decimal = self._options.decimal or self._decimal()
        for same, slot in self._slots.items():
            dates: str | None = self._options.dates
            if slot in odd and slot.field.type in ("date", "datetime") and dates is None:
                dates, is_open = parsing.date_style(self._connection, f"({self._texts()})", slot.raw)
                if is_open:
                    order = "day before month" if dates == "dmy" else "month before day"
                    notes.append(
                        f"Dates of {slot.shown} can be read in two ways; they were read {order}. "
                        f"Say dates = dmy or mdy if that is wrong."
                    )
            styled = replace(slot, style=parsing.Style(decimal, dates))
            self._slots[same] = styled
            self._by_leaf = {k: styled if v is slot else v for k, v in self._by_leaf.items()}
        return notes

    def _has_failures(self, slot: Slot) -> bool:
        sql = (
            f"select 1 from ({self._texts()}) join parsed using (_line) "  # noqa: S608  # own names
            f"where {slot.raw} is not null and {slot.value} is null limit 1"
        )
        if not self._connection.execute("select 1 from parsed where _bad limit 1").fetchall():
            return False
        return bool(self._connection.execute(sql).fetchall())

    def _decimal(self) -> str:
        """Return the decimal sign the file's numbers show, `.` where they leave it open."""
        found = [
            parsing.decimal_style(self._connection, f"({self._texts()})", s.raw)
            for s in self._slots.values()
            if s.field.type in ("integer", "number", "money", "percent")
        ]
        return "," if "," in found and "." not in found else "."

    # --- rejecting ---

    def _explain(self, slot: Slot) -> None:
        def add(value: str, reason: str, where: str, shown: str) -> None:
            self._connection.execute(
                f"insert into reject select {self._number}, $1, {value}, $2, $3 from wrong where {where}",  # noqa: S608  # own names
                [shown, reason, slot.entity],
            )

        add(
            slot.raw,
            parsing.reason(slot.field, is_key=slot.is_key),
            f"{slot.raw} is not null and {slot.value} is null",
            slot.shown,
        )
        if slot.bound is not None:
            for n, column in enumerate(slot.bound.lenient):
                add(f"t{slot.number}_{n}", f"no number, and {slot.shown} needs one", f"l{slot.number}_{n}", column)
            if self._tried:
                add("null", "the expression cannot be computed for this line", f"e{slot.number} is null", slot.shown)

    def _empty_keys(self) -> None:
        root, child = self._plan.root, self._plan.child
        missing = [(self.group, root)]
        if child is not None and child.has_key:
            missing.append((str(self.value(child, child.entity.key)), child))
        for column, node in missing:
            name = node.entity.key if node.has_key else node.entity.relations[node.entity.parent or ""].own_field
            leaf = node.leaves[name]
            self._connection.execute(
                f"insert into reject select {self._number}, $1, null, $2, $3 from parsed where {column} is null "  # noqa: S608  # own names
                f'and {self._number} not in (select line from reject where "column" = $1)',
                [
                    leaf.column or leaf.expression,
                    f"it is empty, and it is {node.prefix}{name}, without which the row cannot be told from others",
                    node.entity.name,
                ],
            )

    def _doubled_keys(self) -> None:
        root, child = self._plan.root, self._plan.child
        if root.has_key and not self._plan.by_lines:
            newest = self.value(root, "updated_at")
            self._reject_doubled(self.group, root, f"{newest} desc nulls last, _line" if newest else "_line")
        if child is not None and child.has_key:
            self._reject_doubled(str(self.value(child, child.entity.key)), child, "_line")

    def _reject_doubled(self, key: str, node: Node, order: str) -> None:
        leaf = node.leaves[node.entity.key]
        self._connection.execute(
            f"""create or replace temp table doubled as select * from (
                select _line, {key} as value, first_value(_line) over w as kept, row_number() over w as n
                from parsed where not _bad window w as (partition by {key} order by {order})) where n > 1"""  # noqa: S608  # own names
        )
        self._connection.execute(
            f"insert into reject select {self._number}, $1, value, 'the key comes more than once; line ' "  # noqa: S608  # own names
            f"|| (kept // {self._staged.scale}) || ' was taken', $2 from doubled",
            [leaf.column or leaf.expression, node.entity.name],
        )
        self._connection.execute("update parsed set _bad = true where _line in (select _line from doubled)")

    def _insert(self, rejects: list[Reject]) -> None:
        for r in range(0, len(rejects), 10_000):
            rows = [
                [x.line, x.column, x.value.encode("utf-8", "replace").decode(), x.reason, x.entity]
                for x in rejects[r : r + 10_000]
            ]
            self._connection.executemany("insert into reject values ($1, $2, $3, $4, $5)", rows)
