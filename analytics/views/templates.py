"""Templates on screen: what there is, ready-made ones to start from, the check and the preview while one is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analytics.errors import AnalyticsError, NotFound, TemplateError
from analytics.model.entity import EntityModel
from analytics.segments import Definition
from analytics.segments.definition import Column, FieldCondition
from analytics.services import Services
from analytics.templates import CompiledTemplate, PreviewParts, Template, compile_template
from analytics.templates.starters import starters
from analytics.views.conditions import field_choices

_VALUE = "value: "  # keeps labels of values apart from those of keys and titles


@dataclass(frozen=True)
class Line:
    """One row of the overview. `uses` names the email campaigns that use it."""

    id: int
    name: str
    made_for: str
    subject: str
    version: int
    updated_at: Any
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A template while it is written. `id` None: not saved yet."""

    id: int | None
    name: str
    entity: str | None
    subject: str
    preheader: str
    html: str
    text: str


ICONS = {"Newsletter": "newspaper", "Win-back": "redeem", "Plain letter": "mail"}
"""A sign for each template to start from."""


@dataclass(frozen=True)
class Variable:
    """Something a template can show: its words and what to write for it."""

    label: str
    code: str


@dataclass(frozen=True)
class Checked:
    """What the check of a draft says: compiled, or the sentence that says what is wrong."""

    compiled: CompiledTemplate | None
    problem: str | None

    @property
    def hints(self) -> tuple[str, ...]:
        """What a reader should know though it is not wrong."""
        if self.compiled is None:
            return ()
        hints = []
        if not self.compiled.has_unsubscribe:
            hints.append("No unsubscribe link of your own: one is added below the mail.")
        if not self.compiled.links:
            hints.append("There is no link to click, so nothing can be counted but opens.")
        return tuple(hints)


@dataclass(frozen=True)
class Member:
    """A record to try a template with."""

    key: str
    title: str


def overview(services: Services) -> tuple[Line, ...]:
    """Return every template by name."""
    uses: dict[int, list[str]] = {}
    for campaign in services.email_campaigns.all():
        uses.setdefault(campaign.template_id, []).append(campaign.name)
    return tuple(
        Line(
            id=t.id,
            name=t.name,
            made_for="Anything" if t.entity is None else _plural(services.model, t.entity),
            subject=t.subject,
            version=t.version,
            updated_at=t.updated_at,
            uses=tuple(uses.get(t.id, ())),
        )
        for t in services.templates.all()
    )


def _plural(model: EntityModel, name: str) -> str:
    entity = model.entities.get(name)
    return entity.plural if entity else name


def draft_of(template: Template) -> Draft:
    """Return a stored template as a draft."""
    return Draft(
        template.id,
        template.name,
        template.entity,
        template.subject,
        template.preheader or "",
        template.html,
        template.text or "",
    )


def started(starter: str) -> Draft:
    """Return a draft that begins as a ready-made template; raises NotFound for an unknown one."""
    known = next((s for s in starters() if s.name == starter), None)
    if known is None:
        raise NotFound("template to start from", starter, [s.name for s in starters()])
    return Draft(None, "", known.entity, known.subject, known.preheader or "", known.html, "")


def variables(model: EntityModel, entity: str | None) -> tuple[Variable, ...]:
    """Return what a template for `entity` can show."""
    common = (
        Variable("Shop › Name", "{{ shop.name }}"),
        Variable("Sender › Name", "{{ sender.name }}"),
        Variable("Sender › Address", "{{ sender.email }}"),
        Variable("Campaign › Name", "{{ campaign.name }}"),
        Variable("Campaign › Code", "{{ campaign.code }}"),
        Variable("Today", "{{ today | date }}"),
        Variable("Unsubscribe link", "{{ unsubscribe_url }}"),
        Variable("Preferences link", "{{ preferences_url }}"),
    )
    if entity is None:
        return common
    filters = {"date": " | date", "datetime": " | date", "money": " | money"}
    own = (
        Variable(f.label, f"{{{{ entity.{f.path}{filters.get(f.type, '')} }}}}") for f in field_choices(model, entity)
    )
    return (*own, *common)


def check(model: EntityModel, draft: Draft) -> Checked:
    """Return whether a draft is a template, or the sentence that says why not."""
    try:
        compiled = compile_template(
            draft.subject, draft.preheader or None, draft.html, draft.text or None, draft.entity, model
        )
    except AnalyticsError as error:
        return Checked(None, str(error))
    return Checked(compiled, None)


def save(services: Services, draft: Draft) -> Template:
    """Keep a draft; raises TemplateError for a name that another template has, and as Templates.save does."""
    name = draft.name.strip()
    taken = next((t for t in services.templates.all() if t.name == name), None)
    if taken is not None and taken.id != draft.id:
        raise TemplateError(f"There is a template {name!r} already; choose another name.")
    if draft.id is not None and services.templates.get(draft.id).name != name:
        services.templates.rename(draft.id, name)
    return services.templates.save(
        name,
        draft.subject,
        draft.html,
        text=draft.text or None,
        preheader=draft.preheader or None,
        entity=draft.entity,
    )


def members(services: Services, entity: str, search: str = "", limit: int = 20) -> tuple[Member, ...]:
    """Return some records to try a template with, those whose title contains `search`."""
    declared = services.model.entity(entity)
    title = declared.title or declared.key
    condition = FieldCondition(title, "contains", search.strip()) if search.strip() else None
    with services.engine() as engine:
        definition = Definition(entity, condition, (Column(title, _VALUE),))
        rows = services.segments.sample(definition, engine, limit).rows.to_pylist()
    key = declared.fields[declared.key].label
    return tuple(Member(str(row[key]), str(row.get(_VALUE) or row[key])) for row in rows)


def try_out(services: Services, compiled: CompiledTemplate, entity: str | None, key: str | None) -> PreviewParts:
    """Return what the record with this key would see; without one, variables are empty. Raises TemplateError."""
    values: dict[str, Any] = {}
    if entity is not None and key is not None and compiled.paths:
        declared = services.model.entity(entity)
        columns = tuple(Column(path, f"{_VALUE}{path}") for path in compiled.paths)
        definition = Definition(entity, FieldCondition(declared.key, "equals", key), columns)
        with services.engine() as engine:
            rows = services.segments.sample(definition, engine, 1).rows.to_pylist()
        values = {path: rows[0][f"{_VALUE}{path}"] for path in compiled.paths} if rows else {}
    return services.templates.preview(compiled, values)
