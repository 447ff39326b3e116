"""Definitions in files, each ending with a form of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import Definition
from analytics.segments.sql_form import parse_sql
from analytics.segments.text import parse

ENDINGS = (".yaml", ".yml", ".json", ".segment", ".sql")


def load_definition(path: Path, entity: str | None = None) -> Definition:
    """Return the definition in a file: YAML 1.2 (.yaml, .yml; so `NO` is Norway and `yes` a word), JSON (.json), the
    text form (.segment), or SQL (.sql), whose `entity` may be said here instead of in its first comment.

    Raises SegmentError naming file, place and what would be right.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SegmentError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}.") from None
    except OSError as error:
        raise SegmentError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return _read(text, path, entity)
    except SegmentError as error:
        raise SegmentError(f"{path}: {error}") from error


def _read(text: str, path: Path, entity: str | None) -> Definition:
    ending = path.suffix.lower()
    if ending == ".sql":
        return parse_sql(text, entity)
    if ending == ".segment":
        return parse(text)
    return Definition.from_document(_parsed(text, ending))


def _parsed(text: str, ending: str) -> Any:
    if ending == ".json":
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SegmentError(f"not JSON: {error}.") from None
    if ending not in (".yaml", ".yml"):
        raise SegmentError(
            f"a definition is a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file, not {ending or 'one without ending'}."
        )
    from ruamel.yaml import YAML  # only commands that read files need it
    from ruamel.yaml.error import YAMLError

    try:
        # Pure Python: the C parser reads YAML 1.1, where NO is false.
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise SegmentError(f"not YAML: {' '.join(str(error).split())}.") from None
