"""Commands about who is meant: segments, marketing lists and their members."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common

if TYPE_CHECKING:
    import pyarrow as pa

    from analytics.lists import MarketingList
    from analytics.segments import Explanation, Membership
    from analytics.services import Services

lists = typer.Typer(help="Marketing lists and their members.", no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[str, typer.Argument(help="The list, by name or number.")]
Member = Annotated[str, typer.Argument(help="The member, by key or address.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="A date: hides what came later and is today's date then.")]
SqlOf = Annotated[
    str | None,
    typer.Option("--entity", help="Take FILE or TEXT as SQL whose first column is the key of this entity."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("segment")(segment)
    app.command("tables")(tables)
    app.add_typer(lists, name="list")


# --- segments ---


def segment(
    source: Annotated[
        str, typer.Argument(metavar="FILE|NAME|TEXT", help="A file, a stored segment, or 'customer_user where ...'.")
    ],
    of: SqlOf = None,
    as_of: AsOf = None,
    sample: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 10,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL and its values too.")] = False,
    explain: Annotated[str | None, typer.Option(metavar="KEY|ADDRESS", help="Show why this row is in or out.")] = None,
    save: Annotated[str | None, typer.Option(help="Store the segment under this name.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the stored segment instead.")] = False,
) -> None:
    """Count a segment and show some of its rows; docs/segments.md says how a definition is written."""
    with common.services() as services:
        if delete:
            services.segments.delete(source)
            common.console.print(f"Deleted the segment {source}.", markup=False)
            return
        definition = services.segments.resolve(source, of)
        with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
            count = services.segments.count(definition, engine)
            entity = services.model.entity(definition.entity)
            common.console.print(f"{count:,} {(entity.label if count == 1 else entity.plural).lower()}", markup=False)
            if sample:
                shown = services.segments.sample(definition, engine, sample)
                common.table(shown.columns, _rows(shown.rows))
            if explain is not None:
                show_membership(services.segments.explain(definition, engine, explain))
            if sql:
                common.console.print(str(services.segments.sql(definition, engine)), markup=False, soft_wrap=True)
        if save is not None:
            made = services.segments.save(save, definition)
            services.sizes.measure("segment", made.id)
            common.console.print(f"Stored as {made.name}, version {made.version}.", markup=False)


def show_membership(membership: Membership) -> None:
    """Print whether a row is in a segment, and its conditions one below the other."""
    common.console.print(f"{membership.key} is {'in' if membership.is_member else 'not in'} the segment.", markup=False)
    if membership.row is not None:
        given = ", ".join(f"{name} = {_shown(value)}" for name, value in membership.row.items())
        common.console.print(f"The query returned this row: {given}.", markup=False, soft_wrap=True)
    elif membership.conditions is not None and "sql" in membership.conditions.document:
        common.console.print("The query did not return this row.")
    elif membership.conditions is not None:
        _show_condition(membership.conditions, 0)


def _show_condition(explained: Explanation, depth: int) -> None:
    """Print a node and those below it, each true or false, with the values it saw."""
    if explained.nodes:
        kind = next(iter(explained.document))
        said = f"some {explained.document[kind]} where" if kind == "same" else kind
    else:
        said = json.dumps(explained.document, ensure_ascii=False)
    saw = "" if explained.values is None else f"   saw: {', '.join(map(_shown, explained.values)) or 'nothing'}"
    common.console.print(
        f"{'  ' * depth}{'yes' if explained.holds else 'no '}  {said}{saw}", markup=False, soft_wrap=True
    )
    for node in explained.nodes:
        _show_condition(node, depth + 1)


def _shown(value: object) -> str:
    return "no value" if value is None else str(value)


def tables(
    name: Annotated[str | None, typer.Argument(help="Show the columns of this table alone.")] = None,
) -> None:
    """List the tables that SQL of a segment reads, and their columns; docs/sql.md says more."""
    from analytics.errors import NotFound
    from analytics.segments import sql_views

    with common.services() as services:
        views = sql_views(services.model)
    if name is None:
        common.table(
            ("Table", "Key", "Columns", "A row is"), [(v.name, v.key or "", len(v.columns), v.doc) for v in views]
        )
        return
    found = next((v for v in views if v.name == name.lower()), None)
    if found is None:
        raise NotFound("table", name, [v.name for v in views])
    common.table(("Column", "Type"), found.columns)


# --- lists ---


@lists.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the list.")],
    source: Annotated[str | None, typer.Option("--segment", metavar="FILE|NAME|TEXT", help="Who is on it.")] = None,
    manual: Annotated[bool, typer.Option("--manual", help="Pick its members by hand: `shelduck list add`.")] = False,
    keep_contacted: Annotated[
        bool, typer.Option("--keep-contacted", help="Rows it contacted stay when they no longer fit.")
    ] = False,
    kind: Annotated[str, typer.Option(help="dynamic: asked anew each time; static: until refreshed.")] = "dynamic",
    contact: Annotated[str, typer.Option(help="Contact its rows are reached at.")] = "email",
    description: Annotated[str | None, typer.Option(help="A note.")] = None,
    of: SqlOf = None,
    as_of: AsOf = None,
) -> None:
    """Make a marketing list; one on a stored segment follows that segment's changes."""
    from analytics.segments import Definition, written

    if manual == (source is not None):
        raise typer.BadParameter("Say who is on the list with --segment, or make it --manual.")
    own = Definition(of or "customer_user") if source is None else written(source, of)
    with common.services() as services:
        with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
            made = services.lists.create(
                name,
                own,
                segment=None if own is not None else source,
                kind=kind,
                contact=contact,
                description=description,
                keeps_contacted=keep_contacted,
                source="picked" if manual else "definition",
                engine=engine,
            )
        services.sizes.measure("list", made.id)
        _show(services, made, as_of)


@lists.command("all")
def all_lists() -> None:
    """List every marketing list."""
    with common.services() as services:
        rows = [
            (m.id, m.name, m.entity, m.kind_label, m.contact, m.segment or "", m.version) for m in services.lists.all()
        ]
        if not rows:
            common.console.print("There is no list yet; `shelduck list create NAME --segment FILE` makes one.")
            return
        common.table(("No.", "Name", "Entity", "Kind", "Contact", "Segment", "Version"), rows)


@lists.command("show")
def show(
    name: Named,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(min=0, help="How many members to show.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="How many members to pass over.")] = 0,
    search: Annotated[str, typer.Option(help="Only members with this text in key, title, contact or columns.")] = "",
    sort: Annotated[str | None, typer.Option(metavar="COLUMN", help="Sort by this column.")] = None,
    descending: Annotated[bool, typer.Option("--descending", help="Sort from the largest down.")] = False,
    removed: Annotated[bool, typer.Option("--removed", help="Show the rows taken out by hand instead.")] = False,
) -> None:
    """Show a list: how many members, who they are, what is known of them."""
    with common.services() as services:
        listed = services.lists.get(name)
        _show(services, listed, as_of)
        if not limit:
            return
        order = None if sort is None else (sort, descending)
        with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
            page = services.lists.members(engine, listed, limit, offset, search, removed=removed, sort=order)
        common.table(page.labels, _rows(page.rows), title=f"{page.total:,} found" if search or removed else None)


@lists.command("refresh")
def refresh(name: Named, as_of: AsOf = None, yes: Yes = False) -> None:
    """Make a static list's members what its segment gives now, after showing what changes."""
    with common.services() as services:
        with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
            change = services.lists.preview_refresh(name, engine)
            common.console.print(
                f"{len(change.entered):,} to come in, {len(change.left):,} to go out, {_members(change.total)} then."
            )
            if not common.confirmed("Refresh the list?", yes):
                raise typer.Exit(1)
            with common.bar() as progress:
                services.lists.refresh(name, engine, progress)
        services.sizes.measure("list", services.lists.get(name).id)
        common.console.print("Refreshed.")


@lists.command("remove")
def remove(name: Named, member: Member) -> None:
    """Take a member out of a list: hidden and never mailed through it."""
    _mark(name, member, "remove", "Removed", "is removed already")


@lists.command("restore")
def restore(name: Named, member: Member) -> None:
    """Put a removed member back."""
    _mark(name, member, "restore", "Restored", "is not removed")


@lists.command("unsubscribe")
def unsubscribe(name: Named, member: Member) -> None:
    """Note that a member does not want this list; `shelduck suppress` is for all lists."""
    _mark(name, member, "unsubscribe", "Unsubscribed", "is unsubscribed already")


@lists.command("resubscribe")
def resubscribe(name: Named, member: Member) -> None:
    """Take back that a member does not want this list."""
    _mark(name, member, "resubscribe", "Resubscribed", "is subscribed")


@lists.command("export")
def export(
    name: Named,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write: .csv, .xlsx or .parquet.")],
    as_of: AsOf = None,
) -> None:
    """Write all members to a file; cells that a spreadsheet would run as formulas are made harmless."""
    with (
        common.services() as services,
        services.engine(common.moment(as_of, services.store.settings.timezone)) as engine,
        common.bar() as progress,
    ):
        count = services.lists.export(engine, name, path, progress)
    common.console.print(f"{_members(count)} written to {path}.", markup=False)


@lists.command("delete")
def delete(name: Named, yes: Yes = False) -> None:
    """Delete a list with what is known of its members."""
    with common.services() as services:
        listed = services.lists.get(name)
        if not common.confirmed(f"Delete the list {listed.name} and the state of its members?", yes):
            raise typer.Exit(1)
        services.lists.delete(listed)
    common.console.print(f"Deleted the list {listed.name}.", markup=False)


def _mark(name: str, member: str, action: str, done: str, already: str) -> None:
    with common.services() as services:
        with services.engine() as engine:
            key = services.lists.find(engine, name, member)
        changed = getattr(services.lists, action)(name, [key])
    common.console.print(f"{done} {member}." if changed else f"{member} {already}.", markup=False)


def _show(services: Services, listed: MarketingList, as_of: str | None) -> None:
    entity = services.model.entity(listed.entity)
    with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
        counts = services.lists.counts(engine, listed)
    since = f", refreshed {listed.refreshed_at:%Y-%m-%d %H:%M} UTC" if listed.refreshed_at else ""
    on = f", on the segment {listed.segment}" if listed.segment else ""
    common.console.print(
        f"{listed.name} (no. {listed.id}): {listed.kind_label} list of {entity.plural.lower()}{on}, reached by "
        f"{listed.contact}, version {listed.version}{since}.\n"
        f"{_members(counts.members)}, {counts.reachable:,} of them reachable: {counts.unsubscribed:,} unsubscribed, "
        f"{counts.without_contact:,} without {listed.contact}, {counts.suppressed:,} suppressed. "
        f"{counts.removed:,} removed.",
        markup=False,
        soft_wrap=True,
    )


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count:,} members"


def _rows(rows: pa.Table) -> list[list[object]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)]
