"""The templates a workspace keeps."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, delete, insert, select, update

from analytics.engine import Engine
from analytics.errors import NotFound, TemplateError
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.tables import email_campaign, template
from analytics.templates.compose import CompiledTemplate, compile_template
from analytics.templates.preview import PreviewParts, preview
from analytics.templates.sample import row_values

_LONGEST_NAME = 255


@dataclass(frozen=True)
class Template:
    """A stored template. `entity` None means any, `text` None made from the HTML; `version` rises with changes."""

    id: int
    name: str
    entity: str | None
    subject: str
    preheader: str | None
    html: str
    text: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class Templates:
    """The templates of a workspace."""

    def __init__(self, store: Store, model: EntityModel) -> None:
        self._store, self._model = store, model

    def save(
        self,
        name: str,
        subject: str,
        html: str,
        text: str | None = None,
        preheader: str | None = None,
        entity: str | None = None,
    ) -> Template:
        """Check a template and keep it under `name`, in place of a former one; return it.

        Saving what is there already changes nothing; a change raises the version. Sendings keep the version they
        were queued with. Raises UnknownVariable, TemplateError, ModelError for an unknown entity.
        """
        name = _checked_name(name)
        compiled = compile_template(subject.strip(), preheader, html, text, entity, self._model)
        values = {
            "entity": compiled.entity,
            "subject": compiled.subject,
            "preheader": compiled.preheader,
            "html": compiled.html,
            "text": compiled.text,
        }
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            former = connection.execute(select(template).where(template.c.name == name)).first()
            if former is None:
                number = connection.execute(
                    insert(template)
                    .values(name=name, version=1, created_at=now, updated_at=now, **values)
                    .returning(template.c.id)
                ).scalar_one()
                return _load(connection, number)
            if any(former._mapping[key] != value for key, value in values.items()):
                self._keep_fitting(connection, former, entity)
                connection.execute(
                    update(template)
                    .where(template.c.id == former.id)
                    .values(version=former.version + 1, updated_at=now, **values)
                )
            return _load(connection, former.id)

    def get(self, name: int | str) -> Template:
        """Return the template with this name or number; raises NotFound."""
        with self._store.state.read() as connection:
            return _find(connection, name)

    def all(self) -> tuple[Template, ...]:
        """Return every template by name."""
        with self._store.state.read() as connection:
            return tuple(map(_template, connection.execute(select(template).order_by(template.c.name))))

    def rename(self, name: int | str, new: str) -> Template:
        """Give a template another name and return it; raises TemplateError when that is taken, NotFound."""
        new = _checked_name(new)
        with self._store.state.write() as connection:
            present = _find(connection, name)
            _name_is_free(connection, new, present.id)
            connection.execute(
                update(template).where(template.c.id == present.id).values(name=new, updated_at=self._store.clock.now())
            )
            return _load(connection, present.id)

    def clone(self, name: int | str, new: str) -> Template:
        """Make a copy called `new` and return it; raises TemplateError when that is taken, NotFound."""
        new = _checked_name(new)
        now = self._store.clock.now()
        with self._store.state.write() as connection:
            present = connection.execute(select(template).where(template.c.id == _find(connection, name).id)).one()
            _name_is_free(connection, new, None)
            copied = {key: present._mapping[key] for key in ("entity", "subject", "preheader", "html", "text")}
            number = connection.execute(
                insert(template)
                .values(name=new, version=1, created_at=now, updated_at=now, **copied)
                .returning(template.c.id)
            ).scalar_one()
            return _load(connection, number)

    def delete(self, name: int | str) -> None:
        """Delete a template; raises TemplateError while an email campaign uses it, NotFound."""
        with self._store.state.write() as connection:
            present = _find(connection, name)
            if users := _users(connection, present.id):
                raise TemplateError(
                    f"Template {present.name!r} cannot be deleted: email campaign "
                    f"{', '.join(map(repr, users))} uses it."
                )
            connection.execute(delete(template).where(template.c.id == present.id))

    def compiled(self, stored: Template | int | str) -> CompiledTemplate:
        """Return a stored template compiled; raises as `save` does when the entity has changed since."""
        found = stored if isinstance(stored, Template) else self.get(stored)
        return compile_template(found.subject, found.preheader, found.html, found.text, found.entity, self._model)

    def preview(self, stored: Template | CompiledTemplate | int | str, values: Mapping[str, Any]) -> PreviewParts:
        """Return what a recipient with these values (by dotted path below `entity.`) would see, links untracked."""
        compiled = stored if isinstance(stored, CompiledTemplate) else self.compiled(stored)
        settings, now = self._store.settings, self._store.clock.now()
        constants = {
            "shop.name": settings.name,
            "sender.name": settings.sender_name,
            "sender.email": settings.sender_email,
            "campaign.name": "Campaign",
            "campaign.code": "code",
            "today": now.astimezone(ZoneInfo(settings.timezone)).date(),
        }
        return preview(compiled, values, constants=constants, zone=settings.timezone)

    def values(
        self, engine: Engine, stored: Template | CompiledTemplate | int | str, key: str | None = None
    ) -> dict[str, Any]:
        """Return what the row with this key (without one: the first) gives a template, for `preview`.

        A template for any entity takes no values. Raises NotFound when there is no such row.
        """
        compiled = stored if isinstance(stored, CompiledTemplate) else self.compiled(stored)
        if compiled.entity is None:
            return {}
        return row_values(engine, self._model, compiled.entity, key, compiled.paths)

    def _keep_fitting(self, connection: Connection, former: Row[Any], entity: str | None) -> None:
        """Refuse another entity while email campaigns use the template for rows of the present one."""
        if entity is None or entity == former.entity:
            return
        if users := _users(connection, former.id):
            raise TemplateError(
                f"Template {former.name!r} cannot become one for {entity}: email campaign "
                f"{', '.join(map(repr, users))} uses it for {former.entity or 'any entity'}. "
                f"Save it under another name."
            )


def _checked_name(name: str) -> str:
    text = name.strip()
    if not text:
        raise TemplateError("The template needs a name.")
    if len(text) > _LONGEST_NAME or any(unicodedata.category(ch) == "Cc" for ch in text):
        raise TemplateError(
            f"Template name {text[:60]!r} cannot be used: one line of at most {_LONGEST_NAME} characters."
        )
    return text


def _name_is_free(connection: Connection, name: str, own: int | None) -> None:
    taken = connection.execute(select(template.c.id).where(template.c.name == name)).scalar()
    if taken is not None and taken != own:
        raise TemplateError(f"There is a template {name!r} already; choose another name.")


def _users(connection: Connection, number: int) -> list[str]:
    named = select(email_campaign.c.name).where(email_campaign.c.template_id == number).order_by(email_campaign.c.name)
    return list(connection.execute(named).scalars())


def _find(connection: Connection, name: int | str) -> Template:
    row = None
    if isinstance(name, str):
        row = connection.execute(select(template).where(template.c.name == name.strip())).first()
    if row is None and (isinstance(name, int) or (name.strip().isdecimal() and len(name.strip()) < 10)):
        row = connection.execute(select(template).where(template.c.id == int(name))).first()
    if row is None:
        raise NotFound(
            "template", name, list(connection.execute(select(template.c.name).order_by(template.c.name)).scalars())
        )
    return _template(row)


def _load(connection: Connection, number: int) -> Template:
    return _template(connection.execute(select(template).where(template.c.id == number)).one())


def _template(row: Row[Any]) -> Template:
    return Template(**row._mapping)
