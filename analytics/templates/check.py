"""What a template may say: allow-listed syntax and declared variables, checked before anything is rendered.

The check also rewrites the tree for `analytics.templates.compose`: every variable becomes one flat name (`_e0`,
`_c_shop_name`), loops and joins get their limits. A template can name nothing that begins with an underscore, so the
two never meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from analytics.errors import ModelError, TemplateError, UnknownField, UnknownVariable
from analytics.model.entity import EntityModel, FieldType
from analytics.templates.filters import FILTERS, TESTS, check_date_format, check_zone
from analytics.templates.marks import MARKS, PREFERENCES_MARK, UNSUBSCRIBE_MARK
from analytics.templates.sandbox import CONCAT, LIMITED, MailEnvironment

CONSTANTS = ("shop.name", "sender.name", "sender.email", "campaign.name", "campaign.code", "today")
"""Variables with one value for a whole sending."""
UNSUBSCRIBE = "unsubscribe_url"
UNSUBSCRIBE_NAME = "_unsubscribe"
PREFERENCES = "preferences_url"
PREFERENCES_NAME = "_preferences"
OWN_PAGES = {UNSUBSCRIBE_NAME: UNSUBSCRIBE_MARK, PREFERENCES_NAME: PREFERENCES_MARK}
"""The variables that lead to a page of the recipient's own, with the marks they leave."""
LONGEST_SOURCE = 500_000
MOST_PIECES = 20_000
DEEPEST_LOOP = 3

_ROOTS = {name.partition(".")[0] for name in CONSTANTS}
_RESERVED = {*_ROOTS, "entity", UNSUBSCRIBE, PREFERENCES, "loop", "range"}
_TAGS = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Extends: "extends",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.Block: "block",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set without =",
    nodes.With: "with",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_PLAIN = (nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Add, nodes.Sub)
_EXPRESSIONS = (
    *_PLAIN,
    *(nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Const, nodes.TemplateData),
    *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Slice, nodes.Keyword),
)


def constant_name(name: str) -> str:
    """Return the flat name of a constant: `_c_shop_name` of shop.name."""
    return "_c_" + name.replace(".", "_")


@dataclass
class Variables:
    """The variables of a whole template: dotted paths below `entity.` in order of appearance, with their types."""

    entity: str | None
    model: EntityModel
    paths: dict[str, FieldType] = field(default_factory=dict)
    uses_unsubscribe: set[str] = field(default_factory=set)
    uses_preferences: bool = False

    def flat(self, path: str, kind: FieldType) -> str:
        """Return the flat name of a path."""
        self.paths.setdefault(path, kind)
        return f"_e{list(self.paths).index(path)}"


def parse(env: MailEnvironment, source: str, place: str) -> nodes.Template:
    """Return the tree of a source; raises TemplateError naming the place and line."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateError(f"The {place} has {len(source):,} characters; at most {LONGEST_SOURCE:,} are allowed.")
    if found := MARKS.search(source):
        line = source.count("\n", 0, found.start()) + 1
        raise TemplateError(f"{place}, line {line}: U+{ord(found[0]):04X} is no character; remove it.")
    try:
        return env.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{place}, line {error.lineno}: {_syntax(error)}") from None
    except RecursionError:
        raise TemplateError(f"{place}: an expression is nested too deeply; make it flatter.") from None


def _syntax(error: TemplateSyntaxError) -> str:
    message = (error.message or "this cannot be read").rstrip(".")
    if message.startswith("Encountered unknown tag"):
        return f"{message}. There are if, for, set and raw."
    return f"{message}. To show {{{{ or {{% as they are, put them between {{% raw %}} and {{% endraw %}}."


class Checker:
    """Checks and rewrites the tree of one part."""

    def __init__(self, variables: Variables, place: str) -> None:
        self._variables, self._place = variables, place
        self._scopes: list[set[str]] = [set()]
        self._loops = 0
        self._pieces = 0

    def check(self, tree: nodes.Template) -> None:
        """Check the tree and rewrite it in place; raises TemplateError or UnknownVariable."""
        try:
            tree.body = self._statements(tree.body)
        except RecursionError:
            raise TemplateError(f"{self._place}: nested too deeply; make it flatter.") from None

    # --- statements ---

    def _statements(self, body: Iterable[nodes.Node]) -> list[nodes.Node]:
        return [self._statement(node) for node in body]

    def _statement(self, node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Output):
            node.nodes = [self._expression(child) for child in node.nodes]
        elif isinstance(node, nodes.If):
            self._count(node)
            node.test = self._expression(node.test)
            node.body = self._statements(node.body)
            node.elif_ = [self._statement(branch) for branch in node.elif_]  # type: ignore[misc]  # an If stays an If
            node.else_ = self._statements(node.else_)
        elif isinstance(node, nodes.For):
            self._loop(node)
        elif isinstance(node, nodes.Assign):
            self._count(node)
            node.node = self._expression(node.node)
            self._declare(node.target)
        else:
            tag = next((name for kind, name in _TAGS.items() if isinstance(node, kind)), type(node).__name__.lower())
            raise self._refused(node, f"the tag {tag!r} is not allowed in mails; there are if, for, set and raw")
        return node

    def _loop(self, node: nodes.For) -> None:
        if node.recursive:
            raise self._refused(node, "a loop cannot be recursive")
        iterated = self._expression(node.iter)
        self._loops += 1
        if self._loops > DEEPEST_LOOP:
            raise self._refused(node, f"loops are nested more than {DEEPEST_LOOP} deep")
        self._scopes.append({"loop"})
        before = self._pieces
        self._declare(node.target)
        if node.test is not None:
            node.test = self._expression(node.test)
        node.body = self._statements(node.body)
        cost = self._pieces - before + 1
        self._scopes.pop()
        self._loops -= 1
        node.else_ = self._statements(node.else_)
        limit = [nodes.Const(cost, lineno=node.lineno)]
        node.iter = nodes.Filter(iterated, LIMITED, limit, [], None, None, lineno=node.lineno)

    def _declare(self, target: nodes.Node) -> None:
        names = target.items if isinstance(target, nodes.Tuple) else [target]
        for name in names:
            if not isinstance(name, nodes.Name):
                raise self._refused(target, "only a plain name can be set")
            if name.name in _RESERVED or name.name.startswith("_"):
                raise self._refused(target, f"the name {name.name!r} is taken; choose another")
            self._scopes[-1].add(name.name)

    # --- expressions ---

    def _expression(self, node: nodes.Node) -> Any:
        self._count(node)
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._variable(node)
        if isinstance(node, nodes.Filter):
            return self._filter(node)
        if isinstance(node, nodes.Test):
            self._known(node, "test", node.name, TESTS)
        elif isinstance(node, nodes.Call):
            return self._call(node)
        elif isinstance(node, nodes.Concat):
            pieces = nodes.List([self._expression(child) for child in node.nodes], lineno=node.lineno)
            return nodes.Filter(pieces, CONCAT, [], [], None, None, lineno=node.lineno)
        elif isinstance(node, nodes.Pow):
            raise self._refused(node, "** is not allowed; multiply instead")
        elif not isinstance(node, _EXPRESSIONS):
            raise self._refused(node, f"{type(node).__name__} is not allowed in mails")
        self._children(node)
        return node

    def _children(self, node: nodes.Node) -> None:
        """Check and rewrite every expression below `node`."""
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Node):
                setattr(node, name, self._expression(value))
            elif isinstance(value, list):
                setattr(node, name, [self._expression(v) if isinstance(v, nodes.Node) else v for v in value])

    def _filter(self, node: nodes.Filter) -> nodes.Expr:
        self._known(node, "filter", node.name, FILTERS)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._refused(node, "* and ** are not allowed in arguments")
        if node.name in ("date", "datetime"):
            given: dict[str, Any] = dict(zip(("format", "zone"), node.args, strict=False))
            given |= {str(option.key): option.value for option in node.kwargs}
            for name, check in (("format", check_date_format), ("zone", check_zone)):
                value = given.get(name)
                if isinstance(value, nodes.Const):
                    try:
                        check(value.value)
                    except TemplateError as error:
                        raise TemplateError(f"{self._at(node)}: {error}") from None
        self._children(node)
        return node

    def _known(self, node: nodes.Expr, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        if name not in known:
            guess = get_close_matches(name, known, 1)
            hint = f" Did you mean {guess[0]!r}?" if guess else ""
            raise TemplateError(f"{self._at(node)}: no {kind} {name!r}.{hint} There are {', '.join(known)}.")

    def _call(self, node: nodes.Call) -> nodes.Call:
        if not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
            raise self._refused(node, "nothing can be called but range(...)")
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._refused(node, "range takes one to three numbers")
        node.args = [self._expression(argument) for argument in node.args]
        return node  # the name itself stays: it is the sandbox's only global

    def _variable(self, node: nodes.Expr) -> nodes.Expr:
        steps, root = _chain(node)
        if root is None or self._is_local(root.name):
            return self._of_local(node)
        path = ".".join((root.name, *steps)) if steps else root.name
        flat = self._flat(node, root.name, steps, path)
        return nodes.Name(flat, "load", lineno=node.lineno)

    def _of_local(self, node: nodes.Expr) -> nodes.Expr:
        """Check an expression that is no declared variable: a loop, a name that was set, an item of a value."""
        if isinstance(node, nodes.Name):
            return node
        if isinstance(node, nodes.Getattr):
            if node.attr.startswith("_"):
                raise self._refused(node, f"the name {node.attr!r} is not allowed")
            node.node = self._expression(node.node)
            if isinstance(node.node, nodes.Name) and node.node.name == "loop":
                return node
            return nodes.Getitem(node.node, nodes.Const(node.attr, lineno=node.lineno), "load", lineno=node.lineno)
        assert isinstance(node, nodes.Getitem)
        node.node = self._expression(node.node)
        node.arg = self._expression(node.arg)
        return node

    def _flat(self, node: nodes.Expr, root: str, steps: Sequence[str], path: str) -> str:
        if path in CONSTANTS:
            return constant_name(path)
        if path == UNSUBSCRIBE:
            self._variables.uses_unsubscribe.add(self._place)
            return UNSUBSCRIBE_NAME
        if path == PREFERENCES:
            self._variables.uses_preferences = True
            return PREFERENCES_NAME
        if root == "entity":
            return self._field(node, ".".join(steps), path)
        known = self._roots()
        same = [name for name in CONSTANTS if name.startswith(f"{root}.")]
        fields = self._fields_of_row()
        guess = get_close_matches(path, same or known, 1) or (
            [f"entity.{path}"] if path in fields else [f"entity.{g}" for g in get_close_matches(path, fields, 1)]
        )
        raise UnknownVariable(path, self._at(node), same or known, guess[0] if guess else None)

    def _field(self, node: nodes.Expr, path: str, full: str) -> str:
        entity = self._variables.entity
        if entity is None:
            raise TemplateError(
                f"{self._at(node)}: {full!r} is a value of a row, but this template is for any entity. "
                f"Save it for one entity, such as customer_user."
            )
        if not path:
            raise TemplateError(f"{self._at(node)}: 'entity' is a whole row; name a field of it, such as entity.id.")
        try:
            resolved = self._variables.model.resolve(entity, path)
        except UnknownField as error:
            raise self._unknown_field(node, path, error) from None
        except ModelError as error:
            raise TemplateError(f"{self._at(node)}: {error}") from None
        if resolved.is_to_many:
            many = next(relation for relation in resolved.relations if relation.kind == "many")
            raise TemplateError(
                f"{self._at(node)}: {full!r} leads over {many.name!r}, which has many rows for one {entity}; "
                f"a mail can show values of one row only."
            )
        if resolved.field is None:
            names = ", ".join(f"{full}.{name}" for name in resolved.entity.fields)
            raise TemplateError(f"{self._at(node)}: {full!r} is a whole row; name a field of it: {names}.")
        return self._variables.flat(path, resolved.field.type)

    def _unknown_field(self, node: nodes.Expr, path: str, error: UnknownField) -> UnknownVariable:
        steps = path.split(".")
        at = steps.index(error.name)
        before = "".join(f"{step}." for step in steps[:at])
        known = [name.rstrip(".") for name in error.known]
        guess = get_close_matches(error.name, known, 1)
        nearest = ".".join(("entity", *steps[:at], guess[0], *steps[at + 1 :])) if guess else None
        shown = [f"entity.{before}{name}" + ("…" if name.endswith(".") else "") for name in error.known]
        return UnknownVariable(f"entity.{path}", self._at(node), shown, nearest)

    def _roots(self) -> list[str]:
        names = [*CONSTANTS, UNSUBSCRIBE, PREFERENCES]
        if self._variables.entity is not None:
            names += [f"entity.{name}" for name in self._fields_of_row()]
        return names

    def _fields_of_row(self) -> list[str]:
        entity = self._variables.entity
        return list(self._variables.model.entity(entity).fields) if entity is not None else []

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

    def _count(self, node: nodes.Node) -> None:
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            raise TemplateError(f"The {self._place} has more than {MOST_PIECES:,} pieces; make it smaller.")

    def _refused(self, node: nodes.Node, why: str) -> TemplateError:
        return TemplateError(f"{self._at(node)}: {why}.")

    def _at(self, node: nodes.Node) -> str:
        return place_of(self._place, node.lineno)


def place_of(part: str, line: int) -> str:
    """Return how messages name a line of a part; subject and preheader have one."""
    return part if part in ("subject", "preheader") else f"{part}, line {line}"


def _chain(node: nodes.Expr) -> tuple[list[str], nodes.Name | None]:
    """Take `a.b["c"]` apart into its steps and its first name; no name when it begins with something else."""
    steps: list[str] = []
    while True:
        if isinstance(node, nodes.Getattr):
            steps.insert(0, node.attr)
            node = node.node
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            steps.insert(0, node.arg.value)
            node = node.node
        else:
            return steps, node if isinstance(node, nodes.Name) else None
