"""The value of what is not there: renders as nothing, compares as false, calculates to itself."""

from __future__ import annotations

from typing import Any

from jinja2 import Undefined


class Null(Undefined):
    """A missing value, as SQL's null: an order without a total is neither above nor below 100."""

    __slots__ = ()

    def _itself(self, *_: Any) -> Null:
        return self

    def _never(self, _: Any) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return ""

    __repr__ = __str__

    def __html__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Any:
        return iter(())

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Null)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(Null)

    # Undefined raises in each of these; a mail to somebody without an order total should not.
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _never  # type: ignore[assignment]
    __getitem__ = __neg__ = __pos__ = _itself  # type: ignore[assignment]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _itself  # type: ignore[assignment]


NULL = Null()
"""The one null that values are replaced by."""


def is_null(value: object) -> bool:
    """Return whether there is no value."""
    return value is None or isinstance(value, Undefined)
