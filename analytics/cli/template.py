"""Commands about templates: save, look at, preview."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from analytics.cli import common
from analytics.errors import TemplateError

group = typer.Typer(help="Templates: what mails say.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(group, name="template")


@group.command("save")
def save(
    name: Annotated[str, typer.Argument(help="Name of the template; an existing one is replaced.")],
    html: Annotated[Path | None, typer.Option(help="File with the HTML part, - for standard input.")] = None,
    subject: Annotated[str | None, typer.Option(help="Subject line; may hold variables.")] = None,
    text: Annotated[Path | None, typer.Option(help="File with the text part; by default made from the HTML.")] = None,
    preheader: Annotated[str | None, typer.Option(help="Line that inboxes show after the subject.")] = None,
    entity: Annotated[str | None, typer.Option(help="Whose values it shows (customer_user); by default any.")] = None,
    starter: Annotated[str | None, typer.Option(help="Begin with a shipped template: Newsletter, ...")] = None,
) -> None:
    """Check a template and keep it.

    Variables: {{ entity.first_name | default("there") }}, {{ unsubscribe_url }}, {{ shop.name }}, {{ campaign.code }}.
    """
    from analytics.templates.starters import starters

    chosen = None
    if starter is not None:
        chosen = next((s for s in starters() if s.name.lower() == starter.lower()), None)
        if chosen is None:
            raise typer.BadParameter(f"No starter {starter!r}; there are {', '.join(s.name for s in starters())}.")
    if chosen is None and (html is None or subject is None):
        raise typer.BadParameter("Give --html FILE and --subject TEXT, or --starter NAME.")
    with common.services() as services:
        stored = services.templates.save(
            name,
            subject=subject if subject is not None else chosen.subject if chosen else "",
            html=_read(html) if html is not None else chosen.html if chosen else "",
            text=_read(text) if text is not None else None,
            preheader=preheader if preheader is not None else chosen.preheader if chosen else None,
            entity=entity if entity is not None else chosen.entity if chosen else None,
        )
        compiled = services.templates.compiled(stored)
    common.console.print(
        f"Template {stored.name!r} is kept, version {stored.version}, for {stored.entity or 'any entity'}; "
        f"{len(compiled.paths)} variables of the row, {len(compiled.links)} links, "
        f"{'its own unsubscribe link' if compiled.has_unsubscribe else 'an unsubscribe footer will be added'}.",
        markup=False,
        soft_wrap=True,
    )


@group.command("all")
def all_templates() -> None:
    """Show every template."""
    with common.services() as services:
        rows = [(t.id, t.name, t.entity or "any", t.subject, t.version) for t in services.templates.all()]
    common.table(("number", "name", "entity", "subject", "version"), rows)


@group.command("show")
def show(name: Annotated[str, typer.Argument(help="Name or number.")]) -> None:
    """Show a template: its variables, links and source."""
    with common.services() as services:
        stored = services.templates.get(name)
        compiled = services.templates.compiled(stored)
    common.table(
        ("what", "value"),
        [
            ("name", stored.name),
            ("entity", stored.entity or "any"),
            ("subject", stored.subject),
            ("preheader", stored.preheader),
            ("version", stored.version),
            ("variables", ", ".join(f"entity.{path}" for path in compiled.paths)),
            ("unsubscribe link", "its own" if compiled.has_unsubscribe else "a footer is added"),
            ("text part", "given" if stored.text is not None else "made from the HTML"),
        ],
    )
    if compiled.links:
        common.table(("link", "leads to"), enumerate(compiled.links, 1))
    common.console.print(stored.html, markup=False, soft_wrap=True)


@group.command("preview")
def preview(
    name: Annotated[str, typer.Argument(help="Name or number.")],
    key: Annotated[
        str | None, typer.Option("--as", help="Key of the row to show it for; by default the first.")
    ] = None,
    part: Annotated[str, typer.Option(help="text, html or subject.")] = "text",
) -> None:
    """Show what a recipient would see; links are not tracked here."""
    if part not in ("text", "html", "subject"):
        raise typer.BadParameter(f"No part {part!r}; there are text, html and subject.")
    with common.services() as services:
        compiled = services.templates.compiled(name)
        if key is not None and compiled.entity is None:
            raise TemplateError(f"Template {name!r} is for any entity, so --as {key} says nothing; leave it out.")
        with services.engine() as engine:
            seen = services.templates.preview(compiled, services.templates.values(engine, compiled, key))
    if part == "text":
        common.console.print(f"Subject: {seen.subject}\n", markup=False, soft_wrap=True)
    common.console.print(getattr(seen, part).rstrip("\n"), markup=False, soft_wrap=True)


def _read(file: Path) -> str:
    """Return a source file's text; TemplateError naming it when it cannot be read or is no UTF-8."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise TemplateError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file} is no UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}.") from None
