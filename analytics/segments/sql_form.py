"""The SQL form of definitions: one SELECT whose first column is the key, below comments that say the rest.

    -- entity: customer_user
    -- limit: 100
    select customer_user_id from "order" group by 1 order by sum(total) desc

`parse_sql` of `write_sql` of a definition is that definition.
"""

from __future__ import annotations

import json
import re
from typing import Any

from analytics.errors import SegmentError
from analytics.segments.definition import Definition

_HEADER = re.compile(r"\s*--\s*(?P<key>entity|columns|sort|limit)\s*:\s*(?P<value>.*?)\s*$")
_END = "--"
_STARTS = re.compile(r"\s*--\s*entity\s*:")


def is_sql_form(text: str) -> bool:
    """Return whether a text begins as the SQL form does: with a comment that names the entity."""
    return _STARTS.match(text) is not None


def parse_sql(text: str, entity: str | None = None) -> Definition:
    """Return the definition of SQL below its comments; `entity` names the entity where no comment does.

    Raises SegmentError when nothing names it, and for a comment that says what cannot be.
    """
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    document: dict[str, Any] = {}
    taken = 0
    for line in lines:
        header = _HEADER.match(line)
        if header is None:
            taken += line.strip() == _END and bool(document)
            break
        document[header["key"]] = _value(header["key"], header["value"])
        taken += 1
    named = document.setdefault("entity", entity)
    if named is None:
        raise SegmentError("Whose keys the SQL gives is not said; begin with a line such as -- entity: customer_user.")
    if entity is not None and named != entity:
        raise SegmentError(f"The SQL says it is of {named}, not of {entity}; take one of them out.")
    return Definition.from_document({**document, "sql": "".join(lines[taken:])})


def write_sql(definition: Definition) -> str:
    """Return the SQL form of a definition that has SQL."""
    document = definition.to_document()
    sql: str = document.pop("sql")
    said = [f"-- {key}: {value if key == 'entity' else json.dumps(value)}" for key, value in document.items()]
    first = sql.split("\n", 1)[0]
    ended = [_END] if _HEADER.match(first) or first.strip() == _END else []
    return "\n".join([*said, *ended, sql])


def _value(key: str, text: str) -> Any:
    if key == "entity":
        return text
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SegmentError(f"-- {key}: {text!r} is not JSON, which is how it is written here: {error}.") from None
