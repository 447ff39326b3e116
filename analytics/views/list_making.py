"""Lists people fill themselves on screen: a file matched, rows added by hand, lists put together, members as a file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from analytics.lists import MarketingList, Matched
from analytics.lists.picking import Added
from analytics.segments import Definition
from analytics.services import Services

SUFFIXES = ("csv", "tsv", "txt", "xlsx", "xls", "ods")
EXPORTS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}
WAYS = {"address": "E-mail address", "phone": "Telephone number", "key": "Key"}
MADE_OF = {
    "union": "On any of them",
    "intersection": "On all of them",
    "minus": "On the first and none of the others",
}
SHOWN_LINES = 100


def match(
    services: Services,
    name: str,
    content: IO[bytes],
    target: MarketingList | tuple[str, str],
    *,
    column: str | None = None,
    by: str | None = None,
) -> Matched:
    """Return what a file means for a list, or for a new one of (entity, contact); raises ListError, ImportFailed."""
    goal = target if isinstance(target, MarketingList) else services.uploads.target(*target)
    with tempfile.TemporaryDirectory() as folder, services.engine() as engine:
        # Only the ending of the name decides how it is read; the rest of it is anybody's.
        path = Path(folder) / f"upload{Path(name).suffix.lower()}"
        with path.open("wb") as out:
            content.seek(0)
            shutil.copyfileobj(content, out)
        return services.uploads.match(engine, path, goal, column=column, by=by)


def unmatched_rows(matched: Matched) -> Sequence[Mapping[str, Any]]:
    """Return the first lines of a file that fit nobody: line, value, reason."""
    rows: Sequence[Mapping[str, Any]] = matched.unmatched.slice(0, SHOWN_LINES).to_pylist()
    return rows


def unmatched_file(services: Services, upload_id: int) -> bytes:
    """Return the lines of an upload that fit nobody as CSV."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unmatched.csv"
        services.uploads.write_unmatched(upload_id, path)
        return path.read_bytes()


def make_manual(services: Services, name: str, entity: str, contact: str) -> MarketingList:
    """Make an empty list to be filled by hand; raises ListError."""
    return services.lists.create(name, Definition(entity), contact=contact, source="picked")


def add(services: Services, number: int, text: str) -> Added:
    """Put the rows that lines, commas or semicolons of a text name on a manual list; raises ListError."""
    parts = text.replace(",", "\n").replace(";", "\n").splitlines()
    with services.engine() as engine:
        return services.lists.add(engine, number, parts)


def combine(services: Services, name: str, operation: str, names: Sequence[str], *, copied: bool) -> MarketingList:
    """Make a list of others, following them or a copy of now; raises ListError."""
    with services.engine() as engine:
        return services.lists.combine(name, operation, names, kind="static" if copied else "dynamic", engine=engine)


def exported(services: Services, number: int, kind: str) -> bytes:
    """Return all members as a file of this kind; raises ListError."""
    with tempfile.TemporaryDirectory() as folder, services.engine() as engine:
        path = Path(folder) / f"members.{kind}"
        services.lists.export(engine, number, path)
        return path.read_bytes()
