"""Members of static lists as Arrow tables, kept between queries: a page of a million members needs them each time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import pyarrow as pa

_MOST = 4  # tables; a million members take some 40 MB


class Kept:
    """The tables used last, under keys that name what they hold; may be shared by threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most, self._tables = most, OrderedDict[Hashable, pa.Table]()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], pa.Table]) -> pa.Table:
        """Return the table under `key`, made now when it is not kept."""
        with self._lock:
            found = self._tables.get(key)
            if found is not None:
                self._tables.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._tables[key] = made
            while len(self._tables) > self._most:
                self._tables.popitem(last=False)
        return made
