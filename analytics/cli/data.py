"""Commands about the data itself: make a workspace, import files, look at tables, back up, restore, examine."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.errors import WorkspaceError

if TYPE_CHECKING:
    from analytics.entities.importing import ImportReport, MappingPlan
    from analytics.model.entity import Entity


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("init")(init)
    app.command("import")(import_)
    app.command("entities")(entities)
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("doctor")(doctor)


def init(
    folder: Annotated[
        Path | None, typer.Argument(help="Where to make it; by default SHELDUCK_HOME, else ./data.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The shop's name, as recipients read it.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of days and of times without one: Europe/Berlin.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency reports are in: EUR.")] = None,
) -> None:
    """Make a new workspace: a folder with settings, lake, state and spool."""
    from analytics.bootstrap import create_services

    home = os.environ.get("SHELDUCK_HOME")
    root = folder or Path(home or "data").expanduser()
    given = {"name": name, "timezone": timezone, "base_currency": currency}
    with create_services(root, settings={key: value for key, value in given.items() if value is not None}) as made:
        settings = made.store.settings
        common.console.print(f"{made.store.folder.root} is a workspace now.", markup=False, soft_wrap=True)
        common.table(
            ("setting", "value"),
            [("name", settings.name), ("timezone", settings.timezone), ("base_currency", settings.base_currency)],
        )


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or JSON lines (also .gz), Parquet, Excel.")],
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="What a line is: order, contact, ...")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="A mapping file, .toml or .yaml (docs/import.md).")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--map", help="A rule 'field = expression' or 'items.price = Price'; may be repeated."),
    ] = None,
    complete: Annotated[
        bool | None, typer.Option("--complete", help="The file holds every row: mark those it lacks deleted.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show how columns become fields and stop.")] = False,
    guess: Annotated[bool | None, typer.Option("--guess/--no-guess", help="Map other columns by their names.")] = None,
    lines: Annotated[bool | None, typer.Option("--lines", help="Several lines may make one row.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of times without one; else the workspace's.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of rows that name none; else the workspace's.")] = None,
    encoding: Annotated[str | None, typer.Option(help="utf-8, latin-1, cp1252, utf-16; else found out.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="What separates values; else found out.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign, . or ,; else found out.")] = None,
    dates: Annotated[str | None, typer.Option(help="dmy or mdy: how 03/07/2026 is meant; else found out.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a spreadsheet; else the first.")] = None,
    fill_short: Annotated[
        bool | None, typer.Option("--fill-short", help="Take lines with fewer values than the header names.")
    ] = None,
) -> None:
    """Import a file; repeat it as often as you like.

    Rows are inserted or replaced by key. Lines that cannot be imported go with their reason to rejects/; the others
    are imported. Exit code 1 if not a single line could be imported.
    """
    from analytics.entities.importing import ImportOptions, MappingFile, import_file, load_mapping, override, plan_file
    from analytics.entities.importing.rules import as_rules

    told = MappingFile(()) if mapping is None else load_mapping(mapping)
    name = entity or told.entity
    if name is None:
        raise typer.BadParameter("Say what a line of the file is: --entity order.", param_hint="--entity")
    given = {
        "complete": complete,
        "guess": guess,
        "lines": lines,
        "timezone": timezone,
        "currency": currency,
        "encoding": encoding,
        "delimiter": "\t" if delimiter in ("tab", "\\t") else delimiter,
        "decimal": decimal,
        "dates": dates,
        "sheet": sheet,
        "fill_short": fill_short,
    }
    checked = ImportOptions.of({k: v for k, v in given.items() if v is not None}, "command line")
    base = told.options or ImportOptions()
    options = replace(base, **{k: getattr(checked, k) for k, v in given.items() if v is not None})
    rules = override(told.rules, as_rules(rule or ()))
    with common.services() as services:
        store, model = services.store, services.model
        if plan:
            _show_plan(plan_file(store, model, file, entity=name, mapping=rules, options=options))
            return
        with common.bar() as progress:
            report = import_file(store, model, file, entity=name, mapping=rules, options=options, progress=progress)
    _show_plan(report.plan)
    _show_report(report)
    if report.rejected and report.rejected == report.lines:
        raise typer.Exit(1)


def _show_plan(plan: MappingPlan) -> None:
    common.table(
        ("field", "type", "from", "because", "example"),
        [(f.path, f.type, f.expression, _HOW[f.how], (f.example or "")[:40]) for f in plan.fields],
        title=f"How columns become fields of {plan.entity}",
    )
    if plan.unused:
        kinds = dict(plan.columns)
        unused = ", ".join(f"{name} ({kinds[name]})" for name in plan.unused)
        common.console.print(f"Columns not used: {unused}", markup=False, soft_wrap=True)


_HOW = {
    "rule": "rule",
    "name": "name of the column",
    "link": "points to the row",
    "parent": "as its parent",
    "position": "no key of its own",
    "default": "default of new rows",
}


def _show_report(report: ImportReport) -> None:
    common.table(
        ("entity", "read", "added", "changed", "unchanged", "deleted", "rejected lines"),
        [(c.label, c.read, c.added, c.changed, c.unchanged, c.deleted, c.rejected) for c in report.counts],
        title=f"{report.lines:,} lines, {report.rejected:,} rejected, {report.seconds:,.1f} s",
    )
    totals = [f"{name} {_amount(value)}" for name, value in report.totals]
    common.console.print(f"The file adds up to: {', '.join(totals)}.", markup=False, soft_wrap=True)
    for warning in report.warnings:
        common.notes.print(f"Note: {warning}", markup=False, soft_wrap=True)
    if report.rejects_file is not None:
        common.notes.print(f"Rejected lines and why: {report.rejects_file}", markup=False, soft_wrap=True)


def _amount(value: int | Decimal) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}"


def entities(
    name: Annotated[str | None, typer.Argument(help="Show the fields and relations of this one.")] = None,
) -> None:
    """Show the declared tables and how many rows they hold, or the fields of one."""
    with common.services() as services:
        if name is not None:
            _show_entity(services.model.entity(name))
            return
        rows = []
        with services.engine() as engine:
            from analytics.engine import quote

            for entity in services.model.entities.values():
                count = engine.value(f"select count(*) from {quote(entity.name)}")  # noqa: S608  # declared names
                contacts = ", ".join(f"{c.name}: {c.path}" for c in entity.contacts)
                rows.append((entity.name, entity.label, int(count or 0), contacts))
        common.table(("entity", "label", "rows", "reached by"), rows)


def _show_entity(entity: Entity) -> None:
    common.table(
        ("field", "type", "label", "notes"),
        [(f.name, f.type, f.label, _notes(entity, f.name)) for f in entity.fields.values()],
        title=f"{entity.name}: {entity.doc}",
    )
    common.table(
        ("relation", "to", "how many", "joined by"),
        [
            (r.name, r.target, r.kind, f"{entity.name}.{r.own_field} = {r.target}.{r.target_field}")
            for r in entity.relations.values()
        ],
    )


def _notes(entity: Entity, name: str) -> str:
    field = entity.fields[name]
    marks = {
        "key": name == entity.key,
        "title": name == entity.title,
        "time of the row": name == entity.as_of,
        "personal": field.personal,
        "changes are kept": field.history,
        "earliest value stays": field.keep == "earliest",
    }
    notes = [mark for mark, is_set in marks.items() if is_set]
    if field.options:
        notes.append(f"one of {', '.join(field.options)}")
    if field.default is not None:
        notes.append(f"{field.default} if not given")
    return "; ".join(notes)


def backup(
    target: Annotated[
        Path | None, typer.Argument(help="The archive, .tar or .tar.zst; by default in backups/.")
    ] = None,
) -> None:
    """Write everything the workspace holds into one archive, while it is at work."""
    from analytics.entities.importing import still
    from analytics.store.backup import backup as write

    with common.services() as services:
        store = services.store
        stamp = store.clock.now().astimezone(UTC)
        path = target or store.folder.backups / f"shelduck-{stamp:%Y%m%dT%H%M%SZ}.tar.zst"
        with still(store, services.model):  # between its tables an import is not one moment
            written = write(store, path)
        size = written.stat().st_size / 1e6
        common.console.print(f"{written} holds the workspace ({size:,.1f} MB).", markup=False, soft_wrap=True)


def restore(
    archive: Annotated[Path, typer.Argument(help="An archive that `shelduck backup` wrote.")],
    folder: Annotated[Path, typer.Argument(help="A new folder; nothing is overwritten.")],
    nothing_left_since: Annotated[
        bool,
        typer.Option("--nothing-left-since", help="The workspace was stopped before the backup and never ran again."),
    ] = False,
) -> None:
    """Unpack a backup into a new workspace; unfinished sendings are paused there."""
    from analytics.store.backup import restore as unpack

    if not archive.is_file():
        raise WorkspaceError(f"{archive} does not exist; name an archive that `shelduck backup` wrote.")
    instance = unpack(archive, folder, nothing_left_since=nothing_left_since)
    common.console.print(
        f"{folder} is the workspace again, instance {instance}. Unfinished sendings are paused: look at them before "
        f"you resume one.",
        markup=False,
        soft_wrap=True,
    )


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Set aside what is broken.")] = False,
) -> None:
    """Look for damage that a loss of power leaves behind; exit code 1 while something is left to repair."""
    from analytics.store import Folder
    from analytics.store.doctor import examine

    root = Folder.find()
    if root is None or not Folder(root).is_workspace:
        raise WorkspaceError("No workspace found; name one with --workspace or SHELDUCK_HOME.")
    findings = examine(Folder(root), repair=repair)
    if not findings:
        common.console.print(f"{root}: nothing is wrong.", markup=False, soft_wrap=True)
        return
    common.table(("where", "what is wrong", "what is done"), [(f.place, f.what, f.done) for f in findings])
    if not all(f.is_repaired for f in findings):
        raise typer.Exit(1)
