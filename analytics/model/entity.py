"""The entity model: business tables, their fields, relations and contact paths, as values.

Declarations are TOML files (`analytics.entities.declarations` reads them); nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from analytics.errors import ModelError, UnknownField
from analytics.model.table import Column, ColumnType, TableSchema

FieldType = Literal[
    "text", "integer", "number", "money", "boolean", "date", "datetime", "enum", "multi_enum", "percent"
]
"""Types of fields; an `enum` holds one of a list of options, a `multi_enum` any number of them."""

_LAKE_TYPES: Mapping[str, ColumnType] = {"enum": "text", "multi_enum": "text_list", "percent": "number"}

IMPORTED_AT = Column("_imported_at", "datetime", doc="when the row was last changed by an import")
DELETED_AT = Column("_deleted_at", "datetime", doc="when a complete import no longer had the row; null while it lives")
SOURCE_AT = Column(
    "_source_at", "datetime", doc="time of the source line the values come from; an older line changes nothing"
)


@dataclass(frozen=True)
class Field:
    """One field. `keep` says which value stays when source lines differ; `history` records changes of it."""

    name: str
    type: FieldType
    label: str
    personal: bool = False
    history: bool = False
    options: tuple[str, ...] = ()
    keep: Literal["latest", "earliest"] = "latest"
    default: str | None = None
    aliases: tuple[str, ...] = ()  # what other programs call it: an import maps columns of these names to it
    doc: str = ""

    @property
    def lake_type(self) -> ColumnType:
        """The type of the column that holds the field."""
        return _LAKE_TYPES.get(self.type, self.type)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RelationFilter:
    """Keeps only related rows whose `field` equals `value` (text as in the lake)."""

    field: str
    value: str | bool


@dataclass(frozen=True)
class Relation:
    """A way from one entity to another.

    kind "one": rows where target.`target_field` = own.`own_field`, at most one of them (the smallest key when data
    has more); kind "many": all of them. `where` narrows the related rows.
    """

    name: str
    label: str
    target: str
    kind: Literal["one", "many"]
    own_field: str
    target_field: str
    where: tuple[RelationFilter, ...] = ()


@dataclass(frozen=True)
class ContactPath:
    """Where the e-mail address or telephone number of a row is found: a dotted path over to-one relations."""

    name: str
    channel: Literal["email", "phone"]
    path: str


@dataclass(frozen=True)
class Entity:
    """A business table: its key, fields, relations, contact paths."""

    name: str
    label: str
    plural: str
    key: str
    fields: Mapping[str, Field]
    relations: Mapping[str, Relation] = field(default_factory=dict)
    contacts: tuple[ContactPath, ...] = ()
    title: str | None = None  # field a person recognises a row by
    as_of: str | None = None  # time field by which later rows are hidden
    parent: str | None = None  # relation to the row these rows belong to; such rows have no key in the source
    document: bool = False  # a row is a paper of its as_of time: what it tells of other rows was known then
    doc: str = ""

    @property
    def schema(self) -> TableSchema:
        """The table of the lake that holds the entity."""
        columns = tuple(Column(f.name, f.lake_type, personal=f.personal, doc=f.doc) for f in self.fields.values())
        return TableSchema(
            name=self.name,
            kind="entity",
            key=self.key,
            as_of=self.as_of,
            sort=(self.key,),
            doc=self.doc,
            columns=(*columns, IMPORTED_AT, DELETED_AT, SOURCE_AT),
        )


@dataclass(frozen=True)
class ResolvedPath:
    """A dotted path taken apart: the relations to follow from `start`, then the field at the end (None = the row)."""

    start: Entity
    relations: tuple[Relation, ...]
    entity: Entity
    field: Field | None

    @property
    def is_to_many(self) -> bool:
        """Whether the path passes a to-many relation."""
        return any(r.kind == "many" for r in self.relations)


@dataclass(frozen=True)
class EntityModel:
    """All declared entities."""

    entities: Mapping[str, Entity]

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> EntityModel:
        """Return the model of these entities, checked: raises ModelError naming what does not hold together."""
        model = cls({e.name: e for e in entities})
        for entity in model.entities.values():
            model._check(entity)
        return model

    def entity(self, name: str) -> Entity:
        """Return the entity called `name`; raises ModelError listing the known ones."""
        try:
            return self.entities[name]
        except KeyError:
            known = ", ".join(sorted(self.entities))
            raise ModelError(f"No entity {name!r}; there are {known}.") from None

    def targetable(self) -> tuple[Entity, ...]:
        """Return the entities that have a contact path, by label."""
        return tuple(sorted((e for e in self.entities.values() if e.contacts), key=lambda e: e.label))

    def resolve(self, entity: str, path: str) -> ResolvedPath:
        """Take `path` ("customer.group.name") apart from `entity`; raises UnknownField naming the first wrong step.

        The last step may be a field or a relation; for a relation `field` is None.
        """
        start = current = self.entity(entity)
        relations: list[Relation] = []
        steps = path.split(".")
        for n, step in enumerate(steps):
            last = n == len(steps) - 1
            if last and step in current.fields:
                return ResolvedPath(start, tuple(relations), current, current.fields[step])
            relation = current.relations.get(step)
            if relation is None:
                known = [*current.fields, *(f"{r}." for r in current.relations)] if last else list(current.relations)
                raise UnknownField(step, current.name, known)
            relations.append(relation)
            current = self.entity(relation.target)
        return ResolvedPath(start, tuple(relations), current, None)

    def _check(self, entity: Entity) -> None:
        where = f"Entity {entity.name}"
        for label, name in (("key", entity.key), ("title", entity.title), ("as_of", entity.as_of)):
            if name is not None and name not in entity.fields:
                raise ModelError(f"{where}: its {label} {name!r} is no field; there are {', '.join(entity.fields)}.")
        if entity.fields[entity.key].type != "text":
            raise ModelError(
                f"{where}: its key {entity.key!r} has type {entity.fields[entity.key].type}; keys are text."
            )
        if entity.as_of is not None and entity.fields[entity.as_of].type != "datetime":
            raise ModelError(f"{where}: as_of {entity.as_of!r} has to be a datetime field.")
        if entity.title is not None and entity.fields[entity.title].type == "multi_enum":
            raise ModelError(f"{where}: its title {entity.title!r} is a list; name a field with one value.")
        for relation in entity.relations.values():
            place = f"{where}, relation {relation.name}"
            target = self.entities.get(relation.target)
            if target is None:
                raise ModelError(
                    f"{place}: no entity {relation.target!r}; there are {', '.join(sorted(self.entities))}."
                )
            if relation.own_field not in entity.fields:
                raise ModelError(f"{place}: {entity.name} has no field {relation.own_field!r}.")
            for name in (relation.target_field, *(f.field for f in relation.where)):
                if name not in target.fields:
                    raise ModelError(f"{place}: {target.name} has no field {name!r}.")
            for owner, name in ((entity, relation.own_field), (target, relation.target_field)):
                if owner.fields[name].type == "multi_enum":
                    raise ModelError(f"{place}: {owner.name}.{name} is a list, which no row is found by.")
        if entity.parent is not None and entity.parent not in entity.relations:
            raise ModelError(f"{where}: its parent {entity.parent!r} is no relation.")
        for contact in entity.contacts:
            resolved = self.resolve(entity.name, contact.path)
            if resolved.field is None or resolved.is_to_many or resolved.field.type == "multi_enum":
                raise ModelError(
                    f"{where}: contact path {contact.path!r} has to end at one value, over to-one relations."
                )
