"""Shelduck: a shop's own data, turned into marketing that can prove its worth.

from analytics import Workspace
ws = Workspace.open()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analytics.workspace import Workspace

__all__ = ["Workspace"]


def __getattr__(name: str) -> Any:
    # Only who asks for the front door loads all that is behind it: a collector needs a tenth of it.
    if name == "Workspace":
        from analytics.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'analytics' has no attribute {name!r}")
