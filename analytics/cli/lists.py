"""Commands about who is on a list: picked, uploaded, marked in bulk, combined, explained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.cli.audience import AsOf, Named, Yes, lists, show_membership

if TYPE_CHECKING:
    from analytics.lists import Matched

_SHOWN_LINES = 10


def register(app: typer.Typer) -> None:
    """Add the commands to those of lists, which are part of the command line already."""
    lists.command("add")(add)
    lists.command("upload")(upload)
    lists.command("mark")(mark)
    lists.command("combine")(combine)
    lists.command("explain")(explain)


def add(
    name: Named,
    members: Annotated[list[str] | None, typer.Argument(help="Who, by key or address; several may be named.")] = None,
    segment: Annotated[
        str | None, typer.Option(metavar="FILE|NAME|TEXT", help="Add everybody of a segment instead.")
    ] = None,
) -> None:
    """Put rows on a manual list, in this order; one that was removed comes back."""
    if bool(members) == (segment is not None):
        raise typer.BadParameter("Name members by key or address, or a --segment.")
    with common.services() as services, services.engine() as engine, common.bar() as progress:
        if segment is not None:
            done = services.lists.add_found(engine, name, services.segments.resolve(segment), progress)
        else:
            done = services.lists.add(engine, name, members or (), progress)
    common.console.print(f"{done.added:,} added, {done.restored:,} put back, {done.present:,} on it already.")
    for text in done.unknown:
        common.notes.print(f"{text} is neither key nor address of a row.", markup=False)
    if done.unknown:
        raise typer.Exit(1)


def upload(
    name: Annotated[str, typer.Argument(help="The uploaded list; a name nobody has makes a new one.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Excel or ODS file of addresses or keys.")],
    entity: Annotated[str, typer.Option(help="What a new list is made of.")] = "customer_user",
    contact: Annotated[str, typer.Option(help="Contact a new list is reached at.")] = "email",
    column: Annotated[str | None, typer.Option(help="Column with the addresses or keys, by header or number.")] = None,
    by: Annotated[str | None, typer.Option(help="address, phone or key; by default what fits most lines.")] = None,
    header: Annotated[bool | None, typer.Option("--header/--no-header", help="Whether line 1 names columns.")] = None,
    to_add: Annotated[bool, typer.Option("--add", help="Keep the members there are.")] = False,
    unmatched: Annotated[Path | None, typer.Option(metavar="CSV", help="Write lines that fit nobody there.")] = None,
    yes: Yes = False,
) -> None:
    """Make a list of a file, or replace its members by those of another file, after showing what changes."""
    with common.services() as services:
        known = {one.name.casefold(): one for one in services.lists.all()}.get(name.strip().casefold())
        target = known or services.uploads.target(entity, contact)
        with services.engine() as engine, common.bar() as progress:
            matched = services.uploads.match(
                engine, file, target, column=column, by=by, has_header=header, progress=progress
            )
        _report(matched)
        if known is None:
            question = f"Make the list {name}?"
        else:
            change = services.uploads.preview(known, matched, "add" if to_add else "replace")
            common.console.print(
                f"{len(change.entered):,} to come in, {len(change.left):,} to go out, {change.total:,} members then."
            )
            question = "Change the list?"
        if not common.confirmed(question, yes):
            raise typer.Exit(1)
        with common.bar() as progress:
            if known is None:
                made = services.uploads.create(name, matched, progress=progress)
            else:
                made = known
                services.uploads.apply(known, matched, "add" if to_add else "replace", progress)
        common.console.print(f"{made.name} is up to date.", markup=False)
        if unmatched is not None:
            count = services.uploads.write_unmatched(services.uploads.all(made)[0].id, unmatched)
            common.console.print(f"{count:,} lines written to {unmatched}.", markup=False)


def _report(matched: Matched) -> None:
    where = matched.column.name
    common.console.print(
        f"{matched.line_count:,} lines, matched by {matched.column.by} in {where}: {matched.matched:,} matched "
        f"({matched.several:,} of them several rows each), {matched.repeated:,} repeated, "
        f"{matched.unmatched.num_rows:,} unmatched; {len(matched.keys):,} members.",
        markup=False,
        soft_wrap=True,
    )
    if matched.unmatched.num_rows:
        rows: Sequence[dict[str, object]] = matched.unmatched.slice(0, _SHOWN_LINES).to_pylist()
        title = "Unmatched" if matched.unmatched.num_rows <= _SHOWN_LINES else f"The first {_SHOWN_LINES} unmatched"
        common.table(("Line", "Value", "Reason"), [tuple(row.values()) for row in rows], title=title)


def mark(
    name: Named,
    action: Annotated[str, typer.Argument(help="remove, restore, unsubscribe or resubscribe.")],
    search: Annotated[str, typer.Option(help="Only members with this text in key, title, contact or columns.")] = "",
    yes: Yes = False,
) -> None:
    """Do so with every member that matches a search (without one: with all)."""
    with common.services() as services, services.engine() as engine:
        page = services.lists.members(engine, name, 1, 0, search, removed=action == "restore")
        if not common.confirmed(f"{action.capitalize()} {page.total:,} members?", yes):
            raise typer.Exit(1)
        with common.bar() as progress:
            done = services.lists.mark_all(engine, name, action, search, progress)  # type: ignore[arg-type]
    common.console.print(f"{done.count:,} changed.")


def combine(
    name: Annotated[str, typer.Argument(help="Name of the new list.")],
    operation: Annotated[str, typer.Argument(help="union, intersection, or minus: the first without the others.")],
    sources: Annotated[list[str], typer.Argument(metavar="LIST...", help="Two lists or more, by name or number.")],
    kind: Annotated[str, typer.Option(help="dynamic: follows the lists; static: a copy of now.")] = "dynamic",
    as_of: AsOf = None,
) -> None:
    """Make a list of other lists."""
    with (
        common.services() as services,
        services.engine(common.moment(as_of, services.store.settings.timezone)) as engine,
    ):
        made = services.lists.combine(name, operation, sources, kind=kind, engine=engine)
        members = services.lists.counts(engine, made).members
    common.console.print(f"{made.name} (no. {made.id}): {members:,} members.", markup=False)


def explain(name: Named, member: Annotated[str, typer.Argument(help="The row, by key or address.")]) -> None:
    """Say why a row is on a list or not, and what is known of it there."""
    with common.services() as services, services.engine() as engine:
        why = services.lists.explain(engine, name, member)
    common.console.print(f"{why.key} is {'on' if why.is_member else 'not on'} the list. {why.sentence}", markup=False)
    if why.unsubscribed_at:
        common.console.print(f"It unsubscribed on {why.unsubscribed_at:%Y-%m-%d %H:%M} UTC, so it gets no mail.")
    if why.contacted_times:
        last = f"{why.last_contacted_at:%Y-%m-%d %H:%M} UTC"
        common.console.print(f"Contacted {why.contacted_times:,} times, last {last}.")
    if why.fulfils is not None:
        show_membership(why.fulfils)
