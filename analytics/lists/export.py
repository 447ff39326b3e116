"""Members as a CSV file that a spreadsheet can open without running what somebody put into a name."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from analytics.errors import ListError
from analytics.model.spreadsheet import guarded


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows as UTF-8 CSV (RFC 4180), in one step: the file is complete or not there. Returns how many."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with draft.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([guarded(name) for name in header])
            for row in rows:
                writer.writerow([guarded(value) for value in row])
                count += 1
        draft.replace(path)
    except OSError as error:
        raise ListError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return count
