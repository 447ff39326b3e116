"""Reads entity declarations: TOML files, one entity each, those that ship and those of the workspace.

A workspace's file may declare a table of its own, or add fields, relations and contact paths to one that ships.
`docs/import.md` describes the format.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, cast, get_args

from analytics.errors import ModelError, UnknownField
from analytics.model.entity import ContactPath, Entity, EntityModel, Field, FieldType, Relation, RelationFilter
from analytics.model.lists import listed
from analytics.model.streams import STREAMS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYPES: tuple[str, ...] = get_args(FieldType)
_ENTITY_KEYS = (
    "entity",
    "label",
    "plural",
    "key",
    "title",
    "as_of",
    "parent",
    "document",
    "doc",
    "fields",
    "relations",
    "contacts",
)
_FIELD_KEYS = ("type", "label", "personal", "history", "options", "keep", "default", "aliases", "doc")
_RELATION_KEYS = ("label", "kind", "target", "own_field", "target_field", "where")
_CONTACT_KEYS = ("name", "channel", "path")


def load_model(folder: Path | None = None) -> EntityModel:
    """Return the model of the shipped declarations and of those in `folder` (a workspace's `model/`, may be absent).

    Raises ModelError naming file, table and key of the first thing that is wrong.
    """
    shipped = _shipped()
    entities: dict[str, Entity] = {}
    files: dict[str, str] = {}
    for file in _files(shipped):
        files[_add(file, entities, shipped_too=False)] = str(file)
    # In a checkout data/ is the default workspace, and its model/ holds the shipped ones.
    if folder is not None and folder.is_dir() and not _is_same(folder, shipped):
        for file in _files(folder):
            files[_add(file, entities, shipped_too=True)] = str(file)
    return _checked(_with_target_fields(entities.values(), entities), files)


def _checked(entities: Sequence[Entity], files: Mapping[str, str]) -> EntityModel:
    """Return the model, or raise ModelError naming the file and what of its entity does not hold together."""
    model = EntityModel({e.name: e for e in entities})
    for entity in entities:
        try:
            if entity.key in entity.fields and all(r.target in model.entities for r in entity.relations.values()):
                for contact in entity.contacts:
                    model.resolve(entity.name, contact.path)
        except UnknownField as error:
            raise ModelError(
                f"{files[entity.name]}: entity {entity.name}, contact path {contact.path!r}: {error}"
            ) from None
        parent = entity.relations.get(entity.parent or "")
        if parent is not None and (parent.kind != "one" or parent.where):
            raise ModelError(
                f"{files[entity.name]}: entity {entity.name}: its parent {parent.name!r} leads to several rows or to "
                f"chosen ones; expected a relation of kind 'one' without where."
            )
    try:
        return EntityModel.of(entities)
    except ModelError as error:
        named = next(
            (e.name for e in entities if str(error).startswith((f"Entity {e.name}:", f"Entity {e.name},"))), ""
        )
        if not named:
            raise
        raise ModelError(f"{files[named]}: {error}") from None


def _shipped() -> Traversable:
    """Return the folder of the shipped declarations: package data in a wheel, data/model in a checkout."""
    packed = resources.files("analytics") / "_shipped" / "model"
    if packed.is_dir():
        return packed
    beside = Path(__file__).resolve().parents[2] / "data" / "model"
    if not beside.is_dir():
        raise ModelError(f"The entity declarations that ship are neither in the package nor in {beside}; reinstall.")
    return beside


def _is_same(folder: Path, shipped: Traversable) -> bool:
    return isinstance(shipped, Path) and folder.resolve() == shipped.resolve()


def _files(folder: Traversable) -> list[Traversable]:
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)


def _add(file: Traversable, entities: dict[str, Entity], *, shipped_too: bool) -> str:
    """Read a file into `entities` and return the name of its entity."""
    place = str(file)
    try:
        values = tomllib.loads(file.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{place} is no TOML file: {error}.") from None
    except OSError as error:
        raise ModelError(f"{place} cannot be read: {error.strerror}.") from None
    part = _Part(place, "", values)
    part.only(_ENTITY_KEYS)
    name = part.name("entity")
    part = _Part(place, f"entity {name}", values)
    if name in {stream.name for stream in STREAMS}:
        raise part.wrong("entity", name, "another name: a table of Shelduck's own has it")
    known = entities.get(name)
    if known is not None and not shipped_too:
        raise part.wrong("entity", name, "a name no other file declares")
    entities[name] = _entity(part, name) if known is None else _extended(part, known)
    return name


def _entity(part: _Part, name: str) -> Entity:
    fields = _fields(part)
    key = part.text("key")
    label = part.text("label", _spoken(name))
    assert label is not None
    if key is None:
        raise ModelError(f"{part.where} has no key; name the field that identifies a row.")
    for what, value in (("key", key), ("title", part.text("title")), ("as_of", part.text("as_of"))):
        if value is not None and value not in fields:
            raise part.wrong(what, value, f"one of its fields: {', '.join(fields) or 'it has none'}")
    return Entity(
        name=name,
        label=label,
        plural=part.text("plural", f"{label}s") or label,
        key=key,
        fields=fields,
        relations=_relations(part, key, fields),
        contacts=_contacts(part),
        title=part.text("title"),
        as_of=part.text("as_of"),
        parent=part.text("parent"),
        document=part.flag("document"),
        doc=part.text("doc", "") or "",
    )


def _extended(part: _Part, known: Entity) -> Entity:
    """Return a shipped entity with what a workspace's file adds or says anew; its key and types stay."""
    if part.text("key", known.key) != known.key:
        raise part.wrong("key", part.text("key"), f"{known.key!r}, the key it ships with (or leave it out)")
    fields = {**known.fields}
    for name, field in _fields(part, known.fields).items():
        if name in fields and fields[name].type != field.type:
            raise ModelError(
                f"{part.where}, field {name}: its type is {fields[name].type} and cannot become {field.type}; "
                f"declare a new field of another name."
            )
        fields[name] = field
    contacts = {c.name: c for c in (*known.contacts, *_contacts(part))}
    return replace(
        known,
        label=part.text("label", known.label) or known.label,
        plural=part.text("plural", known.plural) or known.plural,
        title=part.text("title", known.title),
        as_of=part.text("as_of", known.as_of),
        doc=part.text("doc", known.doc) or "",
        fields=fields,
        relations={**known.relations, **_relations(part, known.key, fields)},
        contacts=tuple(contacts.values()),
    )


def _fields(part: _Part, known: Mapping[str, Field] | None = None) -> dict[str, Field]:
    known = known or {}
    found: dict[str, Field] = {}
    for name, values in part.table("fields").items():
        inner = _Part(part.file, f"{part.entity}, field {name}", values)
        inner.check_name(name)
        inner.only(_FIELD_KEYS)
        former = known.get(name)
        kind = inner.one_of("type", _TYPES, former.type if former else None)
        options = inner.texts("options", former.options if former else ())
        if kind not in ("enum", "multi_enum") and options:
            raise inner.wrong("options", list(options), 'nothing, unless type is "enum" or "multi_enum"')
        found[name] = Field(
            name=name,
            type=cast(FieldType, kind),
            label=inner.text("label", former.label if former else _spoken(name)) or name,
            personal=inner.flag("personal", bool(former and former.personal)),
            history=inner.flag("history", bool(former and former.history)),
            options=options,
            keep=cast(
                Literal["latest", "earliest"],
                inner.one_of("keep", ("latest", "earliest"), former.keep if former else "latest"),
            ),
            default=inner.text("default", former.default if former else None),
            aliases=(*(former.aliases if former else ()), *inner.texts("aliases", ())),
            doc=inner.text("doc", former.doc if former else "") or "",
        )
        default = found[name].default
        if default is not None and options:
            given = listed(default) if kind == "multi_enum" else [default]
            if not set(given) <= set(options):
                raise inner.wrong("default", default, f"one of its options: {', '.join(options)}")
        if kind == "multi_enum" and found[name].keep == "earliest":
            raise inner.wrong("keep", "earliest", '"latest": of lists none is the earliest')
    return found


def _relations(part: _Part, key: str, fields: Mapping[str, Field]) -> dict[str, Relation]:
    found: dict[str, Relation] = {}
    for name, values in part.table("relations").items():
        inner = _Part(part.file, f"{part.entity}, relation {name}", values)
        inner.check_name(name)
        inner.only(_RELATION_KEYS)
        if name in fields:
            raise ModelError(f"{inner.where}: there is a field of that name already; choose another.")
        kind = inner.one_of("kind", ("one", "many"), None)
        target = inner.name("target")
        needed = "own_field" if kind == "one" else "target_field"
        if inner.text(needed) is None:
            raise ModelError(f"{inner.where}: {needed} is missing; a relation of kind {kind!r} needs it.")
        found[name] = Relation(
            name=name,
            label=inner.text("label", _spoken(name)) or name,
            target=target,
            kind=cast(Literal["one", "many"], kind),
            own_field=inner.text("own_field", key) or key,
            target_field=inner.text("target_field", "") or "",  # "" = the target's key, known when all are read
            where=_filters(inner),
        )
    return found


def _filters(part: _Part) -> tuple[RelationFilter, ...]:
    found = []
    for values in part.tables("where"):
        inner = _Part(part.file, f"{part.entity}, where", values)
        inner.only(("field", "value"))
        field, value = inner.text("field"), values.get("value")
        if field is None:
            raise ModelError(f"{inner.where}: field is missing; name a field of the related table.")
        if not isinstance(value, str | bool):
            raise inner.wrong("value", value, "text, or true or false")
        found.append(RelationFilter(field, value))
    return tuple(found)


def _contacts(part: _Part) -> tuple[ContactPath, ...]:
    found = []
    for values in part.tables("contacts"):
        inner = _Part(part.file, f"{part.entity}, contact", values)
        inner.only(_CONTACT_KEYS)
        channel = inner.one_of("channel", ("email", "phone"), None)
        path = inner.text("path")
        if path is None:
            raise ModelError(f"{inner.where}: path is missing; write a field, or relation.field.")
        name = inner.text("name", channel) or channel
        found.append(ContactPath(name, cast(Literal["email", "phone"], channel), path))
    return tuple(found)


def _with_target_fields(found: Iterable[Entity], entities: Mapping[str, Entity]) -> list[Entity]:
    """Return the entities with relations that name no field of their target pointing to its key."""
    complete = []
    for entity in found:
        relations = {
            name: replace(r, target_field=entities[r.target].key) if not r.target_field and r.target in entities else r
            for name, r in entity.relations.items()
        }
        complete.append(replace(entity, relations=relations))
    return complete


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


class _Part:
    """One table of a TOML file, with its place for messages."""

    def __init__(self, file: str, entity: str, values: object) -> None:
        self.file, self.entity = file, entity
        if not isinstance(values, dict):
            raise ModelError(f'{self.where} is {values!r}; write a table such as {{ type = "text" }}.')
        self._values: dict[str, Any] = values

    @property
    def where(self) -> str:
        return f"{self.file}: {self.entity}" if self.entity else self.file

    def wrong(self, key: str, value: object, expected: str) -> ModelError:
        return ModelError(f"{self.where}: {key} is {value!r}; expected {expected}.")

    def only(self, known: Sequence[str]) -> None:
        for key in self._values:
            if key not in known:
                raise ModelError(f"{self.where}: unknown key {key!r}; there are {', '.join(known)}.")

    def check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ModelError(
                f"{self.where}: the name {name!r} cannot be used; write lower case letters, digits and _, "
                f"a letter first, at most 63."
            )

    def name(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise ModelError(f"{self.where}: {key} is missing.")
        self.check_name(value)
        return value

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self._values.get(key, default)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, value, "text in quotes")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "true or false")
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._values.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(key, value, 'a list of texts such as ["new", "open"]')
        return tuple(value)

    def one_of(self, key: str, known: Sequence[str], default: str | None) -> str:
        value = self._values.get(key, default)
        if value is None:
            raise ModelError(f"{self.where}: {key} is missing; write one of {', '.join(known)}.")
        if value not in known:
            raise self.wrong(key, value, f"one of {', '.join(known)}")
        return str(value)

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, value, f"a table [{key}]")
        return value

    def tables(self, key: str) -> Sequence[Any]:
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, value, f"a list of tables [[{key}]]")
        return value
