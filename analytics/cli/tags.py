"""Commands about tags: put on rows, taken off, listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.errors import ListError

if TYPE_CHECKING:
    from analytics.services import Services

tags = typer.Typer(help="Words on rows of an entity, to segment by.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="TAG", help="Name of the tag.")]
Rows = Annotated[list[str] | None, typer.Argument(metavar="[KEY|ADDRESS]...", help="The rows.")]
Of = Annotated[str, typer.Option("--entity", help="What the rows are.")]
Source = Annotated[
    str | None, typer.Option("--segment", metavar="FILE|NAME|TEXT", help="All rows of a segment instead.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(tags, name="tag")


@tags.command("add")
def add(name: Name, rows: Rows = None, entity: Of = "customer_user", segment: Source = None) -> None:
    """Put a tag on rows, named by key or address, or on all rows of a segment."""
    with common.services() as services:
        entity, keys = _keys(services, entity, rows, segment)
        added = services.tags.add(entity, name, keys)
        common.console.print(f"{added:,} tagged {name}, {len(keys) - added:,} were already.", markup=False)


@tags.command("remove")
def remove(
    name: Name,
    rows: Rows = None,
    entity: Of = "customer_user",
    segment: Source = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Off all rows: the tag is gone then.")] = False,
) -> None:
    """Take a tag off rows, off all rows of a segment, or off every row."""
    with common.services() as services:
        if everywhere and (rows or segment):
            raise ListError("Either --everywhere or some rows, not both.")
        if everywhere:
            removed = services.tags.remove(entity, name)
        else:
            entity, keys = _keys(services, entity, rows, segment)
            removed = services.tags.remove(entity, name, keys)
        common.console.print(f"The tag {name} was taken off {removed:,}.", markup=False)


@tags.command("list")
def show(
    row: Annotated[str | None, typer.Argument(metavar="[KEY|ADDRESS]", help="Show the tags of this row alone.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="What the row is, or whose tags to show.")] = None,
) -> None:
    """List the tags with how many rows bear each, or the tags of one row."""
    with common.services() as services:
        if row is not None:
            of = entity or "customer_user"
            with services.engine() as engine:
                key = services.segments.find(of, engine, row)
            common.console.print(", ".join(services.tags.of(of, key)) or "No tags.", markup=False)
            return
        found = [(t.entity, t.name, t.rows) for t in services.tags.all(entity)]
        if not found:
            common.console.print("No tags yet; `shelduck tag add TAG KEY` puts one on a row.")
            return
        common.table(("Entity", "Tag", "Rows"), found)


def _keys(services: Services, entity: str, rows: list[str] | None, segment: str | None) -> tuple[str, list[str]]:
    """Return the entity and the keys of the rows that are meant."""
    if bool(rows) == bool(segment):
        raise ListError("Say which rows: their keys or addresses, or --segment with a segment; one of the two.")
    with services.engine() as engine:
        if segment is not None:
            definition = services.segments.resolve(segment)
            keys = services.segments.keys(definition, engine).column("key").to_pylist()
            return definition.entity, [str(key) for key in keys]
        return entity, [services.segments.find(entity, engine, row) for row in rows or ()]
