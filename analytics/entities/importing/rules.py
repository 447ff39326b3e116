"""Mapping rules as people write them: `field = expression`, one by one or in a TOML or YAML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics.entities.importing.values import ImportOptions, Rule
from analytics.errors import ImportFailed, MappingError

_RULE = re.compile(r"\s*([A-Za-z_][\w.]*)\s*=(?!=)(.*)", re.DOTALL)
_KEYS = ("entity", "map", "options")


@dataclass(frozen=True)
class MappingFile:
    """A mapping file: rules, and optionally the entity and the options it is for."""

    rules: tuple[Rule, ...]
    entity: str | None = None
    options: ImportOptions | None = None


def parse_rule(text: str) -> Rule:
    """Return the rule written as `field = expression`; raises MappingError when it is none."""
    found = _RULE.fullmatch(text)
    if found is None:
        raise MappingError(f"The rule {text!r} is none; write field = column or field = expression.")
    return Rule(found[1], found[2].strip())


def as_rules(mapping: Iterable[Rule | str] | Mapping[str, str]) -> tuple[Rule, ...]:
    """Return rules given as values, as text or as a mapping; raises MappingError for a field mapped twice."""
    if isinstance(mapping, Mapping):
        rules = [Rule(path, expression) for path, expression in mapping.items()]
    else:
        rules = [parse_rule(r) if isinstance(r, str) else r for r in mapping]
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.path in seen and seen[rule.path] != rule:
            raise MappingError(
                f"{rule.path} is mapped twice, to {seen[rule.path].expression!r} and to {rule.expression!r}; keep one."
            )
        seen[rule.path] = rule
    return tuple(seen.values())


def override(rules: Sequence[Rule], by: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return `rules` with those of the same field replaced by the ones in `by`, the rest of `by` added."""
    return tuple({rule.path: rule for rule in (*rules, *by)}.values())


def load_mapping(path: Path) -> MappingFile:
    """Read a mapping file (.toml, .yaml, .yml): keys `entity`, `options` and `map`; inner tables make dotted fields.

    Raises ImportFailed when it cannot be read, MappingError naming what is wrong in it.
    """
    values = _read(path)
    for key in values:
        if key not in _KEYS:
            raise MappingError(f"{path}: unknown key {key!r}; there are {', '.join(_KEYS)}.")
    entity = values.get("entity")
    if entity is not None and not isinstance(entity, str):
        raise MappingError(f"{path}: entity is {entity!r}; expected the name of one.")
    map_ = values.get("map", {})
    options = values.get("options")
    for key, value in (("map", map_), ("options", options or {})):
        if not isinstance(value, Mapping):
            raise MappingError(f"{path}: {key} is {value!r}; expected a table.")
    rules = tuple(Rule(p, e) for p, e in _flat(map_, "", path))
    return MappingFile(rules, entity, None if options is None else ImportOptions.of(options, str(path)))


def _flat(values: Mapping[str, Any], prefix: str, path: Path) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.", path)
        elif isinstance(value, str):
            yield name, value.strip()
        else:
            raise MappingError(f"{path}: {name} is {value!r}; expected a column or an expression as text.")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailed(f"The mapping {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"{path} is no TOML: {error}.") from None
    if path.suffix in (".yaml", ".yml"):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            values = YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            raise MappingError(f"{path} is no YAML: {error}") from None
        if not isinstance(values, Mapping):
            raise MappingError(f"{path} is no mapping; write keys {', '.join(_KEYS)}.")
        return values
    raise MappingError(f"A mapping is a .toml, .yaml or .yml file; {path.name} is none.")
