"""Tables as files: fixed headers, one row per line, nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from analytics.errors import ReportError
from analytics.model.spreadsheet import guarded


def cell(value: object) -> str:
    """Return a value as CSV text: nothing for none, plain numbers, ISO times; text that looks like a formula quoted."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(guarded(str(value)))


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence[object]], notes: Sequence[str]) -> Path:
    """Write rows to `path` (UTF-8, RFC 4180) and `notes` to `<path>.txt` beside it; returns the path.

    Each file appears whole or not at all. Raises ReportError when the folder cannot be written.
    """
    target = Path(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    _replace(target, text.getvalue())
    _replace(target.with_name(f"{target.name}.txt"), "\n".join(notes) + "\n")
    return target


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(text.encode("utf-8"))
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True) if target.parent.is_dir() else None
        raise ReportError(
            f"{target} cannot be written: {error.strerror}. Name a file in a folder that can be."
        ) from None
