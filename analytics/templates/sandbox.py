"""The sandbox mails are rendered in: a few filters and tests, `range`, and limits on everything that can grow.

Templates are checked before they get here (`analytics.templates.check`): only allow-listed syntax, only declared
variables. The sandbox is the second wall: it gives no attribute of any object, calls nothing but `range`, and
calculates with numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes, pass_context, pass_eval_context
from jinja2 import TemplateError as JinjaError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from analytics.errors import TemplateError
from analytics.templates.filters import FILTERS, TESTS, as_text, bounded
from analytics.templates.null import NULL, Null, is_null

LONGEST_RANGE = 1_000
WORK = 500_000
"""Steps (turns of a loop times the pieces of its body) one part of one mail may take."""
LARGEST_PART = 2_000_000
"""Characters one part of one mail may have."""
BUDGET = "_budget"
LIMITED, CONCAT = "_limited", "_concat"
"""Filters that the check puts in; templates cannot name them."""

_LOOP_VALUES = {"index", "index0", "revindex", "revindex0", "first", "last", "length"}
_LARGEST_NUMBER = 10**30


class Budget:
    """What is left of the work one rendering may do."""

    def __init__(self) -> None:
        self.left = WORK


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Jinja for one kind of part, in one time zone."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, html: bool, zone: str) -> None:
        super().__init__(
            autoescape=html,
            undefined=Null,
            finalize=lambda value: as_text(value, zone),
            keep_trailing_newline=True,
            optimized=False,  # nothing is calculated while compiling, where no limit holds
            cache_size=0,
            comment_start_string="{# ",  # with a space: style sheets write @media{#id{...}}
        )
        self.zone = zone
        self.filters = {**FILTERS, LIMITED: _limited, CONCAT: _concat}
        self.tests = dict(TESTS)
        self.globals = {"range": _range}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a value of a loop; there is no other attribute."""
        if isinstance(obj, LoopContext) and attribute in _LOOP_VALUES:
            return getattr(obj, attribute)
        return NULL

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of a list, mapping or text, else null; never an attribute."""
        if isinstance(obj, list | tuple | str | Mapping):
            try:
                return obj[argument]
            except (KeyError, IndexError, TypeError):
                return NULL
        return NULL

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No attribute is."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        """Return whether `obj` is `range`."""
        return obj is _range

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers; null gives null, and so does a division by zero."""
        if is_null(left) or is_null(right):
            return NULL
        for value in (left, right):
            if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
                raise TemplateError(
                    f"{str(left)[:40]!r} {operator} {str(right)[:40]!r}: only numbers can be calculated with; "
                    f"join texts with ~."
                )
        if isinstance(left, Decimal) != isinstance(right, Decimal):
            left, right = Decimal(str(left)), Decimal(str(right))
        if operator in ("/", "//", "%") and right == 0:
            return NULL
        result = super().call_binop(context, operator, left, right)
        if abs(result) > _LARGEST_NUMBER:
            raise TemplateError(f"{left} {operator} {right} is too large a number.")
        return result


@lru_cache(maxsize=64)
def environment(html: bool, zone: str) -> MailEnvironment:
    """Return the environment for an HTML or a text part; times are shown in `zone`."""
    return MailEnvironment(html=html, zone=zone)


class Rendered:
    """A compiled template of our own making, rendered with our own context."""

    def __init__(self, env: MailEnvironment, tree: nodes.Template, place: str) -> None:
        """Compile a checked tree. Raises TemplateError naming `place` when it is nested too deeply."""
        self._place = place
        tree.set_environment(env)
        try:
            code = env.compile(tree, name=place)
        except (SyntaxError, RecursionError, MemoryError):
            raise TemplateError(f"{place}: nested too deeply; make it flatter.") from None
        self._template = Template.from_code(env, code, env.globals)
        self._render = self._template.root_render_func

    def context(self, values: Mapping[str, Any]) -> Context:
        """Return a context that templates of the same environment may share."""
        return self._template.new_context({**values, BUDGET: Budget()})

    def render(self, context: Context) -> str:
        """Return the text; raises TemplateError naming the place and what went wrong."""
        pieces: list[str] = []
        size = 0
        try:
            for piece in self._render(context):
                size += len(piece)
                if size > LARGEST_PART:
                    raise TemplateError(f"the text grows beyond {LARGEST_PART:,} characters.")
                pieces.append(piece)
        except TemplateError as error:
            raise TemplateError(f"{self._place}: {error}") from None
        except (JinjaError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise TemplateError(f"{self._place}: it cannot be rendered: {error}.") from None
        return "".join(pieces)


def _range(*bounds: Any) -> range:
    try:
        numbers = range(*(int(bound) for bound in bounds if not is_null(bound)))
    except (TypeError, ValueError) as error:
        raise TemplateError(f"range{bounds!r}: {error}.") from None
    if len(numbers) > LONGEST_RANGE:
        raise TemplateError(f"range{bounds!r} has {len(numbers):,} numbers; at most {LONGEST_RANGE:,} are allowed.")
    return numbers


@pass_context
def _limited(context: Context, items: Any, cost: int) -> list[Any]:
    """Return the items of a loop, paid for in advance: so many turns of a body of `cost` pieces."""
    if is_null(items):
        return []
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise TemplateError(f"a loop needs a list or range, not {str(items)[:40]!r}.")
    listed = list(items)
    budget: Budget = context[BUDGET]
    budget.left -= (len(listed) + 1) * cost
    if budget.left < 0:
        raise TemplateError(f"its loops take more than {WORK:,} steps; loop less often or over less.")
    return listed


@pass_eval_context
def _concat(context: EvalContext, pieces: list[Any]) -> str:
    """Join pieces as `~` does, safely for HTML, within the limit on a text."""
    zone = context.environment.zone  # type: ignore[attr-defined]  # set by MailEnvironment
    texts = [piece if isinstance(piece, Markup) else str(as_text(piece, zone)) for piece in pieces]
    if context.autoescape and any(isinstance(text, Markup) for text in texts):
        return Markup(bounded("".join(str(escape(text)) for text in texts)))  # noqa: S704  # every piece is escaped
    return bounded("".join(texts))
