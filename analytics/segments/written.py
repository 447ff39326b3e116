"""Definitions as people hand them over: a document, a file or the text form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analytics.segments.definition import Definition
from analytics.segments.files import ENDINGS, load_definition
from analytics.segments.sql_form import is_sql_form, parse_sql
from analytics.segments.text import parse

_IS_TEXT = re.compile(r"\s*\w+\s+(where|sort\s+by|limit|show)\s")


def written(source: Definition | Mapping[str, Any] | Path | str, entity: str | None = None) -> Definition | None:
    """Return the definition that `source` is, or that is in the file it names; None for the name of a stored segment.

    Text of the text form ("customer_user where ...") or of the SQL form ("-- entity: ...") is read as that, text that
    ends like a file of definitions (.yaml, .yml, .json, .segment, .sql) or names a file as a path. With `entity` text
    is SQL that gives its keys. Raises SegmentError for what cannot be read.
    """
    if isinstance(source, Definition):
        return source
    if isinstance(source, Mapping):
        return Definition.from_document(source)
    if isinstance(source, Path):
        return load_definition(source, entity)
    if is_sql_form(source):
        return parse_sql(source, entity)
    if _IS_TEXT.match(source):
        return parse(source)
    path = Path(source)
    if path.suffix.lower() in ENDINGS or _is_file(path):
        return load_definition(path, entity)
    return None if entity is None else parse_sql(source, entity)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for a file's, or with a NUL
        return False
